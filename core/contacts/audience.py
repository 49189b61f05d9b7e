"""The one answer to "who gets a campaign, and who not, and why".

A person is in the audience when in an included group and in no excluded one. Of those, some must not be written to:
the reason is one of BLOCK_REASONS, whose values the ledger of messages uses as well.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection

from core.common.prepared import prepared
from core.common.tenancy import as_organization_id, require
from core.contacts.choices import BlockReason, ContactStatus

# In order: what is said of somebody to whom several apply. An unsubscribed person's address is on the suppression list
# too, and "unsubscribed" says more.
_BLOCK_REASON = f"""
    CASE
        WHEN contact.deleted_at IS NOT NULL THEN '{BlockReason.DELETED}'
        WHEN contact.status = '{ContactStatus.UNSUBSCRIBED}' THEN '{BlockReason.UNSUBSCRIBED}'
        WHEN contact.status = '{ContactStatus.COMPLAINED}' THEN '{BlockReason.COMPLAINED}'
        WHEN contact.status = '{ContactStatus.BOUNCED}' THEN '{BlockReason.BOUNCED}'
        WHEN suppression.id IS NOT NULL THEN '{BlockReason.SUPPRESSION_LIST}'
        WHEN contact.status = '{ContactStatus.PENDING}' THEN '{BlockReason.NOT_CONFIRMED}'
        ELSE ''
    END
"""

_CONTACTS_AND_SUPPRESSIONS = """
    contacts_contact AS contact
    LEFT JOIN contacts_suppression AS suppression
      ON suppression.organization_id = contact.organization_id AND suppression.key = 'address:' || contact.email_key
"""

# EXISTS instead of a join: each contact once, however many groups hold it, and a caller's condition on contact_id
# reaches the index.
_IN_GROUPS = """
    EXISTS (SELECT 1 FROM contacts_contactgroupmembership AS membership
             WHERE membership.contact_id = contact.id
               AND membership.organization_id = contact.organization_id
               AND membership.group_id = ANY(%s))
"""


_BLOCKED = f"""
    SELECT contact.id, {_BLOCK_REASON} FROM {_CONTACTS_AND_SUPPRESSIONS}
     WHERE contact.organization_id = %(organization_id)s AND contact.id = ANY(%(contact_ids)s)
"""  # noqa: S608 - made of the constants above


@dataclass(frozen=True)
class AudienceCounts:
    """`total` people in the audience: `sendable` of them get the mail, `skipped` counts the others by reason."""

    total: int
    sendable: int
    skipped: dict[str, int] = field(default_factory=dict)


def audience_sql(
    *, organization_id: UUID, include_group_ids: Collection[UUID], exclude_group_ids: Collection[UUID] = ()
) -> tuple[str, list[Any]]:
    """SQL and parameters of the audience: one row (contact_id, skip_reason) a person; '' means sendable.

    Meant to be wrapped: `SELECT … FROM (sql) AS audience WHERE contact_id > %s ORDER BY contact_id LIMIT n`. Groups of
    other organizations hold nobody. Raises OrganizationMismatch outside the scope.
    """
    organization_id = as_organization_id(organization_id)
    require(organization_id)
    sql = f"""
        SELECT contact.id AS contact_id, {_BLOCK_REASON} AS skip_reason FROM {_CONTACTS_AND_SUPPRESSIONS}
         WHERE contact.organization_id = %s AND {_IN_GROUPS}
    """  # noqa: S608 - made of the constants above
    parameters: list[Any] = [organization_id, list(include_group_ids)]
    if exclude_group_ids:
        sql += f" AND NOT {_IN_GROUPS}"
        parameters.append(list(exclude_group_ids))
    return sql, parameters


def audience_counts(
    *, organization_id: UUID, include_group_ids: Collection[UUID], exclude_group_ids: Collection[UUID] = ()
) -> AudienceCounts:
    """How many people the audience has now, and how many are skipped for which reason. One query."""
    sql, parameters = audience_sql(
        organization_id=organization_id, include_group_ids=include_group_ids, exclude_group_ids=exclude_group_ids
    )
    with connection.cursor() as cursor:
        by_reason_sql = f"SELECT skip_reason, count(*) FROM ({sql}) AS audience GROUP BY skip_reason"  # noqa: S608
        cursor.execute(by_reason_sql, parameters)
        by_reason = dict(cursor.fetchall())
    sendable = by_reason.pop("", 0)
    return AudienceCounts(total=sendable + sum(by_reason.values()), sendable=sendable, skipped=by_reason)


def blocked_contacts(*, organization_id: UUID, contact_ids: Collection[UUID]) -> dict[UUID, str]:
    """Those of the contacts who must not be written to at this moment, with the reason. One query.

    A contact that is not there (any more), or is another organization's, counts as deleted.
    """
    organization_id = as_organization_id(organization_id)
    require(organization_id)
    with prepared(_BLOCKED, {"organization_id": organization_id, "contact_ids": list(contact_ids)}) as cursor:
        reasons = dict(cursor.fetchall())
    found = {contact_id: reasons.get(contact_id, BlockReason.DELETED.value) for contact_id in contact_ids}
    return {contact_id: reason for contact_id, reason in found.items() if reason}
