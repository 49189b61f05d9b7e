"""The one writer of consent: the history, and what the contact's own row says last."""

import datetime
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.contacts.choices import ConsentBasis, ConsentChange
from core.contacts.models import ConsentEvent, Contact

GIVING = frozenset({ConsentChange.GIVEN, ConsentChange.CONFIRMED})
"""Changes after which the contact's row carries the new consent."""


@transaction.atomic
def consent_record(
    *,
    contact: Contact,
    change: ConsentChange,
    basis: ConsentBasis | str = "",
    source: str = "",
    wording: str = "",
    network: str = "",
    occurred_at: datetime.datetime | None = None,
) -> ConsentEvent:
    """Append a change to the contact's history; `source` says by what ("Form Newsletter", "preference centre").

    What an import stated on the contact's row, and nobody changed so far, becomes the first event. Consent that is
    given is written to the row as well, a basis only when one is named. Call while the row holds the old consent.
    """
    occurred_at = occurred_at or timezone.now()
    if contact.consent_at and not ConsentEvent.objects.filter(contact=contact).exists():
        _append(contact, ConsentChange.GIVEN, contact.consent_basis, contact.consent_source, "", "", contact.consent_at)
    event = _append(contact, change, basis, source, wording, network, occurred_at)
    if change in GIVING:
        contact.consent_at, contact.consent_source = occurred_at, event.source
        contact.consent_basis = basis or contact.consent_basis
        contact.save(update_fields=["consent_at", "consent_basis", "consent_source", "updated_at"])
    return event


@transaction.atomic
def consents_withdraw(*, contacts: Sequence[Contact], source: str) -> None:
    """Append a withdrawal to the history of each, as `consent_record` does, in a fixed number of statements."""
    ids = [contact.pk for contact in contacts]
    told = set(ConsentEvent.objects.filter(contact_id__in=ids).values_list("contact_id", flat=True))
    now = timezone.now()
    stated = [
        _event(contact, ConsentChange.GIVEN, contact.consent_basis, contact.consent_source, "", "", contact.consent_at)
        for contact in contacts
        if contact.consent_at and contact.pk not in told
    ]
    withdrawn = [_event(contact, ConsentChange.WITHDRAWN, "", source, "", "", now) for contact in contacts]
    ConsentEvent.objects.bulk_create([*stated, *withdrawn], batch_size=1000)


def _append(*values: Any) -> ConsentEvent:
    event = _event(*values)
    event.save(force_insert=True)
    return event


def _event(
    contact: Contact,
    change: ConsentChange,
    basis: str,
    source: str,
    wording: str,
    network: str,
    occurred_at: datetime.datetime,
) -> ConsentEvent:
    return ConsentEvent(
        organization_id=contact.organization_id,
        contact=contact,
        change=change,
        basis=basis,
        source=source[:200],
        wording=wording,
        network=network[:45],
        occurred_at=occurred_at,
    )
