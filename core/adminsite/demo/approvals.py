"""A client who agrees before anything is sent: one campaign at each turn of the chain."""

import datetime

from django.utils import timezone

from core.accounts.choices import ApprovalPolicy
from core.accounts.models import Organization, User
from core.adminsite.demo.history import Sender, new_campaign
from core.campaigns.approvals.services import (
    Asked,
    Decider,
    Spot,
    approval_approve,
    approval_ask_changes,
    approval_comment,
    approval_request,
)
from core.campaigns.models import Approval, ApprovalComment, Campaign
from core.campaigns.states import ApprovalStage, ApprovalState

CURATOR = Decider(name="Inês Sal")
_ASKED = Asked(approver_name=CURATOR.name, approver_email="ines@salt-museum.example")


def approval_story(sender: Sender, author: User, reviewer: User) -> None:
    """Waiting for the team, waiting for the client with two remarks, changes asked for, and approved."""
    _rule(sender.organization)
    if campaign := _draft(sender, author, "Night of the salt lamps", "Forty lamps, one night"):
        _ask(campaign, author, "The date is new, please check it.")
    if campaign := _draft(sender, author, "Winter holidays at the museum", "Three workshops for cold days"):
        link = _ask_client(campaign, author, reviewer, "Please look at the workshop prices.")
        _remark(link, "Our new name is missing here.", Spot("phone", 500, 70))
        _remark(link, "Could this button say “Book a place”?", Spot("phone", 400, 480))
        _move_back(link, hours=26)
    if campaign := _draft(sender, author, "Volunteers wanted", "Two hours a week among the salt pans"):
        link = _ask_client(campaign, author, reviewer, "")
        _remark(link, "This is last year's text.", Spot("desktop", 480, 210))
        approval_ask_changes(approval_id=link.pk, decider=CURATOR, text="Please name the new opening hours as well.")
        _move_back(link, hours=50)
    if campaign := _draft(sender, author, "Christmas at the museum", "We are open between the years"):
        link = _ask_client(campaign, author, reviewer, "")
        approval_approve(approval_id=link.pk, decider=CURATOR)
        _move_back(link, hours=5)


def _rule(client: Organization) -> None:
    Organization.objects.filter(pk=client.pk).update(
        approval_policy=ApprovalPolicy.CLIENT,
        approver_name=_ASKED.approver_name,
        approver_email=_ASKED.approver_email,
    )
    client.refresh_from_db()


def _draft(sender: Sender, author: User, name: str, subject: str) -> Campaign | None:
    """A new draft of the author's, or None when the story has it already."""
    if Campaign.objects.filter(name=name).exists():
        return None
    campaign = new_campaign(sender, name=name, subject=subject, starter="newsletter")
    Campaign.objects.filter(pk=campaign.pk).update(created_by=author)
    return campaign


def _ask(campaign: Campaign, author: User, note: str) -> Approval:
    asked = Asked(note, _ASKED.approver_name, _ASKED.approver_email)
    return approval_request(campaign_id=campaign.pk, version=None, by=author, asked=asked)


def _ask_client(campaign: Campaign, author: User, reviewer: User, note: str) -> Approval:
    """The team has agreed, and the client is asked."""
    internal = _ask(campaign, author, note)
    approval_approve(approval_id=internal.pk, decider=Decider(reviewer))
    return Approval.objects.get(campaign=campaign, state=ApprovalState.OPEN)


def _remark(link: Approval, text: str, spot: Spot) -> None:
    approval_comment(approval_id=link.pk, decider=CURATOR, text=text, spot=spot)


def _move_back(link: Approval, *, hours: int) -> None:
    """The story of the last days, not of this minute. The first mail has gone then."""
    asked_at = timezone.now() - datetime.timedelta(hours=hours)
    hour = datetime.timedelta(hours=1)
    of_team = Approval.objects.filter(campaign=link.campaign, stage=ApprovalStage.INTERNAL)
    of_team.update(asked_at=asked_at - 3 * hour, decided_at=asked_at)
    Approval.objects.filter(pk=link.pk).update(asked_at=asked_at)
    Approval.objects.filter(pk=link.pk, decided_at__isnull=False).update(decided_at=asked_at + 2 * hour)
    ApprovalComment.objects.filter(approval=link).update(written_at=asked_at + hour)
    Approval.objects.filter(pk=link.pk).update(mail_due_at=None, mailed_at=asked_at)
