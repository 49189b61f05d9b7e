"""What an import would do, before anything is done: at once for files of a page's size, by a worker for longer ones."""

import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction
from django.utils import timezone

from core.common.db import advisory_lock
from core.contacts.choices import ImportStatus
from core.contacts.imports.chunks import PreparedChunk, choices_of, prepared_chunks, row_parser
from core.contacts.imports.rows import Refused
from core.contacts.imports.staging import Duplicate, Staging
from core.contacts.models import ContactImport, ImportPart
from core.subscriptions import usage
from core.subscriptions.choices import Metric
from core.subscriptions.errors import LimitReached

COUNTED_ROWS = 20_000
"""Up to here the totals are counted while the page is made: about half a second."""
SHOWN_REFUSALS = 50


@dataclass(frozen=True)
class ImportTotals:
    """Of `rows` rows: how many are new, changed, same, refused; among them those whose status stays what it is
    (`protected`), `duplicates` among the refused, and addresses that are flagged. `is_complete` when that is the whole
    file; else nothing is known yet."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    protected: int = 0
    duplicates: int = 0
    role: int = 0
    disposable: int = 0
    is_complete: bool = False
    refusals: tuple[Refused, ...] = ()


class _Tally:
    """Adds up chunk by chunk what a run would do."""

    def __init__(self, contact_import: ContactImport) -> None:
        self._import = contact_import
        self._parser = row_parser(contact_import)
        self._staging = Staging(choices_of(contact_import, self._parser))
        self.totals = ImportTotals()

    def chunks(self) -> Iterator[PreparedChunk]:
        """All rows of the file."""
        with closing(prepared_chunks(self._import, self._parser)) as chunks:
            yield from chunks

    def add(self, chunk: PreparedChunk) -> None:
        """Compare one chunk with the contacts, in a transaction of its own. Writes nothing."""
        with transaction.atomic():
            duplicates = self._staging.load(chunk)
            counts = self._staging.classify()
        refused = in_row_order(chunk, duplicates)
        before = self.totals
        self.totals = ImportTotals(
            rows=before.rows + chunk.rows,
            created=before.created + counts.created,
            updated=before.updated + counts.updated,
            unchanged=before.unchanged + counts.unchanged,
            refused=before.refused + len(refused),
            protected=before.protected + counts.protected,
            duplicates=before.duplicates + len(duplicates),
            role=before.role + counts.role,
            disposable=before.disposable + counts.disposable,
            refusals=(*before.refusals, *refused[: SHOWN_REFUSALS - len(before.refusals)]),
        )

    def close(self) -> ImportTotals:
        """The sum, once all chunks are in."""
        self._staging.close()
        return ImportTotals(**{**vars(self.totals), "is_complete": True})


def in_row_order(chunk: PreparedChunk, duplicates: list[Duplicate]) -> list[Refused]:
    """Every refused row of a chunk: those that validation refused, and those whose address came before."""
    repeated = [
        Refused(
            duplicate.row_number,
            chunk.cells_of(duplicate.row_number),
            f"“{duplicate.email}” is the same address as row {duplicate.first_row_number:,}."[:300],
        )
        for duplicate in duplicates
    ]
    return sorted([*chunk.refused, *repeated], key=lambda refused: refused.row_number)


def import_totals(contact_import: ContactImport) -> ImportTotals:
    """What the import would do with its present choices. Short files are counted here and now; of longer ones it is
    what a worker has counted, or nothing yet (`is_complete` is False). The columns must have passed `check_columns`.
    """
    if contact_import.rows_total <= COUNTED_ROWS:
        return _counted(contact_import)
    stored = contact_import.totals
    if not stored or stored.get("fingerprint") != fingerprint(contact_import):
        return ImportTotals()
    refusals = tuple(Refused(*refused) for refused in stored["refusals"])
    return ImportTotals(**{**stored["counts"], "refusals": refusals, "is_complete": True})


def is_counting_due(contact_import: ContactImport) -> bool:
    """Must a worker count this draft? Not before its choices are made, and short files are counted on the page."""
    if contact_import.status != ImportStatus.DRAFT or contact_import.rows_total <= COUNTED_ROWS:
        return False
    has_addresses = any(column["field"] == "email" for column in contact_import.columns)
    return has_addresses and bool(contact_import.consent_basis) and not import_totals(contact_import).is_complete


def fingerprint(contact_import: ContactImport) -> str:
    """Changes with every choice that changes the totals."""
    choices = [
        [[column["field"], column.get("kind", "")] for column in contact_import.columns],
        contact_import.mode,
        contact_import.tags,
        bool(contact_import.consent_basis),
        contact_import.phone_region,
    ]
    return hashlib.sha256(orjson.dumps(choices)).hexdigest()


def count_import(contact_import_id: UUID) -> dict[str, Any]:
    """Count a draft that is too long for the page, until the totals are those of its present choices.

    `rows_done` says meanwhile how far it is. Whoever changes the choices while this runs sends another worker, which
    may come too early: so they are looked at again once this is done.
    """
    summary: dict[str, Any] = {"skipped": "nothing to count"}
    while (contact_import := _due(contact_import_id)) is not None:
        with advisory_lock(f"contacts.import:{contact_import_id}") as acquired:
            if not acquired:
                return {"skipped": "being counted elsewhere"}
            try:
                totals = _count(contact_import)
            except ImportPart.DoesNotExist:  # cancelled, and the file is gone
                return summary
            if totals is not None:
                summary = {"rows": totals.rows, "created": totals.created, "refused": totals.refused}
    return summary


def _due(contact_import_id: UUID) -> ContactImport | None:
    contact_import = ContactImport.objects.select_related("organization").filter(pk=contact_import_id).first()
    return contact_import if contact_import is not None and is_counting_due(contact_import) else None


def _count(contact_import: ContactImport) -> ImportTotals | None:
    """The totals of these choices, kept with the draft; None when the choices were changed meanwhile."""
    tally = _Tally(contact_import)
    for chunk in tally.chunks():
        tally.add(chunk)
        if not _note(contact_import, rows_done=tally.totals.rows, heartbeat_at=timezone.now()):
            return None
    totals = tally.close()
    counts = {name: value for name, value in asdict(totals).items() if name not in ("refusals", "is_complete")}
    kept = {"fingerprint": fingerprint(contact_import), "counts": counts, "refusals": list(totals.refusals)}
    return totals if _note(contact_import, rows_done=0, heartbeat_at=None, totals=kept) else None


@transaction.atomic
def _note(counted: ContactImport, **values: Any) -> bool:
    """Write progress or result to the draft; False when it is none any more or has other choices."""
    contact_import = ContactImport.objects.select_for_update().filter(pk=counted.pk).first()
    if contact_import is None or contact_import.status != ImportStatus.DRAFT:
        return False
    if fingerprint(contact_import) != fingerprint(counted):
        return False
    ContactImport.objects.filter(pk=counted.pk).update(**values)
    return True


def _counted(contact_import: ContactImport) -> ImportTotals:
    """Of the whole file, here and now. Writes nothing that lasts."""
    tally = _Tally(contact_import)
    for chunk in tally.chunks():
        tally.add(chunk)
    return tally.close()


def refuse_beyond_plan(contact_import: ContactImport) -> None:
    """Raise LimitReached when the plan has no room for the whole file, so that it does not end half-done.

    Counts only where it could matter. Other work may take the room meanwhile: every chunk still counts exactly.
    """
    organization_id = contact_import.organization_id
    limit = usage.usable_plan(organization_id).limit(Metric.CONTACTS)
    used = usage.used(organization_id=organization_id, metric=Metric.CONTACTS)
    if limit is None or used + contact_import.rows_total <= limit:
        return
    if problem := limit_problem(contact_import, _counted(contact_import).created):
        raise problem


def import_problem(contact_import: ContactImport, totals: ImportTotals) -> LimitReached | None:
    """Why the plan has no room for this import, if that is known. Raises NoUsableSubscription."""
    return limit_problem(contact_import, totals.created)


def limit_problem(contact_import: ContactImport, created: int) -> LimitReached | None:
    """The refusal of `created` new contacts, or None when they fit. Raises NoUsableSubscription."""
    organization_id = contact_import.organization_id
    plan = usage.usable_plan(organization_id)
    used = usage.used(organization_id=organization_id, metric=Metric.CONTACTS)
    limit = plan.limit(Metric.CONTACTS)
    if limit is None or used + created <= limit:
        return None
    return LimitReached(
        f"This import adds {created:,} contacts, but the {plan.name} plan has room for "
        f"{max(limit - used, 0):,} more ({used:,} of {limit:,} used). Choose a larger plan under Plan and usage, "
        "or import fewer rows.",
        metric=Metric.CONTACTS.value,
        limit=limit,
        used=used,
        wanted=created,
        plan=plan.name,
    )
