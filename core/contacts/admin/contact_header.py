"""What stands above the contact's form, in words."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils import timezone

from core.contacts.choices import CONTACT_STATUS_COLORS, ContactStatus
from core.contacts.models import Contact
from core.contacts.profile import Standing, suppressions_of


@dataclass(frozen=True)
class ContactHeader:
    """`gone` says what became of a contact that is no more; `wishes` what the person asked for."""

    name: str
    initials: str
    status: str
    status_color: str
    consent: str
    came: str
    flags: tuple[tuple[str, str], ...]
    wishes: tuple[str, ...]
    suppressions: list[Standing]
    gone: str = ""
    gone_url: str = ""
    gone_label: str = ""


def contact_header(contact: Contact) -> ContactHeader:
    return ContactHeader(
        name=contact.full_name or str(contact),
        initials=_initials(contact),
        status=contact.get_status_display(),
        status_color=CONTACT_STATUS_COLORS[ContactStatus(contact.status)],
        consent=consent_words(contact),
        came=contact.source,
        flags=_flags(contact),
        wishes=_wishes(contact),
        suppressions=[] if contact.erased_at else suppressions_of(contact),
        **_gone(contact),
    )


def consent_words(contact: Contact) -> str:
    """Basis, day and way in one line."""
    if contact.erased_at:
        return ""
    basis = contact.get_consent_basis_display() or "Consent"
    if not contact.consent_at and not contact.consent_basis:
        return "No consent is noted"
    on = f", {timezone.localtime(contact.consent_at):%-d %B %Y}" if contact.consent_at else ", day not known"
    return f"{basis}{on}" + (f" · {contact.consent_source}" if contact.consent_source else "")


def _initials(contact: Contact) -> str:
    letters = [part[0] for part in (contact.first_name, contact.last_name) if part] or list(contact.email[:1])
    return "".join(letters).upper() or "–"


def _flags(contact: Contact) -> tuple[tuple[str, str], ...]:
    flags = []
    if contact.is_role_address:
        flags.append(("Role address", "Such as info@: several people may read it."))
    if contact.is_disposable_address:
        flags.append(("Disposable address", "From a service for addresses that are thrown away."))
    return tuple(flags)


def _wishes(contact: Contact) -> tuple[str, ...]:
    wishes = []
    if contact.paused_until and contact.paused_until > timezone.now():
        wishes.append(f"Paused until {timezone.localtime(contact.paused_until):%-d %B %Y}")
    if contact.mail_frequency:
        wishes.append(contact.get_mail_frequency_display())
    return tuple(wishes)


def _gone(contact: Contact) -> dict[str, Any]:
    if contact.erased_at:
        day = f"{timezone.localtime(contact.erased_at):%-d %B %Y}"
        if contact.email:
            return {"gone": f"This person is being erased since {day}. Nothing can be changed any more."}
        return {"gone": f"Erased on {day}, on the person's wish. Figures of campaigns still count one person."}
    if contact.deleted_at is None:
        return {}
    day = f"{timezone.localtime(contact.deleted_at):%-d %B %Y}"
    if contact.merged_into is not None:
        return {
            "gone": f"Merged on {day} into {contact.merged_into}, where all of this is shown as well.",
            "gone_url": reverse("admin:contacts_contact_change", args=[contact.merged_into_id]),
            "gone_label": f"Open {contact.merged_into}",
        }
    return {
        "gone": f"Deleted on {day}. It gets no mail and counts no more; 90 days after that its data go, too. Add the "
        "address again, by hand or by an import, to have it back."
    }
