from core.contacts.models.bulk import BulkChange
from core.contacts.models.consent import ConsentEvent, SignupForm, SignupFormGroup, SignupRequest
from core.contacts.models.contacts import Contact, ContactGroup, ContactGroupMembership, ContactSearch
from core.contacts.models.fields import ContactField, ContactTag
from core.contacts.models.imports import ColumnChoice, ContactImport, ImportedChunk, ImportPart, RefusedRow
from core.contacts.models.segments import Segment
from core.contacts.models.suppressions import (
    AgencySuppression,
    AgencySuppressionList,
    Suppression,
    SuppressionList,
)

__all__ = [
    "AgencySuppression",
    "AgencySuppressionList",
    "BulkChange",
    "ColumnChoice",
    "ConsentEvent",
    "Contact",
    "ContactField",
    "ContactGroup",
    "ContactGroupMembership",
    "ContactImport",
    "ContactSearch",
    "ContactTag",
    "ImportPart",
    "ImportedChunk",
    "RefusedRow",
    "Segment",
    "SignupForm",
    "SignupFormGroup",
    "SignupRequest",
    "Suppression",
    "SuppressionList",
]
