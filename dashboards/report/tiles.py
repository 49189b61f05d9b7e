"""The numbers at the head of the report, each against what is usual for this client."""

import statistics
from dataclasses import dataclass

from core.tracking.choices import EventType
from core.tracking.queries import Counted, PartRow
from dashboards.addresses import events_url, people_url
from dashboards.numbers import count_text, share, share_text
from dashboards.report.counted import Report
from dashboards.tiles import Better, Change, Tile, points_change


@dataclass(frozen=True)
class _Headline:
    """`did` names the ledger's filter that lists the people, "" leads to the events."""

    title: str
    type: EventType
    better: Better
    did: str = ""
    digits: int = 1


_HEADLINES = (
    _Headline("Opened", EventType.OPENED, "up", "opened"),
    _Headline("Clicked", EventType.CLICKED, "up", "clicked"),
    _Headline("Bounced", EventType.BOUNCED, "down"),
    _Headline("Unsubscribed", EventType.UNSUBSCRIBED, "down", digits=2),
    _Headline("Complained", EventType.COMPLAINED, "down", digits=2),
)


def tiles(report: Report) -> list[Tile]:
    """Delivered, opened, clicked, bounced, unsubscribed, complained."""
    return [_delivered(report), *(_tile(report, headline) for headline in _HEADLINES)]


def against_words(report: Report) -> str:
    """What the changes on the tiles are against, "" where there is nothing to compare with yet."""
    if report.is_young or not report.usual:
        return ""
    return f"the median of {report.campaign.organization.name}'s last {len(report.usual)} campaigns before this one"


def delivered_of(row: PartRow, accepted: int) -> int:
    """What the recipients' servers confirmed; where none of them tells, what was accepted and did not come back."""
    confirmed = row.of(EventType.DELIVERED).once(Counted.EVERYBODY)
    return confirmed or max(0, accepted - row.of(EventType.BOUNCED).once(Counted.EVERYBODY))


def _delivered(report: Report) -> Tile:
    count = delivered_of(report.figures, report.accepted)
    usual = [share(delivered_of(row, row.sent), row.sent) for row in report.usual]
    is_told = report.figures.of(EventType.DELIVERED).once(Counted.EVERYBODY) > 0
    return Tile(
        "Delivered",
        share_text(count, report.accepted),
        base=f"of {count_text(report.accepted)} accepted",
        note=f"{_mails(count)}{'' if is_told else ', not come back'}",
        change=_change(report, share(count, report.accepted), usual, "up", 1),
        url=people_url(report.campaign.pk, "accepted"),
    )


def _tile(report: Report, headline: _Headline) -> Tile:
    count = report.of(headline.type)
    usual = [share(report.once(row.of(headline.type), headline.type), row.sent) for row in report.usual]
    return Tile(
        report.counted.titled(headline.title) if headline.did else headline.title,
        share_text(count, report.accepted, digits=headline.digits),
        base=f"of {count_text(report.accepted)} accepted",
        note=_note(report, headline, count),
        change=_change(report, share(count, report.accepted), usual, _better(report, headline), headline.digits),
        url=_url(report, headline),
    )


def _better(report: Report, headline: _Headline) -> Better:
    """More machines are neither good nor bad."""
    return "neither" if headline.did and report.counted is Counted.MACHINES else headline.better


def _note(report: Report, headline: _Headline, count: int) -> str:
    machines = report.figures.of(headline.type).machines_once
    if headline.did and machines and report.counted is Counted.PEOPLE:
        return f"{_people(count)}, and {count_text(machines)} {'machine' if machines == 1 else 'machines'}"
    return _mails(count) if headline.did and report.counted is Counted.MACHINES else _people(count)


def _url(report: Report, headline: _Headline) -> str:
    if headline.did and report.counted is Counted.PEOPLE:
        return people_url(report.campaign.pk, headline.did)
    behind = {"behind": report.counted.value} if headline.did else {}
    return events_url(report.campaign.pk, headline.type, **behind)


def _change(report: Report, now: float | None, usual: list[float | None], better: Better, digits: int) -> Change | None:
    if report.is_young:
        return None
    known = [value for value in usual if value is not None]
    median = statistics.median(known) if known else None
    return points_change(now, median, against=against_words(report), better=better, digits=digits)


def _people(count: int) -> str:
    return f"{count_text(count)} {'person' if count == 1 else 'people'}"


def _mails(count: int) -> str:
    return f"{count_text(count)} {'mail' if count == 1 else 'mails'}"
