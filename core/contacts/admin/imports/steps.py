"""Before anything is saved: the upload, the columns and choices, the check, the confirmation."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse

from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.errors import DomainError
from core.common.tenancy import organization_scope
from core.contacts import presentation as words
from core.contacts import services
from core.contacts.admin.imports.pages import (
    CHECK,
    COLUMNS,
    FILE,
    ImportPages,
    groups_of,
    live_of,
    next_url,
    page_url,
    result_url,
    steps_to,
)
from core.contacts.choices import ImportStatus
from core.contacts.first_rows import column_labels, column_samples, first_rows
from core.contacts.forms import ColumnsForm
from core.contacts.imports.preview import import_problem, import_totals
from core.contacts.models import ContactImport

SHOWN_ROWS = 20
NO_ADDRESSES = "No column looks like email addresses. Choose the one that holds them."


class ImportSteps(ImportPages):
    """The pages of a file that is not confirmed yet. For ContactImportAdmin."""

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The upload page. What is uploaded becomes a draft of the current client, and nothing else.

        The page's script asks for JSON: `url` of the next page, or `problem`.
        """
        client = access_of(request).current
        access_of(request).require(Permission.CONTACTS_IMPORT, client.pk if client else None)
        if client is None:
            return self._choose_client_first(request, "Import contacts")
        form = self.create_import_form(request)
        uploaded = self._uploaded(client, form) if request.method == "POST" else None
        if "application/json" in request.headers.get("Accept", ""):
            problem = next((str(error) for errors in form.errors.values() for error in errors), "")
            return JsonResponse({"url": next_url(uploaded)} if uploaded else {"problem": problem})
        if uploaded:
            return HttpResponseRedirect(next_url(uploaded))
        return self._page(
            request, "contacts/import_upload.html", None, title="Import contacts", form=form, steps=steps_to(FILE)
        )

    def _uploaded(self, client: Any, form: Any) -> ContactImport | None:
        if not form.is_valid():
            return None
        upload = form.cleaned_data["import_file"]
        try:
            return services.import_upload(
                organization=client, file_name=upload.name, file=upload.file, size=upload.size
            )
        except DomainError as error:
            form.add_error("import_file", str(error))
            return None

    def _columns(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        """A field for each column, and the choices. POST keeps them and leads to the check."""
        contact_import = self._found(request, import_id)
        if contact_import.status != ImportStatus.DRAFT:
            return HttpResponseRedirect(result_url(import_id))
        with organization_scope(contact_import.organization_id):
            form = ColumnsForm(
                request.POST if request.method == "POST" else None,
                contact_import=contact_import,
                samples=column_samples(contact_import),
            )
            if request.method == "POST" and form.is_valid() and self._mapped(form, import_id):
                return HttpResponseRedirect(page_url("check", import_id))
            problem = "" if form.is_bound or _has_addresses(contact_import) else NO_ADDRESSES
            return self._page(
                request,
                "contacts/import_columns.html",
                contact_import,
                title=f"Columns of {contact_import.file_name}",
                form=form,
                problem=problem,
                facts=words.file_facts(contact_import),
                steps=steps_to(COLUMNS, contact_import),
                cancel_url=page_url("cancel", import_id),
            ).render()

    def _mapped(self, form: ColumnsForm, import_id: UUID) -> bool:
        try:
            services.import_map(
                contact_import_id=import_id,
                fields=form.chosen_fields,
                kinds=form.chosen_kinds,
                group_ids=form.chosen_groups,
                new_group_name=form.cleaned_data["new_group"],
                tags=form.chosen_tags,
                mode=form.cleaned_data["mode"],
                consent_basis=form.cleaned_data["consent_basis"],
                consent_source=form.cleaned_data["consent_source"],
                consent_on=form.cleaned_data["consent_on"],
                phone_region=form.cleaned_data["phone_region"],
            )
        except DomainError as error:
            form.add_error(None, str(error))
            return False
        return True

    def _check(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        """The first rows as they will be, and the totals. Changes nothing, whatever the method."""
        contact_import = self._found(request, import_id)
        if contact_import.status != ImportStatus.DRAFT or not contact_import.consent_basis:
            return HttpResponseRedirect(next_url(contact_import))
        with organization_scope(contact_import.organization_id):
            return self._check_page(request, contact_import).render()

    def _check_page(self, request: HttpRequest, contact_import: ContactImport, problem: str = "") -> TemplateResponse:
        context: dict[str, Any] = {}
        totals = import_totals(contact_import)
        if totals.is_complete:
            problem = problem or _problem(contact_import, totals)
            context = {
                "tiles": words.tiles(totals),
                "sentences": words.totals_sentences(totals),
                "refusals": totals.refusals,
                "refused_count": totals.refused,
            }
        import_id = contact_import.pk
        return self._page(
            request,
            "contacts/import_check.html",
            contact_import,
            title=f"Check {contact_import.file_name}",
            problem=problem,
            headings=list(column_labels(contact_import).values()),
            rows=first_rows(contact_import, limit=SHOWN_ROWS),
            choices=words.choices_made(contact_import, groups_of(contact_import)),
            live=live_of(contact_import),
            steps=steps_to(CHECK, contact_import),
            progress_url=page_url("progress", import_id),
            confirm_url=page_url("confirm", import_id),
            cancel_url=page_url("cancel", import_id),
            columns_url=page_url("columns", import_id),
            **context,
        )

    def _confirm(self, request: HttpRequest, import_id: UUID) -> HttpResponse:
        contact_import = self._found(request, import_id)
        if request.method != "POST":
            return HttpResponseRedirect(next_url(contact_import))
        with organization_scope(contact_import.organization_id):
            try:
                services.import_confirm(contact_import_id=import_id)
            except DomainError as error:
                stored = self._found(request, import_id)
                if stored.status != ImportStatus.DRAFT or not stored.consent_basis:
                    return HttpResponseRedirect(next_url(stored))
                return self._check_page(request, stored, problem=str(error)).render()
        return HttpResponseRedirect(result_url(import_id))


def _has_addresses(contact_import: ContactImport) -> bool:
    return any(column["field"] == "email" for column in contact_import.columns)


def _problem(contact_import: ContactImport, totals: Any) -> str:
    """Why the plan has no room for the whole file; "" when it has."""
    try:
        limit = import_problem(contact_import, totals)
    except DomainError as error:
        return str(error)
    return str(limit) if limit else ""
