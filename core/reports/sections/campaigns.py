"""The sections about single campaigns and their links."""

from core.reports.document import CLICK_COLOR, PEOPLE_COLOR, Chart, ChartKind, Column, Part, Series, Share, Table, Value
from core.reports.figures import CampaignRow, Figures
from core.reports.numbers import count_text, share, share_text, shown_url
from core.reports.wording import Wording

MOST_BARS = 12
MOST_ROWS = 40


def campaigns(figures: Figures, words: Wording) -> Part:
    title = words.section_titles["campaigns"]
    rows = [row for row in figures.campaigns if row.tally.sent]
    if not rows:
        return Part("campaigns", title, (words.nothing_sent,))
    columns = (
        Column(words.campaign),
        Column(words.started),
        Column(words.mails, True),
        Column(words.opened, True),
        Column(words.clicked, True),
        Column(words.unsubscribed, True),
    )
    cells = tuple(_cells(row) for row in figures.campaigns)
    left_out = len(figures.campaigns) - MOST_ROWS
    more = words.and_more.format(count=count_text(left_out)) if left_out > 0 else ""
    table = Table("campaigns", title, columns, cells, shown_rows=MOST_ROWS, more=more)
    return Part("campaigns", title, charts=(_rates(rows, words),), tables=(table,), note=words.rates_note)


def _cells(row: CampaignRow) -> tuple[Value, ...]:
    tally = row.tally
    shares = (Share(mails, tally.sent) for mails in (tally.opened, tally.clicked, tally.unsubscribed))
    return (row.name, row.started, tally.sent, *shares)


def _rates(rows: list[CampaignRow], words: Wording) -> Chart:
    shown = rows[-MOST_BARS:]
    opens = tuple(share(row.tally.opened, row.tally.sent) or 0.0 for row in shown)
    clicks = tuple(share(row.tally.clicked, row.tally.sent) or 0.0 for row in shown)
    opened = tuple(share_text(row.tally.opened, row.tally.sent) for row in shown)
    clicked = tuple(share_text(row.tally.clicked, row.tally.sent) for row in shown)
    described = "; ".join(
        words.chart_rates.format(name=row.name, open=open_rate, click=click_rate)
        for row, open_rate, click_rate in zip(shown, opened, clicked, strict=True)
    )
    return Chart(
        "campaigns",
        ChartKind.BARS,
        words.rates_title,
        f"{described}.",
        tuple(row.name for row in shown),
        (
            Series(words.opened, opens, PEOPLE_COLOR, opened),
            Series(words.clicked, clicks, CLICK_COLOR, clicked),
        ),
        is_share=True,
    )


def links(figures: Figures, words: Wording) -> Part:
    title = words.section_titles["links"]
    rows = figures.links
    if not rows:
        return Part("links", title, (words.nothing_here,))
    labels = tuple(count_text(row.people) for row in rows)
    chart = Chart(
        "links",
        ChartKind.BARS,
        words.links_title,
        "; ".join(words.chart_people.format(name=shown_url(row.url), count=count_text(row.people)) for row in rows)
        + ".",
        tuple(shown_url(row.url, 44) for row in rows),
        (Series(words.people, tuple(float(row.people) for row in rows), CLICK_COLOR, labels),),
    )
    columns = (Column(words.link), Column(words.campaign), Column(words.people, True))
    table = Table("links", title, columns, tuple((row.url, row.campaign, row.people) for row in rows))
    return Part("links", title, charts=(chart,), tables=(table,), note=words.links_note)
