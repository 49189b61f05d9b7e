"""Reads of the ledger. Progress comes from batch rows only: no page counts messages."""

import datetime
from dataclasses import dataclass
from email import message_from_bytes, policy
from typing import Any
from uuid import UUID

from django.db.models import Count, DateTimeField, Func, Max, Min, Q, Sum, Value
from django.db.models.functions import Now

from core.campaigns.models import Campaign
from core.delivery.errors import NothingSent
from core.delivery.mime import MimeSkeleton
from core.delivery.models import DeliveryBatch, Message, MessageValues
from core.delivery.rendering import inert_links, sent_mail
from core.delivery.states import BatchState, SendState

RATE_WINDOW = datetime.timedelta(seconds=60)
MAX_ERRORS = 20
MAX_TROUBLED_BATCHES = 1_000
"""Of the newest: errors are looked up every two seconds, and a bad day of five million mails must not stop that."""


@dataclass(frozen=True)
class CampaignProgress:
    """How far a campaign is; the states add up to `total`.

    `waiting` are ready or on their way; `rate_per_second` is None when nothing is going out.
    """

    total: int
    accepted: int
    waiting: int
    retrying: int
    skipped: int
    failed: int
    uncertain: int
    unresolved: int
    rate_per_second: float | None
    seconds_left: float | None
    started_at: datetime.datetime | None
    finished_at: datetime.datetime | None

    @property
    def done(self) -> int:
        """How many have an answer that no further attempt changes."""
        return self.total - self.waiting - self.retrying


@dataclass(frozen=True)
class CampaignError:
    """Mails that met the same words of the provider."""

    state: SendState
    words: str
    count: int


@dataclass(frozen=True)
class HourlyCount:
    """How many mails of batches that settled in this hour (UTC) were accepted."""

    hour: datetime.datetime
    accepted: int


@dataclass(frozen=True)
class RenderedMail:
    """A mail as this person was sent it. `raw` is the whole message (RFC 5322), dated when it was built."""

    message_id: UUID
    address: str
    subject: str
    html: str
    text: str
    from_name: str
    from_email: str
    raw: bytes


def campaign_progress(campaign_id: UUID) -> CampaignProgress:
    """Where a campaign stands, from its batches. At most four queries, whatever the size of the audience."""
    campaign = Campaign.objects.only("started_at", "finished_at", "organization_id").get(pk=campaign_id)
    names = ("size", "accepted_count", "suppressed_count", "failed_count", "retry_count", "uncertain_count")
    sums = DeliveryBatch.objects.filter(campaign_id=campaign_id).aggregate(
        **{name: Sum(name, default=0) for name in (*names, "unresolved_count")}
    )
    decided = sum(value for name, value in sums.items() if name.endswith("_count"))
    waiting = sums["size"] - decided
    rate = _rate(campaign_id) if waiting else None
    return CampaignProgress(
        total=sums["size"],
        accepted=sums["accepted_count"],
        waiting=waiting,
        retrying=sums["retry_count"],
        skipped=sums["suppressed_count"],
        failed=sums["failed_count"],
        uncertain=sums["uncertain_count"],
        unresolved=sums["unresolved_count"],
        rate_per_second=rate,
        seconds_left=waiting / rate if rate else None,
        started_at=campaign.started_at,
        finished_at=campaign.finished_at,
    )


def _rate(campaign_id: UUID) -> float | None:
    """Mails a second over the batches that settled within the last minute; None when none did."""
    settled = DeliveryBatch.objects.filter(campaign_id=campaign_id, state=BatchState.SETTLED)
    window = settled.filter(settled_at__gt=Now() - RATE_WINDOW).aggregate(
        first=Min("settled_at"), accepted=Sum("accepted_count"), now=Max(Now())
    )
    if not window["accepted"]:
        return None
    return window["accepted"] / max((window["now"] - window["first"]).total_seconds(), 1.0)


def campaign_errors(campaign_id: UUID) -> list[CampaignError]:
    """What providers said about mails they did not take, the commonest first, 20 groups at most.

    Reads only mails of batches in which something went wrong, the newest MAX_TROUBLED_BATCHES of them.
    """
    troubled = (
        DeliveryBatch.objects.filter(campaign_id=campaign_id)
        .filter(Q(failed_count__gt=0) | Q(retry_count__gt=0) | Q(uncertain_count__gt=0) | Q(unresolved_count__gt=0))
        .order_by("-number")
        .values("pk")[:MAX_TROUBLED_BATCHES]
    )
    states = [SendState.FAILED, SendState.RETRY_WAIT, SendState.UNCERTAIN, SendState.UNRESOLVED]
    groups = (
        Message.objects.filter(batch__in=troubled, send_state__in=states)
        .values("send_state", "words")
        .annotate(count=Count("pk"))
        .order_by("-count", "send_state", "words")[:MAX_ERRORS]
    )
    return [CampaignError(SendState(row["send_state"]), row["words"], row["count"]) for row in groups]


def campaign_skipped(campaign_id: UUID) -> dict[str, int]:
    """How many people were skipped for which reason. Reads only batches with skipped people."""
    batches = DeliveryBatch.objects.filter(campaign_id=campaign_id, suppressed_count__gt=0)
    groups = (
        Message.objects.filter(batch__in=batches, send_state=SendState.SUPPRESSED)
        .values("reason")
        .annotate(count=Count("pk"))
        .order_by("-count")
    )
    return {row["reason"]: row["count"] for row in groups}


# TruncHour would look at time zones for each of ten thousand batches.
_HOUR = Func(
    Value(datetime.timedelta(hours=1)),
    "settled_at",
    Value(datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)),
    function="date_bin",
    output_field=DateTimeField(),
)


def accepted_per_hour(campaign_id: UUID) -> list[HourlyCount]:
    """Accepted mails by the hour in which their batch settled, from the batches, in order."""
    rows = (
        DeliveryBatch.objects.filter(campaign_id=campaign_id, settled_at__isnull=False)
        .annotate(hour=_HOUR)
        .values("hour")
        .annotate(accepted=Sum("accepted_count"))
        .order_by()
    )
    # In order here: the database would sort the batches first.
    return sorted((HourlyCount(row["hour"], row["accepted"]) for row in rows), key=lambda count: count.hour)


def rendered_mail(message_id: UUID, *, inert: bool = False) -> RenderedMail:
    """The mail this person was sent, from the version and the values kept with the intent.

    Its links act in this person's name. To show it to anybody else ask for the `inert` one, which holds no tokens.
    Raises NothingSent before the first attempt, Message.DoesNotExist out of scope.
    """
    message = Message.objects.only("campaign_id", "contact_id").get(pk=message_id)
    kept = MessageValues.objects.filter(message_id=message_id).first()
    if kept is None:
        raise NothingSent("Nothing was sent to this person, so there is no mail to show.", message_id=message_id)
    mail = sent_mail(message.campaign_id, kept.snapshot_id)
    links = inert_links(message.campaign_id) if inert else None
    recipient = mail.recipient(message_id, message.contact_id, kept.address, kept.values, links=links)
    content = mail.content
    return RenderedMail(
        message_id=message_id,
        address=kept.address,
        subject=content.subject.render(recipient.values),
        html=content.html.render(recipient.values),
        text=content.text.render(recipient.values),
        from_name=content.from_name,
        from_email=content.from_email,
        raw=MimeSkeleton(content).build(recipient, date=kept.written_at),
    )


def parsed_mail(raw: bytes) -> "ReadMail":
    """A stored mail as a mail program reads it."""
    message: Any = message_from_bytes(raw, policy=policy.default)
    leaves = [part for part in message.walk() if not part.is_multipart()]
    parts = {part.get_content_type(): part.get_content() for part in leaves if not part.is_attachment()}
    files = [(part.get_filename(), len(part.get_content())) for part in leaves if part.is_attachment()]
    headers = [(name, str(value)) for name, value in message.items()]
    return ReadMail(headers, parts.get("text/html", ""), parts.get("text/plain", ""), files)


@dataclass(frozen=True)
class ReadMail:
    """Headers in order, the two bodies, and name and size in bytes of each attached file."""

    headers: list[tuple[str, str]]
    html: str
    text: str
    files: list[tuple[str, int]]
