"""What a client's plan lacks is refused where it is used, with the plans that have it, and shown as locked before."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from core.accounts.choices import ApprovalPolicy, Role
from core.accounts.models import Organization, User
from core.campaigns.ab.services import ABPlan, VariantDraft, ab_test_remove, ab_test_set
from core.campaigns.approvals.services import Decider, approval_approve
from core.campaigns.errors import CampaignNotReady
from core.campaigns.models import ABTest, Approval, Campaign
from core.campaigns.preflight import campaign_problems
from core.campaigns.services import campaign_duplicate, campaign_send_now
from core.campaigns.states import ABMetric, ApprovalState
from core.common.tenancy import organization_scope
from core.delivery.materialise import materialise_campaign
from core.subscriptions.errors import FeatureLocked
from core.subscriptions.features import AB_TESTING, CLIENT_APPROVAL
from core.subscriptions.models import Subscription
from core.subscriptions.queries import feature_lock
from tests.campaigns.approvals.world import make_world
from tests.support import factories

TEST = ABPlan(ABMetric.CLICKS, 50, 240)
TWO = [VariantDraft(subject="Alpha"), VariantDraft(subject="Beta")]


def use_small_plan(organization: Organization) -> None:
    """A plan without features; two that are offered have those of campaigns."""
    for name in ("Large", "Huge"):
        factories.make_plan(name=name)
    small = factories.make_plan(name="Small", features={"export_formats": {"csv": True}})
    Subscription.objects.filter(organization=organization).update(plan=small)


def draft(organization: Organization) -> Campaign:
    contacts = [factories.make_contact(organization) for _ in range(20)]
    return factories.make_campaign(organization, group=factories.make_group(organization, "All", contacts))


def test_lock_names_the_feature_and_the_plans_that_have_it(in_florist: Organization, museum: Organization) -> None:
    use_small_plan(in_florist)
    for feature, label in ((AB_TESTING, "A/B tests"), (CLIENT_APPROVAL, "Approval by a link for the client")):
        lock = feature_lock(in_florist.pk, feature)
        assert f"The plan Small does not include “{label}”." in lock
        assert "Large" in lock and "Huge" in lock and "Small and" not in lock
    with organization_scope(museum):
        assert feature_lock(museum.pk, AB_TESTING) == "", "another client's plan is another's"
    Subscription.objects.filter(organization=in_florist).delete()
    assert "without a plan" in feature_lock(in_florist.pk, AB_TESTING)


def test_ab_test_without_the_feature_is_refused_and_changes_nothing(in_florist: Organization) -> None:
    campaign = draft(in_florist)
    use_small_plan(in_florist)
    with pytest.raises(FeatureLocked, match="A/B tests"):
        ab_test_set(campaign_id=campaign.pk, version=campaign.version, plan=TEST, variants=TWO)
    assert not ABTest.objects.exists()
    assert Campaign.objects.get().version == campaign.version


def with_test(organization: Organization) -> Campaign:
    campaign = draft(organization)
    ab_test_set(campaign_id=campaign.pk, version=campaign.version, plan=TEST, variants=TWO)
    campaign.refresh_from_db()
    return campaign


def test_draft_with_a_test_cannot_be_sent_on_a_smaller_plan_until_the_test_is_removed(
    in_florist: Organization,
) -> None:
    campaign = with_test(in_florist)
    use_small_plan(in_florist)
    copied = campaign_duplicate(campaign_id=campaign.pk)
    for one in (campaign, copied):
        with pytest.raises(CampaignNotReady, match="does not include “A/B tests”"):
            campaign_send_now(campaign_id=one.pk)
    ab_test_remove(campaign_id=campaign.pk, version=Campaign.objects.get(pk=campaign.pk).version)
    campaign_send_now(campaign_id=campaign.pk)


def test_test_that_was_confirmed_goes_on_when_the_plan_changes(in_florist: Organization) -> None:
    campaign = with_test(in_florist)
    campaign_send_now(campaign_id=campaign.pk)
    use_small_plan(in_florist)
    materialise_campaign(campaign_id=campaign.pk)
    assert Campaign.objects.get().status == "sending"


def test_campaign_without_a_test_asks_for_no_feature(in_florist: Organization) -> None:
    use_small_plan(in_florist)
    campaign = draft(in_florist)
    assert "ab_locked" not in {problem.code for problem in campaign_problems(campaign)}
    campaign_send_now(campaign_id=campaign.pk)


def test_approval_by_the_client_without_the_feature_is_refused_before_the_team_is_asked(
    in_florist: Organization,
) -> None:
    world = make_world(in_florist)
    use_small_plan(in_florist)
    with pytest.raises(FeatureLocked, match="link for the client"):
        world.ask()
    assert world.stored().status == "draft"
    assert not Approval.objects.exists()
    with pytest.raises(CampaignNotReady):
        campaign_send_now(campaign_id=world.campaign.pk)


def test_two_person_rule_needs_no_feature(in_florist: Organization) -> None:
    world = make_world(in_florist, ApprovalPolicy.TWO_PERSON)
    use_small_plan(in_florist)
    assert world.approve().status == "approved"


def test_plan_changed_between_the_stages_keeps_the_request_and_asks_no_client(in_florist: Organization) -> None:
    world = make_world(in_florist)
    asked = world.ask()
    use_small_plan(in_florist)
    with pytest.raises(FeatureLocked):
        approval_approve(approval_id=asked.pk, decider=Decider(world.reviewer))
    assert Approval.objects.get().state == ApprovalState.OPEN


def test_link_that_is_out_is_answered_whatever_the_plan(in_florist: Organization) -> None:
    world = make_world(in_florist)
    asked = world.client_link()
    use_small_plan(in_florist)
    approval_approve(approval_id=asked.pk, decider=Decider(name="Clara Client"))
    assert world.stored().status == "approved"


# Pages


def test_ab_page_shows_the_lock_in_place_of_the_buttons(
    florist: Organization, member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    with organization_scope(florist):
        campaign = draft(florist)
        use_small_plan(florist)
    browser, page = signed_in(member(Role.MANAGER)), reverse("admin:campaigns_campaign_ab_test", args=[campaign.pk])
    shown = browser.get(page).content.decode()
    assert "does not include “A/B tests”" in shown
    assert 'value="save"' not in shown and 'value="add"' not in shown
    forged = {"_step": "save", "_version": campaign.version, "count": "2", "metric": "clicks", "sample_percent": "50"}
    variants = {"v0-subject": "Alpha", "v1-subject": "Beta"}
    answer = browser.post(page, {**forged, **variants, "wait": "4", "unit": "60"})
    assert "does not include “A/B tests”" in answer.content.decode()
    with organization_scope(florist):
        assert not ABTest.objects.exists()


def test_ask_page_shows_the_lock_in_place_of_the_button(
    florist: Organization, signed_in: Callable[[User], Client]
) -> None:
    with organization_scope(florist):
        world = make_world(florist)
        use_small_plan(florist)
    page = reverse("admin:campaigns_campaign_ask_for_approval", args=[world.campaign.pk])
    shown = signed_in(world.author).get(page).content.decode()
    assert "link for the client" in shown and ">Ask for approval</button>" not in shown


def test_settings_show_the_rule_as_locked_and_refuse_it(
    florist: Organization, member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    with organization_scope(florist):
        use_small_plan(florist)
    browser = signed_in(member(Role.OWNER))
    page = reverse("admin:accounts_organization_change", args=[florist.pk])
    first = browser.get(page)
    assert "then the client (not in the plan)" in first.content.decode()
    form = first.context["adminform"].form
    typed = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    answer = browser.post(page, {**typed, "approval_policy": "client"})
    assert "approval_policy" in answer.context["adminform"].form.errors
    with organization_scope(florist):
        assert Organization.objects.get(pk=florist.pk).approval_policy == ApprovalPolicy.NONE


def test_settings_keep_a_rule_that_stands_when_the_plan_lost_it(
    florist: Organization, member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    """Nobody is made to weaken the rule in order to correct a postal address."""
    with organization_scope(florist):
        use_small_plan(florist)
        Organization.objects.filter(pk=florist.pk).update(approval_policy=ApprovalPolicy.CLIENT)
    browser = signed_in(member(Role.OWNER))
    page = reverse("admin:accounts_organization_change", args=[florist.pk])
    form = browser.get(page).context["adminform"].form
    typed = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    assert browser.post(page, {**typed, "postal_address": "New street 2"}).status_code == 302
    with organization_scope(florist):
        stored = Organization.objects.get(pk=florist.pk)
    assert (stored.postal_address, stored.approval_policy) == ("New street 2", ApprovalPolicy.CLIENT)
