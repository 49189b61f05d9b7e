"""Reads of the contact page: suppressions, consent, duplicates."""

import datetime
from dataclasses import dataclass
from itertools import combinations, pairwise
from uuid import UUID

from django.db.models import Q

from core.contacts.address_standing import address_keys
from core.contacts.choices import SuppressionKind
from core.contacts.models import AgencySuppression, ConsentEvent, Contact, ContactSearch, Suppression
from core.contacts.search import folded

MOST_DUPLICATES = 5
CONSENTS_A_PAGE = 5
_DOTLESS_DOMAINS = ("gmail.com", "googlemail.com")
"""Mailboxes of these do not know dots (support.google.com/mail/answer/7436150)."""
_MOST_DOTS = 2
_MOST_SPELLINGS = 1_000


def contact_ids_of(contact: Contact) -> tuple[UUID, ...]:
    """The contact and those merged into it: their story goes on here. One query."""
    merged = Contact.objects.filter(merged_into=contact, deleted_at__isnull=False)
    return (contact.pk, *merged.values_list("pk", flat=True))


@dataclass(frozen=True, slots=True)
class Standing:
    """One suppression that means this contact. `scope` says for whom it holds."""

    scope: str
    what: str
    reason: str
    note: str
    since: datetime.datetime


def suppressions_of(contact: Contact) -> list[Standing]:
    """Every suppression of address, domain or hash that means the contact, oldest first. 2 queries."""
    keys = address_keys(contact.email_key)
    own = Suppression.objects.filter(organization_id=contact.organization_id, key__in=keys).select_related("group")
    agency = AgencySuppression.objects.filter(key__in=keys)
    found = [_standing(f"“{row.group}”" if row.group else str(contact.organization), row, row.note) for row in own]
    # What the agency noted for itself is not for everybody's eyes.
    found += [_standing("all clients of the agency", row, "") for row in agency]
    return sorted(found, key=lambda standing: standing.since)


def _standing(scope: str, row: Suppression | AgencySuppression, note: str) -> Standing:
    what = "" if row.kind == SuppressionKind.ADDRESS else f"{SuppressionKind(row.kind).label.lower()} {row.email}"
    return Standing(scope, what.strip(), row.get_reason_display(), note, row.created_at)


@dataclass(frozen=True, slots=True)
class ConsentPage:
    events: list[ConsentEvent]
    older: UUID | None


def consent_page(*, contact_ids: tuple[UUID, ...], before: UUID | None = None) -> ConsentPage:
    """A page of the consent history, newest first. One query."""
    events = ConsentEvent.objects.filter(contact_id__in=contact_ids).order_by("-pk")
    if before:
        events = events.filter(pk__lt=before)
    rows = list(events[: CONSENTS_A_PAGE + 1])
    return ConsentPage(rows[:CONSENTS_A_PAGE], rows[CONSENTS_A_PAGE - 1].pk if len(rows) > CONSENTS_A_PAGE else None)


@dataclass(frozen=True, slots=True)
class Duplicate:
    contact: Contact
    why: str


def duplicates_of(contact: Contact) -> list[Duplicate]:
    """Contacts of the client that may be the same person, MOST_DUPLICATES at most. Three queries over indexes."""
    found: dict[UUID, Duplicate] = {}
    for why, others in (
        ("Same address but for dots or a + part", _same_mailbox(contact)),
        ("Same phone number", _same_phone(contact)),
        ("Same name and company", _same_name(contact)),
    ):
        for other in others:
            if other.pk != contact.pk:
                found.setdefault(other.pk, Duplicate(other, why))
    return list(found.values())[:MOST_DUPLICATES]


def _living(contact: Contact) -> Q:
    return Q(organization_id=contact.organization_id, deleted_at=None)


def _same_mailbox(contact: Contact) -> list[Contact]:
    """Spellings of the address are asked for one by one; those with a + part lie side by side in the index."""
    local, _at, domain = contact.email_key.rpartition("@")
    bare = local.partition("+")[0]
    domains = _DOTLESS_DOMAINS if domain in _DOTLESS_DOMAINS else (domain,)
    locals_ = _spellings(bare) if domain in _DOTLESS_DOMAINS else {bare}
    exact = [f"{spelling}@{name}" for spelling in locals_ for name in domains]
    same = Q(email_key__in=exact)
    for spelling in {bare, bare.replace(".", "") if domain in _DOTLESS_DOMAINS else bare}:
        same |= Q(email_key__gte=f"{spelling}+", email_key__lt=f"{spelling},")
    rows = Contact.objects.filter(_living(contact) & same).exclude(pk=contact.pk).order_by()[:50]
    return [other for other in rows if other.email_key.rpartition("@")[2] in domains]


def _spellings(local: str) -> set[str]:
    """The local part with up to two dots in any place: nearly all that people use."""
    plain = local.replace(".", "")
    places = range(1, len(plain))
    spellings = {local, plain}
    for count in range(1, _MOST_DOTS + 1):
        for dots in combinations(places, count):
            if len(spellings) >= _MOST_SPELLINGS:
                return spellings
            cuts = (0, *dots, len(plain))
            spellings.add(".".join(plain[start:end] for start, end in pairwise(cuts)))
    return spellings


def _same_phone(contact: Contact) -> list[Contact]:
    if not contact.phone_e164:
        return []
    same = Contact.objects.filter(_living(contact), phone_e164=contact.phone_e164).exclude(pk=contact.pk)
    return list(same.order_by()[:MOST_DUPLICATES])


def _same_name(contact: Contact) -> list[Contact]:
    """By the search's index: names and company stand side by side in its text."""
    if not (contact.first_name and contact.last_name and contact.company):
        return []
    text = folded(f" {contact.first_name} {contact.last_name} {contact.company}")
    ids = ContactSearch.objects.filter(organization_id=contact.organization_id, text__contains=text)
    pks = list(ids.order_by().values_list("contact_id", flat=True)[: MOST_DUPLICATES + 1])
    same = Contact.objects.filter(_living(contact), pk__in=pks).exclude(pk=contact.pk)
    return [other for other in same if _who(other) == _who(contact)]


def _who(contact: Contact) -> tuple[str, ...]:
    return tuple(folded(text) for text in (contact.first_name, contact.last_name, contact.company))
