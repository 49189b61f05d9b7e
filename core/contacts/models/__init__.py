from core.contacts.models.consent import ConsentEvent, SignupForm, SignupFormGroup, SignupRequest
from core.contacts.models.contacts import Contact, ContactGroup, ContactGroupMembership, ContactSearch
from core.contacts.models.fields import ContactField, ContactTag
from core.contacts.models.imports import ColumnChoice, ContactImport, ImportedChunk, ImportPart, RefusedRow
from core.contacts.models.segments import Segment
from core.contacts.models.suppressions import AgencySuppression, Suppression

__all__ = [
    "AgencySuppression",
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
]
