"""Groups, with how many people are in each."""

from typing import Any

from django.contrib.admin import register
from django.db.models import Count, Q
from django.http import HttpRequest
from unfold.decorators import display

from core.accounts.model_admins import OrganizationModelAdmin, OrganizationTabularInline
from core.accounts.permissions import Permission
from core.contacts.models import ContactGroup, ContactGroupMembership


class MembersInline(OrganizationTabularInline):
    """The people of a group, 25 a page. They are added from the contact list or by an import."""

    model = ContactGroupMembership
    view_permission = Permission.CONTACTS_VIEW
    add_permission = None
    change_permission = None
    delete_permission = Permission.CONTACTS_MANAGE
    fields = ("contact", "status", "added_at")
    readonly_fields = ("contact", "status", "added_at")
    ordering = ("-id",)
    per_page = 25
    show_change_link = False
    hide_title = True
    verbose_name_plural = "people"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("contact")

    @display(description="status")
    def status(self, obj: ContactGroupMembership) -> str:
        return obj.contact.get_status_display()


@register(ContactGroup)
class ContactGroupAdmin(OrganizationModelAdmin):
    view_permission = Permission.CONTACTS_VIEW
    add_permission = Permission.CONTACTS_MANAGE
    change_permission = Permission.CONTACTS_MANAGE
    delete_permission = Permission.CONTACTS_MANAGE

    list_display = ("name", "people", "description", "created_at")
    ordering = ("name",)
    search_fields = ("name",)
    fields = ("name", "description")
    inlines = (MembersInline,)
    empty_title = "No groups yet"
    empty_text = "A group is a list of contacts that a campaign is sent to. An import can fill one."
    empty_icon = "folder_shared"

    def get_queryset(self, request: HttpRequest) -> Any:
        alive = Q(group_memberships__contact__deleted_at=None)
        return super().get_queryset(request).annotate(people_count=Count("group_memberships", filter=alive))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Groups are deleted one by one: the page says what goes with one."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    @display(description="people", ordering="people_count")
    def people(self, obj: Any) -> str:
        return f"{obj.people_count:,}"
