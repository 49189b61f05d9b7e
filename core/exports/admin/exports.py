"""The exports of a client: progress, and the file."""

from typing import Any
from uuid import UUID

from django.contrib.admin import register
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import display

from core.accounts.model_admins import OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.errors import DomainError
from core.common.tenancy import organization_scope
from core.exports import presentation as words
from core.exports.choices import CONTENT_TYPES, EXPORT_STATUS_COLORS, ExportFormat, ExportStatus
from core.exports.lists import exportable_admin
from core.exports.models import ListExport
from core.exports.services import export_fetch


@register(ListExport)
class ListExportAdmin(OrganizationModelAdmin):
    """Everybody sees their own exports; superusers see all. Whoever lost the right to a list cannot fetch it."""

    view_permission = Permission.CONTACTS_EXPORT
    add_permission = None
    change_permission = None
    delete_permission = None

    list_display = ("title", "format", "state", "rows", "created_at", "expires_at")
    list_filter = ("status", "file_format")
    empty_title = "No exports yet"
    empty_text = "Filter a list, choose Export above it, and the file waits here for three days."
    empty_icon = "file_download"

    def get_queryset(self, request: HttpRequest) -> Any:
        queryset = super().get_queryset(request)
        user = access_of(request).user
        return queryset if user.is_superuser else queryset.filter(created_by=user)

    @display(description="format", ordering="file_format")
    def format(self, obj: ListExport) -> str:
        return obj.file_format.upper()

    @display(description="state", ordering="status", label=dict(EXPORT_STATUS_COLORS))
    def state(self, obj: ListExport) -> tuple[str, str]:
        return obj.status, obj.get_status_display()

    @display(description="rows")
    def rows(self, obj: ListExport) -> str:
        return f"{obj.rows_done:,}"

    def get_custom_urls(self) -> Any:
        def plain(view: Any) -> Any:
            return lambda request, model_admin, **arguments: view(request, **arguments)

        return tuple(
            (f"<uuid:export_id>/{path}/", f"exports_listexport_{path}", plain(view))
            for path, view in (("progress", self._progress), ("file", self._file))
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        list_export = self.get_object(request, object_id)
        if list_export is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        self._check_right(request, list_export)
        with organization_scope(list_export.organization_id):
            context = {
                **self.admin_site.each_context(request),
                "title": str(list_export),
                "opts": self.opts,
                "list_export": list_export,
                "is_under_way": words.is_under_way(list_export),
                "is_ready": words.is_ready(list_export),
                "line": words.export_line(list_export),
                "kept": words.kept_words(list_export),
                "state_color": EXPORT_STATUS_COLORS[ExportStatus(list_export.status)],
                "list_url": _list_url(list_export),
            }
            return TemplateResponse(request, "exports/export_page.html", context).render()

    def _progress(self, request: HttpRequest, export_id: UUID) -> HttpResponse:
        body = words.progress_words(self._found(request, export_id))
        return JsonResponse(body, headers={"Cache-Control": "no-store"})

    def _file(self, request: HttpRequest, export_id: UUID) -> Any:
        list_export = self._found(request, export_id)
        with organization_scope(list_export.organization_id):
            try:
                content = _scoped(list_export, export_fetch(list_export=list_export))
            except DomainError as error:
                self.message_user(request, str(error), level="error")
                return HttpResponseRedirect(reverse("admin:exports_listexport_change", args=[export_id]))
        response = StreamingHttpResponse(content, content_type=CONTENT_TYPES[ExportFormat(list_export.file_format)])
        response["Content-Length"] = str(list_export.bytes_total)
        response["Content-Disposition"] = f'attachment; filename="{words.file_name(list_export)}"'
        response["Cache-Control"] = "private, no-store"
        return response

    def _found(self, request: HttpRequest, export_id: UUID) -> ListExport:
        list_export = self.get_queryset(request).filter(pk=export_id).first()
        if list_export is None:
            raise Http404
        self._check_right(request, list_export)
        return list_export

    def _check_right(self, request: HttpRequest, list_export: ListExport) -> None:
        """The right of the list that was exported, in the client it was exported of."""
        permission = exportable_admin(list_export.model_label).export_permission
        access_of(request).require(permission, list_export.organization_id)


def _scoped(list_export: ListExport, pieces: Any) -> Any:
    """The pieces are read after the request has left its scope: each one opens it again."""
    while True:
        with organization_scope(list_export.organization_id):
            piece = next(pieces, None)
        if piece is None:
            return
        yield piece


def _list_url(list_export: ListExport) -> str:
    options = exportable_admin(list_export.model_label).opts
    url = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
    return f"{url}?{list_export.query}" if list_export.query else url
