"""JSON: a list of objects, or an object in each line, decoded one by one. The names of the values are the columns.

Objects within objects become columns of their own ("address.city"), lists of plain values become one text. Numbers
stay as they are written.
"""

import io
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from core.contacts.errors import UnreadableFile
from core.contacts.imports.encodings import detect_encoding
from core.contacts.imports.files import MAX_COLUMNS, MAX_ROW_CHARACTERS, Row, column_names

_BLOCK_CHARACTERS = 256 * 1024
_DEPTH = 3
_LIST = re.compile(r"\s*\[\s*(?:[\[{\]\"\-0-9]|true|false|null|\Z)")
_OBJECT = re.compile(r"\s*\{\s*[\"}]")
_BETWEEN = re.compile(r"\s*,\s*|\s*")
_EXAMPLE = '[{"email": "anna@shop.example", "first name": "Anna"}, …]'
_NO_OBJECT = "This is no object with names and values."
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)

Item = tuple[int, Any, str]
"""Number, content and problem of an object; with a problem, the content is text."""


def looks_like_json(beginning: str) -> bool:
    """Whether a text file begins as a list or an object of JSON does."""
    return bool(_LIST.match(beginning) or _OBJECT.match(beginning))


class JsonTable:
    """The objects of a file, read twice: for the names, then for the rows. Raises UnreadableFile."""

    delimiter = ""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.encoding = detect_encoding(file)
        self._is_list = self._text().read(1_024).lstrip("\ufeff \t\r\n")[:1] == "["
        self.file_format = "json" if self._is_list else "jsonl"
        self._names = self._names_of_all()
        self.header = column_names(self._names)

    def rows(self) -> Iterator[Row]:
        for number, content, problem in self._items():
            if problem:
                yield Row(number, [content], problem)
                continue
            values = _flat(content)
            cells = [values.get(name, "") for name in self._names]
            if any(cell.strip() for cell in cells):
                yield Row(number, cells)

    def _names_of_all(self) -> list[str]:
        names: dict[str, None] = {}
        has_problems = False
        for _number, content, problem in self._items():
            if problem:
                has_problems = True
                continue
            names.update(dict.fromkeys(_flat(content)))
            if len(names) > MAX_COLUMNS:
                raise UnreadableFile(f"The objects have more than {MAX_COLUMNS} different names. Remove some.")
        if has_problems and not names:
            raise UnreadableFile(f"The JSON holds no list of objects. Contacts are read from {_EXAMPLE}")
        if not names:
            raise UnreadableFile("The file is empty. Choose one with an object for each contact.")
        return list(names)

    def _items(self) -> Iterator[Item]:
        return _list_items(self._text()) if self._is_list else _line_items(self._text())

    def _text(self) -> io.TextIOWrapper:
        self._file.seek(0)
        source: Any = _LeftOpen(self._file)  # type: ignore[arg-type]
        return io.TextIOWrapper(source, encoding=self.encoding, errors="replace")


class _LeftOpen(io.BufferedReader):
    """Does not close the file under it, which belongs to somebody else."""

    def close(self) -> None:
        """Nothing to give back."""


def _list_items(source: io.TextIOWrapper) -> Iterator[Item]:
    text = source.read(_BLOCK_CHARACTERS).removeprefix("\ufeff").lstrip()
    position, number = 1, 0
    while True:
        position = _next_item(text, position)
        if text.startswith("]", position):
            return
        try:
            content, end = _DECODER.raw_decode(text, position)
            # What ends with the text may go on after it, as a number does.
            is_whole = end < len(text)
        except json.JSONDecodeError:
            is_whole = False
        except RecursionError:
            raise _broken(number) from None
        if is_whole:
            number, position = number + 1, end
            yield _checked(number, content)
            continue
        more = source.read(_BLOCK_CHARACTERS)
        if not more:
            raise _broken(number)
        text, position = text[position:] + more, 0
        if len(text) > MAX_ROW_CHARACTERS + _BLOCK_CHARACTERS:
            raise UnreadableFile(
                f"Object {number + 1:,} of the JSON is damaged, or longer than {MAX_ROW_CHARACTERS:,} characters."
            )


def _next_item(text: str, position: int) -> int:
    match = _BETWEEN.match(text, position)
    return match.end() if match else position


def _line_items(source: io.TextIOWrapper) -> Iterator[Item]:
    number = 0
    while line := source.readline(MAX_ROW_CHARACTERS):
        number += 1
        if len(line) == MAX_ROW_CHARACTERS:
            raise UnreadableFile(f"Line {number:,} of the JSON is longer than {MAX_ROW_CHARACTERS:,} characters.")
        line = line.removeprefix("\ufeff").strip()
        if not line:
            continue
        try:
            content = _DECODER.decode(line)
        except (json.JSONDecodeError, RecursionError):
            if number == 1:
                raise UnreadableFile(
                    f"The JSON is neither a list of objects nor an object in each line. Write it like {_EXAMPLE}"
                ) from None
            yield number, line, "The line is no JSON that can be read."
            continue
        yield _checked(number, content)


def _checked(number: int, content: Any) -> Item:
    if isinstance(content, dict):
        return number, content, ""
    return number, _text_of(content), _NO_OBJECT


def _broken(number: int) -> UnreadableFile:
    where = f" after object {number:,}" if number else ""
    return UnreadableFile(
        f"The JSON cannot be read{where}: it is damaged or incomplete. Save the list again and choose that file."
    )


def _flat(content: dict[str, Any], prefix: str = "", depth: int = 1) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, value in content.items():
        if isinstance(value, dict) and value and depth < _DEPTH:
            values |= _flat(value, f"{prefix}{name}.", depth + 1)
        else:
            values[prefix + name] = _text_of(value)
    return values


def _text_of(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and not any(isinstance(item, (list, dict)) for item in value):
        return ", ".join(map(_text_of, value))
    return json.dumps(value, ensure_ascii=False)
