"""Whom mail servers refused while campaigns went out: `stops` suppresses them under a note that names the connection.

One server that is set up wrongly can refuse a whole day's people as unknown. Such a day can be taken back as a whole.
A refusal is the lightest reason of all: whatever else is told about an address takes its place, and is not taken back.
"""

import datetime
from dataclasses import dataclass
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Count, Max, Min, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import timezone

from core.accounts.models import Organization
from core.common.ids import first_id_of
from core.contacts.choices import SuppressionKind, SuppressionReason
from core.contacts.models import Suppression

REFUSED = "refused by the mail server"
LOOK_BACK = datetime.timedelta(days=90)
IS_REFUSAL = Q(reason=SuppressionReason.BOUNCED, note__startswith=REFUSED)


@dataclass(frozen=True, slots=True)
class RefusedDay:
    """The people whom one connection's server refused on one day of the client's clock, and who are still suppressed
    for it. `note` is what stands at their suppressions."""

    day: datetime.date
    note: str
    people: int
    first: datetime.datetime
    last: datetime.datetime

    @property
    def over(self) -> str:
        """The name of the connection, as it was then; "" where it was not noted."""
        return self.note.removeprefix(REFUSED).removeprefix(" over ").strip("“”")


def refusal_note(connection_name: str) -> str:
    return f"{REFUSED} over “{connection_name}”"


def is_refusal(reason: str, note: str) -> bool:
    return reason == SuppressionReason.BOUNCED and note.startswith(REFUSED)


def refused(organization_id: UUID) -> QuerySet[Suppression]:
    """What refusals alone suppress, of the last LOOK_BACK; keys rise with time."""
    since = first_id_of(timezone.now() - LOOK_BACK)
    return Suppression.objects.filter(
        IS_REFUSAL, organization_id=organization_id, group=None, kind=SuppressionKind.ADDRESS, pk__gte=since
    )


def refused_days(organization: Organization) -> list[RefusedDay]:
    """Newest first (1 query)."""
    days = refused(organization.pk).annotate(day=TruncDate("created_at", tzinfo=ZoneInfo(organization.time_zone)))
    counted = days.order_by().values("day", "note")
    counted = counted.annotate(people=Count("pk"), first=Min("created_at"), last=Max("created_at"))
    return [RefusedDay(**row) for row in counted.order_by("-day", "note")]


def refused_on(*, organization_id: UUID, time_zone: str, day: datetime.date, note: str) -> QuerySet[Suppression]:
    """The suppressions of one RefusedDay."""
    begin = datetime.datetime.combine(day, datetime.time.min, tzinfo=ZoneInfo(time_zone))
    end = datetime.datetime.combine(day + datetime.timedelta(days=1), datetime.time.min, tzinfo=ZoneInfo(time_zone))
    return refused(organization_id).filter(note=note, created_at__gte=begin, created_at__lt=end)
