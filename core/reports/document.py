"""The parts a report is made of, whatever it is written as: every renderer draws the same document."""

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum, StrEnum
from typing import Any

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


_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def xml_safe(text: str) -> str:
    """Without what XML 1.0 (2.2) cannot hold: pictures and workbooks are XML, and one such sign in a campaign's name or
    a link would leave the whole file unreadable."""
    return _NOT_IN_XML.sub("", text)


def rewritten(value: Any, change: Callable[[str], str]) -> Any:
    """A document, or a part of one, with each of its texts changed."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return change(value)
    if isinstance(value, tuple):
        return tuple(rewritten(one, change) for one in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: rewritten(getattr(value, field.name), change) for field in fields(value)})
    return value


def value_text(value: Value) -> str:
    """A cell as a reader of the active language reads it."""
    if isinstance(value, Share):
        return share_text(value.part, value.whole)
    if isinstance(value, int):
        return count_text(value)
    return day_text(value) if isinstance(value, datetime.date) else value
