"""Contacts in the admin: the list, the page of one, and what can be done with a selection."""

from typing import Any

from django.contrib.admin import register
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action

from core.accounts.model_admins import OrganizationModelAdmin
from core.accounts.permissions import Permission
from core.contacts.admin import contact_sections  # noqa: F401 - registers the page's own sections
from core.contacts.admin.contact_actions import ContactActionsMixin
from core.contacts.admin.contact_list import ContactListMixin
from core.contacts.admin.contact_merge import ContactMergeMixin
from core.contacts.admin.contact_page import ContactPageMixin
from core.contacts.admin.contact_privacy import ContactPrivacyMixin
from core.contacts.admin.export import ContactExportMixin
from core.contacts.models import Contact


@register(Contact)
class ContactAdmin(
    ContactListMixin,
    ContactPageMixin,
    ContactMergeMixin,
    ContactPrivacyMixin,
    ContactActionsMixin,
    ContactExportMixin,
    OrganizationModelAdmin,
):
    view_permission = Permission.CONTACTS_VIEW
    add_permission = Permission.CONTACTS_MANAGE
    change_permission = Permission.CONTACTS_MANAGE
    delete_permission = Permission.CONTACTS_MANAGE

    actions_list: Any = (
        *ContactListMixin.actions_list,
        {"title": "Manage", "icon": "tune", "items": ["open_fields", "open_tags", "open_bulk_changes"]},
    )
    actions_detail = (*ContactPageMixin.actions_detail, "export_data", "erase")

    @action(description="Custom fields", url_path="fields", icon="list_alt", permissions=["contacts_view"])
    def open_fields(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:contacts_contactfield_changelist"))

    @action(description="Tags", url_path="tags", icon="label", permissions=["contacts_view"])
    def open_tags(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:contacts_contacttag_changelist"))

    @action(description="Bulk changes", url_path="bulk-changes", icon="checklist", permissions=["contacts_manage"])
    def open_bulk_changes(self, request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:contacts_bulkchange_changelist"))
