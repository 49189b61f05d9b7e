"""Funnel, timeline and best hours."""

import datetime
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from core.delivery.states import SendState
from core.tracking.choices import EventType
from core.tracking.queries import Counted, Moment
from dashboards.addresses import clock_url, events_url, ledger_url, people_url, span_url
from dashboards.charts import Bar, Chart, Series, bars_figure, heatmap_figure, timeline_figure
from dashboards.numbers import count_text, share_text
from dashboards.report.counted import TOLD_DAYS, Report
from dashboards.tables import Column, Table

HOUR, DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)
_HOURLY_FOR = datetime.timedelta(days=5)
"""A longer story is told by the day, so that page and payload stay small."""
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FEW_OPENS = 50
_COUNTS = ("accepted", "opened_people", "opened_machines", "clicked_people", "clicked_machines", "unsubscribed")
"""Of Slot, in its order."""


@dataclass(frozen=True)
class Step:
    """One step of the funnel; `base` is what its share is of."""

    title: str
    count: int
    base: int
    url: str


@dataclass(frozen=True)
class Slot:
    """What happened from `at` on, in the client's time."""

    at: datetime.datetime
    accepted: int
    opened_people: int
    opened_machines: int
    clicked_people: int
    clicked_machines: int
    unsubscribed: int
    is_rest: bool = field(default=False, kw_only=True)
    """Everything from `at` on, however long."""


@dataclass(frozen=True)
class ClockHour:
    """What happened at this hour of this weekday (0 is Monday), over all weeks."""

    weekday: int
    hour: int
    opened: int
    clicked: int

    @property
    def words(self) -> str:
        return f"{_WEEKDAYS[self.weekday]} {self.hour:02d}:00"


def funnel_steps(report: Report) -> list[Step]:
    """Audience → accepted → opened → clicked → unsubscribed; from accepted on each mail once."""
    pk, accepted, total = report.campaign.pk, report.accepted, report.progress.total
    people = report.counted is Counted.PEOPLE
    return [
        Step("Audience", total, total, ledger_url(pk)),
        Step("Accepted", accepted, total, ledger_url(pk, SendState.ACCEPTED)),
        *(
            Step(
                report.counted.titled(title),
                report.of(event_type),
                accepted,
                people_url(pk, event_type.value) if people else events_url(pk, event_type, behind=report.counted.value),
            )
            for title, event_type in (("Opened", EventType.OPENED), ("Clicked", EventType.CLICKED))
        ),
        Step("Unsubscribed", report.of(EventType.UNSUBSCRIBED), accepted, events_url(pk, EventType.UNSUBSCRIBED)),
    ]


def funnel_chart(report: Report) -> Chart:
    steps = funnel_steps(report)
    labels = [f"{count_text(step.count)} · {share_text(step.count, step.base)}" for step in steps]
    labels[0] = count_text(steps[0].count)
    roles = dict(zip([step.title for step in steps[2:]], ("opened", "clicked", "other"), strict=True))
    bars = [
        Bar(step.title, step.count, label, step.url, roles.get(step.title, "accepted"))
        for step, label in zip(steps, labels, strict=True)
    ]
    machines = "" if report.counted is Counted.PEOPLE else " People may have opened the same mails."
    return Chart(
        name="funnel",
        title="From audience to click",
        summary="; ".join(f"{step.title}: {label}" for step, label in zip(steps, labels, strict=True)),
        figure=bars_figure(bars, is_stacked=False, is_one_series=True),
        table=_funnel_table(steps),
        note=f"Each mail once. Shares from “Opened” on are of the accepted mails.{machines}",
    )


def _funnel_table(steps: list[Step]) -> Table:
    columns = (
        Column("Step", lambda step: step.title, link=lambda step: step.url),
        Column("Mails", lambda step: step.count, is_number=True),
        Column("Share", lambda step: share_text(step.count, step.base), is_number=True),
        Column("Of", lambda step: step.base, is_number=True),
    )
    return Table("funnel", "From the audience to the unsubscribed", columns, steps)


def campaign_slots(report: Report) -> tuple[list[Slot], datetime.timedelta]:
    """The campaign's story in the client's time zone, and the length of a slot: an hour, or a day for long ones."""
    times = [moment.at for moment in report.moments] + list(report.accepted_by_hour)
    step = DAY if times and max(times) - min(times) > _HOURLY_FOR else HOUR
    return slots_of(report.moments, report.accepted_by_hour, zone=report.zone, step=step), step


def slots_of(
    moments: Iterable[Moment],
    accepted: dict[datetime.datetime, int],
    *,
    zone: ZoneInfo,
    step: datetime.timedelta,
) -> list[Slot]:
    """Put hours of UTC into slots of the zone's clock, in order of time; slots without anything are left out."""
    sums: dict[datetime.datetime, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for at, count in accepted.items():
        sums[_slot_start(at, zone, step)]["accepted"] += count
    for moment in moments:
        slot = sums[_slot_start(moment.at, zone, step)]
        for name, happened in (("opened", moment.opened), ("clicked", moment.clicked)):
            slot[f"{name}_people"] += happened.people
            slot[f"{name}_machines"] += happened.machines
        slot["unsubscribed"] += moment.unsubscribed.people
    return [Slot(at, *(values[name] for name in _COUNTS)) for at, values in sorted(sums.items())]


def _slot_start(at: datetime.datetime, zone: ZoneInfo, step: datetime.timedelta) -> datetime.datetime:
    """Without the zone: what the clock on the client's wall said."""
    local = at.astimezone(zone).replace(tzinfo=None)
    return local.replace(hour=0, minute=0) if step == DAY else local


def rest_slot(report: Report) -> list[Slot]:
    """What came after the story that is told in slots; empty where nothing did."""
    if report.later is None:
        return []
    (slot,) = slots_of([report.later], {}, zone=report.zone, step=DAY)
    return [replace(slot, is_rest=True)]


def timeline_chart(report: Report) -> Chart:
    slots, step = campaign_slots(report)
    unit = "day" if step == DAY else "hour"
    series = [
        _series(report, slots, step, "Opens by people", "opened", "opened_people", "people"),
        _series(report, slots, step, "Opens by machines", "opened_machines", "opened_machines", "machines"),
        _series(report, slots, step, "Clicks by people", "clicked", "clicked_people", "people"),
        _series(report, slots, step, "Clicks by machines", "clicked_machines", "clicked_machines", "machines"),
    ]
    shown = [one for one in series if report.counted is Counted.MACHINES or not one.role.endswith("_machines")]
    opens, clicks = sum(slot.opened_people for slot in slots), sum(slot.clicked_people for slot in slots)
    figure = timeline_figure([slot.at for slot in slots], [slot.accepted for slot in slots], shown, step=step)
    paler = " Paler: mail apps and link scanners." if report.counted is Counted.MACHINES else ""
    return Chart(
        name="timeline",
        title=f"What happened, {unit} by {unit}",
        summary=f"{count_text(opens)} opens and {count_text(clicks)} clicks by people, by the {unit}.",
        figure=figure,
        table=_timeline_table(report, [*slots, *rest_slot(report)], step),
        note=f"Times in {report.zone.key}. Above: mails that were accepted. Below: every open and click.{paler}"
        f"{_rest_words(report)}",
        empty="" if slots else "Nothing has happened yet. Opens and clicks appear here within seconds.",
    )


def _rest_words(report: Report) -> str:
    if report.later is None:
        return ""
    opens, clicks = (count.events(report.counted) for count in (report.later.opened, report.later.clicked))
    return f" After {TOLD_DAYS} days: {count_text(opens)} opens and {count_text(clicks)} clicks more."


def _series(
    report: Report, slots: list[Slot], step: datetime.timedelta, title: str, role: str, field: str, behind: str
) -> Series:
    event_type = EventType.OPENED if field.startswith("opened") else EventType.CLICKED
    urls = [_span(report, slot, step, event_type, behind) for slot in slots]
    return Series(title, role, f"{event_type}", [getattr(slot, field) for slot in slots], urls)


def _span(report: Report, slot: Slot, step: datetime.timedelta, event_type: EventType, behind: str = "") -> str:
    start = slot.at.replace(tzinfo=report.zone)
    return span_url(report.campaign.pk, event_type, start, (slot.at + step).replace(tzinfo=report.zone), behind)


def _timeline_table(report: Report, slots: list[Slot], step: datetime.timedelta) -> Table:
    shape = "%Y-%m-%d" if step == DAY else "%Y-%m-%d %H:%M"
    opened, clicked = EventType.OPENED, EventType.CLICKED
    columns = (
        Column(
            f"From ({report.zone.key})", lambda slot: slot.at.strftime(shape) + (" and later" if slot.is_rest else "")
        ),
        Column("Accepted", lambda slot: slot.accepted, is_number=True),
        Column(
            "Opens by people",
            lambda slot: slot.opened_people,
            is_number=True,
            link=lambda slot: (
                _span(report, slot, step, opened, "people") if slot.opened_people and not slot.is_rest else ""
            ),
        ),
        Column("Opens by machines", lambda slot: slot.opened_machines, is_number=True),
        Column(
            "Clicks by people",
            lambda slot: slot.clicked_people,
            is_number=True,
            link=lambda slot: (
                _span(report, slot, step, clicked, "people") if slot.clicked_people and not slot.is_rest else ""
            ),
        ),
        Column("Clicks by machines", lambda slot: slot.clicked_machines, is_number=True),
        Column("Unsubscribed", lambda slot: slot.unsubscribed, is_number=True),
    )
    return Table("timeline", f"By {'day' if step == DAY else 'hour'}, times in {report.zone.key}", columns, slots)


def clock_hours(report: Report) -> list[ClockHour]:
    """All 168 hours of a week of the client's clock, Monday first."""
    opened: dict[tuple[int, int], int] = defaultdict(int)
    clicked: dict[tuple[int, int], int] = defaultdict(int)
    for moment in report.moments:
        local = moment.at.astimezone(report.zone)
        place = (local.weekday(), local.hour)
        opened[place] += moment.opened.events(report.counted)
        clicked[place] += moment.clicked.events(report.counted)
    return [
        ClockHour(weekday, hour, opened[weekday, hour], clicked[weekday, hour])
        for weekday in range(7)
        for hour in range(24)
    ]


def hours_chart(report: Report) -> Chart:
    """When it was opened: weekday by hour."""
    hours = clock_hours(report)
    best = max(hours, key=lambda hour: (hour.opened, hour.clicked))
    total = sum(hour.opened for hour in hours)
    rows = [hours[24 * day : 24 * day + 24] for day in range(7)]
    words = (
        f"Most opens: {best.words} to {(best.hour + 1) % 24:02d}:00, {count_text(best.opened)} of {count_text(total)}."
    )
    few = " So few opens may be chance." if total < _FEW_OPENS else ""
    return Chart(
        name="hours",
        title="Best hours",
        summary=words,
        figure=heatmap_figure(
            [f"{hour:02d}" for hour in range(24)],
            [day[:3] for day in _WEEKDAYS],
            [[hour.opened for hour in row] for row in rows],
            texts=[
                [f"{count_text(hour.opened)} opens, {count_text(hour.clicked)} clicks" for hour in row] for row in rows
            ],
            urls=[[_hour_url(report, hour) for hour in row] for row in rows],
            marked=(best.weekday, best.hour) if total else None,
        ),
        table=_hours_table(report, hours),
        note=f"{words}{few} Hours of {report.zone.key}; every open by {report.whose} counts." if total else "",
        empty="" if total else "Nobody has opened it yet.",
    )


def _hour_url(report: Report, hour: ClockHour) -> str:
    return (
        clock_url(report.campaign.pk, EventType.OPENED, hour.weekday, hour.hour, _behind(report)) if hour.opened else ""
    )


def _behind(report: Report) -> str:
    return report.counted.value


def _hours_table(report: Report, hours: list[ClockHour]) -> Table:
    columns = (
        Column(f"Hour ({report.zone.key})", lambda hour: hour.words, link=lambda hour: _hour_url(report, hour)),
        Column(report.counted.titled("Opens"), lambda hour: hour.opened, is_number=True),
        Column(report.counted.titled("Clicks"), lambda hour: hour.clicked, is_number=True),
    )
    told = sorted(
        (hour for hour in hours if hour.opened or hour.clicked), key=lambda hour: (-hour.opened, -hour.clicked)
    )
    return Table("hours", "Hours of the week, the best first", columns, told)
