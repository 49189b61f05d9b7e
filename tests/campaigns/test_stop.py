"""The emergency stop, and the second mail to those who did not open the first."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from core.accounts.choices import Role
from core.accounts.models import Organization, OrganizationMembership, User
from core.campaigns import services
from core.campaigns.ab.services import ABPlan, VariantDraft, ab_test_send, ab_test_set
from core.campaigns.errors import IllegalTransition, NotSentYet
from core.campaigns.models import Campaign, CampaignVariant
from core.campaigns.queries import campaign_audience, drafted_audience
from core.campaigns.services.copies import AS_PLANNED, CORRECTED, WITH_WORDS
from core.campaigns.states import ABMetric, CampaignStatus
from core.campaigns.versions import campaign_fix, current_version, editable
from core.common.tenancy import all_organizations, organization_scope
from core.contacts.models import Segment
from core.delivery.dispatch import dispatch
from core.delivery.materialise import materialise_campaign
from core.delivery.models import Message
from core.subscriptions import usage
from core.subscriptions.choices import Metric
from tests.delivery.ledger import batches_of, claimed, due_campaign, run_sweep, run_work, sending_campaign, states
from tests.support import factories

STOP = "admin:campaigns_campaign_stop_all"


def status_of(campaign: Campaign) -> str:
    with all_organizations(reason="a test looks"):
        return Campaign.objects.get(pk=campaign.pk).status


def test_stop_pauses_what_goes_out_and_makes_drafts_of_the_rest(in_florist: Organization) -> None:
    sending, waiting = sending_campaign(in_florist, 3), due_campaign(in_florist, 4, name="Later")
    for campaign in (sending, waiting):
        services.campaign_stop(campaign_id=campaign.pk)
    assert (status_of(sending), status_of(waiting)) == (CampaignStatus.PAUSED, CampaignStatus.DRAFT)
    assert usage.used(organization_id=in_florist.pk, metric=Metric.EMAILS) == 3, "the draft's mails are given back"
    waiting.refresh_from_db()
    assert (waiting.scheduled_at, waiting.finished_at, waiting.emails_reserved) == (None, None, 0)
    assert run_work() == {}
    services.campaign_send_now(campaign_id=waiting.pk)
    services.campaign_resume(campaign_id=sending.pk)
    run_sweep()
    run_work()
    assert states(sending) == {"accepted": 3}


def test_stop_of_what_has_ended_is_refused(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist, 1)
    run_work()
    run_sweep()
    with pytest.raises(IllegalTransition):
        services.campaign_stop(campaign_id=campaign.pk)


def test_stop_page_of_a_client_stops_its_own_campaigns_only(
    florist: Organization, museum: Organization, member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    with organization_scope(florist):
        mine = sending_campaign(florist, 2)
    with organization_scope(museum):
        other = sending_campaign(museum, 2, name="Other")
    browser = signed_in(member(Role.MANAGER))
    page = browser.get(reverse(STOP)).content.decode()
    assert "Stop 1 campaign" in page
    assert "Other" not in page
    assert status_of(mine) == CampaignStatus.SENDING, "looking changes nothing"
    assert "1 campaign stands still" in browser.post(reverse(STOP), follow=True).content.decode()
    assert (status_of(mine), status_of(other)) == (CampaignStatus.PAUSED, CampaignStatus.SENDING)
    assert "Nothing is going out" in browser.get(reverse(STOP)).content.decode()


def test_stop_page_of_all_clients_reaches_only_where_the_role_allows_it(
    florist: Organization, museum: Organization, member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    with organization_scope(florist):
        mine = sending_campaign(florist, 2)
    with organization_scope(museum):
        other = sending_campaign(museum, 2, name="Other")
    user = member(Role.MANAGER)
    with organization_scope(museum):
        OrganizationMembership.objects.create(organization=museum, user=user, role=Role.VIEWER)
    browser = signed_in(user)
    browser.post(reverse(STOP), follow=True)
    assert (status_of(mine), status_of(other)) == (CampaignStatus.PAUSED, CampaignStatus.SENDING)


def test_stop_page_of_a_superuser_stops_everything(
    florist: Organization, museum: Organization, superuser: User, signed_in: Callable[[User], Client]
) -> None:
    campaigns = []
    for organization in (florist, museum):
        with organization_scope(organization):
            campaigns.append(sending_campaign(organization, 2))
    assert "2 campaigns stand still" in signed_in(superuser).post(reverse(STOP), follow=True).content.decode()
    assert {status_of(campaign) for campaign in campaigns} == {CampaignStatus.PAUSED}


def test_stop_page_is_closed_to_who_may_not_send(
    member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    assert signed_in(member(Role.ACCOUNT_MANAGER)).get(reverse(STOP)).status_code == 403


def test_follow_up_goes_to_who_did_not_open_and_leaves_out_who_opens_meanwhile(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist, 4)
    run_work()
    run_sweep()
    messages = list(Message.objects.order_by("contact__email"))
    Message.objects.filter(pk=messages[0].pk).update(opened_at="2026-01-01T00:00Z")
    draft = services.campaign_follow_up(campaign_id=campaign.pk)
    assert (draft.status, draft.name) == (CampaignStatus.DRAFT, "Spring offer (once more)")
    assert campaign_audience(draft).sendable == 3
    Message.objects.filter(pk=messages[1].pk).update(clicked_at="2026-01-01T00:00Z")
    assert campaign_audience(draft).sendable == 2
    assert drafted_audience(draft).include_group_ids == []
    again = services.campaign_follow_up(campaign_id=campaign.pk)
    assert again.pk != draft.pk
    assert Segment.objects.count() == 1, "the segment is made once"


def test_follow_up_and_copy_say_what_was_corrected(in_florist: Organization) -> None:
    batches_of(2, in_florist)
    campaign = sending_campaign(in_florist, 4, subject="50 % of")
    dispatch(claimed())
    services.campaign_pause(campaign_id=campaign.pk)
    campaign.refresh_from_db()
    version = current_version(campaign)
    assert version is not None
    right = replace(editable(version), subject="50 % off", from_name="The florist")
    campaign_fix(campaign_id=campaign.pk, version=campaign.version, correction=right)
    for make in (services.campaign_follow_up, services.campaign_duplicate):
        draft = make(campaign_id=campaign.pk)
        assert (draft.subject, draft.from_name) == ("50 % off", "The florist")
        assert draft.problem == CORRECTED.format(campaign, WITH_WORDS)


def test_follow_up_of_a_test_says_what_won(in_florist: Organization) -> None:
    contacts = [factories.make_contact(in_florist, f"p{number}@people.example") for number in range(4)]
    campaign = factories.make_campaign(in_florist, group=factories.make_group(in_florist, "All", contacts))
    other = factories.make_template(in_florist, "Another", html=factories.HTML.replace("Hello", "Good day"))
    variants = [VariantDraft(subject="Alpha"), VariantDraft(template_id=other.pk, from_name="Ana")]
    campaign.refresh_from_db()
    ab_test_set(
        campaign_id=campaign.pk, version=campaign.version, plan=ABPlan(ABMetric.CLICKS, 100, 60), variants=variants
    )
    services.campaign_send_now(campaign_id=campaign.pk)
    materialise_campaign(campaign_id=campaign.pk)
    run_work()
    ab_test_send(campaign_id=campaign.pk, variant=2)
    draft = services.campaign_follow_up(campaign_id=campaign.pk)
    assert (draft.template_id, draft.from_name, draft.problem) == (other.pk, "Ana", "")
    assert draft.subject == other.subject
    assert not CampaignVariant.objects.filter(campaign=draft).exists()
    Campaign.objects.filter(pk=campaign.pk).update(content_revision=2)
    copy = services.campaign_duplicate(campaign_id=campaign.pk)
    assert copy.problem == CORRECTED.format(campaign, AS_PLANNED)
    assert CampaignVariant.objects.filter(campaign=copy).count() == 2


def test_follow_up_of_a_draft_is_refused(in_florist: Organization) -> None:
    with pytest.raises(NotSentYet):
        services.campaign_follow_up(campaign_id=factories.make_campaign(in_florist).pk)
    assert Campaign.objects.count() == 1
