"""The parts a report is made of, whatever it is written as: every renderer draws the same document."""

import datetime
from dataclasses import dataclass
from enum import StrEnum

from core.reports.numbers import count_text, day_text, share_text

# Okabe and Ito's palette: told apart by everybody, also in print.
PEOPLE_COLOR, CLICK_COLOR, MACHINE_COLOR, PALE_COLOR, SCANNER_COLOR = (
    "#0072b2",
    "#d55e00",
    "#e69f00",
    "#9fb8c9",
    "#8a8f98",
)


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its base; shown as a percentage."""

    part: int
    whole: int


Value = str | int | Share | datetime.date


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """`name` is plain ASCII: the name of its file, and of its worksheet. `more` says what is left out of pages."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    shown_rows: int = 30
    more: str = ""


class ChartKind(StrEnum):
    BARS = "bars"
    LINES = "lines"
    HEAT = "heat"


@dataclass(frozen=True, slots=True)
class Series:
    """`labels` stand beside the values, in the report's language; empty for none. `is_pale`: the period before."""

    name: str
    values: tuple[float, ...]
    color: str
    labels: tuple[str, ...] = ()
    is_pale: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """`categories` name the values of each series (of a heat map: its hours; a series is a weekday). `description`
    says in words what the picture shows. `is_share`: the values are percentages."""

    name: str
    kind: ChartKind
    title: str
    description: str
    categories: tuple[str, ...]
    series: tuple[Series, ...]
    is_share: bool = False


@dataclass(frozen=True, slots=True)
class Tile:
    """A key figure. `change` compares with the period before; `is_good` is None where neither way is better."""

    label: str
    value: str
    base: str
    change: str = ""
    direction: int = 0
    is_good: bool | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One section: any of its fields may be empty."""

    key: str
    title: str
    paragraphs: tuple[str, ...] = ()
    is_list: bool = False
    tiles: tuple[Tile, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Brand:
    """The client's look when the report was made. `text_color` is readable on `color`; `logo` is a PNG or JPEG, b""
    for none."""

    client: str
    color: str
    text_color: str
    ink: str
    logo: bytes = b""
    logo_type: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """`page_words` has {page} and {pages} in it."""

    language: str
    title: str
    period: str
    compared: str
    made: str
    by: str
    page_words: str
    brand: Brand
    parts: tuple[Part, ...]

    @property
    def tables(self) -> list[Table]:
        return [table for part in self.parts for table in part.tables]


def value_text(value: Value) -> str:
    """A cell as a reader of the active language reads it."""
    if isinstance(value, Share):
        return share_text(value.part, value.whole)
    if isinstance(value, int):
        return count_text(value)
    return day_text(value) if isinstance(value, datetime.date) else value
