"""Asking the client about a correction of a campaign that is under way.

A second member of the team hands it over, the client answers by the link, and only then can somebody let it go out
(`core.campaigns.versions.correction_release` compares once more). The campaign stays paused all the while: an answer by
a link moves no mails, so that whoever stopped the sending keeps the last word.
"""

from uuid import UUID

from django.db import transaction

from core.accounts.models import User
from core.campaigns.approvals.closing import close_open
from core.campaigns.approvals.errors import ApprovalRefused
from core.campaigns.approvals.hashing import correction_hash, waiting_snapshot
from core.campaigns.approvals.people import refuse_releaser
from core.campaigns.approvals.queries import last_asked
from core.campaigns.approvals.services.asking import open_stage
from core.campaigns.approvals.services.records import Asked, locked_campaign
from core.campaigns.approvals.standing import correction_agreed, stages_of
from core.campaigns.errors import ChangedMeanwhile
from core.campaigns.models import Approval, Campaign
from core.campaigns.states import ApprovalStage, ApprovalState, CampaignStatus


@transaction.atomic
def correction_ask_client(*, campaign_id: UUID, snapshot_id: UUID, by: User) -> Approval:
    """Ask the client about the correction that waits. Whoever asks is the second person: not its author.

    Raises NotYours, ApprovalRefused (no such rule, asked or agreed already, not paused), ChangedMeanwhile.
    """
    campaign = locked_campaign(campaign_id)
    if ApprovalStage.CLIENT not in stages_of(campaign.organization):
        raise ApprovalRefused(f"{campaign.organization} asks for no approval by the client.")
    if campaign.status != CampaignStatus.PAUSED:
        raise ApprovalRefused(
            f"“{campaign}” is {campaign.get_status_display().lower()}: only a paused one is corrected."
        )
    waiting = waiting_snapshot(campaign)
    if waiting is None or waiting.pk != snapshot_id:
        raise ChangedMeanwhile(f"The correction of “{campaign}” was changed in the meantime. Look at it again.")
    refuse_releaser(by, waiting, campaign)
    if correction_agreed(campaign, waiting):
        raise ApprovalRefused("The client has agreed to this correction already.")
    if Approval.objects.filter(campaign=campaign, state=ApprovalState.OPEN, revision=waiting.revision).exists():
        raise ApprovalRefused("The client was asked already and has not answered yet.")
    close_open(campaign, ApprovalState.WITHDRAWN)
    content_hash, asked = correction_hash(waiting), whom_to_ask(campaign, waiting.note)
    return open_stage(campaign, ApprovalStage.CLIENT, content_hash, asked, by, revision=waiting.revision)


def whom_to_ask(campaign: Campaign, note: str) -> Asked:
    """The same person as for the campaign itself, else whom the client's settings name."""
    client, before = campaign.organization, last_asked(campaign)
    if before is not None and (before.approver_name or before.approver_email):
        return Asked(note, before.approver_name, before.approver_email, before.language, before.link_days)
    return Asked(note, client.approver_name, client.approver_email, before.language if before else "en")
