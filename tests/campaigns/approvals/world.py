"""A client with a rule, an author, a reviewer, and a campaign somewhere in the chain. Call inside the scope."""

from dataclasses import dataclass
from typing import Any

from core.accounts.choices import ApprovalPolicy, Role
from core.accounts.models import Organization, User
from core.campaigns.approvals.services import Asked, Decider, approval_approve, approval_request
from core.campaigns.models import Approval, Campaign
from core.campaigns.states import ApprovalState
from tests.support import factories

CLARA = "clara@client.example"


@dataclass
class World:
    organization: Organization
    author: User
    reviewer: User
    campaign: Campaign

    def stored(self) -> Campaign:
        return Campaign.objects.select_related("organization", "template").get(pk=self.campaign.pk)

    def ask(self, **asked: Any) -> Approval:
        wanted = Asked(**{"approver_name": "Clara Client", "approver_email": CLARA, **asked})
        return approval_request(campaign_id=self.campaign.pk, version=None, by=self.author, asked=wanted)

    def agree(self) -> Approval:
        """The second member says yes; the newest open request afterwards, or the answered one."""
        approval_approve(approval_id=self.open().pk, decider=Decider(self.reviewer))
        return Approval.objects.order_by("-id").first() or self.open()

    def client_link(self) -> Approval:
        """Asked, agreed to by the team, and waiting for the client."""
        self.ask()
        return self.agree()

    def approve(self) -> Campaign:
        """Every stage of the client's rule agrees."""
        if self.stored().status == "draft":
            self.ask()
        while (
            waiting := Approval.objects.filter(state=ApprovalState.OPEN, campaign=self.campaign).first()
        ) is not None:
            decider = Decider(self.reviewer) if waiting.stage == "internal" else Decider(name="Clara Client")
            approval_approve(approval_id=waiting.pk, decider=decider)
        return self.stored()

    def open(self) -> Approval:
        return Approval.objects.get(state=ApprovalState.OPEN, campaign=self.campaign)


def make_world(organization: Organization, policy: ApprovalPolicy = ApprovalPolicy.CLIENT, people: int = 2) -> World:
    organization.approval_policy = policy
    organization.save()
    author = factories.make_user(Role.MANAGER, organization, full_name="Ada Author")
    reviewer = factories.make_user(Role.MANAGER, organization, full_name="Rita Reviewer")
    contacts = [factories.make_contact(organization) for _ in range(people)]
    group = factories.make_group(organization, "Newsletter", contacts)
    campaign = factories.make_campaign(organization, group=group, created_by=author)
    return World(organization, author, reviewer, campaign)
