"""A client's days and months: one row for all that happened, and sums of them that read no more rows than they must."""

import datetime
from collections import Counter
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from core.accounts.models import Organization
from core.delivery.models import Message
from core.tracking import rollups
from core.tracking.choices import EventType, PeriodLength, PeriodPart, Verdict
from core.tracking.models import AnalyticsEvent, OrganizationPeriod
from core.tracking.queries.periods import DELIVERY, ENGAGEMENT, Span, figures_of_page, stretches
from core.tracking.services import campaign_roll_up, event_record, organization_roll_up
from tests.tracking.mailed import Mailed, mailed_campaign

DAY, MONTH = PeriodLength.DAY, PeriodLength.MONTH
NOON = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)


def date(text: str) -> datetime.date:
    return datetime.date.fromisoformat(f"2026-{text}")


def record(mailed: Mailed, message: int, kind: EventType, day: str, verdict: Verdict = Verdict.HUMAN) -> None:
    event_record(
        message_id=mailed.messages[message].pk,
        type=kind,
        occurred_at=datetime.datetime.combine(date(day), NOON.timetz()),
        event_key=f"{message} {kind} {day} {verdict}",
        link_number=1 if kind == EventType.CLICKED else None,
        verdict=verdict,
    )


@pytest.fixture
def mailed(in_florist: Organization) -> Mailed:
    return mailed_campaign(in_florist)


def rows(**limits: Any) -> Any:
    return OrganizationPeriod.objects.filter(**limits)


YEAR = PeriodLength.YEAR


@pytest.mark.parametrize(
    ("first", "last", "told"),
    [
        ("02-10", "02-18", [(DAY, "02-10", "02-18", 1)]),
        ("02-03", "02-27", [(MONTH, "02-01", "02-28", 1), (DAY, "02-01", "02-02", -1), (DAY, "02-28", "02-28", -1)]),
        ("01-20", "02-28", [(DAY, "01-20", "01-31", 1), (MONTH, "02-01", "02-28", 1)]),
        ("01-05", "02-28", [(MONTH, "01-01", "02-28", 1), (DAY, "01-01", "01-04", -1)]),
        ("01-20", "04-03", [(DAY, "01-20", "01-31", 1), (DAY, "04-01", "04-03", 1), (MONTH, "02-01", "03-31", 1)]),
        ("02-01", "03-30", [(MONTH, "02-01", "03-31", 1), (DAY, "03-31", "03-31", -1)]),
        ("01-20", "02-02", [(DAY, "01-20", "01-31", 1), (DAY, "02-01", "02-02", 1)]),
    ],
)
def test_days_are_summed_up_from_months_and_the_fewest_days(first: str, last: str, told: list[Any]) -> None:
    found = list(stretches(Span(DAY, date(first), date(last))))
    assert found == [(length, date(begin), date(end), sign) for length, begin, end, sign in told]


@pytest.mark.parametrize("length", [DAY, MONTH])
@given(first=st.dates(datetime.date(2024, 1, 1), datetime.date(2027, 6, 1)), days=st.integers(0, 800))
def test_stretches_hold_each_day_or_month_of_any_span_once(
    length: PeriodLength, first: datetime.date, days: int
) -> None:
    first = first.replace(day=1) if length == MONTH else first
    span = Span(length, first, first + datetime.timedelta(days=days))
    counted: Counter[datetime.date] = Counter()
    for stretch in stretches(span):
        starts = {start_of(stretch.length, day) for day in every_day(stretch.first, stretch.last)}
        for day in every_day(min(starts), datetime.date(2030, 1, 1)):
            is_told = stretch.first <= start_of(stretch.length, day) <= stretch.last and day == start_of(length, day)
            counted[day] += stretch.sign * is_told
    told = {day for day in every_day(first, span.last) if day == start_of(length, day)}
    assert +counted == Counter(told)
    assert not -counted


def every_day(first: datetime.date, last: datetime.date) -> list[datetime.date]:
    return [first + datetime.timedelta(days=number) for number in range((last - first).days + 1)]


def start_of(length: PeriodLength, day: datetime.date) -> datetime.date:
    return {DAY: day, MONTH: day.replace(day=1), YEAR: day.replace(month=1, day=1)}[length]


def test_all_time_is_summed_up_from_years() -> None:
    stretch, *rest = stretches(Span(MONTH, None, datetime.datetime.now(datetime.UTC).date()))
    assert (stretch.length, stretch.first, stretch.sign) == (YEAR, datetime.date.min, 1)
    assert {(one.length, one.sign) for one in rest} <= {(MONTH, -1)}


def test_span_over_several_months_counts_every_day_of_it_once(mailed: Mailed, in_florist: Organization) -> None:
    for message, day in enumerate(("01-19", "02-01", "03-31")):
        record(mailed, message, EventType.OPENED, day)
    record(mailed, 1, EventType.OPENED, "02-28", Verdict.PREFETCH)
    record(mailed, 1, EventType.OPENED, "04-01")
    record(mailed, 2, EventType.BOUNCED, "04-03")
    span = Span(DAY, date("01-20"), date("04-02"))
    by_start, by_part = figures_of_page(
        [in_florist.pk], span, date("01-01"), ENGAGEMENT, PeriodPart.PROVIDER, by_client=True
    )
    ((client, _provider),) = by_part[PeriodPart.PROVIDER]
    (figures,) = by_part[PeriodPart.PROVIDER].values()
    opened = figures.of(EventType.OPENED)
    assert client == in_florist.pk
    assert (opened.people, opened.people_once, opened.machines, opened.machines_once) == (3, 2, 1, 1)
    assert sorted(by_start) == [date(day) for day in ("01-19", "02-01", "02-28", "03-31", "04-01")]


def test_what_other_types_did_makes_no_row_of_zeros(mailed: Mailed, in_florist: Organization) -> None:
    record(mailed, 0, EventType.OPENED, "02-02")
    span = Span(DAY, date("02-01"), date("02-03"))
    assert figures_of_page([in_florist.pk], span, None, DELIVERY, PeriodPart.SENDER) == ({}, {PeriodPart.SENDER: {}})
    record(mailed, 0, EventType.DROPPED, "02-01")
    assert set(rows(length=DAY).values_list("start", flat=True)) == {date("02-02")}


def test_events_and_accepted_mails_share_a_row_and_leave_each_other_alone(
    mailed: Mailed, in_florist: Organization
) -> None:
    ids = {"organization_id": in_florist.pk, "campaign_id": mailed.campaign.pk}
    Message.objects.update(accepted_at=NOON)
    record(mailed, 0, EventType.OPENED, "03-01")
    campaign_roll_up(**ids)
    whole = rows(length=DAY, part=PeriodPart.ALL).values_list("start", "sent", "opened_people")
    assert list(whole.all()) == [(date("03-01"), 3, 1)]
    assert organization_roll_up(organization_id=in_florist.pk) == 0
    forget_events(mailed)
    assert list(whole.all()) == [(date("03-01"), 3, 0)]
    Message.objects.update(accepted_at=NOON + datetime.timedelta(days=1))
    record(mailed, 0, EventType.CLICKED, "03-02")
    campaign_roll_up(**ids)
    assert list(whole.all()) == [(date("03-02"), 3, 0)]
    Message.objects.update(accepted_at=None)
    campaign_roll_up(**ids)
    assert list(whole.filter(clicked_people=1)) == [(date("03-02"), 0, 0)]
    forget_events(mailed)
    assert not rows().exists()


def forget_events(mailed: Mailed) -> None:
    messages = [message.pk for message in mailed.messages]
    with transaction.atomic(), connection.cursor() as cursor, rollups.changing(cursor, messages):
        AnalyticsEvent.objects.all().delete()


def test_accepted_mails_follow_the_clients_clock(mailed: Mailed, in_florist: Organization) -> None:
    Message.objects.update(accepted_at=datetime.datetime(2026, 2, 28, 23, tzinfo=datetime.UTC))
    Organization.objects.filter(pk=in_florist.pk).update(time_zone="UTC")
    campaign_roll_up(organization_id=in_florist.pk, campaign_id=mailed.campaign.pk)
    months = rows(length=MONTH, part=PeriodPart.ALL).values_list("start", "sent")
    assert list(months.all()) == [(date("02-01"), 3)]
    Organization.objects.filter(pk=in_florist.pk).update(time_zone="Asia/Tokyo")
    organization_roll_up(organization_id=in_florist.pk)
    assert list(months.all()) == [(date("03-01"), 3)]
