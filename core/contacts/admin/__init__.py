"""Contacts, groups, suppressions and imports in the admin."""

from core.contacts.admin.bulk import BulkChangeAdmin
from core.contacts.admin.contacts import ContactAdmin
from core.contacts.admin.fields import ContactFieldAdmin
from core.contacts.admin.groups import ContactGroupAdmin
from core.contacts.admin.imports import ContactImportAdmin
from core.contacts.admin.segments import SegmentAdmin
from core.contacts.admin.signup_forms import SignupFormAdmin
from core.contacts.admin.signup_requests import SignupRequestAdmin
from core.contacts.admin.suppressions import AgencySuppressionAdmin, SuppressionAdmin
from core.contacts.admin.tags import ContactTagAdmin

__all__ = [
    "AgencySuppressionAdmin",
    "BulkChangeAdmin",
    "ContactAdmin",
    "ContactFieldAdmin",
    "ContactGroupAdmin",
    "ContactImportAdmin",
    "ContactTagAdmin",
    "SegmentAdmin",
    "SignupFormAdmin",
    "SignupRequestAdmin",
    "SuppressionAdmin",
]
