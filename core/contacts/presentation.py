"""The sentences and figures of the audience's pages."""

from typing import Any

from core.contacts.choices import ImportStatus
from core.contacts.imports.preview import ImportTotals
from core.contacts.models import ContactImport
from core.contacts.queries import ImportProgress

ENCODING_NAMES = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8",
    "cp1252": "Windows (western)",
    "mac_roman": "Mac Roman",
}


def encoding_name(encoding: str) -> str:
    return ENCODING_NAMES.get(encoding, encoding.upper().replace("_", "-"))


def count_of(number: int, one: str, many: str = "") -> str:
    """ "1 row", "2,000 rows"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def totals_sentences(contact_import: ContactImport, totals: ImportTotals) -> list[str]:
    """What the totals of the check page mean."""
    sentences = []
    if not totals.is_complete:
        sentences.append(
            f"Counted over the first {totals.rows:,} of {contact_import.rows_total:,} rows; "
            "the rest is checked while it runs."
        )
    if totals.protected:
        sentences.append(
            f"{count_of(totals.protected, 'contact')} of this file unsubscribed, bounced, complained or "
            "are on the suppression list. They stay so: an import never resubscribes anybody."
        )
    return sentences


def import_outcome(contact_import: ContactImport) -> str:
    """One line for the list."""
    if contact_import.status == ImportStatus.DRAFT:
        return "Nothing imported yet"
    if contact_import.status == ImportStatus.RUNNING:
        return f"{contact_import.rows_done:,} rows done"
    parts = [f"{contact_import.created_count:,} new", f"{contact_import.updated_count:,} changed"]
    parts.append(f"{contact_import.unchanged_count:,} same")
    if contact_import.refused_count:
        parts.append(f"{contact_import.refused_count:,} refused")
    return ", ".join(parts)


def result_tiles(contact_import: ContactImport) -> list[tuple[str, int, str]]:
    """Key, figure and label of the result's tiles; the page's script keeps the figures up to date by key."""
    return [
        ("created", contact_import.created_count, "New contacts"),
        ("updated", contact_import.updated_count, "Changed"),
        ("unchanged", contact_import.unchanged_count, "Same as before"),
        ("refused", contact_import.refused_count, "Refused rows"),
    ]


def result_sentences(contact_import: ContactImport) -> list[str]:
    """What came of an import that has ended, in words."""
    if contact_import.status in (ImportStatus.QUEUED, ImportStatus.RUNNING):
        return []
    done, total = contact_import.rows_done, contact_import.rows_total
    sentences = []
    if contact_import.status == ImportStatus.DONE:
        sentences.append(f"All {total:,} rows were read: {import_outcome(contact_import)}.")
    else:
        left = total - done
        sentences.append(
            f"{count_of(done, 'row')} of {total:,} were imported and stay ({import_outcome(contact_import)}). "
            f"The other {left:,} were not: upload the file again to go on, what is there already stays the same."
        )
    if contact_import.group:
        sentences.append(f"The contacts are in the group “{contact_import.group}”.")
    if contact_import.protected_count:
        sentences.append(
            f"{count_of(contact_import.protected_count, 'contact')} of the file unsubscribed, bounced, complained or "
            "are on the suppression list, and stay so."
        )
    return sentences


def progress_words(progress: ImportProgress) -> dict[str, Any]:
    """What the progress page shows and polls."""
    rate, left = progress.rate_per_second, progress.seconds_left
    line = f"{progress.rows_done:,} of {progress.rows_total:,} rows"
    if progress.status == ImportStatus.QUEUED:
        line = "Waiting for a worker"
    if progress.is_under_way and rate and left is not None:
        line += f" · {rate:,.0f} a second · about {duration(left)} left"
    return {
        "percent": round(progress.percent, 1),
        "line": line,
        "note": "No news for a while: the import goes on by itself as soon as a worker is free."
        if progress.is_behind
        else "",
        "counts": {
            "created": f"{progress.created:,}",
            "updated": f"{progress.updated:,}",
            "unchanged": f"{progress.unchanged:,}",
            "refused": f"{progress.refused:,}",
        },
    }


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
