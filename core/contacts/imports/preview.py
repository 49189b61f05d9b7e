"""What an import would do, before anything is done."""

from dataclasses import dataclass
from itertools import islice

from django.db import transaction

from core.contacts.imports.files import open_table
from core.contacts.imports.rows import ParsedRow, Refused, RowParser
from core.contacts.imports.staging import classify_rows
from core.contacts.models import ContactImport
from core.subscriptions import usage
from core.subscriptions.choices import Metric
from core.subscriptions.errors import LimitReached

COUNTED_ROWS = 20_000
"""Up to here the totals are counted while the page is made: half a second. Of longer files, their beginning."""
SHOWN_REFUSALS = 50


@dataclass(frozen=True)
class ImportTotals:
    """Of the first `rows` rows: how many are new, changed, same, refused. `is_complete` when that is the whole file."""

    rows: int
    created: int
    updated: int
    unchanged: int
    refused: int
    protected: int
    is_complete: bool
    refusals: tuple[Refused, ...]


@transaction.atomic
def import_totals(contact_import: ContactImport) -> ImportTotals:
    """Validate the file, or its first COUNTED_ROWS rows, and compare with the contacts. Writes nothing.

    The columns must have passed `check_columns`.
    """
    table = open_table(contact_import.content, encoding=contact_import.encoding)
    parser = RowParser(contact_import.columns)
    parsed = [parser.parse(row) for row in islice(table.rows(), COUNTED_ROWS)]
    refused = tuple(row for row in parsed if isinstance(row, Refused))
    counts = classify_rows(
        organization_id=contact_import.organization_id, rows=(row for row in parsed if isinstance(row, ParsedRow))
    )
    return ImportTotals(
        rows=len(parsed),
        created=counts.created,
        updated=counts.updated,
        unchanged=counts.unchanged,
        refused=len(refused),
        protected=counts.protected,
        is_complete=len(parsed) >= contact_import.rows_total,
        refusals=refused[:SHOWN_REFUSALS],
    )


@transaction.atomic
def count_new_contacts(contact_import: ContactImport) -> int:
    """How many contacts the whole file would add, however long it is. Writes nothing, keeps no rows in memory."""
    table = open_table(contact_import.content, encoding=contact_import.encoding)
    parsed = map(RowParser(contact_import.columns).parse, table.rows())
    rows = (row for row in parsed if isinstance(row, ParsedRow))
    return classify_rows(organization_id=contact_import.organization_id, rows=rows).created


def refuse_beyond_plan(contact_import: ContactImport) -> None:
    """Raise LimitReached when the plan has no room for the whole file, so that it does not end half-done.

    Counts only where it could matter. Other work may take the room meanwhile: every chunk still counts exactly.
    """
    organization_id = contact_import.organization_id
    limit = usage.usable_plan(organization_id).limit(Metric.CONTACTS)
    used = usage.used(organization_id=organization_id, metric=Metric.CONTACTS)
    if limit is None or used + contact_import.rows_total <= limit:
        return
    if problem := limit_problem(contact_import, count_new_contacts(contact_import)):
        raise problem


def import_problem(contact_import: ContactImport, totals: ImportTotals) -> LimitReached | None:
    """Why the plan has no room for this import, if that is known. Raises NoUsableSubscription."""
    return limit_problem(contact_import, totals.created, at_least="" if totals.is_complete else "at least ")


def limit_problem(contact_import: ContactImport, created: int, *, at_least: str = "") -> LimitReached | None:
    """The refusal of `created` new contacts, or None when they fit. Raises NoUsableSubscription."""
    organization_id = contact_import.organization_id
    plan = usage.usable_plan(organization_id)
    used = usage.used(organization_id=organization_id, metric=Metric.CONTACTS)
    limit = plan.limit(Metric.CONTACTS)
    if limit is None or used + created <= limit:
        return None
    return LimitReached(
        f"This import adds {at_least}{created:,} contacts, but the {plan.name} plan has room for "
        f"{max(limit - used, 0):,} more ({used:,} of {limit:,} used). Choose a larger plan under Plan and usage, "
        "or import fewer rows.",
        metric=Metric.CONTACTS.value,
        limit=limit,
        used=used,
        wanted=created,
        plan=plan.name,
    )
