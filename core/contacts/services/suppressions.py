"""Writes of the suppression lists: a client's own, and the agency's."""

from uuid import UUID

from django.db import transaction

from core.accounts import audit
from core.accounts.models import Organization
from core.contacts.choices import SuppressionReason
from core.contacts.errors import ContactExists, ReasonMissing
from core.contacts.models import AgencySuppression, ContactGroup, Suppression
from core.contacts.suppression_keys import read_entry


@transaction.atomic
def suppression_add(
    *,
    organization: Organization,
    email: str,
    reason: SuppressionReason = SuppressionReason.MANUAL,
    note: str = "",
    group: ContactGroup | None = None,
) -> Suppression:
    """Never write to this, whether a contact has it or not; with a `group`, only not through that group.

    `email` is an address, a domain or a hash (suppression_keys.read_entry). Raises BadAddress or ContactExists.
    """
    entry = read_entry(email)
    suppression, is_new = Suppression.objects.get_or_create(
        organization=organization,
        group=group,
        key=entry.key,
        defaults={"kind": entry.kind, "email": entry.shown, "reason": reason, "note": note[:200]},
    )
    if not is_new:
        raise ContactExists(f"{suppression} is on the suppression list already.")
    changes = {"reason": [None, str(reason)], "note": [None, note], "group": [None, str(group) if group else None]}
    audit.record(action="suppression.added", obj=suppression, changes=_said(changes))
    return suppression


@transaction.atomic
def suppression_remove(*, suppression_id: UUID, why: str = "") -> bool:
    """Allow mail again; False when it was not (any more) on the list. A contact's own status stays.

    A complaint is removed only with a reason, `why`, which the audit log keeps. Raises ReasonMissing.
    """
    suppression = Suppression.objects.select_for_update().filter(pk=suppression_id).first()
    if suppression is None:
        return False
    _remove(suppression, "suppression.removed", why)
    return True


@transaction.atomic
def agency_suppression_add(
    *, email: str, reason: SuppressionReason = SuppressionReason.MANUAL, note: str = ""
) -> AgencySuppression:
    """As `suppression_add`, for every client. For superusers. Raises BadAddress or ContactExists."""
    entry = read_entry(email)
    suppression, is_new = AgencySuppression.objects.get_or_create(
        key=entry.key, defaults={"kind": entry.kind, "email": entry.shown, "reason": reason, "note": note[:200]}
    )
    if not is_new:
        raise ContactExists(f"{suppression} is on the agency's suppression list already.")
    changes = {"reason": [None, str(reason)], "note": [None, note]}
    audit.record(action="agencysuppression.added", obj=suppression, changes=_said(changes))
    return suppression


@transaction.atomic
def agency_suppression_remove(*, suppression_id: UUID, why: str = "") -> bool:
    """As `suppression_remove`. Raises ReasonMissing."""
    suppression = AgencySuppression.objects.select_for_update().filter(pk=suppression_id).first()
    if suppression is None:
        return False
    _remove(suppression, "agencysuppression.removed", why)
    return True


def _remove(suppression: Suppression | AgencySuppression, action: str, why: str) -> None:
    why = why.strip()
    if suppression.reason == SuppressionReason.COMPLAINED and not why:
        raise ReasonMissing(f"{suppression} complained about mail. Say in words why mail is right again.")
    changes = {"reason": [suppression.reason, None], "note": [suppression.note, None], "why": [None, why]}
    audit.record(action=action, obj=suppression, changes=_said(changes))
    suppression.delete()


def _said(changes: audit.Changes) -> audit.Changes:
    """Without what was left empty."""
    return {name: values for name, values in changes.items() if any(values)}
