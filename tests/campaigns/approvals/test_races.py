"""Two people at the same moment, on real connections: one wins, the other is told, and nothing is half done."""

import pytest
from django.db import transaction

from core.accounts.choices import ApprovalPolicy, Role
from core.accounts.models import AuditEvent, Organization
from core.campaigns.approvals.errors import AlreadyAnswered, RevokedByEdit
from core.campaigns.approvals.services import (
    Asked,
    Decider,
    approval_approve,
    approval_ask_changes,
    approval_recheck,
    approval_request,
    approval_withdraw,
)
from core.campaigns.errors import ChangedMeanwhile, IllegalTransition
from core.campaigns.models import Approval, Campaign
from core.campaigns.services import campaign_hold_draft, campaign_send_now
from core.campaigns.states import ApprovalState, CampaignStatus
from core.common.errors import DomainError
from core.common.tenancy import organization_scope
from core.email_templates.models import EmailTemplate
from tests.campaigns.approvals.world import make_world
from tests.campaigns.test_races import at_once
from tests.support import factories

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.parametrize("turn", range(3))]
S = CampaignStatus


def test_two_approvals_at_once_one_counts(florist: Organization, turn: int) -> None:
    with organization_scope(florist):
        world = make_world(florist, ApprovalPolicy.TWO_PERSON)
        asked = world.ask()
        other = factories.make_user(Role.ADMIN, florist, full_name="Olga Other")
        raised = at_once(
            florist,
            lambda: approval_approve(approval_id=asked.pk, decider=Decider(world.reviewer)),
            lambda: approval_approve(approval_id=asked.pk, decider=Decider(other)),
        )
        assert [type(error) for error in raised] == [AlreadyAnswered]
        assert world.stored().status == S.APPROVED
        assert AuditEvent.objects.filter(action="campaign.approved").count() == 1


def test_approve_and_ask_changes_at_once_one_counts(florist: Organization, turn: int) -> None:
    with organization_scope(florist):
        world = make_world(florist, ApprovalPolicy.TWO_PERSON)
        asked = world.ask()
        other = factories.make_user(Role.ADMIN, florist)
        raised = at_once(
            florist,
            lambda: approval_approve(approval_id=asked.pk, decider=Decider(world.reviewer)),
            lambda: approval_ask_changes(approval_id=asked.pk, decider=Decider(other), text="No"),
        )
        assert [type(error) for error in raised] == [AlreadyAnswered]
        state = Approval.objects.get(pk=asked.pk).state
        expected = {ApprovalState.APPROVED: S.APPROVED, ApprovalState.CHANGES: S.DRAFT}
        assert world.stored().status == expected[ApprovalState(state)]


def test_edit_at_the_moment_of_approving_leaves_no_other_content_approved(florist: Organization, turn: int) -> None:
    with organization_scope(florist):
        world = make_world(florist, ApprovalPolicy.TWO_PERSON)
        asked = world.ask()

        def edit() -> None:
            with transaction.atomic():
                version = world.stored().version
                campaign_hold_draft(campaign_id=world.campaign.pk, version=version)
                Campaign.objects.filter(pk=world.campaign.pk).update(subject="Another subject")
                approval_recheck(campaign_id=world.campaign.pk)

        raised = at_once(
            florist,
            lambda: approval_approve(approval_id=asked.pk, decider=Decider(world.reviewer)),
            edit,
        )
        assert all(isinstance(error, (RevokedByEdit, AlreadyAnswered, ChangedMeanwhile)) for error in raised), raised
        campaign, approval = world.stored(), Approval.objects.get(pk=asked.pk)
        if campaign.subject:
            assert (campaign.status, approval.state) == (S.DRAFT, ApprovalState.REVOKED)
        else:
            assert (campaign.status, approval.state) == (S.APPROVED, ApprovalState.APPROVED)


def test_template_edited_at_the_moment_of_approving_cannot_be_sent(florist: Organization, turn: int) -> None:
    with organization_scope(florist):
        world = make_world(florist, ApprovalPolicy.TWO_PERSON)
        asked = world.ask()
        at_once(
            florist,
            lambda: approval_approve(approval_id=asked.pk, decider=Decider(world.reviewer)),
            lambda: EmailTemplate.objects.filter(pk=world.campaign.template_id).update(preheader="New"),
        )
        with pytest.raises(DomainError):
            campaign_send_now(campaign_id=world.campaign.pk)


def test_asking_twice_at_once_asks_once(florist: Organization, turn: int) -> None:
    with organization_scope(florist):
        world = make_world(florist, ApprovalPolicy.TWO_PERSON)
        raised = at_once(florist, *[world.ask] * 2)
        assert [type(error) for error in raised] == [IllegalTransition]
        assert Approval.objects.filter(campaign=world.campaign).count() == 1


def test_withdraw_and_approve_at_once_one_counts(florist: Organization, turn: int) -> None:
    with organization_scope(florist):
        world = make_world(florist, ApprovalPolicy.TWO_PERSON)
        asked = world.ask()
        at_once(
            florist,
            lambda: approval_approve(approval_id=asked.pk, decider=Decider(world.reviewer)),
            lambda: approval_withdraw(campaign_id=world.campaign.pk, by=world.author),
        )
        assert world.stored().status == S.DRAFT  # withdrawn before, or right after it was approved
        assert not Approval.objects.filter(
            campaign=world.campaign, state__in=[ApprovalState.OPEN, ApprovalState.APPROVED]
        ).exists()


def test_withdraw_and_send_at_once_one_counts(florist: Organization, turn: int) -> None:
    with organization_scope(florist):
        world = make_world(florist, ApprovalPolicy.TWO_PERSON)
        world.approve()
        raised = at_once(
            florist,
            lambda: campaign_send_now(campaign_id=world.campaign.pk),
            lambda: approval_withdraw(campaign_id=world.campaign.pk, by=world.author),
        )
        assert len(raised) == 1 and isinstance(raised[0], DomainError), raised
        assert world.stored().status in (S.SCHEDULED, S.DRAFT)


def test_asked_by_two_versions_at_once_takes_one(florist: Organization, turn: int) -> None:
    with organization_scope(florist):
        world = make_world(florist, ApprovalPolicy.TWO_PERSON)
        version = world.stored().version
        raised = at_once(
            florist,
            lambda: approval_request(campaign_id=world.campaign.pk, version=version, by=world.author, asked=Asked()),
            lambda: campaign_hold_draft(campaign_id=world.campaign.pk, version=version),
        )
        # Whoever came second saw the other's version.
        assert [type(error) for error in raised] == [ChangedMeanwhile]
