"""The list of contacts: columns, filters, search, and where its buttons lead."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display

from core.accounts.model_admins import OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.contacts.admin.list_filters import (
    ConsentFilter,
    CreatedFilter,
    FlagFilter,
    GroupFilter,
    ImportFilter,
    SegmentFilter,
    TagFilter,
)
from core.contacts.choices import CONTACT_STATUS_COLORS
from core.contacts.models import Contact
from core.contacts.search import SEARCH_HELP, search_contacts

SHOWN_GROUPS = 3


class ContactListMixin(OrganizationModelAdmin):
    change_list_template = "admin/change_list.html"
    list_display = ("address", "name", "status_label", "group_names", "came")
    list_filter = (
        ("status", ChoicesDropdownFilter),
        GroupFilter,
        TagFilter,
        SegmentFilter,
        ImportFilter,
        ("created_at", CreatedFilter),
        FlagFilter,
        ConsentFilter,
    )
    search_fields = ("email_key",)
    search_help_text = SEARCH_HELP
    actions_list = ("import_contacts", "export_list")
    empty_title = "No contacts yet"
    empty_text = "Import a file, or add the first person by hand."
    empty_icon = "group"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).filter(deleted_at=None).prefetch_related("group_memberships__group")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return search_contacts(queryset, search_term), False

    def get_sortable_by(self, request: HttpRequest) -> tuple[str, ...]:
        """What an index answers: newest or oldest first, and by address within one client."""
        return ("address", "came") if access_of(request).current else ("came",)

    @display(description="email address", ordering="email_key")
    def address(self, obj: Contact) -> str:
        return obj.email

    @display(description="name")
    def name(self, obj: Contact) -> str:
        return obj.full_name or "—"

    @display(description="status", label=dict(CONTACT_STATUS_COLORS))
    def status_label(self, obj: Contact) -> tuple[str, str]:
        return obj.status, obj.get_status_display()

    @display(description="groups")
    def group_names(self, obj: Contact) -> str:
        names = sorted(membership.group.name for membership in obj.group_memberships.all())
        more = f" and {len(names) - SHOWN_GROUPS} more" if len(names) > SHOWN_GROUPS else ""
        return ", ".join(names[:SHOWN_GROUPS]) + more or "—"

    @display(description="created", ordering="id")
    def came(self, obj: Contact) -> Any:
        """Keys rise with time, so that the order by key is the order of arrival."""
        return obj.created_at

    @action(description="Import", url_path="import-contacts", icon="upload", permissions=["contacts_import"])
    def import_contacts(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:contacts_contactimport_import"))
