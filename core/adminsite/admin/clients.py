"""Clients for superusers, "Settings and brand" for a client's own people: one model, one form."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import display

from core.accounts.choices import ORGANIZATION_STATUS_COLORS
from core.accounts.middleware import SESSION_KEY
from core.accounts.model_admins import OrganizationModelAdmin
from core.accounts.models import Organization
from core.accounts.permissions import Permission
from core.adminsite.forms import ClientAddForm, OrganizationForm
from core.adminsite.services import NewClient, client_add
from core.common.moments import shown_moment
from core.common.tenancy import all_organizations

_BRAND = (None, {"fields": ("name", "color", "time_zone")})
_LAW = ("In every mail", {"fields": ("postal_address",)})
_SENDER = ("Default sender of new campaigns", {"fields": (("default_from_name", "default_from_email"),)})
_AGENCY = ("Agency", {"fields": ("slug", ("status", "owner"))})


@admin.register(Organization)
class OrganizationAdmin(OrganizationModelAdmin):
    view_permission = Permission.ORGANIZATION_VIEW
    add_permission = Permission.AGENCY
    change_permission = Permission.ORGANIZATION_MANAGE
    form = OrganizationForm
    exclude = ()
    list_display = ("shown_name", "shown_status", "time_zone", "owner", "shown_created")
    list_filter = ("status",)
    list_select_related = ("owner",)
    search_fields = ("name__istartswith",)
    list_before_template = "adminsite/only_current_client.html"
    fieldsets = (_BRAND, _LAW, _SENDER)
    add_fieldsets = (
        (None, {"fields": ("name", "slug", "plan")}),
        ("Brand", {"fields": (("color", "time_zone"),)}),
        ("Who runs it", {"fields": ("owner",)}),
    )
    prepopulated_fields = {"slug": ("name",)}
    empty_title = "No clients yet"
    empty_text = "A client comes with its plan and a sandbox, so that nothing can go out by mistake."
    empty_icon = "apartment"

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = ClientAddForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        return (*fieldsets, _AGENCY) if obj is not None and request.user.is_superuser else fieldsets

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.prepopulated_fields if obj is None else {}

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        """A new client is in no scope yet: its form runs in the scope of all, which only superusers reach."""
        if object_id is not None or not self.has_add_permission(request):
            return super().changeform_view(request, object_id, form_url, extra_context)
        with all_organizations(reason="a superuser adds a client"):
            response = super(OrganizationModelAdmin, self).changeform_view(request, None, form_url, extra_context)
            if isinstance(response, TemplateResponse):
                response.render()
            return response

    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> None:
        if change:
            super(OrganizationModelAdmin, self).save_model(request, obj, form, change)
            return
        data = form.cleaned_data
        new = NewClient(
            name=data["name"],
            slug=data["slug"],
            plan=data["plan"],
            time_zone=data["time_zone"],
            color=data["color"],
            owner=data["owner"],
        )
        made = client_add(client=new, by=request.user)  # type: ignore[arg-type]
        obj.__dict__.update(made.__dict__)

    def response_add(self, request: HttpRequest, obj: Organization, post_url_continue: Any = None) -> HttpResponse:
        """Goes on at the new client's home, which knows the next step."""
        request.session[SESSION_KEY] = str(obj.pk)
        messages.success(request, f"{obj.name} is added. You are now working for it.")
        return HttpResponseRedirect(reverse("admin:index"))

    def response_change(self, request: HttpRequest, obj: Organization) -> HttpResponse:
        """People stay on the settings they saved: the menu leads here, not through the list of clients."""
        if "_addanother" in request.POST:
            return super().response_change(request, obj)
        messages.success(request, f"The settings of {obj.name} are saved.")
        return HttpResponseRedirect(request.path)

    def _form_organization_id(self, request: HttpRequest, object_id: str | None) -> UUID | Any:
        if object_id is None:
            return UUID(int=0)
        return super()._form_organization_id(request, object_id)

    @display(description="client", ordering="name", header=True)
    def shown_name(self, organization: Organization) -> list[Any]:
        return [organization.name, organization.slug, organization.initials]

    @display(description="added", ordering="created_at")
    def shown_created(self, organization: Organization) -> Any:
        return shown_moment(organization.created_at)

    @display(description="status", ordering="status", label=ORGANIZATION_STATUS_COLORS)
    def shown_status(self, organization: Organization) -> tuple[str, str]:
        return organization.status, organization.get_status_display()
