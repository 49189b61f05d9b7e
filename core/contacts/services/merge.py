"""Making one contact of several that are the same person."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from core.accounts import audit
from core.contacts.choices import ContactStatus, MailFrequency, SuppressionKind, SuppressionReason
from core.contacts.errors import MergeRefused
from core.contacts.merging import MOST_MERGED, chosen_values, is_strict
from core.contacts.models import Contact, ContactGroupMembership
from core.contacts.phones import phone_e164
from core.contacts.search import contacts_reindex
from core.contacts.suppression_keys import key_sql
from core.subscriptions import usage
from core.subscriptions.choices import Metric

_STRICTNESS = (ContactStatus.COMPLAINED, ContactStatus.UNSUBSCRIBED)
_FREQUENCIES = ("", MailFrequency.WEEKLY, MailFrequency.MONTHLY)

_JOIN_GROUPS = """
    INSERT INTO contacts_contactgroupmembership (id, organization_id, group_id, contact_id, added_at)
    SELECT engagex_uuid7(), organization_id, group_id, %(winner)s, min(added_at) FROM contacts_contactgroupmembership
     WHERE organization_id = %(organization)s AND contact_id = ANY(%(losers)s)
     GROUP BY organization_id, group_id ORDER BY group_id
        ON CONFLICT (organization_id, group_id, contact_id) DO NOTHING
"""
# What the person or the client decided goes with the person; a bounce is the old address's own.
_TAKE_OVER_SUPPRESSIONS = f"""
    INSERT INTO contacts_suppression (id, organization_id, kind, email, key, reason, note, group_id, created_at)
    SELECT DISTINCT ON (old.group_id) engagex_uuid7(), old.organization_id, 'address', winner.email,
           {key_sql(SuppressionKind.ADDRESS, "winner")}, old.reason, left('Merged: ' || old.note, 200), old.group_id,
           now()
      FROM contacts_contact AS loser
      JOIN contacts_suppression AS old
        ON old.organization_id = loser.organization_id AND old.key = {key_sql(SuppressionKind.ADDRESS, "loser")}
      JOIN contacts_contact AS winner ON winner.id = %(winner)s AND winner.organization_id = loser.organization_id
     WHERE loser.organization_id = %(organization)s AND loser.id = ANY(%(losers)s)
       AND old.reason NOT IN ('{SuppressionReason.BOUNCED}', '{SuppressionReason.ERASED}')
     ORDER BY old.group_id, old.id
        ON CONFLICT (organization_id, key, group_id) DO NOTHING
"""  # noqa: S608 - made of constants


@transaction.atomic
def contacts_merge(
    *, winner_id: UUID, loser_ids: Collection[UUID], choices: Mapping[str, UUID] | None = None
) -> Contact:
    """Make one contact of two to five: the winner keeps its address and id, the others are deleted and point to it.

    `choices` says of which contact a field's value comes ("company", "attributes.city"); without a choice it is the
    newest that is not empty. Tags and groups add up. Who unsubscribed or complained anywhere stays so; the oldest
    consent that counts is kept; the rarest frequency and the longest pause win. What others have decided about the
    losers' addresses stays, and holds for the winner's address as well. The losers' share of the plan is given back.
    Raises MergeRefused.
    """
    contacts = _locked([winner_id, *loser_ids])
    _check(contacts, winner_id, loser_ids)
    winner = next(contact for contact in contacts if contact.pk == winner_id)
    losers = [contact for contact in contacts if contact.pk != winner_id]
    values = _values(winner, contacts, choices or {})
    before = audit.field_values(winner, list(values))
    for name, value in values.items():
        setattr(winner, name, value)
    winner.save(update_fields=[*values, "updated_at"])
    _take_over(winner, losers)
    _let_go(winner, losers)
    contacts_reindex(organization_id=winner.organization_id, contact_ids=[contact.pk for contact in contacts])
    usage.release(organization_id=winner.organization_id, metric=Metric.CONTACTS, amount=len(losers))
    _note(winner, losers, audit.changed_fields(before, audit.field_values(winner, list(values))))
    return winner


def _locked(contact_ids: Collection[UUID]) -> list[Contact]:
    return list(Contact.objects.select_for_update().filter(pk__in=contact_ids, deleted_at=None).order_by("email_key"))


def _check(contacts: Sequence[Contact], winner_id: UUID, loser_ids: Collection[UUID]) -> None:
    wanted = {winner_id, *loser_ids}
    if len(wanted) < 2:
        raise MergeRefused("Choose at least two contacts to merge.")
    if len(wanted) > MOST_MERGED:
        raise MergeRefused(f"These are {len(wanted)} contacts. Merge up to {MOST_MERGED} at once.")
    if len(contacts) != len(wanted):
        raise MergeRefused("One of these contacts is not there any more. Somebody may have merged or deleted it.")
    if len({contact.organization_id for contact in contacts}) > 1:
        raise MergeRefused("These contacts belong to different clients.")


def _values(winner: Contact, contacts: Sequence[Contact], choices: Mapping[str, UUID]) -> dict[str, Any]:
    """What the winner becomes."""
    values = chosen_values(contacts, choices)
    values["phone_e164"] = phone_e164(values["phone"])
    values["tags"] = list(dict.fromkeys(tag for contact in [winner, *contacts] for tag in contact.tags))
    values["status"] = next(
        (status for status in _STRICTNESS if any(contact.status == status for contact in contacts)), winner.status
    )
    values |= _oldest_consent(contacts)
    values["mail_frequency"] = max((contact.mail_frequency for contact in contacts), key=_FREQUENCIES.index)
    for name in ("paused_until", "last_opened_at", "last_clicked_at"):
        values[name] = max((getattr(contact, name) for contact in contacts if getattr(contact, name)), default=None)
    return values


def _oldest_consent(contacts: Sequence[Contact]) -> dict[str, Any]:
    """Of contacts that may be written to when there are any: a consent that was withdrawn counts no more."""
    dated = [contact for contact in contacts if contact.consent_at]
    counting = [contact for contact in dated if not is_strict(contact)] or dated
    if not counting:
        return {}
    oldest = min(counting, key=lambda contact: contact.consent_at)  # type: ignore[arg-type, return-value]
    return {name: getattr(oldest, name) for name in ("consent_at", "consent_basis", "consent_source")}


def _take_over(winner: Contact, losers: Sequence[Contact]) -> None:
    parameters: dict[str, Any] = {
        "winner": winner.pk,
        "organization": winner.organization_id,
        "losers": [contact.pk for contact in losers],
    }
    with connection.cursor() as cursor:
        cursor.execute(_JOIN_GROUPS, parameters)
        cursor.execute(_TAKE_OVER_SUPPRESSIONS, parameters)


def _let_go(winner: Contact, losers: Sequence[Contact]) -> None:
    ids = [contact.pk for contact in losers]
    ContactGroupMembership.objects.filter(contact_id__in=ids).delete()
    now = timezone.now()
    Contact.objects.filter(pk__in=ids).update(deleted_at=now, updated_at=now, merged_into=winner)
    Contact.objects.filter(merged_into__in=ids, deleted_at__isnull=False).update(merged_into=winner)


def _note(winner: Contact, losers: Sequence[Contact], changes: audit.Changes) -> None:
    shown = {name: pair for name, pair in changes.items() if name != "phone_e164"}
    addresses = [contact.email for contact in losers]
    audit.record(action="contact.merged", obj=winner, changes={"merged": [None, addresses], **shown})
    audit.record_all(
        action="contact.merged_away", changes=[(contact, {"into": [None, winner.email]}) for contact in losers]
    )
