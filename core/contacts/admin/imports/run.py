"""Once confirmed: progress, pause, stop, the result, its refused rows, and undo."""

import csv
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse

from core.accounts import audit
from core.accounts.model_admins import Confirmation
from core.common.tenancy import organization_scope
from core.contacts import presentation as words
from core.contacts import services
from core.contacts.admin.imports.pages import (
    FILE,
    RESULT,
    RUN,
    ImportPages,
    groups_of,
    live_of,
    next_url,
    page_url,
    result_url,
    steps_to,
)
from core.contacts.choices import IMPORT_STATUS_COLORS, ImportStatus
from core.contacts.models import ContactImport
from core.contacts.services.imports.runs import undo_problem
from core.exports.formulas import formula_safe

SHOWN_REFUSED = 25
SHOWN_KEPT = 100
DOWNLOADED_AT_ONCE = 2_000
LEAVE = "You can leave this page: the work goes on, and is found again under Imports."


class ImportRun(ImportPages):
    """The pages of an import from its confirmation on, and of a file that is being read. For ContactImportAdmin."""

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        contact_import = self.get_object(request, object_id)
        if contact_import is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        self._found(request, contact_import.pk)
        if contact_import.status == ImportStatus.DRAFT:
            return HttpResponseRedirect(next_url(contact_import))
        with organization_scope(contact_import.organization_id):
            return self._page(
                request,
                "contacts/import_result.html",
                contact_import,
                title=f"Import of {contact_import.file_name}",
                **_result_context(contact_import),
            ).render()

    def _progress(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        return JsonResponse(live_of(self._found(request, import_id)), headers={"Cache-Control": "no-store"})

    def _pause(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        return self._step(request, import_id, services.import_pause)

    def _resume(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        return self._step(request, import_id, services.import_resume)

    def _step(self, request: HttpRequest, import_id: UUID, service: Any) -> HttpResponse:
        """Pausing takes nothing away, so it is not asked about; the page shows what it came to."""
        contact_import = self._found(request, import_id)
        if request.method == "POST":
            with organization_scope(contact_import.organization_id):
                service(contact_import_id=import_id)
        return HttpResponseRedirect(result_url(import_id))

    def _cancel(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        contact_import = self._found(request, import_id)
        is_draft = contact_import.status in (ImportStatus.DRAFT, ImportStatus.READING)
        done = contact_import.rows_done
        kept = "Nothing has been imported yet." if not done else f"The {done:,} rows done so far stay as they are."
        rest = "The file is not kept." if is_draft else "The other rows are left out."
        return self.confirmed(
            request,
            Confirmation(
                title=f"{'Discard' if is_draft else 'Stop'} the import of {contact_import.file_name}",
                sentences=(kept, f"{rest} To import them later, upload the file again."),
                submit_label="Discard" if is_draft else "Stop the import",
                back_url=next_url(contact_import),
                is_danger=True,
            ),
            perform=lambda: (
                f"The import of {contact_import} was cancelled."
                if services.import_cancel(contact_import_id=import_id)
                else f"The import of {contact_import} had ended already."
            ),
            done_url=result_url(import_id),
        )

    def _undo(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        contact_import = self._found(request, import_id)
        until = words.undo_until(contact_import)
        if request.method != "POST" and contact_import.status in (ImportStatus.UNDOING, ImportStatus.UNDONE):
            return HttpResponseRedirect(result_url(import_id))
        return self.confirmed(
            request,
            Confirmation(
                title=f"Undo the import of {contact_import.file_name}",
                sentences=words.undo_confirmation(contact_import),
                notes=(f"It can be undone until {words.moment(until)}.",) if until else (),
                problem=undo_problem(contact_import),
                submit_label="Undo this import",
                back_url=result_url(import_id),
                is_danger=True,
            ),
            perform=lambda: (
                f"{contact_import} is being undone."
                if services.import_undo(contact_import_id=import_id)
                else f"{contact_import} was undone already."
            ),
            done_url=result_url(import_id),
        )

    def _refused(self, request: HttpRequest, import_id: UUID) -> HttpResponse | StreamingHttpResponse:
        """The refused rows in the columns of the file, with the reason: to be mended and imported again."""
        contact_import = self._found(request, import_id)
        audit.record(
            action="import.refused_rows_exported",
            obj=contact_import,
            changes={"rows": [None, contact_import.refused_count]},
        )
        response = StreamingHttpResponse(_refused_csv(contact_import), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="refused-rows-{import_id.hex[-8:]}.csv"'
        return response


def _result_context(contact_import: ContactImport) -> dict[str, Any]:
    status, import_id = ImportStatus(contact_import.status), contact_import.pk
    groups = groups_of(contact_import)
    live = live_of(contact_import)
    under_way = status in (ImportStatus.QUEUED, ImportStatus.RUNNING)
    began = status != ImportStatus.READING and contact_import.rows_total and contact_import.consent_basis
    now = FILE if status == ImportStatus.READING else RUN if under_way or status == ImportStatus.PAUSED else RESULT
    return {
        "live": live,
        "steps": steps_to(now, contact_import),
        "leave": LEAVE
        if live["is_moving"]
        else "Nothing happens until it is resumed. It is found again under Imports.",
        "progress_url": page_url("progress", import_id),
        "cancel_url": page_url("cancel", import_id) if _may_stop(status) else "",
        "pause_url": page_url("pause", import_id) if under_way else "",
        "resume_url": page_url("resume", import_id) if status == ImportStatus.PAUSED else "",
        "tiles": words.result_tiles(contact_import) if began else [],
        "sentences": words.result_sentences(contact_import, groups),
        "groups": groups if status != ImportStatus.UNDONE else [],
        "undo": _undo_box(contact_import),
        "kept": words.kept_table(contact_import, SHOWN_KEPT),
        "refused": words.refused_table(contact_import, SHOWN_REFUSED),
        "state_color": IMPORT_STATUS_COLORS[status],
    }


def _may_stop(status: ImportStatus) -> bool:
    return status in (ImportStatus.READING, ImportStatus.QUEUED, ImportStatus.RUNNING, ImportStatus.PAUSED)


def _undo_box(contact_import: ContactImport) -> dict[str, str]:
    """What stands beside the undo button, or why there is none; empty where undoing is no question."""
    until = words.undo_until(contact_import)
    if until is None:
        return {}
    if problem := undo_problem(contact_import):
        return {"sentence": problem, "url": ""}
    sentence = f"Puts back what was there before, contact by contact. Possible until {words.moment(until)}."
    return {"sentence": sentence, "url": page_url("undo", contact_import.pk)}


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _refused_csv(contact_import: ContactImport) -> Iterator[str]:
    """Line by line, in any number. The scope is opened for each query: the request's is closed while this streams."""
    yield "\ufeff"  # by which Excel knows UTF-8
    writer = csv.writer(_Echo())
    headers = [column["header"] for column in contact_import.columns]
    yield writer.writerow([*map(formula_safe, headers), "Row", "Why it was refused"])
    last = 0
    while rows := _refused_after(contact_import, last):
        for number, values, reason in rows:
            cells = [*values, *[""] * (len(headers) - len(values))][: len(headers)]
            yield writer.writerow([*map(formula_safe, cells), number, formula_safe(reason)])
        last = rows[-1][0]


def _refused_after(contact_import: ContactImport, row_number: int) -> list[tuple[int, list[str], str]]:
    with organization_scope(contact_import.organization_id):
        rows = contact_import.refused_rows.filter(row_number__gt=row_number).order_by("row_number")
        return list(rows.values_list("row_number", "values", "reason")[:DOWNLOADED_AT_ONCE])
