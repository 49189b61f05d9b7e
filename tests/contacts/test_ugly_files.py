"""Every ugly file gives the right people and the right refusals, or one clear sentence."""

import io

import pytest

from core.accounts.models import Organization
from core.contacts.errors import BadColumns, UnreadableFile
from core.contacts.imports.columns import check_columns
from core.contacts.imports.parts import read_parts
from core.contacts.imports.reading import read_upload
from core.contacts.imports.rows import ParsedPart, RowParser
from core.contacts.models import ContactImport
from tests.contacts.messy import UGLY_FILES, Ugly


def read(organization: Organization, content: bytes) -> tuple[ContactImport, list[ParsedPart]]:
    """The import as it was read, and its parts as they were validated."""
    contact_import = ContactImport.objects.create(organization=organization, file_name="list.csv")
    read_upload(contact_import, io.BytesIO(content))
    check_columns(contact_import.columns)
    contact_import.save()
    parser = RowParser(contact_import.columns)
    return contact_import, [parser.parse(part) for part in read_parts(contact_import)]


def test_ugly_files_are_sixty_and_more() -> None:
    assert len({ugly.name for ugly in UGLY_FILES}) == len(UGLY_FILES) >= 60


@pytest.mark.parametrize("ugly", UGLY_FILES, ids=lambda ugly: ugly.name)
def test_read_upload_ugly_file_gives_its_people_or_a_sentence(in_florist: Organization, ugly: Ugly) -> None:
    content = ugly.build()
    if ugly.sentence:
        with pytest.raises((UnreadableFile, BadColumns), match=ugly.sentence):
            read(in_florist, content)
        return
    contact_import, parts = read(in_florist, content)
    names = [name for part in parts for name in part.texts.get("first_name", [""] * len(part))]
    assert _each(parts, names) == list(ugly.people)
    refused = {row.row_number: row.reason for part in parts for row in part.refused}
    assert refused.keys() == ugly.refused.keys()
    for number, words in ugly.refused.items():
        assert words in refused[number]
    assert contact_import.rows_total == len(ugly.people) + len(refused)
    if ugly.attributes is not None:
        assert parts[0].attributes[0] == ugly.attributes


def _each(parts: list[ParsedPart], names: list[str]) -> list[tuple[str, str]]:
    return list(zip([email for part in parts for email in part.emails], names, strict=True))
