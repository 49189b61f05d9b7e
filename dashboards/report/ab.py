"""The A/B test: each variant's rate with the range in which the true one lies."""

from core.campaigns.ab.presentation import RULE, ShownResult, ShownTest, shown_test
from dashboards.charts import Chart, Interval, intervals_figure
from dashboards.report.counted import Report
from dashboards.tables import Column, Table

_COUNTING_SECONDS = 0.5


def ab_chart(report: Report) -> Chart | None:
    """None without a test."""
    test = shown_test(report.campaign, seconds=_COUNTING_SECONDS)
    if test is None:
        return None
    known = [line for line in test.lines if line.accepted]
    return Chart(
        name="ab",
        title="A/B test",
        summary=f"{test.headline} " + "; ".join(f"Variant {line.letter} {line.rate}" for line in known),
        figure=intervals_figure([_interval(test, line) for line in known]),
        table=_table(test),
        note=f"{test.headline} {test.detail} Lines: where the true {test.rate_label} lies with 95 % certainty. {RULE}",
        empty="" if known else "There is nothing to compare yet, or counting it takes longer than this page.",
    )


def _interval(test: ShownTest, line: ShownResult) -> Interval:
    mark = " · sent to the rest" if line.is_winner else (" · leads" if line.is_leader else "")
    return Interval(
        title=f"Variant {line.letter}",
        rate=100 * line.rate_share,
        low=100 * line.low_share,
        high=100 * line.high_share,
        label=f"{line.rate} ({line.interval}){mark}",
        url=line.mails_url,
        role="opened" if line.is_winner or (line.is_leader and test.is_open) else "other",
    )


def _table(test: ShownTest) -> Table:
    columns = (
        Column("Variant", lambda line: line.letter, link=lambda line: line.mails_url),
        Column("What is different", lambda line: line.what),
        Column("Accepted", lambda line: line.accepted, is_number=True),
        Column("Successes", lambda line: line.successes, is_number=True),
        Column("Rate", lambda line: line.rate, is_number=True),
        Column("95 % interval", lambda line: line.interval),
        Column("Chance to be the best", lambda line: line.odds, is_number=True),
    )
    return Table("ab", f"Variants of the sample; success: {test.metric}", columns, list(test.lines))
