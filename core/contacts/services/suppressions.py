"""Writes of the suppression list."""

from uuid import UUID

from django.db import transaction

from core.accounts import audit
from core.accounts.models import Organization
from core.contacts.addresses import normalise_address
from core.contacts.choices import SuppressionKind, SuppressionReason
from core.contacts.errors import ContactExists
from core.contacts.models import Suppression
from core.contacts.suppression_keys import suppression_key


@transaction.atomic
def suppression_add(
    *,
    organization: Organization,
    email: str,
    reason: SuppressionReason = SuppressionReason.MANUAL,
    note: str = "",
) -> Suppression:
    """Never write to this address, whether a contact has it or not. Raises BadAddress or ContactExists."""
    address = normalise_address(email)
    suppression, is_new = Suppression.objects.get_or_create(
        organization=organization,
        group=None,
        key=suppression_key(SuppressionKind.ADDRESS, address.email_key),
        defaults={"email": address.email, "reason": reason, "note": note},
    )
    if not is_new:
        raise ContactExists(f"{suppression.email} is on the suppression list already.")
    audit.record(action="suppression.added", obj=suppression, changes={"reason": [None, str(reason)]})
    return suppression


@transaction.atomic
def suppression_remove(*, suppression_id: UUID) -> bool:
    """Allow mail to the address again; False when it was not (any more) on the list. A contact's own status stays."""
    suppression = Suppression.objects.select_for_update().filter(pk=suppression_id).first()
    if suppression is None:
        return False
    audit.record(action="suppression.removed", obj=suppression, changes={"reason": [suppression.reason, None]})
    suppression.delete()
    return True
