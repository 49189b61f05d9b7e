"""What stands behind a reason not to write to somebody: which row says so, since when, and because of what."""

import datetime
from collections.abc import Callable, Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from core.contacts.choices import BlockReason, ConsentChange, SuppressionKind, SuppressionReason
from core.contacts.models import AgencySuppression, ConsentEvent, Contact, Suppression
from core.contacts.suppression_keys import keys_of


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence about the person, and since when it is so, as far as is known."""

    sentence: str
    since: datetime.datetime | None = None


def moment_words(moment: datetime.datetime) -> str:
    """ "3 May 2026, 10:02 UTC", in the time zone of whoever looks."""
    local = timezone.localtime(moment)
    return f"{local.day} {local:%B %Y, %H:%M} {local.tzname()}"


def block_evidence(contact: Contact, reason: str, *, topic_ids: Collection[UUID] = ()) -> Evidence:
    """Why this reason applies to the contact at this moment. `topic_ids` are the groups a campaign goes to.

    A reason that is only the sender's (frequency) or no longer true is named without a row. Three queries at most.
    """
    if reason in _ABOUT_CONTACT:
        return _ABOUT_CONTACT[reason](contact)
    if reason == BlockReason.SUPPRESSION_LIST:
        return _listed(_own(contact).filter(group=None), "On the suppression list", contact)
    if reason == BlockReason.AGENCY_SUPPRESSION:
        rows = AgencySuppression.objects.filter(key__in=keys_of(contact.email_key))
        return _listed(rows, "On the agency's suppression list", contact)
    if reason == BlockReason.TOPIC:
        return _topics(_own(contact).filter(group_id__in=topic_ids).select_related("group"))
    return Evidence(f"{_label(reason)}.")


def _label(reason: str) -> str:
    return dict(BlockReason.choices).get(reason, reason)


def _own(contact: Contact) -> QuerySet[Suppression]:
    """Suppressions of the contact's client that name this person in any way."""
    return Suppression.objects.filter(organization_id=contact.organization_id, key__in=keys_of(contact.email_key))


def _unsubscribed(contact: Contact) -> Evidence:
    row = _own(contact).filter(group=None, reason=SuppressionReason.UNSUBSCRIBED).first()
    if row is not None:
        return _dated("Unsubscribed", row.created_at, f"by {row.note}" if row.note else "")
    event = ConsentEvent.objects.filter(
        organization_id=contact.organization_id, contact=contact, change=ConsentChange.WITHDRAWN
    ).first()
    if event is not None:
        return _dated("Unsubscribed", event.occurred_at, f"by {event.source}" if event.source else "")
    return Evidence("Unsubscribed; when is not known.")


def _stopped_by(reason: SuppressionReason, words: str) -> Callable[[Contact], Evidence]:
    def evidence(contact: Contact) -> Evidence:
        row = _own(contact).filter(group=None, reason=reason).first()
        if row is None:
            return Evidence(f"{words}; when is not known.")
        return _dated(words, row.created_at, f"({row.note})" if row.note else "")

    return evidence


def _deleted(contact: Contact) -> Evidence:
    if contact.erased_at:
        return _dated("Erased on the person's wish", contact.erased_at)
    if contact.deleted_at:
        return _dated("The contact was deleted", contact.deleted_at)
    return Evidence("The contact was deleted then, and came back.")


def _not_confirmed(contact: Contact) -> Evidence:
    return _dated("The subscription was never confirmed; the contact was added", contact.created_at)


def _paused(contact: Contact) -> Evidence:
    if contact.paused_until is None:
        return Evidence("The person had paused all mail.")
    return Evidence(f"The person paused all mail until {moment_words(contact.paused_until)}.")


_ABOUT_CONTACT: dict[str, Callable[[Contact], Evidence]] = {
    BlockReason.DELETED: _deleted,
    BlockReason.UNSUBSCRIBED: _unsubscribed,
    BlockReason.COMPLAINED: _stopped_by(SuppressionReason.COMPLAINED, "Reported a mail as spam"),
    BlockReason.BOUNCED: _stopped_by(SuppressionReason.BOUNCED, "The address bounced"),
    BlockReason.NOT_CONFIRMED: _not_confirmed,
    BlockReason.PAUSED: _paused,
}


def _listed(rows: QuerySet, words: str, contact: Contact) -> Evidence:
    row = rows.order_by("created_at").first()
    if row is None:
        return Evidence(f"{words} then; no longer today.")
    by = {
        SuppressionKind.ADDRESS: "",
        SuppressionKind.DOMAIN: f", with everybody at {row.email or contact.email.rpartition('@')[2]}",
    }.get(SuppressionKind(row.kind), f", by {row.get_kind_display()}")
    note = f" ({row.note})" if row.note else ""
    because = row.get_reason_display()[0].lower() + row.get_reason_display()[1:]
    return Evidence(f"{words} since {moment_words(row.created_at)}{by}: {because}{note}.", row.created_at)


def _topics(rows: QuerySet[Suppression]) -> Evidence:
    left = list(rows.order_by("created_at"))
    if not left:
        return Evidence("Had left the topic then; no longer today.")
    names = " and ".join(f"“{row.group}” on {moment_words(row.created_at)}" for row in left)
    return Evidence(f"Left {names}, and nothing else leads to this person.", left[0].created_at)


def _dated(words: str, moment: datetime.datetime, more: str = "") -> Evidence:
    return Evidence(f"{words} on {moment_words(moment)}{' ' + more if more else ''}.", moment)
