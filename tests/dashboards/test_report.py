"""What the charts are drawn from."""

import datetime
from zoneinfo import ZoneInfo

import pytest

from core.accounts.models import Organization
from core.campaigns.models import Campaign
from core.tracking.choices import EventType, Verdict
from core.tracking.models import AnalyticsEvent
from core.tracking.queries import Count, Counted, Moment, less, reported_campaign
from core.tracking.services import campaign_roll_up, event_record, roll_up
from dashboards.report import Report, charts, story, table_named, tiles
from dashboards.tables import Table
from tests.tracking.mailed import Mailed, mailed_campaign

MADRID = ZoneInfo("Europe/Madrid")
NIGHT = datetime.datetime(2026, 5, 4, 22, tzinfo=datetime.UTC)


def happened(mailed: Mailed, number: int, event_type: EventType, verdict: Verdict = Verdict.HUMAN) -> None:
    event_record(
        message_id=mailed.messages[number].pk,
        type=event_type,
        occurred_at=NIGHT,
        event_key=f"{mailed.campaign.pk}{number}{event_type}{verdict}",
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
    slots = story.slots_of(moments, {NIGHT: 5}, zone=MADRID, step=story.HOUR)
    assert [(slot.at, slot.accepted, slot.opened_people, slot.opened_machines) for slot in slots] == [
        (datetime.datetime(2026, 5, 5, 0, 0), 5, 2, 1)  # noqa: DTZ001
    ]


def test_slots_of_days_put_a_late_evening_of_utc_into_the_clients_next_day() -> None:
    moments = [Moment(NIGHT, opened=Count(people=2)), Moment(NIGHT + story.HOUR * 3, opened=Count(people=1))]
    slots = story.slots_of(moments, {}, zone=MADRID, step=story.DAY)
    assert [(slot.at.day, slot.opened_people) for slot in slots] == [(5, 3)]


def test_funnel_counts_people_once_and_no_machines(in_florist: Organization) -> None:
    mailed = reacted_campaign(in_florist)
    steps = story.funnel_steps(Report(mailed.campaign))
    assert [(step.title, step.count, step.base) for step in steps] == [
        ("Audience", 4, 4),
        ("Accepted", 4, 4),
        ("Opened", 2, 4),
        ("Clicked", 1, 4),
        ("Unsubscribed", 0, 4),
    ]


def test_chart_and_table_hold_the_same_figures(in_florist: Organization) -> None:
    mailed = reacted_campaign(in_florist)
    chart = story.timeline_chart(Report(mailed.campaign, Counted.MACHINES))
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
        occurred_at=NIGHT + datetime.timedelta(days=20),
        event_key="late",
    )
    roll_up()
    slots, step = story.campaign_slots(Report(mailed.campaign))
    assert step == story.DAY
    assert len(slots) == 2


def test_what_comes_after_a_month_is_one_row_at_the_end(in_florist: Organization) -> None:
    mailed = reacted_campaign(in_florist)
    for days in (31, 400):
        event_record(
            message_id=mailed.messages[3].pk,
            type=EventType.OPENED,
            occurred_at=NIGHT + datetime.timedelta(days=days),
            event_key=f"late {days}",
        )
    roll_up()
    table = story.timeline_chart(Report(mailed.campaign)).table
    last = [column.read(table.rows[-1]) for column in table.columns]
    assert str(last[0]).endswith(" and later")
    assert last[2] == 2
    assert sum(table.columns[2].read(row) for row in table.rows) == 4


def test_links_table_shows_who_followed_which(in_florist: Organization) -> None:
    mailed = reacted_campaign(in_florist)
    table = table_named(Report(mailed.campaign), "links")
    assert table is not None
    rows = [[cell["shown"] for cell in cells] for cells in table.cells()]
    assert [row[0] for row in rows] == ["1", "2"]
    assert rows[0][2:] == ["1", "100.0 %", "1", "1"]


# --- Figures: page, download and SQL ----------------------------------------------------------------------------------


def figures_of(table: Table) -> list[list[object]]:
    return [[column.read(row) for column in table.columns] for row in table.rows]


def people_by_domain(campaign: Campaign, event_type: EventType, verdicts: list[str]) -> dict[str, int]:
    """Counted from the events themselves: mails with such an event, by the domain of the contact."""
    events = AnalyticsEvent.objects.filter(campaign=campaign, type=event_type, verdict__in=verdicts)
    found: dict[str, set[object]] = {}
    for message_id, email in events.values_list("message_id", "contact__email"):
        found.setdefault(email.rpartition("@")[2], set()).add(message_id)
    return {domain: len(messages) for domain, messages in found.items()}


def mailed_to_two_domains(organization: Organization) -> Mailed:
    mailed = mailed_campaign(organization, 5, accepted_at=NIGHT - datetime.timedelta(hours=1))
    for contact in mailed.contacts[:2]:
        contact.email = contact.email_key = f"{contact.pk}@gmail.com"
        contact.save()
    for number in (0, 1, 2):
        happened(mailed, number, EventType.OPENED)
        happened(mailed, number, EventType.OPENED, Verdict.PROXY)
    happened(mailed, 3, EventType.OPENED, Verdict.PREFETCH)
    happened(mailed, 0, EventType.CLICKED)
    roll_up()
    return mailed


@pytest.mark.parametrize("name", ["domains", "providers"])
def test_figures_by_domain_are_those_of_the_events(in_florist: Organization, name: str) -> None:
    mailed = mailed_to_two_domains(in_florist)
    table = table_named(Report(mailed.campaign), name)
    assert table is not None
    rows = {row[0]: (row[1], row[2], row[4]) for row in figures_of(table)}
    assert people_by_domain(mailed.campaign, EventType.OPENED, ["human", "proxy", "unknown"]) == {
        "gmail.com": 2,
        "people.example": 1,
    }
    gmail, others = ("gmail.com", "people.example") if name == "domains" else ("Gmail", "Other")
    assert rows == {gmail: (2, 2, 1), others: (3, 1, 0)}


def test_machines_are_counted_apart_and_the_page_says_so(in_florist: Organization) -> None:
    mailed = mailed_to_two_domains(in_florist)
    people, machines = Report(mailed.campaign), Report(mailed.campaign, Counted.MACHINES)
    assert (people.of(EventType.OPENED), machines.of(EventType.OPENED)) == (3, 1)
    assert machines.of(EventType.BOUNCED) == people.of(EventType.BOUNCED)
    assert tiles(people)[1].note == "3 people, and 1 machine"
    assert (tiles(machines)[1].title, tiles(machines)[1].value) == ("Opened by machines", "20.0 %")
    assert "People may have opened the same mails" in charts(machines)["funnel"].note


def test_mail_that_a_person_and_a_machine_opened_stands_once_in_each_view(in_florist: Organization) -> None:
    """Page, download and SQL: the two views overlap, and none of them counts a mail twice."""
    mailed = mailed_to_two_domains(in_florist)
    happened(mailed, 0, EventType.OPENED, Verdict.PREFETCH)
    for counted, verdicts in (
        (Counted.PEOPLE, ["human", "proxy", "unknown"]),
        (Counted.MACHINES, ["prefetch", "scanner"]),
    ):
        report = Report(mailed.campaign, counted)
        by_sql = people_by_domain(mailed.campaign, EventType.OPENED, verdicts)
        table = table_named(report, "domains")
        assert table is not None and table.columns[2].title == counted.titled("Opened")
        assert {row[0]: row[2] for row in figures_of(table) if row[2]} == by_sql
        assert report.of(EventType.OPENED) == sum(by_sql.values())
        assert tiles(report)[1].value == f"{100 * sum(by_sql.values()) / 5:.1f} %"


def test_best_hours_are_in_the_clients_clock(in_florist: Organization) -> None:
    in_florist.time_zone = "Europe/Madrid"
    in_florist.save()
    mailed = reacted_campaign(in_florist)
    table = table_named(Report(reported(mailed)), "hours")
    assert table is not None
    assert [row[0] for row in figures_of(table)] == ["Tuesday 00:00"]


def test_changes_are_against_the_median_of_the_campaigns_before(in_florist: Organization) -> None:
    for number in range(3):
        earlier = mailed_campaign(
            in_florist, 4, name=f"Earlier {number}", accepted_at=NIGHT - datetime.timedelta(days=number + 1)
        )
        for opened in range(number + 1):
            happened(earlier, opened, EventType.OPENED)
    mailed = reacted_campaign(in_florist)
    opened = tiles(Report(mailed.campaign))[1]
    assert opened.value == "50.0 %"
    assert opened.change and opened.change.text == "unchanged"
    assert opened.change.against == "the median of Florist's last 3 campaigns before this one"


def test_first_campaign_has_nothing_to_be_compared_with(in_florist: Organization) -> None:
    assert all(tile.change is None for tile in tiles(Report(reacted_campaign(in_florist).campaign)))


def test_bounces_say_what_follows(in_florist: Organization) -> None:
    mailed = mailed_campaign(in_florist, 3, accepted_at=NIGHT)
    for number, bounce in enumerate(("invalid_address", "reputation", "mailbox_full")):
        happened(mailed, number, EventType.BOUNCED)
        AnalyticsEvent.objects.filter(message=mailed.messages[number]).update(bounce_class=bounce)
    campaign_roll_up(organization_id=in_florist.pk, campaign_id=mailed.campaign.pk)
    chart = charts(Report(mailed.campaign))["bounces"]
    follows = {row[0]: row[3] for row in figures_of(chart.table)}
    assert follows["The address does not exist"] == "Not written to again."
    assert "Nothing is held against the person" in str(follows["Refused for the sender's reputation"])
    assert "several such days" in str(follows["The mailbox is full"])
    assert tiles(Report(mailed.campaign))[0].value == "0.0 %"


def reported(mailed: Mailed) -> Campaign:
    found = reported_campaign(mailed.campaign.pk)
    assert found is not None
    return found


def test_rest_of_figures_that_were_read_while_events_came_in_is_never_below_zero() -> None:
    assert less(Count(5, 3, 2, 2), Count(6, 3, 1, 3)) == Count(0, 0, 1, 0)
