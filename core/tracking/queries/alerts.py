"""What mail servers hold against a client's sending and nobody has looked at yet."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone

from core.tracking.choices import AlertKind
from core.tracking.models import SendingAlert

SHOWN_FOR = datetime.timedelta(days=14)
FEWEST_BY_POLICY = 5
"""Mails a day. In every list are servers that take no such mail; what is below this says nothing about the sender."""


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """`title` and `words` are for people; `count` mails of that day were refused. Acknowledged on the alert's page,
    `admin:tracking_sendingalert_change` with `pk`."""

    pk: UUID
    organization_id: UUID
    kind: str
    title: str
    domain: str
    campaign_id: UUID
    words: str
    count: int
    first_seen: datetime.datetime
    last_seen: datetime.datetime


def open_alerts(organization_ids: Iterable[UUID], *, most: int = 100) -> list[OpenAlert]:
    """Of the last two weeks and not acknowledged, the newest first; limited to the open scope. Without the few refusals
    by recipients' own policies that are ordinary: these stand in the list of sending problems alone."""
    since = timezone.now().date() - SHOWN_FOR
    rows = SendingAlert.objects.filter(
        organization_id__in=list(organization_ids), acknowledged_at__isnull=True, day__gte=since
    ).exclude(kind=AlertKind.POLICY, count__lt=FEWEST_BY_POLICY)
    return [_shown(row) for row in rows.order_by("-day", "-count", "pk")[:most]]


def _shown(row: SendingAlert) -> OpenAlert:
    label = str(AlertKind(row.kind).label)
    mails = "1 mail" if row.count == 1 else f"{row.count:,} mails"
    return OpenAlert(
        pk=row.pk,
        organization_id=row.organization_id,
        kind=row.kind,
        title=f"{mails} from {row.domain}: {label[:1].lower()}{label[1:]}",
        domain=row.domain,
        campaign_id=row.campaign_id,
        words=row.words,
        count=row.count,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
    )
