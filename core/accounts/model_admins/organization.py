"""The base of admin classes of tenant data."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin

from core.accounts.model_admins.auditing import AuditedAdmin
from core.accounts.model_admins.confirmation import ConfirmingAdmin
from core.accounts.model_admins.rights import MatrixRights, access_of, organization_id_of
from core.common.paginator import CappedPaginator
from core.common.tenancy import organization_scope


class ClientFilter(admin.SimpleListFilter):
    """Narrows a list of "All clients" to one of them."""

    title = "client"
    parameter_name = "client"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(organization.pk), organization.name) for organization in access_of(request).organizations]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        known = {str(organization.pk) for organization in access_of(request).organizations}
        return queryset.filter(organization_id=self.value()) if self.value() in known else queryset


class OrganizationModelAdmin(AuditedAdmin, ConfirmingAdmin, MatrixRights, ModelAdmin):
    """Lists, forms and pages of rows that belong to clients.

    The scope already limits every query. This class adds: rights by the matrix, the client's column and filter under
    "All clients", the client set by the server when a row is added, forms that offer only rows of the object's own
    client, the audit log, capped counts, and an empty state (`empty_title`, `empty_text`).
    """

    list_per_page = 25
    show_full_result_count = False
    paginator = CappedPaginator
    list_filter_submit = True
    warn_unsaved_form = True
    empty_title = ""
    empty_text = ""
    empty_icon = "inbox"
    actions: Any = ()
    exclude: Any = ("organization",)

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        columns = list(super().get_list_display(request))
        return columns if access_of(request).current else [columns[0], "organization", *columns[1:]]

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        filters = list(super().get_list_filter(request))
        return filters if access_of(request).current else [ClientFilter, *filters]

    def get_list_select_related(self, request: HttpRequest) -> Any:
        related = super().get_list_select_related(request)
        if access_of(request).current or related is True:
            return related
        return [*(related or ()), "organization"]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        empty = {"empty_title": self.empty_title, "empty_text": self.empty_text, "empty_icon": self.empty_icon}
        return super().changelist_view(request, {**empty, **(extra_context or {})})

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Runs, and renders, in the scope of the one client the form is for, so that it offers no other's rows."""
        organization_id = self._form_organization_id(request, object_id)
        if organization_id is None:
            return self._choose_client_first(request)
        with organization_scope(organization_id):
            response = super().changeform_view(request, object_id, form_url, extra_context)
            if isinstance(response, TemplateResponse):
                response.render()
            return response

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            obj.organization = access_of(request).current
        super().save_model(request, obj, form, change)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Rows of inlines belong to the client of the object they hang on."""
        for inline_form in formset.forms:
            inline_form.instance.organization_id = organization_id_of(form.instance)
        super().save_formset(request, form, formset, change)

    def _form_organization_id(self, request: HttpRequest, object_id: str | None) -> Any:
        if object_id is not None:
            obj = self.get_object(request, object_id)
            # An unknown id, or another client's, takes the ordinary way to the "does not exist" answer.
            return organization_id_of(obj) if obj is not None else access_of(request).organizations[0].pk
        current = access_of(request).current
        return current.pk if current else None

    def _choose_client_first(self, request: HttpRequest) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"Add {self.model._meta.verbose_name}: for which client?",
            "opts": self.model._meta,
        }
        return TemplateResponse(request, "admin/choose_client.html", context)
