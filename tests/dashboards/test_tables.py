"""Rows as people and spreadsheets get them."""

import pytest

from dashboards.numbers import count_text, duration_text, rate_text, share_text
from dashboards.tables import Column, Table, csv_download


def table(value: object) -> Table:
    return Table("links", "Links", (Column("Link", lambda row: row),), [value])


@pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@x", "\t=1", " =1+1", "＝1+1", '"=1'])
def test_csv_of_a_text_that_is_a_formula_marks_it_as_text(value: str) -> None:
    line = csv_download(table(value), file_name="x.csv").content.decode().splitlines()[1].strip('"')
    assert line.startswith("'")


def test_csv_of_a_title_that_is_a_formula_marks_it_as_text() -> None:
    column = Column('=HYPERLINK("http://evil.example") · Florist, %', lambda row: row)
    titled = Table("opens", "Opens", (column,), ["x"])
    line = csv_download(titled, file_name="x.csv").content.decode().lstrip("\ufeff").splitlines()[0]
    assert line.startswith("\"'=HYPERLINK")


def test_csv_keeps_numbers_as_numbers() -> None:
    response = csv_download(table(-5), file_name="x.csv")
    assert response.content.decode() == "\ufeffLink\r\n-5\r\n"
    assert response["Content-Disposition"] == 'attachment; filename="x.csv"'


def test_cells_escape_what_they_link() -> None:
    column = Column("Link", lambda row: row, link=lambda row: "/x?a=1&b=2")
    (cell,) = Table("links", "Links", (column,), ["<b>"]).cells()[0]
    assert cell["shown"] == '<a href="/x?a=1&amp;b=2">&lt;b&gt;</a>'


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 second"), (41, "41 seconds"), (61, "1 minute"), (3600, "1 hour"), (3 * 3600 + 125, "3 hours 2 minutes")],
)
def test_duration_text_rounds_to_what_matters(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_share_text_of_nothing_is_a_dash() -> None:
    assert share_text(0, 0) == "–"
    assert share_text(1, 3) == "33.3 %"


def test_rate_text_below_one_a_second_is_by_the_minute() -> None:
    assert rate_text(1234.4) == "1,234 a second"
    assert rate_text(0.5) == "30 a minute"
    assert count_text(1234567) == "1,234,567"
