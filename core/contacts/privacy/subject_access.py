"""A copy of everything a client knows about a person (GDPR, articles 15 and 20)."""

import io
import zipfile
from collections.abc import Iterable
from typing import Any

import orjson
from django.utils import timezone

from core.accounts import audit
from core.contacts.models import Contact
from core.contacts.privacy.people import person_of
from core.contacts.privacy.registry import data_holders
from core.exports.choices import ExportFormat
from core.exports.writers import open_writer

_README = """What {client} knows about {email}, as of {now:%d %B %Y %H:%M} UTC.

data.json holds everything, for programs. Each .csv file holds one part of it, for people; they open in any spreadsheet.
"""


def subject_access_archive(contact: Contact) -> bytes:
    """A zip of data.json and a CSV file for each section that is not empty. Audited."""
    person = person_of(contact)
    sections: dict[str, list[dict[str, Any]]] = {}
    for holder in data_holders():
        for name, rows in holder.sections(person).items():
            sections[name] = list(rows)
    audit.record(action="contact.data_exported", obj=contact)
    readme = _README.format(client=contact.organization, email=contact.email, now=timezone.now())
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", readme)
        archive.writestr("data.json", orjson.dumps(sections, default=str, option=orjson.OPT_INDENT_2))
        for name, found in sections.items():
            if found:
                archive.writestr(f"{name}.csv", _as_csv(found))
    return file.getvalue()


def _as_csv(rows: Iterable[dict[str, Any]]) -> bytes:
    found = list(rows)
    file = io.BytesIO()
    writer = open_writer(ExportFormat.CSV, file, list(found[0]))
    for row in found:
        writer.write([_cell(value) for value in row.values()])
    writer.close()
    return file.getvalue()


def _cell(value: Any) -> Any:
    return orjson.dumps(value, default=str).decode() if isinstance(value, dict) else value
