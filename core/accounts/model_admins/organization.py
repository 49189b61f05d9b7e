"""The base of admin classes of tenant data."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display

from core.accounts.model_admins.house import HouseModelAdmin
from core.accounts.model_admins.rights import access_of, organization_id_of
from core.accounts.permissions import Permission
from core.common.tenancy import organization_scope


class ClientFilter(DropdownFilter):
    """Narrows a list of "All clients" to one of them."""

    title = "client"
    parameter_name = "client"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(organization.pk), organization.name) for organization in access_of(request).organizations]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        known = {str(organization.pk) for organization in access_of(request).organizations}
        return queryset.filter(organization_id=self.value()) if self.value() in known else queryset


class OrganizationModelAdmin(HouseModelAdmin):
    """Lists, forms and pages of rows that belong to clients.

    The scope already limits every query. This class adds: rights by the matrix, the client's column and filter under
    "All clients", the client set by the server when a row is added, forms that offer only rows of the object's own
    client, the audit log, capped counts, and an empty state (`empty_title`, `empty_text`).
    """

    exclude: Any = ("organization",)

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        columns = list(super().get_list_display(request))
        if access_of(request).current or "client_column" in columns or not self._has_organization():
            return columns
        return [columns[0], "client_column", *columns[1:]]

    @display(description="client", ordering="organization__name")
    def client_column(self, row: Any) -> str:
        return str(row.organization)

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        filters = list(super().get_list_filter(request))
        return filters if access_of(request).current or not self._has_organization() else [ClientFilter, *filters]

    def get_list_select_related(self, request: HttpRequest) -> Any:
        related = super().get_list_select_related(request)
        if access_of(request).current or related is True or not self._has_organization():
            return related
        return [*(related or ()), "organization"]

    def get_queryset(self, request: HttpRequest) -> Any:
        """Under "All clients" only those clients whose role allows the view, not all in reach."""
        queryset = super().get_queryset(request)
        if access_of(request).current or access_of(request).user.is_superuser:
            return queryset
        return self._where_allowed(request, queryset, self.view_permission)

    def response_action(self, request: HttpRequest, queryset: Any) -> Any:
        """A bulk action under "All clients" reaches only rows of clients whose role allows that action."""
        action = self.get_actions(request).get(request.POST.get("action", ""))
        for name in getattr(action[0], "allowed_permissions", ()) if action else ():
            queryset = self._where_allowed(request, queryset, self._permission_named(name))
        return super().response_action(request, queryset)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """Runs, and renders, in the scope of the one client the form is for, so that it offers no other's rows."""
        if object_id is not None and self.get_object(request, object_id) is None:
            # Before anything is asked about the object: an address may hold what is no id at all.
            return self._unknown_object(request, object_id)
        organization_id = self._form_organization_id(request, object_id)
        if organization_id is None:
            return self._choose_client_first(request)
        with organization_scope(organization_id):
            response = super().changeform_view(request, object_id, form_url, extra_context)
            if isinstance(response, TemplateResponse):
                response.render()
            return response

    def _unknown_object(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """An unknown id, or another client's: the same answer."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)

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
        if object_id is None:
            current = access_of(request).current
            return current.pk if current else None
        return organization_id_of(self.get_object(request, object_id))

    def _has_organization(self) -> bool:
        return any(field.name == "organization" for field in self.opts.concrete_fields)

    def _where_allowed(self, request: HttpRequest, queryset: Any, permission: Permission | None) -> Any:
        access = access_of(request)
        if permission is None or access.user.is_superuser:
            return queryset
        ids = [client.pk for client in access.in_reach if access.can(permission, client.pk)]
        return queryset.filter(**{f"{queryset.model.organization_attribute}__in": ids})

    def _permission_named(self, name: str) -> Permission | None:
        """What stands in an action's `permissions`: "change", or a member of Permission such as "campaigns_send"."""
        if name.upper() in Permission.__members__:
            return Permission[name.upper()]
        return getattr(self, f"{name}_permission", None)

    def _choose_client_first(self, request: HttpRequest, doing: str = "") -> HttpResponse:
        """Which client it is about; `doing` says what, when it is not adding one."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"{doing or f'Add {self.model._meta.verbose_name}'}: for which client?",
            "opts": self.model._meta,
        }
        return TemplateResponse(request, "admin/choose_client.html", context)
