from core.contacts.models.contacts import Contact, ContactGroup, ContactGroupMembership
from core.contacts.models.imports import ContactImport, RefusedRow
from core.contacts.models.suppressions import Suppression

__all__ = ["Contact", "ContactGroup", "ContactGroupMembership", "ContactImport", "RefusedRow", "Suppression"]
