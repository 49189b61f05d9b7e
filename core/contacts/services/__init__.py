"""Every write of the audience. One transaction each, the audit row inside."""

from core.contacts.services.contacts import (
    contact_add,
    contact_change,
    contact_resubscribe,
    contact_unsubscribe,
    contacts_delete,
    contacts_suppress,
    contacts_unsubscribe,
)
from core.contacts.services.groups import group_add, group_add_contacts, group_remove_contacts
from core.contacts.services.imports import import_cancel, import_confirm, import_map, import_run, import_upload
from core.contacts.services.suppressions import suppression_add, suppression_remove

__all__ = [
    "contact_add",
    "contact_change",
    "contact_resubscribe",
    "contact_unsubscribe",
    "contacts_delete",
    "contacts_suppress",
    "contacts_unsubscribe",
    "group_add",
    "group_add_contacts",
    "group_remove_contacts",
    "import_cancel",
    "import_confirm",
    "import_map",
    "import_run",
    "import_upload",
    "suppression_add",
    "suppression_remove",
]
