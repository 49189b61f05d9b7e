"""Planning a campaign for later: happy, refused, twice, taken back, and what happens when its time comes."""

import datetime
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone

from core.accounts.models import Organization
from core.campaigns import services
from core.campaigns.errors import BadTime, CampaignNotReady, ChangedMeanwhile, IllegalTransition
from core.campaigns.models import Campaign
from core.campaigns.queries import due_campaign_ids
from core.campaigns.schedule import instant_of
from core.campaigns.states import CampaignStatus, ScheduleZone
from core.common.tenancy import organization_scope
from core.delivery.materialise import materialise_campaign
from core.subscriptions import usage
from core.subscriptions.choices import Metric, SubscriptionStatus
from core.subscriptions.errors import LimitReached
from core.subscriptions.models import Subscription
from tests.support import factories

S = CampaignStatus


@pytest.fixture
def in_berlin(in_florist: Organization) -> Organization:
    in_florist.time_zone = "Europe/Berlin"
    in_florist.save()
    return in_florist


def next_month(days: int = 0) -> datetime.datetime:
    """Nine o'clock on the tenth of next month, as a wall clock in Berlin shows it."""
    today = timezone.now().astimezone(ZoneInfo("Europe/Berlin"))
    later = (today.replace(day=1) + datetime.timedelta(days=32)).replace(day=10)
    return datetime.datetime.combine(later.date(), datetime.time(9)) + datetime.timedelta(days=days)


def schedule(campaign: Campaign, at: datetime.datetime, zone: ScheduleZone = ScheduleZone.CLIENT) -> Campaign:
    return services.campaign_schedule(campaign_id=campaign.pk, version=0, at=at, zone=zone)


def used(organization: Organization, month: datetime.date | None = None, metric: Metric = Metric.EMAILS) -> int:
    return usage.used(organization_id=organization.pk, metric=metric, month=month)


def test_schedule_waits_for_its_time_and_counts_in_the_month_of_sending(in_berlin: Organization) -> None:
    campaign = factories.make_campaign(in_berlin)
    at = next_month()

    schedule(campaign, at)

    campaign.refresh_from_db()
    assert (campaign.status, campaign.scheduled_local) == (S.SCHEDULED, at.isoformat(timespec="minutes"))
    assert campaign.scheduled_at == instant_of(at, ZoneInfo("Europe/Berlin"))
    assert due_campaign_ids() == []
    assert (used(in_berlin), used(in_berlin, at.date().replace(day=1))) == (0, 1)
    assert used(in_berlin, at.date().replace(day=1), Metric.CAMPAIGNS) == 1


def test_schedule_by_recipients_keeps_the_wall_clock_and_begins_in_the_far_east(in_berlin: Organization) -> None:
    at = next_month()

    campaign = schedule(factories.make_campaign(in_berlin), at, ScheduleZone.RECIPIENT)

    assert campaign.scheduled_at == at.replace(tzinfo=datetime.UTC) - datetime.timedelta(hours=14)
    assert (campaign.schedule_zone, campaign.scheduled_local) == ("recipient", at.isoformat(timespec="minutes"))


@pytest.mark.parametrize("days", [-70, 380])
def test_schedule_of_a_bad_time_changes_nothing(in_berlin: Organization, days: int) -> None:
    campaign = factories.make_campaign(in_berlin)

    with pytest.raises(BadTime):
        schedule(campaign, next_month(days))

    campaign.refresh_from_db()
    assert (campaign.status, campaign.version) == (S.DRAFT, 0)
    assert used(in_berlin) == 0


def test_schedule_twice_is_refused_and_counted_once(in_berlin: Organization) -> None:
    campaign, at = factories.make_campaign(in_berlin), next_month()
    schedule(campaign, at)

    with pytest.raises(ChangedMeanwhile):
        schedule(campaign, at)
    with pytest.raises(IllegalTransition):
        services.campaign_schedule(campaign_id=campaign.pk, version=None, at=at, zone=ScheduleZone.CLIENT)

    assert used(in_berlin, at.date().replace(day=1)) == 1


def test_schedule_with_a_hard_stop_is_refused(in_berlin: Organization) -> None:
    in_berlin.postal_address = ""
    in_berlin.save()

    with pytest.raises(CampaignNotReady, match="postal address"):
        schedule(factories.make_campaign(in_berlin), next_month())


def test_schedule_past_the_limit_of_its_month_is_refused(in_berlin: Organization) -> None:
    Subscription.objects.update(plan=factories.make_plan(max_emails=0))

    with pytest.raises(LimitReached):
        schedule(factories.make_campaign(in_berlin), next_month())

    assert Campaign.objects.get().status == S.DRAFT


def test_schedule_of_another_clients_campaign_is_not_there(museum: Organization, in_florist: Organization) -> None:
    with organization_scope(museum):
        foreign = factories.make_campaign(museum)

    with pytest.raises(Campaign.DoesNotExist):
        schedule(foreign, next_month())


def test_unschedule_gives_the_month_of_sending_its_mails_back(in_berlin: Organization) -> None:
    at = next_month()
    campaign = schedule(factories.make_campaign(in_berlin), at, ScheduleZone.RECIPIENT)

    services.campaign_unschedule(campaign_id=campaign.pk)

    campaign.refresh_from_db()
    assert (campaign.status, campaign.scheduled_at, campaign.scheduled_local) == (S.DRAFT, None, "")
    assert campaign.schedule_zone == ScheduleZone.CLIENT
    assert used(in_berlin, at.date().replace(day=1)) == used(in_berlin, at.date().replace(day=1), Metric.CAMPAIGNS) == 0


def make_due(campaign: Campaign) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(scheduled_at=timezone.now())


def test_due_campaign_of_a_client_suspended_meanwhile_fails_with_words_and_can_be_taken_back(
    in_berlin: Organization,
) -> None:
    at = next_month()
    campaign = schedule(factories.make_campaign(in_berlin), at)
    make_due(campaign)
    Subscription.objects.update(status=SubscriptionStatus.SUSPENDED)

    materialise_campaign(campaign_id=campaign.pk)

    campaign.refresh_from_db()
    assert campaign.status == S.FAILED
    assert "suspended" in campaign.problem
    assert used(in_berlin, at.date().replace(day=1)) == 0
    services.campaign_unschedule(campaign_id=campaign.pk)
    campaign.refresh_from_db()
    assert (campaign.status, campaign.problem) == (S.DRAFT, "")


def test_due_campaign_in_order_goes_out(in_berlin: Organization) -> None:
    campaign = schedule(factories.make_campaign(in_berlin), next_month())
    make_due(campaign)

    materialise_campaign(campaign_id=campaign.pk)

    assert Campaign.objects.get(pk=campaign.pk).status == S.SENDING


@pytest.mark.parametrize("wall", ["2026-03-29T02:30", "2026-10-25T02:30", "2026-07-01T09:00"])
def test_wall_clock_means_the_same_to_the_page_and_to_postgresql(db: None, wall: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamp AT TIME ZONE 'Europe/Berlin'", [wall])
        by_database = cursor.fetchone()[0]

    assert instant_of(datetime.datetime.fromisoformat(wall), ZoneInfo("Europe/Berlin")) == by_database
