"""Contacts, groups, suppressions and imports in the admin."""

from core.contacts.admin.contacts import ContactAdmin
from core.contacts.admin.groups import ContactGroupAdmin
from core.contacts.admin.imports import ContactImportAdmin
from core.contacts.admin.suppressions import SuppressionAdmin

__all__ = ["ContactAdmin", "ContactGroupAdmin", "ContactImportAdmin", "SuppressionAdmin"]
