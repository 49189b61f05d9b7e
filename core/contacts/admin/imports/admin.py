"""The list of imports, and the addresses of their pages."""

from typing import Any

from django.contrib.admin import register
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from import_export.admin import ImportMixin
from import_export.formats.base_formats import CSV
from unfold.decorators import action, display

from core.accounts.model_admins import OrganizationModelAdmin
from core.accounts.permissions import Permission
from core.contacts import presentation as words
from core.contacts.admin.imports.run import ImportRun
from core.contacts.admin.imports.steps import ImportSteps
from core.contacts.choices import IMPORT_STATUS_COLORS
from core.contacts.forms import UploadForm
from core.contacts.models import ContactImport
from core.contacts.resources import ContactResource


@register(ContactImport)
class ContactImportAdmin(ImportSteps, ImportRun, ImportMixin, OrganizationModelAdmin):
    """The change page is the import's progress and result; a draft's leads on to its columns or its check."""

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
    list_select_related = ("created_by",)
    list_display = ("file_name", "state", "rows", "outcome", "uploaded", "undo_until")
    list_filter = ("status",)
    search_fields = ("file_name",)
    empty_title = "No imports yet"
    empty_text = "Choose a file of contacts: you see what would happen to each row before anything is saved."
    empty_icon = "upload_file"

    @display(description="state", ordering="status", label=dict(IMPORT_STATUS_COLORS))
    def state(self, obj: ContactImport) -> tuple[str, str]:
        return obj.status, obj.get_status_display()

    @display(description="rows", ordering="rows_total")
    def rows(self, obj: ContactImport) -> str:
        return f"{obj.rows_total:,}"

    @display(description="outcome")
    def outcome(self, obj: ContactImport) -> str:
        return words.import_outcome(obj)

    @display(description="uploaded", ordering="created_at", header=True)
    def uploaded(self, obj: ContactImport) -> tuple[str, str]:
        return words.moment(obj.created_at), f"by {obj.created_by}" if obj.created_by else ""

    @display(description="undo until", ordering="finished_at")
    def undo_until(self, obj: ContactImport) -> str:
        until = words.undo_until(obj)
        return words.moment(until) if until and until > timezone.now() else "–"

    def get_import_formats(self) -> list[Any]:
        """The library wants one; what a file is, our own reading finds out from its content."""
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
                ("columns/", "columns", self._columns),
                ("check/", "check", self._check),
                ("confirm/", "confirm", self._confirm),
                ("progress/", "progress", self._progress),
                ("pause/", "pause", self._pause),
                ("resume/", "resume", self._resume),
                ("cancel/", "cancel", self._cancel),
                ("undo/", "undo", self._undo),
                ("refused.csv", "refused", self._refused),
            )
        )

    @action(description="Import contacts", url_path="new", icon="upload", permissions=["contacts_import"])
    def import_contacts(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:contacts_contactimport_import"))
