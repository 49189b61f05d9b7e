"""Gives a list its export: the page that asks for format and columns, in the place of django-import-export's own."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from import_export.admin import ExportMixin
from import_export.resources import ModelResource
from unfold.decorators import action

from core.accounts.model_admins import OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.paginator import COUNT_CAP
from core.exports.forms import ExportForm
from core.exports.lists import filters_only, list_columns
from core.exports.services import export_request, format_locks


class ExportableAdmin(ExportMixin, OrganizationModelAdmin):
    """For OrganizationModelAdmins whose list may leave the product: name `export_permission` and `resource_classes`.

    The list gets an "Export" button (add "export_list" to `actions_list`). What is exported is the list as it is
    filtered, of one client; a worker writes the file.
    """

    import_export_change_list_template = None
    export_permission: ClassVar[Permission]

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self._may(request, self.export_permission)

    def export_resource(self, organization_id: UUID) -> ModelResource:
        """The resource that names the columns of this client's rows."""
        return self.get_resource_classes(None)[0]()

    @action(description="Export", url_path="export-list", icon="download", permissions=["export"])
    def export_list(self, request: HttpRequest) -> HttpResponse:
        query = filters_only(request.META.get("QUERY_STRING", ""))
        return HttpResponseRedirect(f"{self._export_url()}?{query}" if query else self._export_url())

    def _export_url(self) -> str:
        return reverse("admin:{}_{}_export".format(*self.get_model_info()))

    def _back_url(self, query: str) -> str:
        url = reverse("admin:{}_{}_changelist".format(*self.get_model_info()))
        return f"{url}?{query}" if query else url

    def export_action(self, request: HttpRequest) -> HttpResponse:
        """The page of the export; its POST notes it and leads to its progress."""
        client = access_of(request).current
        if not self.has_export_permission(request):
            raise PermissionDenied
        if client is None:
            doing = f"Export {self.model._meta.verbose_name_plural}"
            return self._choose_client_first(request, doing)
        query = filters_only(request.META.get("QUERY_STRING", ""))
        try:
            rows = self.get_export_queryset(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(self._back_url(f"{ERROR_FLAG}=1"))  # as the list itself answers
        columns = list_columns(self.export_resource(client.pk))
        form = ExportForm(request.POST or None, available=columns, locks=format_locks(client.pk))
        if request.method == "POST" and form.is_valid():
            list_export = export_request(
                organization=client,
                user=access_of(request).user,
                model_label=self.model._meta.label_lower,
                title=str(self.model._meta.verbose_name_plural).capitalize(),
                query=query,
                file_format=form.cleaned_data["file_format"],
                columns=form.cleaned_data["columns"],
            )
            return HttpResponseRedirect(reverse("admin:exports_listexport_change", args=[list_export.pk]))
        return self._export_page(request, form, query, rows)

    def _export_page(self, request: HttpRequest, form: ExportForm, query: str, rows: QuerySet[Any]) -> HttpResponse:
        count = rows.order_by()[: COUNT_CAP + 1].count()
        context = {
            **self.admin_site.each_context(request),
            "title": f"Export {self.model._meta.verbose_name_plural}",
            "opts": self.model._meta,
            "form": form,
            "rows": f"{COUNT_CAP:,}+" if count > COUNT_CAP else f"{count:,}",
            "is_filtered": bool(query),
            "has_rows": bool(count),
            "back_url": self._back_url(query),
        }
        return TemplateResponse(request, "exports/export_form.html", context)
