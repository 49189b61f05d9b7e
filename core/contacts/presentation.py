"""The sentences and figures of the import's pages."""

import datetime
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format

from core.contacts.choices import ConsentBasis, ImportMode, ImportStatus
from core.contacts.imports.preview import ImportTotals
from core.contacts.imports.undo import UNDO_DAYS
from core.contacts.models import Contact, ContactGroup, ContactImport
from core.contacts.queries import ImportProgress, import_progress

ACCEPTED_FILES = ".csv,.tsv,.txt,.xlsx,.xls,.xlsm,.xlsb,.ods,.json,.jsonl,.gz,.zip"
ENCODING_NAMES = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    "cp1250": "Windows (central European)",
    "cp1252": "Windows (western)",
    "mac_roman": "Mac Roman",
}
DELIMITER_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
CONSENT_HELP = {
    ConsentBasis.EXPRESS: "They asked for it: a ticked box, a signed form, a business card handed over for this.",
    ConsentBasis.DOUBLE_OPT_IN: "They asked for it and confirmed by a link in a mail. The strongest proof.",
    ConsentBasis.EXISTING_CUSTOMER: "They bought something, could object then, and hear about similar things only.",
    ConsentBasis.LEGITIMATE_INTEREST: "Your interest was weighed against theirs, in writing. Mostly business contacts.",
    ConsentBasis.CONTRACT: "The mails are part of what was agreed, such as notices about a booking. No advertising.",
}
MODE_WORDS = {
    ImportMode.UPDATE: (
        "Add and update",
        "New contacts are added. Known ones take over what the file says; empty cells change nothing.",
    ),
    ImportMode.ADD_ONLY: ("Add only", "New contacts are added. Known ones stay as they are and come into no group."),
    ImportMode.OVERWRITE_EMPTY: (
        "Overwrite",
        "As “Add and update”, and an empty cell empties the field of a known contact.",
    ),
}
CONTINUED = "Upload the file again to go on: what is there already stays the same."


def upload_limits(max_bytes: int) -> str:
    return (
        f"CSV, TSV, Excel, ODS or JSON, also packed as .gz or .zip, up to {max_bytes // 1024**2} MB. "
        "Encoding, separator and header are found out."
    )


def encoding_name(encoding: str) -> str:
    return ENCODING_NAMES.get(encoding, encoding.upper().replace("_", "-"))


def count_of(number: int, one: str, many: str = "") -> str:
    """ "1 row", "2,000 rows"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def day(moment: datetime.date) -> str:
    """ "28 November 2026", in the zone of the page where it is a moment."""
    at = timezone.localtime(moment) if isinstance(moment, datetime.datetime) else moment
    return date_format(at, "j F Y")


def moment(at: datetime.datetime) -> str:
    """ "28 November 2026, 09:30 CET"."""
    local = timezone.localtime(at)
    return f"{day(local)}, {local:%H:%M %Z}"


def file_facts(contact_import: ContactImport) -> str:
    """What was found out about the file."""
    read_as = contact_import.file_format.upper()
    if contact_import.encoding:
        read_as = f"{read_as} in {encoding_name(contact_import.encoding)}".strip()
    if separated := DELIMITER_NAMES.get(contact_import.delimiter):
        read_as += f", separated by {separated}"
    facts = f"{count_of(contact_import.rows_total, 'row')} with {count_of(len(contact_import.columns), 'column')}"
    return f"{facts}, read as {read_as}." if read_as else f"{facts}."


def column_origin(column: Mapping[str, Any]) -> tuple[str, str]:
    """How a column came to its field before anybody looked, and the icon of that."""
    if column.get("is_remembered"):
        return "As last time", "history"
    return ("Guessed", "wand_stars") if column["field"] else ("", "")


def choices_made(contact_import: ContactImport, groups: Sequence[ContactGroup]) -> list[tuple[str, str]]:
    """What was chosen on the first step, as label and value."""
    basis = contact_import.get_consent_basis_display() or "Not chosen yet"
    came = [contact_import.consent_source, f"on {day(contact_import.consent_on)}" if contact_import.consent_on else ""]
    return [
        ("Legal basis", " · ".join([basis, *filter(None, came)])),
        ("Known contacts", MODE_WORDS[ImportMode(contact_import.mode)][0]),
        ("Groups", ", ".join(group.name for group in groups) or "None"),
        ("Tags", ", ".join(contact_import.tags) or "None"),
    ]


def totals_sentences(totals: ImportTotals) -> list[str]:
    """What the totals of the check page mean."""
    sentences = []
    if totals.protected:
        sentences.append(
            f"{count_of(totals.protected, 'contact is', 'contacts are')} protected: unsubscribed, bounced, complained "
            "or on a suppression list. They stay so: an import never resubscribes anybody."
        )
    if totals.duplicates:
        repeats = count_of(totals.duplicates, "of the refused rows repeats", "of the refused rows repeat")
        sentences.append(f"{repeats} an address that stands further up in the file: the first one counts.")
    flagged = []
    if totals.role:
        flagged.append(count_of(totals.role, "role address such as info@", "role addresses such as info@"))
    if totals.disposable:
        flagged.append(count_of(totals.disposable, "disposable address", "disposable addresses"))
    if flagged:
        sentences.append(f"{' and '.join(flagged)}: imported, and marked so that you can leave them out.")
    return sentences


def import_outcome(contact_import: ContactImport) -> str:
    """One line for the list."""
    status = ImportStatus(contact_import.status)
    if status in (ImportStatus.READING, ImportStatus.DRAFT, ImportStatus.QUEUED) or not contact_import.rows_done:
        return contact_import.problem or "Nothing imported yet"
    if status in (ImportStatus.RUNNING, ImportStatus.PAUSED):
        return f"{contact_import.rows_done:,} rows done"
    if status == ImportStatus.UNDONE:
        kept = f", {contact_import.kept_count:,} kept" if contact_import.kept_count else ""
        return f"{contact_import.restored_count:,} put back{kept}"
    parts = [f"{contact_import.created_count:,} new", f"{contact_import.updated_count:,} changed"]
    parts.append(f"{contact_import.unchanged_count:,} same")
    if contact_import.refused_count:
        parts.append(f"{contact_import.refused_count:,} refused")
    return ", ".join(parts)


def undo_until(contact_import: ContactImport) -> datetime.datetime | None:
    """The end of the time in which it can be undone; None for an import that did nothing, or has not ended."""
    ended = contact_import.status in (ImportStatus.DONE, ImportStatus.FAILED, ImportStatus.CANCELLED)
    if not ended or not contact_import.rows_done or contact_import.finished_at is None:
        return None
    return contact_import.finished_at + datetime.timedelta(days=UNDO_DAYS)


Tiles = list[tuple[str, int, str]]


def tiles(counts: Any) -> Tiles:
    """Key, figure and label of the tiles; the page's script keeps the figures up to date by key."""
    return [
        ("created", counts.created, "New contacts"),
        ("updated", counts.updated, "Changed"),
        ("unchanged", counts.unchanged, "Same as before"),
        ("refused", counts.refused, "Refused rows"),
        ("protected", counts.protected, "Protected"),
    ]


def result_tiles(contact_import: ContactImport) -> Tiles:
    """What it did; once undone, what became of that."""
    if contact_import.status != ImportStatus.UNDONE:
        return tiles(import_progress(contact_import))
    return [
        ("restored", contact_import.restored_count, "Put back"),
        ("kept", contact_import.kept_count, "Left as they are"),
        ("refused", contact_import.refused_count, "Refused rows"),
    ]


def result_sentences(contact_import: ContactImport, groups: Sequence[ContactGroup]) -> list[str]:
    """What came of an import that has ended, in words."""
    status = ImportStatus(contact_import.status)
    done, total = contact_import.rows_done, contact_import.rows_total
    if status == ImportStatus.UNDONE:
        return _undone_sentences(contact_import)
    if status not in (ImportStatus.DONE, ImportStatus.FAILED, ImportStatus.CANCELLED):
        return []
    if not done:
        return ["Nothing was imported."]
    if status == ImportStatus.DONE:
        sentences = [f"All {total:,} rows were read: {import_outcome(contact_import)}."]
    else:
        sentences = [
            f"{count_of(done, 'row')} of {total:,} were imported and stay ({import_outcome(contact_import)}). "
            f"The other {total - done:,} were not. {CONTINUED}"
        ]
    if groups:
        names = " and ".join(f"“{group.name}”" for group in groups)
        sentences.append(f"The contacts are in the {'group' if len(groups) == 1 else 'groups'} {names}.")
    if contact_import.protected_count:
        sentences.append(
            f"{count_of(contact_import.protected_count, 'contact')} of the file unsubscribed, bounced, complained or "
            "are on a suppression list, and stay so."
        )
    return sentences


def _undone_sentences(contact_import: ContactImport) -> list[str]:
    when = f" on {day(contact_import.undone_at)}" if contact_import.undone_at else ""
    restored, kept = contact_import.restored_count, contact_import.kept_count
    sentences = [
        f"Undone{when}: {count_of(restored, 'contact')} {'is' if restored == 1 else 'are'} as before the import."
    ]
    if kept:
        was = "was left as it is" if kept == 1 else "were left as they are"
        sentences.append(
            f"{count_of(kept, 'contact')} {was}, because something happened since: see the reason in the list below."
        )
    return sentences


def undo_confirmation(contact_import: ContactImport) -> tuple[str, ...]:
    """What undoing will do, in numbers."""
    return (
        f"{count_of(contact_import.created_count, 'contact')} that came with it "
        f"{'is' if contact_import.created_count == 1 else 'are'} deleted, and "
        f"{count_of(contact_import.updated_count, 'changed contact')} get back the values from before.",
        "Whoever was changed since is left as they are; the result names them and says why.",
    )


_BEHIND = "No news for a while: it goes on by itself as soon as a worker is free."
MOVING = (ImportStatus.READING, ImportStatus.QUEUED, ImportStatus.RUNNING, ImportStatus.UNDOING)


def live(progress: ImportProgress, *, is_counting: bool) -> dict[str, Any]:
    """What the pages show and poll while something is going on. Another `state` than the page's leads elsewhere."""
    status = progress.status
    return {
        "state": f"{status}:counting" if is_counting else str(status),
        "is_moving": status in MOVING or is_counting,
        "is_shown": status in MOVING or status == ImportStatus.PAUSED,
        "percent": _percent(progress, is_counting=is_counting),
        "line": _line(progress, is_counting=is_counting),
        "note": _BEHIND if progress.is_behind else "",
        "counts": {} if is_counting else {key: f"{figure:,}" for key, figure, _label in tiles(progress)},
    }


def _percent(progress: ImportProgress, *, is_counting: bool) -> float | None:
    """None while nobody can say."""
    if progress.status == ImportStatus.READING or (is_counting and not progress.rows_done):
        return None
    return round(progress.percent, 1)


def _line(progress: ImportProgress, *, is_counting: bool) -> str:
    status, rate, left = progress.status, progress.rate_per_second, progress.seconds_left
    rows = f"{progress.rows_done:,} of {progress.rows_total:,} rows"
    if is_counting:
        return f"Counting: {rows}. The first ones are below already, and you can go on without waiting."
    if status == ImportStatus.READING:
        return "The file is being read: columns and rows are found out."
    if status == ImportStatus.QUEUED:
        return "Waiting for a worker"
    if status == ImportStatus.PAUSED:
        return f"Paused at {rows}"
    if status == ImportStatus.UNDOING:
        return f"{progress.rows_done:,} of {progress.rows_total:,} contacts are put back"
    if rate and left is not None:
        return f"{rows} · {rate:,.0f} a second · about {duration(left)} left"
    return rows


def duration(seconds: float) -> str:
    """A rough time for people."""
    if seconds < 90:
        return count_of(max(round(seconds), 1), "second")
    return count_of(round(seconds / 60), "minute")


def refused_table(contact_import: ContactImport, limit: int) -> dict[str, Any]:
    """The first refused rows, with the columns that are assigned."""
    positions = [at for at, column in enumerate(contact_import.columns) if column["field"]][:5]
    rows = contact_import.refused_rows.order_by("row_number")[:limit]
    headings = [contact_import.columns[at]["header"] for at in positions]
    return {
        "headings": headings,
        "rows": [
            {
                "number": row.row_number,
                "cells": [
                    (heading, row.values[at][:80] if at < len(row.values) else "")
                    for heading, at in zip(headings, positions, strict=True)
                ],
                "reason": row.reason,
            }
            for row in rows
        ],
    }


def kept_table(contact_import: ContactImport, limit: int) -> dict[str, Any]:
    """The first contacts that an undo left as they are, with the reason."""
    if not contact_import.kept_count:
        return {"rows": []}
    chunks = contact_import.chunks.exclude(kept={}).order_by("number").values_list("kept", flat=True)
    reason_by_id: dict[str, str] = {}
    for kept in chunks.iterator(chunk_size=10):
        reason_by_id |= dict(islice(kept.items(), limit - len(reason_by_id)))
        if len(reason_by_id) >= limit:
            break
    emails = Contact.objects.filter(organization_id=contact_import.organization_id, pk__in=reason_by_id).values_list(
        "pk", "email"
    )
    return {"rows": [{"id": pk, "email": email, "reason": reason_by_id[str(pk)]} for pk, email in emails]}
