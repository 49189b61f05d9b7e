"""Months of events: made, filled and let go; and the database's own guard over who belongs together."""

import datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from core.accounts.models import Organization
from core.common.tenancy import all_organizations, organization_scope
from core.contacts.models import Contact
from core.delivery.models import Message
from core.tracking import partitions, rollups
from core.tracking.arrivals import Arrival
from core.tracking.choices import EventType, Verdict
from core.tracking.intake import take
from core.tracking.models import AnalyticsEvent, CampaignPart
from core.tracking.services import campaign_roll_up
from tests.tracking.mailed import Mailed, mailed_campaign

OLD = datetime.datetime(2019, 3, 31, 23, 30, tzinfo=datetime.UTC)
NEW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)


@pytest.fixture
def mailed(in_florist: Organization) -> Mailed:
    return mailed_campaign(in_florist)


def opened(message: Message, at: datetime.datetime, key: str) -> Arrival:
    return Arrival(message.pk, EventType.OPENED, key, at, verdict=Verdict.HUMAN)


def months() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relname LIKE 'tracking_analyticsevent_20__\\___' ORDER BY 1")
        return [name for (name,) in cursor.fetchall() if name[-3] == "_"]


def partition_of(key: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM tracking_analyticsevent WHERE event_key = %s", [key])
        return str(cursor.fetchone()[0])


def tend() -> dict[str, int]:
    with all_organizations(reason="test"):
        return partitions.tend()


def test_event_of_a_far_month_moves_into_one_of_its_own(
    mailed: Mailed, in_florist: Organization, settings: Any
) -> None:
    settings.EVENT_KEEP_MONTHS = 0
    take([opened(mailed.messages[0], OLD, "old")], organization_id=in_florist.pk)
    assert partition_of("old") == partitions.REST
    assert tend()["made"] >= 1
    assert partition_of("old") == "tracking_analyticsevent_2019_03"
    assert tend() == {"made": 0, "dropped": 0}
    take([opened(mailed.messages[1], OLD, "older")], organization_id=in_florist.pk)
    assert partition_of("older") == "tracking_analyticsevent_2019_03"


def test_coming_months_are_there_ahead(mailed: Mailed) -> None:
    tend()
    ahead = NEW.replace(day=1) + datetime.timedelta(days=31 * partitions.MONTHS_AHEAD)
    assert f"tracking_analyticsevent_{ahead:%Y_%m}" in months()


def test_old_months_go_and_counters_stay(mailed: Mailed, in_florist: Organization, settings: Any) -> None:
    settings.EVENT_KEEP_MONTHS = 0
    take(
        [opened(mailed.messages[0], OLD, "old"), opened(mailed.messages[1], NEW, "new")], organization_id=in_florist.pk
    )
    tend()
    settings.EVENT_KEEP_MONTHS = 25
    assert tend()["dropped"] == 1
    assert list(AnalyticsEvent.objects.values_list("event_key", flat=True)) == ["new"]
    campaign_roll_up(organization_id=in_florist.pk, campaign_id=mailed.campaign.pk)
    ids = [mailed.campaign.pk]
    assert rollups.rebuild_campaign(organization_id=in_florist.pk, campaign_id=ids[0]) is None
    assert rollups.rebuild_periods(organization_id=in_florist.pk, campaign_ids=ids) == 0
    assert CampaignPart.objects.get(part="all", type="opened").total == 2
    take([opened(mailed.messages[0], NEW, "again")], organization_id=in_florist.pk)
    counted = CampaignPart.objects.get(part="all", type="opened")
    assert (counted.total, counted.firsts) == (3, 2)


def test_key_that_comes_again_with_another_time_is_the_same_event(mailed: Mailed, in_florist: Organization) -> None:
    later = NEW + datetime.timedelta(days=40)
    for at in (NEW, later, OLD, NEW):
        take([opened(mailed.messages[0], at, "one")], organization_id=in_florist.pk)
    take(
        [opened(mailed.messages[1], OLD, "two"), opened(mailed.messages[1], NEW, "two")], organization_id=in_florist.pk
    )
    assert list(AnalyticsEvent.objects.order_by("event_key").values_list("event_key", "occurred_at")) == [
        ("one", NEW),
        ("two", OLD),
    ]


@pytest.mark.parametrize("table", ["tracking_analyticsevent", "tracking_analyticsevent_rest"])
@pytest.mark.parametrize("column", ["message_id", "campaign_id", "contact_id", "link_id"])
def test_database_refuses_an_event_of_two_clients(
    mailed: Mailed, museum: Organization, table: str, column: str
) -> None:
    with organization_scope(museum):
        other = mailed_campaign(museum)
    own, foreign = (
        {
            "message_id": one.messages[0].pk,
            "campaign_id": one.campaign.pk,
            "contact_id": one.contacts[0].pk,
            "link_id": one.links[0].pk,
        }
        for one in (mailed, other)
    )
    with pytest.raises(DatabaseError, match="another organization"), transaction.atomic():
        insert(table, mailed.campaign.organization_id, {**own, column: foreign[column]})
    insert(table, mailed.campaign.organization_id, own)


def insert(table: str, organization_id: Any, ids: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (id, organization_id, message_id, campaign_id, contact_id, link_id, type, verdict,"
            " reasons, event_key, occurred_at, received_at, seen) VALUES (engagex_uuid7(), %s, %s, %s, %s, %s,"
            " 'clicked', 'human', '[]', 'raw', '2019-01-01', now(), '{}')",
            [organization_id, *ids.values()],
        )


def test_database_keeps_what_events_name_and_whose_they_are(
    mailed: Mailed, in_florist: Organization, museum: Organization
) -> None:
    take([opened(mailed.messages[0], NEW, "one")], organization_id=in_florist.pk)
    with connection.cursor() as cursor:
        for statement, value in (
            ("DELETE FROM delivery_message WHERE id = %s", mailed.messages[0].pk),
            ("UPDATE tracking_analyticsevent SET organization_id = %s", museum.pk),
            ("UPDATE tracking_analyticsevent SET contact_id = %s", mailed.contacts[1].pk),
        ):
            with pytest.raises(DatabaseError), transaction.atomic():
                cursor.execute(statement, [value])
        cursor.execute("UPDATE tracking_analyticsevent SET verdict = 'scanner'")
    Message.objects.get(pk=mailed.messages[0].pk).delete()
    assert not AnalyticsEvent.objects.exists()
    assert Contact.objects.filter(pk=mailed.contacts[0].pk).exists()
