"""Contacts out as CSV."""

from typing import Any

import tablib
from django.http import HttpRequest
from import_export.admin import ExportMixin
from import_export.formats.base_formats import CSV
from unfold.contrib.import_export.forms import ExportForm

from core.accounts import audit
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.contacts.formulas import formula_safe
from core.contacts.resources import ContactResource


class ContactExportMixin(ExportMixin):
    """Export of the filtered list as CSV: a right of its own, formula-safe, audited with its size."""

    import_export_change_list_template = None
    export_form_class = ExportForm
    resource_classes = [ContactResource]

    def get_export_formats(self) -> list[Any]:
        return [SafeCSV]

    def has_export_permission(self, request: HttpRequest) -> bool:
        return self._may(request, Permission.CONTACTS_EXPORT)  # type: ignore[attr-defined]

    def get_export_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        organization_ids = [organization.pk for organization in access_of(request).in_reach]
        return {**super().get_export_resource_kwargs(request, **kwargs), "organization_ids": organization_ids}

    def get_export_queryset(self, request: HttpRequest) -> Any:
        """Only of clients whose contacts this person may export: the role may differ from client to client."""
        access = access_of(request)
        allowed = [
            organization.pk
            for organization in access.in_reach
            if access.can(Permission.CONTACTS_EXPORT, organization.pk)
        ]
        return super().get_export_queryset(request).filter(organization_id__in=allowed)

    def get_export_data(self, file_format: Any, request: HttpRequest, queryset: Any, **kwargs: Any) -> Any:
        data = super().get_export_data(file_format, request, queryset, **kwargs)
        for organization in access_of(request).in_reach:
            rows = queryset.filter(organization_id=organization.pk).count()
            if rows:
                audit.record(action="contacts.exported", obj=organization, changes={"contacts": [None, rows]})
        return data


class SafeCSV(CSV):
    """CSV whose cells no spreadsheet runs; the library's own way would spoil telephone numbers."""

    def export_data(self, dataset: Any, **kwargs: Any) -> Any:
        safe = tablib.Dataset(headers=[formula_safe(header) for header in dataset.headers])
        for row in dataset:
            safe.append([formula_safe(str(cell or "")) for cell in row])
        return super().export_data(safe)
