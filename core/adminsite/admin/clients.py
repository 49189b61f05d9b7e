"""Clients for superusers, "Settings and brand" for a client's own people: one model, one form."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display

from core.accounts.choices import ORGANIZATION_STATUS_COLORS
from core.accounts.middleware import SESSION_KEY
from core.accounts.model_admins import OrganizationModelAdmin
from core.accounts.models import Organization
from core.accounts.permissions import Permission
from core.accounts.services import organization_logo_set
from core.adminsite.forms import ClientAddForm, OrganizationForm
from core.adminsite.services import NewClient, client_add
from core.common.moments import shown_moment
from core.common.tenancy import all_organizations

_BRAND = (None, {"fields": ("name", "color", "time_zone")})
_LOOK = (
    "Brand kit of mails",
    {
        "fields": (
            "shown_logo",
            ("logo", "remove_logo"),
            ("button_color", "text_color"),
            ("background_color", "mail_font"),
        ),
        "description": "Templates take the client's look from here: {{ brand.color }}, {{ brand.logo_url }} and so on.",
    },
)
_PLACES = (
    "Addresses shown in mails",
    {"fields": ("website", ("facebook_url", "instagram_url"), ("linkedin_url", "youtube_url"), "x_url")},
)
_LAW = ("In every mail", {"fields": ("postal_address",)})
_SENDER = ("Default sender of new campaigns", {"fields": (("default_from_name", "default_from_email"),)})
_CAMPAIGNS = (
    "Campaigns",
    {
        "fields": (
            "campaign_name_pattern",
            ("utm_source", "utm_medium"),
            "utm_campaign",
            "web_hosts",
            "watch_words",
            "mails_per_hour",
            "uses_honeypot_link",
        ),
        "description": "Patterns may hold {client}, {year}, {month}, {day}, {week}, {template} and {campaign}.",
    },
)
_APPROVAL = (
    "Approval of campaigns",
    {
        "fields": ("approval_policy", ("approver_name", "approver_email")),
        "description": "Whoever has to agree does so for exactly one content, audience and sender: any edit ends it. "
        "The client's approver gets a link by mail and needs no login.",
    },
)
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
    fieldsets = (_BRAND, _LOOK, _PLACES, _LAW, _SENDER, _CAMPAIGNS, _APPROVAL)
    readonly_fields = ("shown_logo",)
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
        if obj is not None and not self.has_change_permission(request, obj):
            # What can only be uploaded has nothing to show on a page that changes nothing.
            fieldsets = [(title, _without_uploads(options)) for title, options in fieldsets]
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
            _save_logo(obj, form.cleaned_data)
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

    @display(description="logo now")
    def shown_logo(self, organization: Organization) -> str:
        if not organization.logo_name:
            return "None: mails show the client's name."
        url = reverse("brand:logo", args=[organization.pk, organization.logo_name])
        return format_html('<img class="ex-logo" src="{}" alt="The logo of {}" height="48">', url, organization)

    @display(description="client", ordering="name", header=True)
    def shown_name(self, organization: Organization) -> list[Any]:
        return [organization.name, organization.slug, organization.initials]

    @display(description="added", ordering="created_at")
    def shown_created(self, organization: Organization) -> Any:
        return shown_moment(organization.created_at)

    @display(description="status", ordering="status", label=ORGANIZATION_STATUS_COLORS)
    def shown_status(self, organization: Organization) -> tuple[str, str]:
        return organization.status, organization.get_status_display()


def _without_uploads(options: dict[str, Any]) -> dict[str, Any]:
    return {**options, "fields": tuple(field for field in options["fields"] if field != ("logo", "remove_logo"))}


def _save_logo(organization: Organization, cleaned: dict[str, Any]) -> None:
    if cleaned.get("logo") is not None:
        organization_logo_set(organization=organization, logo=cleaned["logo"])
    elif cleaned.get("remove_logo"):
        organization_logo_set(organization=organization, logo=None)
