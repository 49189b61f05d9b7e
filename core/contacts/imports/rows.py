"""From the cells of one row to a contact's values, or the reason why not: the one validation of every import."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from core.common.validators import time_zone_names
from core.contacts.addresses import normalise_address
from core.contacts.errors import BadAddress
from core.contacts.imports.columns import ATTRIBUTE, FIELD_LABELS, Column
from core.contacts.imports.files import Row, readable
from core.contacts.models import Contact

TEXT_FIELDS = tuple(name for name in FIELD_LABELS if name != "email")
MAX_ATTRIBUTE_CHARACTERS = 2_000
KEPT_CELL_CHARACTERS = 1_000
"""Of a refused row this much of each cell is kept for the download."""
_DAMAGED = re.compile("[\ud800-\udfff\ufffd]")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")


class ParsedRow(NamedTuple):
    """A row as it will be: a value for every text field, "" where the file says nothing."""

    row_number: int
    email: str
    email_key: str
    texts: tuple[str, ...]
    """In the order of TEXT_FIELDS."""
    attributes: dict[str, str]


class Refused(NamedTuple):
    """A row that is not taken: its cells as they can be shown, and a sentence for whoever mends it."""

    row_number: int
    cells: list[str]
    reason: str


class _Refusal(Exception):
    """Carries the reason out of the checks of one row."""


class RowParser:
    """Validates the rows of one file in order; remembers addresses, because of two equal ones the first wins.

    An address costs about 150 bytes of memory until the run is over.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        positions = {column["field"]: position for position, column in enumerate(columns) if column["field"]}
        self._width = len(columns)
        self._email = positions["email"]
        self._texts = [
            (name, positions.get(name), getattr(Contact._meta.get_field(name), "max_length", 0)) for name in TEXT_FIELDS
        ]
        self._attributes = [
            (field.removeprefix(ATTRIBUTE), position)
            for field, position in positions.items()
            if field.startswith(ATTRIBUTE)
        ]
        self._row_by_key: dict[str, int] = {}

    def parse(self, row: Row) -> ParsedRow | Refused:
        """The contact in this row, or why there is none. Never raises for what a file may hold."""
        try:
            return self._parsed(row)
        except _Refusal as refusal:
            reason = str(refusal)
        except BadAddress as error:
            reason = str(error)
        cells = [readable(cell[:KEPT_CELL_CHARACTERS]) for cell in row.cells]
        return Refused(row.number, cells, _short(reason))

    def _parsed(self, row: Row) -> ParsedRow:
        if row.problem:
            raise _Refusal(f"The row cannot be read: {row.problem}.")
        cells = self._clean(row.cells)
        address = normalise_address(cells[self._email])
        texts = tuple(
            self._text(name, cells[position], max_length) if position is not None else ""
            for name, position, max_length in self._texts
        )
        attributes = {name: self._attribute(name, cells[at]) for name, at in self._attributes if cells[at]}
        first = self._row_by_key.setdefault(address.email_key, row.number)
        if first != row.number:
            raise _Refusal(f"“{address.email}” is the same address as row {first:,}.")
        return ParsedRow(row.number, address.email, address.email_key, texts, attributes)

    def _clean(self, cells: list[str]) -> list[str]:
        """Exactly as many cells as columns: missing ones are empty, more than that only when they are."""
        joined = "".join(cells)
        if not joined.isascii() and _DAMAGED.search(joined):
            raise _Refusal("Some characters are in another encoding than the rest of the file.")
        if "\0" in joined:
            cells = [cell.replace("\0", "") for cell in cells]
        extra = len(cells) - self._width
        if extra > 0 and any(cell.strip() for cell in cells[self._width :]):
            raise _Refusal(
                f"The row has {len(cells)} cells, the header has {self._width}: a value with a separator in it "
                "needs quotation marks."
            )
        padded = cells + [""] * -extra if extra < 0 else cells
        return [cell.strip() for cell in padded]

    def _text(self, name: str, value: str, max_length: int) -> str:
        if not value:
            return ""
        value = " ".join(value.split())
        if len(value) > max_length:
            raise _Refusal(f"{FIELD_LABELS[name]} is longer than {max_length} characters.")
        if name == "time_zone" and value not in time_zone_names():
            raise _Refusal(f"“{value}” is no time zone. Write it like Europe/Madrid.")
        if name == "language":
            value = value.replace("_", "-")
            if not _LANGUAGE.fullmatch(value):
                raise _Refusal(f"“{value}” is no language code. Write it like es or es-MX.")
        return value

    def _attribute(self, name: str, value: str) -> str:
        if len(value) > MAX_ATTRIBUTE_CHARACTERS:
            raise _Refusal(f"Custom field “{name}” is longer than {MAX_ATTRIBUTE_CHARACTERS:,} characters.")
        return value


def contact_values(parsed: ParsedRow) -> dict[str, Any]:
    """The fields that the row sets: an empty cell says nothing."""
    return {name: value for name, value in zip(TEXT_FIELDS, parsed.texts, strict=True) if value}


def _short(reason: str) -> str:
    """As much as RefusedRow keeps, without characters that cannot be stored."""
    reason = readable(reason)
    return reason if len(reason) <= 300 else reason[:299] + "…"
