"""A campaign's results: what was counted, as rows first and as charts of those rows."""

from dashboards.report.charts import charts, table_named
from dashboards.report.counted import Report
from dashboards.report.tiles import against_words, tiles

__all__ = ["Report", "against_words", "charts", "table_named", "tiles"]
