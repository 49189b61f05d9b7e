"""The figures of a report equal a count of mails and events by plain SQL."""

import datetime
from typing import Any

import pytest
from django.db import connection

from core.accounts.models import Organization
from core.common.tenancy import OrganizationMismatch, organization_scope
from core.reports.figures import Figures, Tally
from core.reports.frozen import as_document, from_document
from core.reports.periods import Days
from core.reports.queries import collect_figures
from core.tracking.choices import EventType, Verdict
from core.tracking.services import roll_up
from tests.reports.history import MADRID, OCTOBER, happened, sent_campaign

NOW = datetime.datetime(2026, 11, 2, 9, tzinfo=MADRID)
DAYS = Days(*OCTOBER)

# Counted as the definition reads: of each mail whose campaign started in the period, was there such an event?
MAILS_WITH = """
SELECT count(DISTINCT event.message_id)
  FROM tracking_analyticsevent AS event
  JOIN campaigns_campaign AS campaign ON campaign.id = event.campaign_id
 WHERE event.organization_id = %(client)s AND event.type = %(type)s AND event.verdict = ANY(%(verdicts)s)
   AND (campaign.started_at AT TIME ZONE 'Europe/Madrid')::date BETWEEN %(first)s AND %(last)s
"""
PEOPLE = ["human", "proxy", "unknown"]


@pytest.fixture
def spain(in_florist: Organization) -> Organization:
    in_florist.time_zone = "Europe/Madrid"
    in_florist.save()
    return in_florist


def at(month: int, day: int, hour: int, minute: int = 0) -> datetime.datetime:
    return datetime.datetime(2026, month, day, hour, minute, tzinfo=MADRID)


def make_history(client: Organization) -> None:
    """Two campaigns of October, the first in its first minute, and one in the last minute of September."""
    september = sent_campaign(client, "September", at(9, 30, 23, 59), 4)
    first = sent_campaign(client, "First", at(10, 1, 0, 1), 5)
    second = sent_campaign(client, "Second", at(10, 31, 23, 30), 3)
    happened(september, 0, EventType.OPENED, at(10, 2, 9))
    happened(first, 0, EventType.OPENED, at(10, 1, 1), Verdict.PREFETCH)
    happened(first, 0, EventType.OPENED, at(10, 1, 9))
    happened(first, 0, EventType.OPENED, at(10, 3, 9))
    happened(first, 1, EventType.OPENED, at(10, 1, 9, 30), Verdict.PROXY)
    happened(first, 1, EventType.CLICKED, at(10, 1, 10))
    happened(first, 2, EventType.CLICKED, at(10, 1, 0, 2), Verdict.SCANNER)
    happened(first, 2, EventType.UNSUBSCRIBED, at(10, 4, 12))
    happened(second, 0, EventType.OPENED, at(11, 1, 8))
    happened(second, 1, EventType.OPENED, at(10, 31, 23, 31), Verdict.SCANNER)
    roll_up()


def mails_with(client: Organization, event_type: str, verdicts: list[str], days: Days = DAYS) -> int:
    with connection.cursor() as cursor:
        parameters: dict[str, Any] = {"client": client.pk, "type": event_type, "verdicts": verdicts}
        cursor.execute(MAILS_WITH, parameters | {"first": days.first, "last": days.last})
        return int(cursor.fetchone()[0])


def test_collect_equals_a_recount_by_sql(spain: Organization) -> None:
    make_history(spain)
    found = collect_figures(organization=spain, days=DAYS, made_at=NOW)
    assert [row.name for row in found.campaigns] == ["First", "Second"]
    assert found.now.sent == 8
    assert found.now == Tally(
        sent=8,
        opened=mails_with(spain, "opened", PEOPLE),
        clicked=mails_with(spain, "clicked", PEOPLE),
        unsubscribed=mails_with(spain, "unsubscribed", PEOPLE),
        prefetched=mails_with(spain, "opened", ["prefetch"]),
        scanned=mails_with(spain, "opened", ["scanner"]),
        scanned_clicks=mails_with(spain, "clicked", ["scanner", "prefetch"]),
    )
    assert (found.now.opened, found.now.clicked, found.now.prefetched, found.now.scanned) == (3, 1, 1, 1)
    assert (found.before.sent, found.before.opened, found.campaigns_before) == (4, 1, 1)


def test_collect_places_what_happened_on_the_clients_days(spain: Organization) -> None:
    make_history(spain)
    found = collect_figures(organization=spain, days=DAYS, made_at=NOW)
    by_day = {slot.start: slot for slot in found.slots}
    assert len(by_day) == 31
    assert by_day[datetime.date(2026, 10, 1)].sent == 5
    assert by_day[datetime.date(2026, 10, 1)].opened == 2
    assert by_day[datetime.date(2026, 10, 2)].opened == 1  # of the mail of September
    assert by_day[datetime.date(2026, 10, 31)].sent == 3
    assert sum(slot.sent_before for slot in found.slots) == 4
    assert found.hours[3][9] == 2  # Thursday at nine
    assert [(link.url, link.people) for link in found.links] == [("https://shop.example/first", 1)]
    assert [(part.name, part.tally.sent) for part in found.providers] == [("Gmail", 8)]


def test_collect_marks_campaigns_that_still_collect_opens(spain: Organization) -> None:
    make_history(spain)
    found = collect_figures(organization=spain, days=DAYS, made_at=NOW)
    assert [row.is_young for row in found.campaigns] == [False, True]


def test_collect_of_another_client_is_refused(spain: Organization, museum: Organization) -> None:
    with pytest.raises(OrganizationMismatch):
        collect_figures(organization=museum, days=DAYS, made_at=NOW)
    make_history(spain)
    with organization_scope(museum):
        theirs = collect_figures(organization=museum, days=DAYS, made_at=NOW)
        assert (theirs.campaigns, theirs.now, theirs.links) == ((), Tally(), ())
        assert not any(slot.sent or slot.opened for slot in theirs.slots)


def test_long_ranges_are_told_by_weeks_and_months(spain: Organization) -> None:
    make_history(spain)
    quarter = collect_figures(
        organization=spain, days=Days(datetime.date(2026, 8, 1), datetime.date(2026, 10, 31)), made_at=NOW
    )
    year = collect_figures(
        organization=spain, days=Days(datetime.date(2025, 11, 15), datetime.date(2026, 11, 1)), made_at=NOW
    )
    assert (quarter.slot_days, len(quarter.slots)) == (7, 14)
    assert (year.slot_days, len(year.slots)) == (30, 13)
    assert sum(slot.sent for slot in quarter.slots) == sum(slot.sent for slot in year.slots) == 12


def test_figures_survive_the_way_through_json(spain: Organization) -> None:
    make_history(spain)
    found = collect_figures(organization=spain, days=DAYS, made_at=NOW)
    assert from_document(Figures, as_document(found)) == found
