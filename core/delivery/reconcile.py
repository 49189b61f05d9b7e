"""Everybody in a campaign's audience against its ledger: counted anew from the mails, not from the batches' counts."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from core.common.tenancy import require
from core.contacts.errors import TookTooLong
from core.contacts.segments.people import time_limit
from core.delivery.invariants import ALL
from core.delivery.states import SendState, SkipReason

PAGE_SECONDS = 10.0
MOST_NAMED = 50_000
"""Of the download; the list of messages exports any number."""

_COUNTED = """
    SELECT send_state, reason, count(*) FROM delivery_message
     WHERE campaign_id = %(campaign_id)s AND organization_id = %(organization_id)s GROUP BY send_state, reason
"""

# Who was in the groups and has no row, and whose mail stands in no batch: the first nobody sends to, the second nobody
# carries.
_UNACCOUNTED = f"""
    SELECT missing.id FROM ({ALL["everybody_has_a_row"].sql}) AS missing
    UNION
    SELECT message.contact_id FROM ({ALL["own_batch"].sql}) AS adrift
      JOIN delivery_message AS message ON message.id = adrift.id
"""  # noqa: S608 - made of constants

_NAMED = f"""
    SELECT contact.email, 'Unaccounted for' AS state, '' AS words, NULL AS since
      FROM ({_UNACCOUNTED}) AS missing
      JOIN contacts_contact AS contact ON contact.id = missing.id AND contact.organization_id = %(organization_id)s
    UNION ALL
    SELECT contact.email, message.send_state, message.words, kept.written_at
      FROM delivery_message AS message
      JOIN contacts_contact AS contact ON contact.id = message.contact_id
      LEFT JOIN delivery_messagevalues AS kept ON kept.message_id = message.id
     WHERE message.campaign_id = %(campaign_id)s AND message.organization_id = %(organization_id)s
       AND message.send_state IN ('uncertain', 'unresolved')
     ORDER BY 2, 1 LIMIT {MOST_NAMED}
"""  # noqa: S608 - made of constants


@dataclass(frozen=True)
class Line:
    """So many people with the same state and, where there is one, the same reason."""

    state: SendState
    reason: SkipReason
    count: int


@dataclass(frozen=True)
class Reconciliation:
    """`lines` in the order of the states; `unaccounted` people were in the audience and are in none of them."""

    lines: list[Line]
    unaccounted: int

    @property
    def accounted(self) -> int:
        return sum(line.count for line in self.lines)

    @property
    def open_questions(self) -> int:
        """How many a person or time has still to answer for."""
        doubts = (SendState.UNCERTAIN, SendState.UNRESOLVED)
        return self.unaccounted + sum(line.count for line in self.lines if line.state in doubts)


@dataclass(frozen=True)
class NamedPerson:
    """Somebody whose mail nobody can be sure about. `since` is when it was about to be handed over."""

    email: str
    state: str
    words: str
    since: object


def reconcile(*, organization_id: UUID, campaign_id: UUID) -> Reconciliation | None:
    """Count everybody (2 queries); None when it takes longer than somebody waits for a page."""
    require(organization_id)
    ids = {"organization_id": organization_id, "campaign_id": campaign_id}
    try:
        with time_limit(PAGE_SECONDS), connection.cursor() as cursor:
            cursor.execute(_COUNTED, ids)
            lines = [Line(SendState(state), SkipReason(reason), count) for state, reason, count in cursor.fetchall()]
            cursor.execute(f"SELECT count(*) FROM ({_UNACCOUNTED}) AS missing", ids)  # noqa: S608 - a constant
            unaccounted = cursor.fetchone()[0]
    except TookTooLong:
        return None
    order = list(SendState)
    return Reconciliation(sorted(lines, key=lambda line: (order.index(line.state), -line.count)), unaccounted)


def open_questions(*, organization_id: UUID, campaign_id: UUID) -> Iterator[NamedPerson]:
    """By name: who is unaccounted for, in doubt or unresolved."""
    require(organization_id)
    with connection.cursor() as cursor:
        cursor.execute(_NAMED, {"organization_id": organization_id, "campaign_id": campaign_id})
        for email, state, words, since in cursor.fetchall():
            yield NamedPerson(email, SendState(state).label if state in SendState else state, words, since)
