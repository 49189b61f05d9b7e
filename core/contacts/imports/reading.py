"""An upload of whatever format, read into parts."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import BinaryIO

from core.contacts.errors import UnreadableFile
from core.contacts.imports.columns import guess_columns, remembered_columns
from core.contacts.imports.encodings import detect_encoding
from core.contacts.imports.files import Row, Table
from core.contacts.imports.formats.json_lists import JsonTable, looks_like_json
from core.contacts.imports.formats.packed import check_zip, opened_zip, unpacked_gzip, unpacked_zip
from core.contacts.imports.formats.text import TextTable
from core.contacts.imports.formats.workbooks import WorkbookTable
from core.contacts.imports.parts import write_parts
from core.contacts.models import ContactField, ContactImport

SAMPLE_ROWS = 5_000
SAMPLE_CHARACTERS = 4_000_000
_BEGINNING_BYTES = 4_096
_ZIP, _GZIP, _OLE = b"PK\x03\x04", b"\x1f\x8b", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OTHER = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"{\\rtf", "a text document (RTF)"),
    (b"SQLite format 3", "a database"),
    (b"\x7fELF", "a program"),
)
_MARKUP = (b"<!doctype", b"<html", b"<table", b"<?xml", b"<meta", b"<head", b"<body")
_SAVE_AS_CSV = "Save the list as CSV (UTF-8) or XLSX and choose that file."


def read_upload(contact_import: ContactImport, file: BinaryIO) -> None:
    """Find out what the file is and keep its rows as parts; sets file_format, encoding, delimiter, columns (guessed)
    and rows_total, which the caller saves.

    `file` is seekable and stays open. Memory does not grow with text files. Raises UnreadableFile, after which parts
    may be left: the caller's transaction takes them back.
    """
    with opened_table(file) as table:
        rows = table.rows()
        sample = _sample(rows)
        contact_import.file_format = table.file_format
        contact_import.encoding = table.encoding
        contact_import.delimiter = table.delimiter
        contact_import.columns = guess_columns(
            table.header,
            [[cell.strip() for cell in row.cells] for row in sample if not row.problem],
            remembered=remembered_columns(contact_import.organization_id, table.header),
            fields=ContactField.objects.filter(organization_id=contact_import.organization_id),
        )
        contact_import.rows_total = write_parts(contact_import, chain(sample, rows), len(table.header))
    if not contact_import.rows_total:
        raise UnreadableFile("The file has a header and no rows below it. Choose one with a row for each contact.")


@contextmanager
def opened_table(file: BinaryIO) -> Iterator[Table]:
    """The table in the file. Raises UnreadableFile."""
    with _unpacked(file) as content:
        yield _table(content)


@contextmanager
def _unpacked(file: BinaryIO) -> Iterator[BinaryIO]:
    """The file, or what is packed in it, as long as it is needed."""
    beginning = _beginning(file)
    if beginning.startswith(_GZIP):
        unpacked = unpacked_gzip(file)
    elif beginning.startswith(_ZIP) and not _workbook_format(file):
        unpacked = unpacked_zip(file)
    else:
        yield file
        return
    with unpacked as content:
        if _is_packed(content):
            raise UnreadableFile("The archive holds another archive. Choose the list itself.")
        yield content


def _is_packed(file: BinaryIO) -> bool:
    beginning = _beginning(file)
    return beginning.startswith(_GZIP) or (beginning.startswith(_ZIP) and not _workbook_format(file))


def _table(file: BinaryIO) -> Table:
    beginning = _beginning(file)
    if beginning.startswith(_ZIP):
        return WorkbookTable(file, _workbook_format(file))
    if beginning.startswith(_OLE):
        return WorkbookTable(file, "xls")
    for magic, kind in _OTHER:
        if beginning.startswith(magic):
            raise UnreadableFile(f"This is {kind}, not a list of contacts. {_SAVE_AS_CSV}")
    if beginning.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_MARKUP):
        raise UnreadableFile(f"This is a web page or an XML file, whatever its name says. {_SAVE_AS_CSV}")
    if looks_like_json(beginning.decode(detect_encoding(file), errors="replace").lstrip("\ufeff")):
        return JsonTable(file)
    return TextTable(file)


def _workbook_format(file: BinaryIO) -> str:
    """Of a zip archive, which kind of workbook it is; "" for any other. Raises UnreadableFile for what is neither."""
    with opened_zip(file, "workbook or zip archive") as archive:
        names = set(archive.namelist())
        if "[Content_Types].xml" in names or "mimetype" in names:
            check_zip(archive)
        if "[Content_Types].xml" in names:
            return _office_format(names)
        if "mimetype" in names and "content.xml" in names:
            if b"spreadsheet" not in archive.read("mimetype")[:200]:
                raise UnreadableFile(f"This is a document without a sheet. {_SAVE_AS_CSV}")
            return "ods"
    return ""


def _office_format(names: set[str]) -> str:
    if not any(name.startswith("xl/") for name in names):
        raise UnreadableFile(f"This is a Word or PowerPoint document. {_SAVE_AS_CSV}")
    if "xl/vbaProject.bin" in names:
        return "xlsm"
    return "xlsb" if "xl/workbook.bin" in names else "xlsx"


def _beginning(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(_BEGINNING_BYTES)


def _sample(rows: Iterator[Row]) -> list[Row]:
    """The first rows, by which columns are guessed."""
    sample: list[Row] = []
    characters = 0
    for row in rows:
        sample.append(row)
        characters += sum(map(len, row.cells))
        if len(sample) >= SAMPLE_ROWS or characters > SAMPLE_CHARACTERS:
            break
    return sample
