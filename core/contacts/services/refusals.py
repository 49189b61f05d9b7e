"""Taking refusals back: those people may be mailed again, unless something else speaks against it."""

import datetime
from collections.abc import Collection
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from core.accounts import audit
from core.accounts.models import Organization, User
from core.contacts.choices import BulkKind, ConsentChange, ContactStatus, SuppressionReason
from core.contacts.errors import BulkRefused, ReasonMissing
from core.contacts.models import BulkChange, ConsentEvent, Contact, Suppression
from core.contacts.refusals import IS_REFUSAL, refused_days
from core.contacts.services.bulk import bulk_start

_LEFT = "unsubscribed; a refusal before it was taken back"


def refusals_lift_request(
    *, organization: Organization, day: datetime.date, note: str, why: str, user: User
) -> BulkChange:
    """Have a worker take back what one connection's server said on one day. Raises ReasonMissing, or BulkRefused when
    there is nothing to take back."""
    if not why.strip():
        raise ReasonMissing("Say in words why these refusals were wrong. It stays in the history.")
    days = {(one.day, one.note): one for one in refused_days(organization)}
    found = days.get((day, note))
    if found is None:
        raise BulkRefused("Nobody is suppressed for a refusal of that day any more.")
    values = {"day": day.isoformat(), "note": note, "zone": organization.time_zone, "why": why.strip()[:200]}
    title = f"Lift refusals of {day:%-d %B %Y}{f', {found.over}' if found.over else ''}"
    return bulk_start(
        organization_id=organization.pk, kind=BulkKind.LIFT_REFUSED, title=title, values=values, user=user
    )


@transaction.atomic
def refusals_lift(*, organization_id: UUID, suppression_ids: Collection[UUID], why: str) -> int:
    """Take back those of these suppressions that still come from a refusal and nothing else; how many contacts and
    addresses may be mailed again.

    Whoever unsubscribed meanwhile stays suppressed, for that reason. Complaints, bounces that were reported and what
    was added by hand have taken a refusal's place and are not touched. Locks contacts before suppressions, in order of
    address, as `contacts_stop` does.
    """
    rows = Suppression.objects.filter(IS_REFUSAL, pk__in=suppression_ids, organization_id=organization_id, group=None)
    addresses = [key.partition(":")[2] for key in rows.values_list("key", flat=True)]
    people = Contact.objects.select_for_update(no_key=True).filter(
        organization_id=organization_id, email_key__in=addresses
    )
    contacts = {contact.email_key: contact for contact in people.order_by("email_key")}
    held = {row.key.partition(":")[2]: row for row in rows.select_for_update(no_key=True).order_by("key")}
    left = _left([contacts[address] for address in held if address in contacts])
    kept = [row.pk for address, row in held.items() if address in contacts and contacts[address].pk in left]
    Suppression.objects.filter(pk__in=kept).update(reason=SuppressionReason.UNSUBSCRIBED, note=_LEFT)
    lifted = {address: row for address, row in held.items() if row.pk not in set(kept)}
    Suppression.objects.filter(pk__in=[row.pk for row in lifted.values()]).delete()
    _restore([contacts[address] for address in held if address in contacts], left, why)
    audit.record_all(
        action="suppression.removed",
        changes=[
            (row, {"reason": [row.reason, None], "note": [row.note, None], "why": [None, why]})
            for row in lifted.values()
        ],
    )
    return len(lifted)


def _left(contacts: Collection[Contact]) -> set[UUID]:
    """Those who said themselves, before or after the refusal, that they want no more mail."""
    ids = [contact.pk for contact in contacts]
    last = ConsentEvent.objects.filter(contact_id__in=ids).order_by("contact_id", "-id").distinct("contact_id")
    said = {pk for pk, change in last.values_list("contact_id", "change") if change == ConsentChange.WITHDRAWN}
    return said | {contact.pk for contact in contacts if contact.status == ContactStatus.UNSUBSCRIBED}


def _restore(contacts: Collection[Contact], left: Collection[UUID], why: str) -> None:
    """Only who was mailed can be refused: before that they were subscribed."""
    changes: list[tuple[Contact, audit.Changes]] = []
    for status, ids in (
        (ContactStatus.UNSUBSCRIBED, {contact.pk for contact in contacts if contact.pk in left}),
        (ContactStatus.SUBSCRIBED, {contact.pk for contact in contacts if contact.pk not in left}),
    ):
        back = [contact for contact in contacts if contact.pk in ids and contact.status == ContactStatus.BOUNCED]
        Contact.objects.filter(pk__in=[contact.pk for contact in back]).update(status=status, updated_at=timezone.now())
        changes += [(contact, {"status": [contact.status, str(status)], "why": [None, why]}) for contact in back]
    audit.record_all(action="contact.refusal_lifted", changes=changes)
