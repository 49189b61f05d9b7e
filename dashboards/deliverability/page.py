"""Deliverability: what became of mails by sending domain, mailbox provider and sender, against the lines that get
senders blocked, and what to do about it."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils import formats

from core.domains.queries import domains_by_name
from core.tracking.choices import EventType, PeriodLength, PeriodPart
from core.tracking.queries.periods import (
    DELIVERY,
    Figures,
    campaigns_started,
    figures_of_page,
    summed,
)
from dashboards.addresses import report_url
from dashboards.charts import Bar, Chart, Line, Threshold, clock, lines_figure, plain, role
from dashboards.deliverability.figures import rate_bars_figure
from dashboards.deliverability.limits import (
    FEWEST_MAILS,
    ROLES,
    STOP_BOUNCES,
    STOP_COMPLAINTS,
    WATCH_COMPLAINTS,
    WINDOW,
    Standing,
    moving,
    percent_text,
    rate,
    rate_text,
    standing,
    standing_text,
    troubles,
)
from dashboards.deliverability.problems import (
    Domains,
    Stream,
    Streams,
    all_problems,
    domain_of_sender,
    domain_url,
    streams_by,
    window_width,
)
from dashboards.filters import Range
from dashboards.numbers import count_text, share, share_text
from dashboards.overviews import (
    Asked,
    Overview,
    bucket_text,
    bucket_title,
    buckets_of,
    overview,
    span_of,
    split,
    time_axis,
)
from dashboards.tables import Column, Table
from dashboards.tiles import Better, Tile, points_change

MOST_CAMPAIGNS = 200
WORST = 10
MOST_ROWS = 50
"""Of a table in the page: an agency has hundreds of senders."""
MOST_BARS = 12
_COMPLAINT_LINES = (
    Threshold("watch: 0.1 %", WATCH_COMPLAINTS, "fourth"),
    Threshold("blocked from 0.3 %", STOP_COMPLAINTS, "bad"),
)
_BOUNCE_LINES = (Threshold("5 %", STOP_BOUNCES, "bad"),)


@overview("deliverability", title="Deliverability")
def deliverability(asked: Asked) -> Overview:
    """Everything of the page (4 queries, two more when something is wrong)."""
    found = asked.range
    span, previous = span_of(found), found.previous
    begin = previous.first if previous else span.first
    every_start, by_part = figures_of_page(
        asked.ids, span, begin, DELIVERY, PeriodPart.SENDER, PeriodPart.PROVIDER, by_client=True
    )
    by_start, before = split(every_start, span)
    senders, providers = by_part[PeriodPart.SENDER], by_part[PeriodPart.PROVIDER]
    domains = domains_by_name()
    if not senders:
        return Overview(
            empty=f"Nothing went out: {found.words}. Rates by domain and mailbox provider appear here with the first "
            "campaign.",
            empty_url=reverse("admin:campaigns_campaign_changelist"),
            empty_button="Open the campaigns",
        )
    campaigns = campaigns_started(found.starts_at, found.ends_at, most=MOST_CAMPAIGNS)
    by_domain = streams_by(senders, lambda key: (key[0], domain_of_sender(key[1])))
    by_provider = streams_by(providers, lambda key: (None, key[1]))
    by_client = streams_by(senders, lambda key: (key[0], ""))
    problems, problem_count = all_problems(asked, senders, providers, by_domain, domains)
    starts = buckets_of(found, list(by_start))
    charts = {
        "complaints": _time_chart(found, starts, by_start, EventType.COMPLAINED, "Complaints", _COMPLAINT_LINES),
        "bounces": _time_chart(found, starts, by_start, EventType.BOUNCED, "Bounces", _BOUNCE_LINES),
        "complaints_by": _bars_chart(by_provider, EventType.COMPLAINED, "Complaints", _COMPLAINT_LINES),
        "bounces_by": _bars_chart(by_provider, EventType.BOUNCED, "Bounces", _BOUNCE_LINES),
    }
    by_sender = streams_by(senders, lambda key: key)
    tables = [
        *([_table(asked, "clients", "By client", "", by_client)] if asked.current is None else []),
        _domains_table(asked, by_domain, domains),
        _table(
            asked, "providers", "By mailbox provider", "Mailbox provider", by_provider, _telling(providers, by_sender)
        ),
        _table(asked, "senders", "By sender", "Sender", by_sender),
        _worst_table(asked, campaigns),
    ]
    context = {
        "problems": problems,
        "problem_count": problem_count,
        "tables": tables,
        "fewest": FEWEST_MAILS,
        "all_fine": _all_fine(by_domain),
    }
    now = summed(by_start.values())
    tiles = _tiles(found, now, summed(before.values()) if before else None, starts, by_start)
    told = summed(stream.figures for stream in by_sender if stream.figures.mails(EventType.DELIVERED))
    tiles.insert(1, _delivered_tile(now, told))
    return Overview(tiles=tiles, charts=charts, tables=tables, context=context)


def _telling(providers: Streams, by_sender: Sequence[Stream]) -> Mapping[str, Figures]:
    """By mailbox provider the mails of clients all of whose senders' deliveries are reported: the counters do not say
    which sender's mails went where."""
    silent = {one.client for one in by_sender if one.figures.sent and not one.figures.mails(EventType.DELIVERED)}
    of_told = {key: figures for key, figures in providers.items() if key[0] not in silent}
    return {stream.value: stream.figures for stream in streams_by(of_told, lambda key: (None, key[1]))}


def _all_fine(by_domain: Sequence[Stream]) -> str:
    if all(stream.figures.sent < FEWEST_MAILS for stream in by_domain):
        return f"No domain sent {count_text(FEWEST_MAILS)} mails or more in these days: too few to judge by."
    return "Every domain and mailbox provider is below the lines that get senders blocked."


# --- Tiles ------------------------------------------------------------------------------------------------------------


def _tiles(
    found: Range,
    now: Figures,
    before: Figures | None,
    starts: Sequence[datetime.date],
    by_start: Mapping[datetime.date, Figures],
) -> list[Tile]:
    own = [by_start.get(start, Figures()) for start in starts]
    kinds: tuple[tuple[str, EventType, Better, str, str], ...] = (
        ("Bounced", EventType.BOUNCED, "down", "bad", f"the line is {STOP_BOUNCES:g} %"),
        ("Complaints", EventType.COMPLAINED, "down", "bad", "watch from 0.1 %, blocked from 0.3 %"),
        ("Deferred", EventType.DEFERRED, "down", "other", "told to come again later"),
    )
    tiles = [
        Tile("Mails accepted", count_text(now.sent), note="the base of all rates here", trend=[one.sent for one in own])
    ]
    for title, kind, better, colour, note in kinds:
        change = None
        if before:
            change = points_change(
                rate(now, kind), rate(before, kind), against=found.previous_words, better=better, digits=2
            )
        tiles.append(
            Tile(
                title,
                rate_text(now, kind),
                base=f"{count_text(now.mails(kind))} of {count_text(now.sent)} accepted",
                note=note,
                change=change,
                trend=[one.mails(kind) for one in own],
                role=colour,
            )
        )
    return tiles


def _delivered_tile(now: Figures, told: Figures) -> Tile:
    """`told` are the mails of senders whose provider reports deliveries: the others' arrive without a word."""
    if not told.sent:
        return Tile("Delivered", "–", note="no provider reports deliveries")
    some = "" if told.sent == now.sent else f", for the {count_text(told.sent)} mails whose provider tells"
    delivered = told.mails(EventType.DELIVERED)
    return Tile(
        "Delivered",
        share_text(delivered, told.sent, digits=2),
        base=f"{count_text(delivered)} of {count_text(told.sent)} accepted",
        note=f"confirmed by the recipients' servers{some}",
        role="opened",
    )


# --- Charts -----------------------------------------------------------------------------------------------------------


def _time_chart(
    found: Range,
    starts: Sequence[datetime.date],
    by_start: Mapping[datetime.date, Figures],
    kind: EventType,
    title: str,
    lines: Sequence[Threshold],
) -> Chart:
    windows = moving(starts, by_start, kind, window_width(found))
    values = [share(cases, sent) if sent >= FEWEST_MAILS else None for sent, cases in windows]
    known = [value for value in values if value is not None]
    figure = lines_figure(
        [clock(start) for start in starts],
        [Line(title, "accepted", values)],
        is_percent=True,
        thresholds=lines,
        height=260,
        x_axis=time_axis(found),
    )
    top = max([*known, *(line.value for line in lines)], default=1)
    figure["layout"]["yaxis"]["range"] = [0, top * 1.25]
    for name in figure["layout"]["annotations"]:
        name["font"]["color"] = role("text")
    for trace in figure["data"]:
        trace["hovertemplate"] = "%{y:.2f} %"
    is_day = found.length == PeriodLength.DAY
    over = f"the {WINDOW} days until then" if is_day else "the month"
    columns = (
        Column(bucket_title(found), lambda row: bucket_text(found, row[0])),
        Column(f"Accepted, {over}", lambda row: row[1][0], is_number=True),
        Column(f"{title}, {over}", lambda row: row[1][1], is_number=True),
        Column("Rate", lambda row: percent_text(share(row[1][1], row[1][0])), is_number=True),
    )
    name = title.lower()
    worst = f"the highest is {formats.number_format(round(max(known), 2), use_l10n=True)} %" if known else ""
    return Chart(
        name=name,
        title=f"{title} over time",
        summary=f"{title} as a share of accepted mails, {worst}.",
        figure=figure,
        table=Table(name, f"{title} over time", columns, list(zip(starts, windows, strict=True))),
        note=f"Share of the mails accepted in {over}; gaps where those were fewer than {count_text(FEWEST_MAILS)}.",
        empty="" if known else f"Fewer than {count_text(FEWEST_MAILS)} mails at a time: too few for a rate.",
    )


def _bars_chart(streams: Sequence[Stream], kind: EventType, title: str, lines: Sequence[Threshold]) -> Chart:
    bars = [
        Bar(
            f"{plain(stream.value or 'Unknown')} · {count_text(stream.figures.sent)}",
            (rate(stream.figures, kind) or 0) if standing(stream.figures) != Standing.FEW else 0,
            _bar_text(stream.figures, kind),
            role=ROLES[standing(stream.figures, kind)],
        )
        for stream in streams[:MOST_BARS]
    ]
    columns = (
        Column("Mailbox provider", lambda stream: stream.value or "Unknown"),
        Column("Accepted", lambda stream: stream.figures.sent, is_number=True),
        Column(title, lambda stream: stream.figures.mails(kind), is_number=True),
        Column("Rate", lambda stream: rate_text(stream.figures, kind), is_number=True),
    )
    name = f"{title.lower()}-by-provider"
    return Chart(
        name=name,
        title=f"{title} by mailbox provider",
        summary="; ".join(f"{bar.title}: {bar.label}" for bar in bars) + ".",
        figure=rate_bars_figure(bars, lines),
        table=Table(name, f"{title} by mailbox provider", columns, list(streams)),
        note="Behind each name the mails it accepted, the base of its rate.",
    )


def _bar_text(figures: Figures, kind: EventType) -> str:
    if figures.sent < FEWEST_MAILS:
        return "too few"
    above = next((trouble for trouble in troubles(figures) if trouble.kind == kind), None)
    text = rate_text(figures, kind)
    return f"{text}, above {above.line_text}" if above else text


# --- Tables -----------------------------------------------------------------------------------------------------------


def _rate_columns(
    figures_of: Callable[[Any], Figures], told_of: Callable[[Any], Figures] | None = None
) -> tuple[Column, ...]:
    """`told_of` gives the mails that deliveries are a share of, where these are not all."""

    def text(kind: EventType) -> Callable[[Any], str]:
        return lambda row: rate_text(figures_of(row), kind)

    return (
        Column("Accepted", lambda row: figures_of(row).sent, is_number=True),
        Column("Delivered", lambda row: _delivered_text((told_of or figures_of)(row)), is_number=True),
        Column("Bounced", text(EventType.BOUNCED), is_number=True),
        Column("Complaints", text(EventType.COMPLAINED), is_number=True),
        Column("Deferred", text(EventType.DEFERRED), is_number=True),
        Column("Standing", lambda row: standing_text(figures_of(row))),
    )


def _delivered_text(figures: Figures) -> str:
    """Senders whose provider says nothing of deliveries have delivered all the same."""
    delivered = figures.mails(EventType.DELIVERED)
    return share_text(delivered, figures.sent) if delivered else "not reported"


def _client_column(asked: Asked) -> tuple[Column, ...]:
    names = asked.names
    return (Column("Client", lambda row: names.get(row.client, "")),) if asked.current is None else ()


def _table(
    asked: Asked,
    name: str,
    caption: str,
    title: str,
    streams: Sequence[Stream],
    told: Mapping[str, Figures] | None = None,
) -> Table:
    client = _client_column(asked) if name != "providers" else ()
    own = (Column(title, lambda stream: stream.value or "Unknown"),) if title else ()
    told_of = None if told is None else lambda stream: told.get(stream.value, Figures())
    rates = _rate_columns(lambda stream: stream.figures, told_of)
    return Table(name, caption, (*own, *client, *rates), list(streams), MOST_ROWS)


def _domains_table(asked: Asked, streams: Sequence[Stream], domains: Domains) -> Table:
    def domain_behind(stream: Stream) -> Any:
        return domains.get((stream.client, stream.value))

    def url(stream: Stream) -> str:
        domain = domain_behind(stream)
        return domain_url(domain) if domain else ""

    def dns(stream: Stream) -> str:
        domain = domain_behind(stream)
        return domain.get_status_display() if domain else "Not set up here"

    columns = (
        Column("Sending domain", lambda stream: stream.value or "Unknown", link=url),
        *_client_column(asked),
        Column("DNS", dns),
        *_rate_columns(lambda stream: stream.figures),
    )
    return Table("domains", "By sending domain", columns, list(streams), MOST_ROWS)


def _worst_table(asked: Asked, campaigns: Sequence[tuple[Any, Figures]]) -> Table:
    """Those with any bounce or complaint, by how near they are to a line."""

    def badness(row: tuple[Any, Figures]) -> float:
        complaints = rate(row[1], EventType.COMPLAINED) or 0
        bounces = rate(row[1], EventType.BOUNCED) or 0
        return max(complaints / STOP_COMPLAINTS, bounces / STOP_BOUNCES)

    bad = sorted((row for row in campaigns if badness(row) > 0), key=badness, reverse=True)[:WORST]
    client = (Column("Client", lambda row: row[0].organization.name),) if asked.current is None else ()
    columns = (
        Column("Campaign", lambda row: row[0].name, link=lambda row: report_url(row[0].pk)),
        *client,
        Column("Accepted", lambda row: row[1].sent, is_number=True),
        Column("Bounced", lambda row: rate_text(row[1], EventType.BOUNCED), is_number=True),
        Column("Complaints", lambda row: rate_text(row[1], EventType.COMPLAINED), is_number=True),
        Column("Standing", lambda row: standing_text(row[1])),
    )
    return Table("worst", "Campaigns with the most bounces and complaints", columns, bad)
