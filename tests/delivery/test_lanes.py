"""Lanes: each recipient's own time, and the sample of an A/B test."""

import datetime
from collections import Counter
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.accounts.models import Organization
from core.campaigns.models import ABTest, Campaign, CampaignVariant
from core.campaigns.services import campaign_pause, campaign_resume
from core.contacts.choices import ContactStatus
from core.contacts.models import Contact
from core.delivery import materialise
from core.delivery.lanes import SampleLanes
from core.delivery.materialise import materialise_campaign
from core.delivery.models import DeliveryBatch, Message
from core.delivery.standing import next_due_at
from tests.delivery.ledger import batches_of, due_campaign, run_sweep, run_work, states

pytestmark = pytest.mark.usefixtures("ledger")


def with_test(campaign: Campaign, variants: int = 2, *, percent: int = 20) -> None:
    ABTest.objects.create(organization=campaign.organization, campaign=campaign, sample_percent=percent)
    for number in range(1, variants + 1):
        CampaignVariant.objects.create(
            organization=campaign.organization, campaign=campaign, number=number, subject=f"Subject {number}"
        )


def planned_for(campaign: Campaign, local: datetime.datetime) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(
        scheduled_local=local.isoformat(timespec="minutes"), schedule_zone="recipient"
    )


def lanes() -> Counter[tuple[int, str]]:
    """How many people are in which (variant, due: "now", "never" or the instant)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT batch.variant, CASE WHEN batch.due_at > now() + interval '1000 years' THEN 'never'"
            " WHEN batch.due_at <= now() THEN 'now'"
            " ELSE to_char(batch.due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') END, count(*)"
            " FROM delivery_message AS message JOIN delivery_deliverybatch AS batch ON batch.id = message.batch_id"
            " WHERE message.send_state <> 'suppressed' GROUP BY 1, 2"
        )
        return Counter({(row[0], row[1]): row[2] for row in cursor.fetchall()})


def test_zones_each_person_is_due_at_their_own_clock(in_florist: Organization) -> None:
    campaign = due_campaign(in_florist, 6)
    zones = ["Asia/Tokyo", "America/New_York", "America/New_York", "", "Nowhere/Atlantis", "Asia/Tokyo"]
    for contact, zone in zip(Contact.objects.order_by("id"), zones, strict=True):
        Contact.objects.filter(pk=contact.pk).update(time_zone=zone)
    local = (timezone.now() + datetime.timedelta(days=3)).replace(
        hour=9, minute=0, second=0, microsecond=0, tzinfo=None
    )
    planned_for(campaign, local)
    materialise_campaign(campaign_id=campaign.pk)

    def at(zone: str) -> str:
        return f"{local.replace(tzinfo=ZoneInfo(zone)).astimezone(datetime.UTC):%Y-%m-%d %H:%M}"

    assert lanes() == {
        (0, at("Asia/Tokyo")): 2,
        (0, at("America/New_York")): 2,
        (0, at(in_florist.time_zone)): 2,
    }
    assert run_work() == {}
    run_sweep()
    assert Campaign.objects.get(pk=campaign.pk).status == "sending"
    assert f"{next_due_at(campaign):%Y-%m-%d %H:%M}" == at("Asia/Tokyo")


def test_zones_a_time_that_has_passed_means_now(in_florist: Organization) -> None:
    campaign = due_campaign(in_florist, 2)
    first, second = Contact.objects.order_by("id")
    Contact.objects.filter(pk=first.pk).update(time_zone="Pacific/Kiritimati")
    Contact.objects.filter(pk=second.pk).update(time_zone="Pacific/Honolulu")
    local = timezone.now().replace(tzinfo=None) + datetime.timedelta(hours=2)
    planned_for(campaign, local)
    materialise_campaign(campaign_id=campaign.pk)
    assert lanes()[(0, "now")] == 1
    run_work()
    assert states(campaign) == {"accepted": 1, "ready": 1}


def test_sample_has_exactly_its_share_spread_evenly(in_florist: Organization) -> None:
    batches_of(7, in_florist)
    campaign = due_campaign(in_florist, 60)
    with_test(campaign, 3, percent=30)
    materialise_campaign(campaign_id=campaign.pk)
    assert lanes() == {(1, "now"): 6, (2, "now"): 6, (3, "now"): 6, (0, "never"): 42}
    for batch in DeliveryBatch.objects.all():
        assert batch.size <= 7


def test_sample_is_not_the_first_who_signed_up(in_florist: Organization) -> None:
    campaign = due_campaign(in_florist, 40)
    with_test(campaign, 2, percent=50)
    materialise_campaign(campaign_id=campaign.pk)
    order = list(Message.objects.order_by("contact_id").values_list("batch__variant", flat=True))
    assert 3 < sum(variant > 0 for variant in order[:20]) < 17


def test_sample_leaves_out_who_is_skipped(in_florist: Organization) -> None:
    campaign = due_campaign(in_florist, 30)
    skipped = list(Contact.objects.order_by("id").values_list("pk", flat=True)[:10])
    Contact.objects.filter(pk__in=skipped).update(status=ContactStatus.UNSUBSCRIBED)
    with_test(campaign, 2, percent=50)
    materialise_campaign(campaign_id=campaign.pk)
    assert lanes() == {(1, "now"): 5, (2, "now"): 5, (0, "never"): 10}
    assert set(Message.objects.filter(contact_id__in=skipped).values_list("batch__variant", flat=True)) == {0}


def test_sample_campaign_waiting_for_the_winner_is_not_finished(in_florist: Organization) -> None:
    campaign = due_campaign(in_florist, 20)
    with_test(campaign)
    materialise_campaign(campaign_id=campaign.pk)
    run_work()
    run_sweep()
    assert states(campaign) == {"accepted": 4, "ready": 16}
    assert Campaign.objects.get(pk=campaign.pk).status == "sending"


def test_sample_stopped_between_chunks_loses_and_doubles_nobody(in_florist: Organization, monkeypatch: Any) -> None:
    monkeypatch.setattr(materialise, "CHUNK", 20)
    batches_of(4, in_florist)
    campaign = due_campaign(in_florist, 70)
    with_test(campaign, 2, percent=20)
    write_chunk, written = materialise._write_chunk, []

    def killed_after_second(*arguments: Any) -> Any:
        if len(written) == 2:
            campaign_pause(campaign_id=campaign.pk)
        written.append(1)
        return write_chunk(*arguments)

    monkeypatch.setattr(materialise, "_write_chunk", killed_after_second)
    materialise_campaign(campaign_id=campaign.pk)
    assert sum(lanes().values()) == 40
    monkeypatch.setattr(materialise, "_write_chunk", write_chunk)
    campaign_resume(campaign_id=campaign.pk)
    materialise_campaign(campaign_id=campaign.pk)
    found = lanes()
    assert sum(found.values()) == 70
    assert found[(0, "never")] == 56
    assert found[(1, "now")] + found[(2, "now")] == 14
    assert abs(found[(1, "now")] - found[(2, "now")]) <= 4
    assert Message.objects.values("contact_id").distinct().count() == 70


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=st.lists(st.tuples(st.uuids(), st.booleans()), max_size=80, unique_by=lambda pair: pair[0]),
    variants=st.integers(2, 5),
    percent=st.integers(1, 100),
    turn=st.integers(0, 1_000),
)
def test_divide_any_people_keeps_everybody_once_and_the_share_exact(
    db: None, people: list[tuple[Any, bool]], variants: int, percent: int, turn: int
) -> None:
    numbers = tuple(range(1, variants + 1))
    chosen = "SELECT * FROM unnest(%s::uuid[], %s::text[]) AS chosen (contact_id, skip_reason)"
    values = [[pair[0] for pair in people], ["bounced" if pair[1] else "" for pair in people]]
    sql, parameters = SampleLanes(numbers, percent, 7).divide(chosen, values, turn)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT contact_id, skip_reason, variant, due_at > now() + interval '1000 years' FROM ({sql}) AS laned",
            parameters,
        )
        rows = cursor.fetchall()
    assert sorted(row[0] for row in rows) == sorted(pair[0] for pair in people)
    sendable = [row for row in rows if not row[1]]
    sample = Counter(row[2] for row in sendable if row[2])
    assert abs(sum(sample.values()) - len(sendable) * percent / 100) <= 0.5
    assert all((row[2] == 0) == row[3] for row in rows)
    assert all(row[2] == 0 for row in rows if row[1])
    counts = [sample.get(number, 0) for number in numbers]
    assert max(counts) - min(counts) <= 1
