"""Sending, pausing and calling off: happy, refused, twice, of another client."""

import datetime
import uuid
from collections.abc import Callable

import pytest
from django.utils import timezone

from core.accounts.choices import OrganizationStatus
from core.accounts.models import AuditEvent, Organization
from core.campaigns import services
from core.campaigns.ab.services import ABPlan, VariantDraft, ab_test_set
from core.campaigns.errors import CampaignNotReady, ChangedMeanwhile, IllegalTransition
from core.campaigns.models import ABTest, Campaign, CampaignGroup, CampaignSnapshot
from core.campaigns.preflight import campaign_problems
from core.campaigns.queries import audience_of, due_campaign_ids
from core.campaigns.services import moves
from core.campaigns.states import ABMetric, CampaignStatus, PauseReason
from core.common.tenancy import organization_scope
from core.contacts.choices import ContactStatus
from core.subscriptions import usage
from core.subscriptions.choices import Metric, SubscriptionStatus
from core.subscriptions.errors import LimitReached, NoUsableSubscription
from core.subscriptions.models import Subscription
from tests.support import factories

S = CampaignStatus


def used(organization: Organization, metric: Metric = Metric.EMAILS) -> int:
    return usage.used(organization_id=organization.pk, metric=metric)


def campaign_for(organization: Organization, subscribed: int = 3, unsubscribed: int = 0) -> Campaign:
    contacts = [factories.make_contact(organization) for _ in range(subscribed)]
    contacts += [factories.make_contact(organization, status=ContactStatus.UNSUBSCRIBED) for _ in range(unsubscribed)]
    return factories.make_campaign(organization, group=factories.make_group(organization, contacts=contacts))


def set_limits(organization: Organization, **limits: int) -> None:
    subscription = Subscription.objects.get(organization=organization)
    subscription.plan = factories.make_plan(**limits)
    subscription.save()


def test_send_now_draft_becomes_due_and_counts_against_the_plan(in_florist: Organization) -> None:
    campaign = campaign_for(in_florist, subscribed=3, unsubscribed=2)

    sent = services.campaign_send_now(campaign_id=campaign.pk)

    campaign.refresh_from_db()
    assert (campaign.status, campaign.version, campaign.emails_reserved) == (S.SCHEDULED, 1, 3)
    assert sent.status == S.SCHEDULED
    assert (used(in_florist), used(in_florist, Metric.CAMPAIGNS)) == (3, 1)
    assert due_campaign_ids() == [(in_florist.pk, campaign.pk)]
    event = AuditEvent.objects.get(action="campaign.scheduled")
    assert event.object_id == str(campaign.pk)
    assert event.changes["status"] == ["draft", "scheduled"]


def test_send_now_twice_is_refused_and_counted_once(in_florist: Organization) -> None:
    campaign = campaign_for(in_florist)
    services.campaign_send_now(campaign_id=campaign.pk)

    with pytest.raises(IllegalTransition, match="is scheduled"):
        services.campaign_send_now(campaign_id=campaign.pk)

    assert (used(in_florist), used(in_florist, Metric.CAMPAIGNS)) == (3, 1)


def test_send_now_edited_since_it_was_confirmed_is_refused(in_florist: Organization) -> None:
    campaign = campaign_for(in_florist)
    services.campaign_hold_draft(campaign_id=campaign.pk, version=0)

    with pytest.raises(ChangedMeanwhile, match="changed by somebody else"):
        services.campaign_send_now(campaign_id=campaign.pk, version=0)

    campaign.refresh_from_db()
    assert campaign.status == S.DRAFT
    assert used(in_florist) == 0


def test_send_now_with_everything_wrong_lists_it_all_at_once(in_florist: Organization) -> None:
    in_florist.postal_address = "  "
    in_florist.save()
    template = factories.make_template(in_florist, html="<p>Hi {{ contact.frist_name }}</p>")
    campaign = factories.make_campaign(in_florist, template=template, reply_to="nobody")
    Campaign.objects.filter(pk=campaign.pk).update(from_email="")
    CampaignGroup.objects.all().delete()

    with pytest.raises(CampaignNotReady) as refused:
        services.campaign_send_now(campaign_id=campaign.pk)

    codes = [problem.code for problem in refused.value.problems]
    assert codes == ["no_group", "merge_tags", "no_unsubscribe", "no_sender", "bad_reply_to", "no_postal_address"]
    assert "{{ contact.first_name }}" in str(refused.value)
    assert Campaign.objects.get(pk=campaign.pk).version == 0


@pytest.mark.parametrize(("subscribed", "unsubscribed", "code"), [(0, 0, "audience_empty"), (0, 2, "audience_skipped")])
def test_problems_nobody_to_write_to_says_why(
    in_florist: Organization, subscribed: int, unsubscribed: int, code: str
) -> None:
    campaign = campaign_for(in_florist, subscribed, unsubscribed)

    assert [problem.code for problem in campaign_problems(campaign)] == [code]


def test_problems_own_plain_text_without_way_out_is_one(in_florist: Organization) -> None:
    template = factories.make_template(in_florist, text="Hello, no way out.")
    campaign = factories.make_campaign(in_florist, template=template)

    assert [problem.code for problem in campaign_problems(campaign)] == ["no_unsubscribe"]


def test_send_now_past_the_limit_of_mails_changes_nothing(in_florist: Organization) -> None:
    set_limits(in_florist, max_emails=2)
    campaign = campaign_for(in_florist, subscribed=3)

    with pytest.raises(LimitReached, match="2 left"):
        services.campaign_send_now(campaign_id=campaign.pk)

    campaign.refresh_from_db()
    assert (campaign.status, campaign.version, campaign.emails_reserved) == (S.DRAFT, 0, 0)
    assert used(in_florist) == 0


def test_send_now_past_the_limit_of_campaigns_gives_the_mails_back(in_florist: Organization) -> None:
    set_limits(in_florist, max_campaigns=0)
    campaign = campaign_for(in_florist)

    with pytest.raises(LimitReached):
        services.campaign_send_now(campaign_id=campaign.pk)

    assert used(in_florist) == 0


def test_send_now_with_a_suspended_subscription_is_refused(in_florist: Organization) -> None:
    Subscription.objects.update(status=SubscriptionStatus.SUSPENDED)

    with pytest.raises(NoUsableSubscription, match="suspended"):
        services.campaign_send_now(campaign_id=campaign_for(in_florist).pk)


@pytest.mark.parametrize(
    "service",
    [
        services.campaign_send_now,
        services.campaign_pause,
        services.campaign_resume,
        services.campaign_cancel,
        services.campaign_duplicate,
        services.campaign_begin,
    ],
)
def test_any_action_on_another_clients_campaign_finds_nothing(
    in_florist: Organization, museum: Organization, service: Callable[..., object]
) -> None:
    with organization_scope(museum):
        campaign = factories.make_campaign(museum)

    with pytest.raises(Campaign.DoesNotExist):
        service(campaign_id=campaign.pk)


def test_cancel_scheduled_gives_back_what_was_reserved(in_florist: Organization) -> None:
    campaign = campaign_for(in_florist)
    services.campaign_send_now(campaign_id=campaign.pk)

    services.campaign_cancel(campaign_id=campaign.pk)

    campaign.refresh_from_db()
    assert (campaign.status, campaign.emails_reserved, campaign.reserved_month) == (S.CANCELLED, 0, None)
    assert (used(in_florist), used(in_florist, Metric.CAMPAIGNS)) == (0, 0)


def test_cancel_gives_back_in_the_month_it_was_reserved_in(in_florist: Organization) -> None:
    campaign = campaign_for(in_florist)
    services.campaign_send_now(campaign_id=campaign.pk)
    last_month = (usage.month_of(Metric.EMAILS) - datetime.timedelta(days=1)).replace(day=1)
    Campaign.objects.update(reserved_month=last_month)

    services.campaign_cancel(campaign_id=campaign.pk)

    assert used(in_florist) == 3


def test_cancel_draft_touches_no_usage(in_florist: Organization) -> None:
    usage.reserve(organization_id=in_florist.pk, metric=Metric.CAMPAIGNS, amount=4)

    services.campaign_cancel(campaign_id=campaign_for(in_florist).pk)

    assert used(in_florist, Metric.CAMPAIGNS) == 4


def test_cancel_while_sending_waits_for_delivery(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist)

    services.campaign_cancel(campaign_id=campaign.pk)
    assert Campaign.objects.get(pk=campaign.pk).status == S.CANCELLING
    with pytest.raises(IllegalTransition):
        services.campaign_cancel(campaign_id=campaign.pk)

    assert services.campaign_cancelled(campaign_id=campaign.pk).status == S.CANCELLED
    assert used(in_florist) == 3


def sending_campaign(organization: Organization) -> Campaign:
    campaign = campaign_for(organization)
    services.campaign_send_now(campaign_id=campaign.pk)
    services.campaign_begin(campaign_id=campaign.pk)
    return services.campaign_started(campaign_id=campaign.pk)


def test_pause_and_resume_sending_goes_on_sending(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist)

    paused = services.campaign_pause(campaign_id=campaign.pk)
    assert (paused.status, paused.pause_reason) == (S.PAUSED, PauseReason.MANUAL)
    with pytest.raises(IllegalTransition):
        services.campaign_pause(campaign_id=campaign.pk)

    resumed = services.campaign_resume(campaign_id=campaign.pk)
    assert (resumed.status, resumed.pause_reason) == (S.SENDING, "")
    with pytest.raises(IllegalTransition, match="only a paused campaign"):
        services.campaign_resume(campaign_id=campaign.pk)


def test_resume_halted_while_preparing_goes_on_preparing(in_florist: Organization) -> None:
    campaign = campaign_for(in_florist)
    services.campaign_send_now(campaign_id=campaign.pk)
    services.campaign_begin(campaign_id=campaign.pk)

    halted = services.campaign_halted(campaign_id=campaign.pk, reason=PauseReason.QUOTA, problem="Full." * 200)
    assert (halted.pause_reason, len(halted.problem)) == (PauseReason.QUOTA, 500)

    resumed = services.campaign_resume(campaign_id=campaign.pk)
    assert (resumed.status, resumed.problem) == (S.MATERIALISING, "")


def test_begin_twice_returns_the_same_snapshot(in_florist: Organization) -> None:
    campaign = campaign_for(in_florist)
    services.campaign_send_now(campaign_id=campaign.pk)

    first = services.campaign_begin(campaign_id=campaign.pk)
    second = services.campaign_begin(campaign_id=campaign.pk)

    assert first == second
    assert CampaignSnapshot.objects.count() == 1
    assert Campaign.objects.get(pk=campaign.pk).version == 2


def test_begin_a_draft_is_refused_and_freezes_nothing(in_florist: Organization) -> None:
    campaign = campaign_for(in_florist)

    with pytest.raises(IllegalTransition):
        services.campaign_begin(campaign_id=campaign.pk)

    assert not CampaignSnapshot.objects.exists()


def test_completed_keeps_the_usage_and_the_time(in_florist: Organization) -> None:
    done = services.campaign_completed(campaign_id=sending_campaign(in_florist).pk)

    assert done.status == S.SENT
    assert done.finished_at is not None and done.finished_at <= timezone.now()
    assert used(in_florist) == 3


def test_failed_gives_everything_back(in_florist: Organization) -> None:
    campaign = campaign_for(in_florist)
    services.campaign_send_now(campaign_id=campaign.pk)

    failed = services.campaign_failed(campaign_id=campaign.pk, problem="The template cannot be read.")

    assert (failed.status, failed.problem) == (S.FAILED, "The template cannot be read.")
    assert (used(in_florist), used(in_florist, Metric.CAMPAIGNS)) == (0, 0)


@pytest.mark.parametrize("emails", [5, 3, 1])
def test_correct_reservation_sets_usage_to_what_is_needed(in_florist: Organization, emails: int) -> None:
    campaign = campaign_for(in_florist)
    services.campaign_send_now(campaign_id=campaign.pk)

    services.campaign_correct_reservation(campaign_id=campaign.pk, emails=emails)

    assert used(in_florist) == Campaign.objects.get(pk=campaign.pk).emails_reserved == emails


def test_correct_reservation_past_the_limit_changes_nothing(in_florist: Organization) -> None:
    set_limits(in_florist, max_emails=4)
    campaign = campaign_for(in_florist)
    services.campaign_send_now(campaign_id=campaign.pk)

    with pytest.raises(LimitReached):
        services.campaign_correct_reservation(campaign_id=campaign.pk, emails=5)

    assert used(in_florist) == Campaign.objects.get(pk=campaign.pk).emails_reserved == 3


def test_duplicate_sent_campaign_makes_a_fresh_draft(in_florist: Organization) -> None:
    original = sending_campaign(in_florist)
    left_out = factories.make_group(in_florist, "Staff")
    CampaignGroup.objects.create(organization=in_florist, campaign=original, group=left_out, is_excluded=True)

    copy = services.campaign_duplicate(campaign_id=original.pk)

    assert (copy.status, copy.version, copy.emails_reserved, copy.started_at) == (S.DRAFT, 0, 0, None)
    assert copy.name == "Spring offer (copy)"
    assert audience_of(copy) == audience_of(original)
    assert AuditEvent.objects.filter(action="campaign.added", object_id=str(copy.pk)).exists()


def test_duplicate_copies_pace_and_test_and_nothing_that_was_decided(in_florist: Organization) -> None:
    original = factories.make_campaign(in_florist)
    plan, variants = ABPlan(ABMetric.OPENS, 30, 90), [VariantDraft(subject="Alpha"), VariantDraft(subject="Beta")]
    ab_test_set(campaign_id=original.pk, version=original.version, plan=plan, variants=variants)
    Campaign.objects.filter(pk=original.pk).update(throttle_per_hour=500, window_days=[0, 1])
    ABTest.objects.update(winner=2, decision={"rule": "by hand"})

    draft = services.campaign_duplicate(campaign_id=original.pk)

    assert (draft.throttle_per_hour, draft.window_days) == (500, [0, 1])
    assert [variant.subject for variant in draft.variants.all()] == ["Alpha", "Beta"]
    copied = ABTest.objects.get(campaign=draft)
    assert (copied.metric, copied.sample_percent, copied.wait_minutes) == (ABMetric.OPENS, 30, 90)
    assert (copied.winner, copied.decision) == (None, {})


def test_set_groups_records_what_changed_and_nothing_when_nothing_did(in_florist: Organization) -> None:
    campaign = campaign_for(in_florist)
    included, _ = audience_of(campaign)
    staff = factories.make_group(in_florist, "Staff")

    services.campaign_set_groups(campaign=campaign, include_ids=included, exclude_ids=[staff.pk])
    services.campaign_set_groups(campaign=campaign, include_ids=included, exclude_ids=[staff.pk])

    assert audience_of(campaign) == (included, [staff.pk])
    (event,) = AuditEvent.objects.filter(action="campaign.changed")
    assert event.changes == {"groups left out": [[], ["Staff"]]}


def test_hold_draft_of_a_scheduled_campaign_is_refused(in_florist: Organization) -> None:
    campaign = campaign_for(in_florist)
    services.campaign_send_now(campaign_id=campaign.pk)

    with pytest.raises(IllegalTransition, match="only a draft can be edited"):
        services.campaign_hold_draft(campaign_id=campaign.pk, version=1)


def test_move_of_a_campaign_changed_since_it_was_read_is_refused(in_florist: Organization) -> None:
    campaign = campaign_for(in_florist)
    stale = Campaign.objects.get(pk=campaign.pk)
    services.campaign_hold_draft(campaign_id=campaign.pk, version=0)

    with pytest.raises(ChangedMeanwhile):
        moves.move(stale, S.SCHEDULED)

    assert not AuditEvent.objects.filter(action="campaign.scheduled").exists()


def test_send_now_of_a_client_that_is_not_active_is_refused(in_florist: Organization) -> None:
    campaign = campaign_for(in_florist)
    Organization.objects.filter(pk=in_florist.pk).update(status=OrganizationStatus.SUSPENDED)
    with pytest.raises(CampaignNotReady, match="Florist is suspended"):
        services.campaign_send_now(campaign_id=campaign.pk)
    assert used(in_florist) == 0


def test_correct_reservation_upwards_counts_in_the_month_it_was_reserved_in(in_florist: Organization) -> None:
    campaign = campaign_for(in_florist, subscribed=3)
    services.campaign_send_now(campaign_id=campaign.pk)
    last_month = datetime.date(2026, 1, 1)
    Campaign.objects.filter(pk=campaign.pk).update(reserved_month=last_month)
    now_used = used(in_florist)
    services.campaign_correct_reservation(campaign_id=campaign.pk, emails=5)
    assert used(in_florist) == now_used
    assert usage.used(organization_id=in_florist.pk, metric=Metric.EMAILS, month=last_month) == 2


def test_send_now_unknown_campaign_finds_nothing(in_florist: Organization) -> None:
    with pytest.raises(Campaign.DoesNotExist):
        services.campaign_send_now(campaign_id=uuid.uuid4())
