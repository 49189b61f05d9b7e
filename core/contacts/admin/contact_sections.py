"""The contact page's own sections: possible duplicates, the timeline, the history of consent."""

from typing import Any

from django.http import HttpRequest

from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.contacts.models import Contact
from core.contacts.profile import consent_page, contact_ids_of, duplicates_of
from core.contacts.sections import Rendered, key_from, register_contact_section
from core.contacts.timeline import timeline_page


def _duplicates(request: HttpRequest, contact: Contact) -> Rendered | None:
    if contact.deleted_at:
        return None
    found = duplicates_of(contact)
    if not found:
        return None
    may_merge = access_of(request).can(Permission.CONTACTS_MANAGE, contact.organization_id)
    return "contacts/contact_duplicates.html", {"duplicates": found, "may_merge": may_merge}


def _timeline(request: HttpRequest, contact: Contact) -> Rendered:
    before = key_from(request, "before")
    page = timeline_page(
        contact_ids=contact_ids_of(contact),
        organization_id=contact.organization_id,
        access=access_of(request),
        before=before,
    )
    return "contacts/contact_timeline.html", {"page": page, "is_older": before is not None}


def _consents(request: HttpRequest, contact: Contact) -> Rendered:
    before = key_from(request, "consent_before")
    page = consent_page(contact_ids=contact_ids_of(contact), before=before)
    context: dict[str, Any] = {"page": page, "is_older": before is not None}
    return "contacts/contact_consents.html", context


register_contact_section(order=10, title="Possible duplicates", render=_duplicates)
register_contact_section(order=50, title="Timeline", render=_timeline)
register_contact_section(order=60, title="History of consent", render=_consents)
