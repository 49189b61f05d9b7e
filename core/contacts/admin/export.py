"""Contacts and suppressions out as files."""

from uuid import UUID

from core.accounts.permissions import Permission
from core.contacts.resources import ContactResource
from core.exports.admin import ExportableAdmin


class ContactExportMixin(ExportableAdmin):
    """Contacts with the custom fields of their client as columns."""

    export_permission = Permission.CONTACTS_EXPORT
    resource_classes = [ContactResource]

    def export_resource(self, organization_id: UUID) -> ContactResource:
        return ContactResource([organization_id])
