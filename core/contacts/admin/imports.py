"""The import's four steps as pages: upload, check, run, result."""

import csv
from typing import Any
from uuid import UUID

from django.contrib.admin import register
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from import_export.admin import ImportMixin
from import_export.formats.base_formats import CSV
from unfold.decorators import action, display

from core.accounts import audit
from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.errors import DomainError
from core.common.tenancy import organization_scope
from core.contacts import presentation as words
from core.contacts import services
from core.contacts.choices import IMPORT_STATUS_COLORS, ImportStatus
from core.contacts.forms import ColumnsForm, UploadForm
from core.contacts.formulas import formula_safe
from core.contacts.imports.columns import field_label
from core.contacts.imports.preview import import_problem, import_totals
from core.contacts.models import ContactImport
from core.contacts.queries import import_progress
from core.contacts.resources import ContactResource, preview_rows

SHOWN_ROWS = 20
SHOWN_REFUSED = 100


@register(ContactImport)
class ContactImportAdmin(ImportMixin, OrganizationModelAdmin):
    """The change page is the import's progress and result; a draft's leads on to its check page."""

    view_permission = Permission.CONTACTS_IMPORT
    add_permission = None
    change_permission = None
    delete_permission = None

    import_export_change_list_template = None
    change_list_template = "admin/change_list.html"
    actions_list = ("import_contacts",)
    import_form_class = UploadForm
    resource_classes = [ContactResource]

    # Not in get_queryset: Django then leaves list_select_related out, and with it the client of each row.
    list_select_related = ("group",)
    list_display = ("file_name", "state", "rows", "outcome", "created_at")
    list_filter = ("status",)
    search_fields = ("file_name",)
    empty_title = "No imports yet"
    empty_text = "Choose a CSV file: you see what would happen to each row before anything is saved."
    empty_icon = "upload_file"

    # Every upload may be 50 MB: lists and pages leave it in the database.
    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("content")

    @display(description="state", ordering="status", label=dict(IMPORT_STATUS_COLORS))
    def state(self, obj: ContactImport) -> tuple[str, str]:
        return obj.status, obj.get_status_display()

    @display(description="rows", ordering="rows_total")
    def rows(self, obj: ContactImport) -> str:
        return f"{obj.rows_total:,}"

    @display(description="outcome")
    def outcome(self, obj: ContactImport) -> str:
        return words.import_outcome(obj)

    def get_import_formats(self) -> list[Any]:
        return [CSV]

    def has_import_permission(self, request: HttpRequest) -> bool:
        return self._may(request, Permission.CONTACTS_IMPORT)

    def get_urls(self) -> list[Any]:
        # The library's confirm step takes a file name from the browser: ours confirms by the import's id.
        return [url for url in super().get_urls() if url.name != "contacts_contactimport_process_import"]

    def get_custom_urls(self) -> Any:
        def plain(view: Any) -> Any:
            return lambda request, model_admin, **arguments: view(request, **arguments)

        return tuple(
            (f"<uuid:import_id>/{path}", f"contacts_contactimport_{name}", plain(view))
            for path, name, view in (
                ("check/", "check", self._check),
                ("confirm/", "confirm", self._confirm),
                ("cancel/", "cancel", self._cancel),
                ("progress/", "progress", self._progress),
                ("refused.csv", "refused", self._refused),
            )
        )

    @action(description="Import contacts", url_path="new", icon="upload", permissions=["contacts_import"])
    def import_contacts(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:contacts_contactimport_import"))

    # 1. Upload

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The upload page. What is uploaded becomes a draft of the current client, and nothing else."""
        client = access_of(request).current
        access_of(request).require(Permission.CONTACTS_IMPORT, client.pk if client else None)
        if client is None:
            return self._choose_client_first(request)
        form = self.create_import_form(request)
        if request.method == "POST" and form.is_valid():
            upload = form.cleaned_data["import_file"]
            try:
                draft = services.import_upload(organization=client, file_name=upload.name, content=upload.read())
            except DomainError as error:
                form.add_error("import_file", str(error))
            else:
                return HttpResponseRedirect(page_url("check", draft.pk))
        return self._page(request, "contacts/import_upload.html", None, title="Import contacts", form=form)

    # 2. Check

    def _check(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        """Columns, first rows as they will be, and totals. POST keeps other columns or another group."""
        contact_import = self._found(request, import_id)
        if contact_import.status != ImportStatus.DRAFT:
            return HttpResponseRedirect(result_url(import_id))
        with organization_scope(contact_import.organization_id):
            form = ColumnsForm(request.POST or None, contact_import=contact_import)
            if request.method == "POST" and form.is_valid():
                try:
                    services.import_map(
                        contact_import_id=import_id,
                        fields=form.chosen,
                        group=form.cleaned_data["group"],
                        new_group_name=form.cleaned_data["new_group"],
                    )
                except DomainError as error:
                    form.add_error(None, str(error))
                else:
                    return self._checked(request, import_id)
            response = self._check_page(request, contact_import, form)
            return response.render()

    def _checked(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        if "confirm" not in request.POST:
            return HttpResponseRedirect(page_url("check", import_id))
        return self._confirm(request, import_id)

    def _check_page(
        self, request: HttpRequest, contact_import: ContactImport, form: ColumnsForm, problem: str = ""
    ) -> TemplateResponse:
        assigned = [column for column in contact_import.columns if column["field"]]
        context: dict[str, Any] = {
            "form": form,
            "columns": zip(contact_import.columns, form.column_fields, strict=True),
        }
        if any(column["field"] == "email" for column in assigned):
            totals = import_totals(contact_import)
            context |= {
                "totals": totals,
                "totals_sentences": words.totals_sentences(contact_import, totals),
                "headings": [field_label(column["field"]) for column in assigned],
                "rows": preview_rows(contact_import, limit=SHOWN_ROWS),
            }
            try:
                limit = import_problem(contact_import, totals)
                problem = problem or (str(limit) if limit else "")
            except DomainError as error:
                problem = str(error)
        else:
            problem = problem or "No column looks like email addresses. Choose the one that holds them."
        return self._page(
            request,
            "contacts/import_check.html",
            contact_import,
            title=f"Check {contact_import.file_name}",
            problem=problem,
            encoding=words.encoding_name(contact_import.encoding),
            **context,
        )

    def _confirm(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        contact_import = self._found(request, import_id)
        if request.method != "POST":
            return HttpResponseRedirect(page_url("check", import_id))
        with organization_scope(contact_import.organization_id):
            try:
                services.import_confirm(contact_import_id=import_id)
            except DomainError as error:
                if self._found(request, import_id).status != ImportStatus.DRAFT:
                    return HttpResponseRedirect(result_url(import_id))
                stored = self._found(request, import_id)
                form = ColumnsForm(contact_import=stored)
                return self._check_page(request, stored, form, problem=str(error)).render()
        return HttpResponseRedirect(result_url(import_id))

    def _cancel(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        contact_import = self._found(request, import_id)
        is_draft = contact_import.status == ImportStatus.DRAFT
        done = contact_import.rows_done
        kept = "Nothing has been imported yet." if not done else f"The {done:,} rows done so far stay as they are."
        return self.confirmed(
            request,
            Confirmation(
                title=f"{'Discard' if is_draft else 'Stop'} the import of {contact_import.file_name}",
                sentences=(kept, "The other rows are left out. To import them later, upload the file again."),
                submit_label="Discard" if is_draft else "Stop the import",
                back_url=result_url(import_id),
                is_danger=True,
            ),
            perform=lambda: (
                f"The import of {contact_import} was cancelled."
                if services.import_cancel(contact_import_id=import_id)
                else f"The import of {contact_import} had ended already."
            ),
            done_url=result_url(import_id),
        )

    # 3. and 4. Progress and result

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        contact_import = self.get_object(request, object_id)
        if contact_import is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        self._found(request, contact_import.pk)
        if contact_import.status == ImportStatus.DRAFT:
            return HttpResponseRedirect(page_url("check", contact_import.pk))
        with organization_scope(contact_import.organization_id):
            return self._page(
                request,
                "contacts/import_result.html",
                contact_import,
                title=f"Import of {contact_import.file_name}",
                progress=import_progress(contact_import),
                progress_words=words.progress_words(import_progress(contact_import)),
                progress_url=page_url("progress", contact_import.pk),
                tiles=words.result_tiles(contact_import),
                sentences=words.result_sentences(contact_import),
                refused=words.refused_table(contact_import, SHOWN_REFUSED),
                state_color=IMPORT_STATUS_COLORS[ImportStatus(contact_import.status)],
            ).render()

    def _progress(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        contact_import = self._found(request, import_id)
        progress = import_progress(contact_import)
        body = {"is_under_way": progress.is_under_way, **words.progress_words(progress)}
        return JsonResponse(body, headers={"Cache-Control": "no-store"})

    def _refused(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        """The refused rows in the columns of the file, with the reason: to be mended and imported again."""
        contact_import = self._found(request, import_id)
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="refused-rows-{import_id.hex[-8:]}.csv"'
        response.write("\ufeff")
        writer = csv.writer(response)
        headers = [column["header"] for column in contact_import.columns]
        writer.writerow([*map(formula_safe, headers), "Row", "Why it was refused"])
        rows = contact_import.refused_rows.order_by("row_number").values_list("row_number", "values", "reason")
        for number, values, reason in rows.iterator(chunk_size=2_000):
            cells = [*values, *[""] * (len(headers) - len(values))][: len(headers)]
            writer.writerow([*map(formula_safe, cells), number, formula_safe(reason)])
        audit.record(
            action="import.refused_rows_exported",
            obj=contact_import,
            changes={"rows": [None, contact_import.refused_count]},
        )
        return response

    def _found(self, request: HttpRequest, import_id: UUID) -> ContactImport:
        """The import, if it is in reach. Raises Http404, or PermissionDenied for a role that may not import."""
        contact_import = ContactImport.objects.select_related("organization", "group").filter(pk=import_id).first()
        if contact_import is None:
            raise Http404
        access_of(request).require(Permission.CONTACTS_IMPORT, contact_import.organization_id)
        return contact_import

    def _page(
        self, request: HttpRequest, template: str, contact_import: ContactImport | None, *, title: str, **context: Any
    ) -> TemplateResponse:
        shared = self.admin_site.each_context(request)
        everything = {**shared, "title": title, "opts": self.opts, "contact_import": contact_import, **context}
        return TemplateResponse(request, template, everything)


def page_url(page: str, import_id: UUID) -> str:
    return reverse(f"admin:contacts_contactimport_{page}", args=[import_id])


def result_url(import_id: UUID) -> str:
    return page_url("change", import_id)
