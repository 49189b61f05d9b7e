"""What people decide about their own mail in the preference centre."""

import datetime
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from core.accounts import audit
from core.contacts.choices import ConsentChange, MailFrequency, SuppressionKind, SuppressionReason
from core.contacts.models import Contact, ContactGroup, ContactGroupMembership, Suppression
from core.contacts.services.consent import consent_record
from core.contacts.suppression_keys import suppression_key

SOURCE = "preference centre"


class Pause(enum.Enum):
    KEEP = "keep"
    END = "end"
    DAYS_30 = "30"
    DAYS_90 = "90"


_PAUSE_DAYS = {Pause.DAYS_30: 30, Pause.DAYS_90: 90}


@dataclass(frozen=True)
class Preferences:
    """A person's wishes. `topics` holds those she saw, by the group's id; `language` "" leaves it as it is."""

    topics: Mapping[UUID, bool]
    frequency: str = ""
    pause: Pause = Pause.KEEP
    language: str = ""


@dataclass(frozen=True)
class Topic:
    """A topic as one person sees it. A fixed one was taken from her by staff and is not hers to take back."""

    group_id: UUID
    name: str
    description: str
    is_on: bool
    is_fixed: bool


def topics_of(contact: Contact) -> list[Topic]:
    """The client's topics: on for members who did not leave. One query."""
    key = suppression_key(SuppressionKind.ADDRESS, contact.email_key)
    left = Suppression.objects.filter(group=OuterRef("pk"), key=key)
    groups = ContactGroup.objects.filter(organization_id=contact.organization_id, is_topic=True).annotate(
        is_member=Exists(ContactGroupMembership.objects.filter(group=OuterRef("pk"), contact=contact)),
        is_left=Exists(left),
        is_fixed=Exists(left.exclude(reason=SuppressionReason.UNSUBSCRIBED)),
    )
    return [
        Topic(
            group_id=group.pk,
            name=group.public_name or group.name,
            description=group.public_description,
            is_on=group.is_member and not group.is_left,
            is_fixed=group.is_fixed,
        )
        for group in groups
    ]


@transaction.atomic
def preferences_change(*, contact_id: UUID, wish: Preferences, network: str = "") -> bool:
    """Do what the person wishes, with an event of consent and an audit row; False when all was so before.

    Works whatever the contact's status is: who comes back later finds her topics as she left them.
    """
    contact = Contact.objects.select_for_update().filter(pk=contact_id, deleted_at=None, erased_at=None).first()
    if contact is None:
        return False
    changes = _topics_changed(contact, wish.topics) | _fields_changed(contact, wish)
    if not changes:
        return False
    contact.save(update_fields=["mail_frequency", "paused_until", "language", "updated_at"])
    wording = "; ".join(f"{name}: {after}" for name, (_before, after) in changes.items())
    consent_record(contact=contact, change=ConsentChange.PREFERENCES, source=SOURCE, wording=wording, network=network)
    audit.record(action="contact.preferences_changed", obj=contact, changes=changes)
    return True


def _topics_changed(contact: Contact, wishes: Mapping[UUID, bool]) -> audit.Changes:
    changes: audit.Changes = {}
    for topic in topics_of(contact):
        wish = wishes.get(topic.group_id, topic.is_on)
        if topic.is_fixed or wish == topic.is_on:
            continue
        if wish:
            _join(contact, topic.group_id)
        else:
            _leave(contact, topic.group_id)
        changes[f"topic {topic.name}"] = [_on_or_off(topic.is_on), _on_or_off(wish)]
    return changes


def _join(contact: Contact, group_id: UUID) -> None:
    key = suppression_key(SuppressionKind.ADDRESS, contact.email_key)
    Suppression.objects.filter(organization_id=contact.organization_id, group_id=group_id, key=key).delete()
    membership = ContactGroupMembership(organization_id=contact.organization_id, group_id=group_id, contact=contact)
    ContactGroupMembership.objects.bulk_create([membership], ignore_conflicts=True)


def _leave(contact: Contact, group_id: UUID) -> None:
    """The membership stays, so that staff sees who once wanted the topic; the suppression is what counts."""
    Suppression.objects.get_or_create(
        organization_id=contact.organization_id,
        group_id=group_id,
        key=suppression_key(SuppressionKind.ADDRESS, contact.email_key),
        defaults={"email": contact.email, "reason": SuppressionReason.UNSUBSCRIBED, "note": SOURCE},
    )


def _fields_changed(contact: Contact, wish: Preferences) -> audit.Changes:
    names = ["mail_frequency", "paused_until", "language"]
    before = audit.field_values(contact, names)
    if wish.frequency == "" or wish.frequency in MailFrequency.values:
        contact.mail_frequency = wish.frequency
    contact.language = wish.language or contact.language
    contact.paused_until = _paused_until(contact.paused_until, wish.pause)
    changed = audit.changed_fields(before, audit.field_values(contact, names))
    return {name: [_shown(name, old), _shown(name, new)] for name, (old, new) in changed.items()}


def _paused_until(now_until: datetime.datetime | None, pause: Pause) -> datetime.datetime | None:
    if pause in _PAUSE_DAYS:
        return timezone.now() + datetime.timedelta(days=_PAUSE_DAYS[pause])
    return None if pause is Pause.END else now_until


def _on_or_off(is_on: bool) -> str:
    return "on" if is_on else "off"


def _shown(name: str, value: object) -> str:
    if isinstance(value, datetime.datetime):
        return f"{value:%Y-%m-%d}"
    return str(value) if value else {"mail_frequency": "every mail"}.get(name, "none")
