"""What the charts are drawn from."""

import datetime
from zoneinfo import ZoneInfo

from core.accounts.models import Organization
from core.tracking.choices import EventType, Verdict
from core.tracking.queries import Count, Moment
from core.tracking.services import event_record, roll_up
from dashboards import report
from tests.tracking.mailed import Mailed, mailed_campaign

MADRID = ZoneInfo("Europe/Madrid")
NIGHT = datetime.datetime(2026, 5, 4, 22, tzinfo=datetime.UTC)


def happened(mailed: Mailed, number: int, event_type: EventType, verdict: Verdict = Verdict.HUMAN) -> None:
    event_record(
        message_id=mailed.messages[number].pk,
        type=event_type,
        occurred_at=NIGHT,
        event_key=f"{number}{event_type}{verdict}",
        link_number=1 if event_type == EventType.CLICKED else None,
        verdict=verdict,
    )


def reacted_campaign(organization: Organization) -> Mailed:
    mailed = mailed_campaign(organization, 4, accepted_at=NIGHT - datetime.timedelta(hours=1))
    for number in (0, 1):
        happened(mailed, number, EventType.OPENED)
    happened(mailed, 0, EventType.CLICKED)
    happened(mailed, 2, EventType.OPENED, Verdict.PREFETCH)
    happened(mailed, 3, EventType.CLICKED, Verdict.SCANNER)
    roll_up()
    return mailed


def test_slots_of_hours_are_in_the_clients_time() -> None:
    moments = [Moment(NIGHT, opened=Count(people=2, machines=1))]
    slots = report.slots_of(moments, {NIGHT: 5}, zone=MADRID, step=report.HOUR)
    assert [(slot.at, slot.accepted, slot.opened_people, slot.opened_machines) for slot in slots] == [
        (datetime.datetime(2026, 5, 5, 0, 0), 5, 2, 1)  # noqa: DTZ001
    ]


def test_slots_of_days_put_a_late_evening_of_utc_into_the_clients_next_day() -> None:
    moments = [Moment(NIGHT, opened=Count(people=2)), Moment(NIGHT + report.HOUR * 3, opened=Count(people=1))]
    slots = report.slots_of(moments, {}, zone=MADRID, step=report.DAY)
    assert [(slot.at.day, slot.opened_people) for slot in slots] == [(5, 3)]


def test_funnel_counts_people_once_and_no_machines(in_florist: Organization) -> None:
    mailed = reacted_campaign(in_florist)
    steps = report.funnel_steps(mailed.campaign)
    assert [(step.title, step.count, step.base) for step in steps] == [
        ("Audience", 4, 4),
        ("Accepted", 4, 4),
        ("Opened", 2, 4),
        ("Clicked", 1, 4),
        ("Unsubscribed", 0, 4),
    ]


def test_chart_and_table_hold_the_same_figures(in_florist: Organization) -> None:
    mailed = reacted_campaign(in_florist)
    slots, step = report.campaign_slots(mailed.campaign)
    chart = report.timeline_chart(slots, step=step, zone_name="UTC")
    by_name = {trace["name"]: trace["customdata"] for trace in chart.figure["data"]}
    columns = {column.title: [column.read(row) for row in chart.table.rows] for column in chart.table.columns}
    for name in ("Accepted", "Opens by people", "Opens by machines", "Clicks by people", "Clicks by machines"):
        assert by_name[name] == columns[name]
    assert sum(by_name["Opens by machines"]) == sum(by_name["Clicks by machines"]) == 1


def test_long_campaign_is_told_by_the_day(in_florist: Organization) -> None:
    mailed = reacted_campaign(in_florist)
    event_record(
        message_id=mailed.messages[3].pk,
        type=EventType.OPENED,
        occurred_at=NIGHT + datetime.timedelta(days=40),
        event_key="late",
    )
    roll_up()
    slots, step = report.campaign_slots(mailed.campaign)
    assert step == report.DAY
    assert len(slots) == 2


def test_links_table_shows_who_followed_which(in_florist: Organization) -> None:
    mailed = reacted_campaign(in_florist)
    table = report.links_table(mailed.campaign)
    rows = [[cell["shown"] for cell in cells] for cells in table.cells()]
    assert [row[0] for row in rows] == ["1", "2"]
    assert rows[0][2:] == ["1", "100.0 %", "1", "1"]
