"""The links of the mail as a table; the mail they are drawn on is dashboards/link_map.py."""

from core.tracking.choices import EventType
from core.tracking.queries import LinkRow
from dashboards.addresses import events_url
from dashboards.numbers import share_text
from dashboards.report.counted import Report
from dashboards.tables import Column, Table


def clicked_mails(report: Report) -> int:
    """The base of the links' shares: mails in which anything was clicked."""
    return report.of(EventType.CLICKED)


def links_table(report: Report) -> Table:
    """Shares are of the mails in which anything was clicked: somebody who followed two links counts in both."""
    clickers = clicked_mails(report)
    columns = (
        Column("No.", lambda row: row.number, is_number=True),
        Column("Link", lambda row: row.url, link=lambda row: link_url(report, row)),
        Column(report.counted.value.capitalize(), lambda row: row.clicks.once(report.counted), is_number=True),
        Column("Share", lambda row: share_text(row.clicks.once(report.counted), clickers), is_number=True),
        Column("Clicks by people", lambda row: row.clicks.people, is_number=True),
        Column("Clicks by machines", lambda row: row.clicks.machines, is_number=True),
    )
    return Table("links", "Links of the mail and who followed them", columns, report.links)


def link_url(report: Report, row: LinkRow) -> str:
    return events_url(report.campaign.pk, EventType.CLICKED, link_id=row.pk, behind=report.counted.value)
