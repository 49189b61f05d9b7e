"""The automatic stop: too many hard bounces or complaints among the newest mails stop what they came from, only that.

Two streams are watched: a campaign, and all that a client sends from one domain (many small campaigns can do the same
harm as one big one). Looked at are the last CIRCUIT_WINDOW mails that got an answer, by the batches that ended last:
mails the provider took, and those it refused because nobody is there. With fewer answers nothing is stopped. What was
sent before a stop never counts again, so that after a resume the window begins anew.
"""

import logging
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from core.campaigns.ledger import AutomaticStop, StopExample
from core.campaigns.models import Campaign
from core.campaigns.services import campaign_halted
from core.campaigns.states import CampaignStatus, PauseReason
from core.common.errors import DomainError
from core.common.tenancy import require
from core.delivery.bounces import HARD
from core.delivery.models import Message, StreamStop
from core.delivery.states import SkipReason

logger = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 2.0
"""For one campaign in one worker: fast enough to stop within some hundred mails, and no burden."""
EXAMPLES = 3
KEPT_LOOKS = 500
_ADDRESS = re.compile(r"[^\s<>\"(),;:]+@[^\s<>\"(),;:]+")

_NEWEST = """
    WITH stream AS (
        SELECT campaign.id FROM campaigns_campaign AS campaign
         WHERE campaign.organization_id = %(organization_id)s
           AND (campaign.id = %(campaign_id)s
                OR (%(campaign_id)s::uuid IS NULL
                    AND campaign.started_at > now() - interval '7 days'
                    AND lower(split_part(campaign.from_email, '@', 2)) = %(domain)s))
    ), batch AS (
        SELECT batch.id, coalesce(batch.settled_at, now()) AS ended,
               sum(batch.accepted_count + batch.failed_count)
                   OVER (ORDER BY coalesce(batch.settled_at, now()) DESC, batch.id DESC) AS answered,
               batch.accepted_count + batch.failed_count AS own
          FROM delivery_deliverybatch AS batch
         WHERE batch.campaign_id IN (SELECT id FROM stream) AND batch.organization_id = %(organization_id)s
           AND batch.accepted_count + batch.failed_count > 0
           AND coalesce(batch.settled_at, now()) > %(since)s
    )
    SELECT message.id, coalesce(nullif(message.words, ''), message.bounce_words),
           message.send_state = 'failed'
               OR (message.bounced_at IS NOT NULL AND message.bounce_class = ANY(%(hard)s)),
           message.complained_at IS NOT NULL
      FROM batch JOIN delivery_message AS message ON message.batch_id = batch.id
     WHERE batch.answered - batch.own < %(window)s
       AND message.organization_id = %(organization_id)s
       AND (message.send_state = 'accepted'
            OR (message.send_state = 'failed' AND message.reason = %(bad_address)s))
     ORDER BY batch.ended DESC, message.id DESC
     LIMIT %(window)s
"""
_BEGINNING = datetime.fromisoformat("2000-01-01T00:00:00+00:00")

_looked_at: dict[UUID, float] = {}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the newest answers of a stream say. `words` are the provider's without addresses, `examples` message ids."""

    looked_at: int
    bounced: int
    complained: int
    words: tuple[tuple[str, int], ...]
    examples: tuple[UUID, ...]

    @property
    def is_enough(self) -> bool:
        """Fewer answers prove nothing: two bounces in the first ten mails are bad luck."""
        return self.looked_at >= settings.CIRCUIT_WINDOW

    @property
    def is_too_bad(self) -> bool:
        bounces = self.bounced * 1000 > settings.CIRCUIT_BOUNCES_PER_MILLE * self.looked_at
        complaints = self.complained * 1000 > settings.CIRCUIT_COMPLAINTS_PER_MILLE * self.looked_at
        return self.is_enough and (bounces or complaints)


def look(*, organization_id: UUID, campaign_id: UUID) -> bool:
    """After a batch: stop the campaign, or all of its domain, if its newest answers are too bad. Whether it did.

    Cheap: looks again at the same campaign after LOOK_EVERY_SECONDS only.
    """
    now = time.monotonic()
    if now - _looked_at.get(campaign_id, -LOOK_EVERY_SECONDS) < LOOK_EVERY_SECONDS:
        return False
    if len(_looked_at) >= KEPT_LOOKS:
        _looked_at.clear()
    _looked_at[campaign_id] = now
    return examine(organization_id=organization_id, campaign_id=campaign_id)


def examine(*, organization_id: UUID, campaign_id: UUID) -> bool:
    """The same without waiting."""
    campaign = Campaign.objects.only("from_email", "status", "organization_id").get(pk=campaign_id)
    if campaign.status != CampaignStatus.SENDING:
        return False
    domain = campaign.from_email.rpartition("@")[2].lower()
    for stream_campaign in (campaign_id, None):
        evidence = newest_answers(organization_id=organization_id, campaign_id=stream_campaign, domain=domain)
        if evidence.is_too_bad:
            return _stopped(organization_id, stream_campaign, domain, evidence)
    return False


def newest_answers(*, organization_id: UUID, campaign_id: UUID | None, domain: str) -> Evidence:
    """The newest answers of a campaign, or (without one) of all that the client sent from the domain in seven days."""
    require(organization_id)
    parameters = {
        "organization_id": organization_id,
        "campaign_id": campaign_id,
        "domain": domain,
        "since": _since(organization_id, campaign_id, domain),
        "window": settings.CIRCUIT_WINDOW,
        "bad_address": SkipReason.BAD_ADDRESS.value,
        "hard": ["", *HARD],
    }
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST, parameters)
        rows = cursor.fetchall()
    return _evidence(rows)


def _evidence(rows: Sequence[tuple[UUID, str, bool, bool]]) -> Evidence:
    bad = [row for row in rows if row[2] or row[3]]
    words = Counter(without_addresses(row[1]) for row in bad if row[1])
    return Evidence(
        looked_at=len(rows),
        bounced=sum(row[2] for row in rows),
        complained=sum(row[3] for row in rows),
        words=tuple(words.most_common(EXAMPLES)),
        examples=tuple(row[0] for row in bad[:EXAMPLES]),
    )


def _since(organization_id: UUID, campaign_id: UUID | None, domain: str) -> datetime:
    """The last stop that this stream was part of."""
    stops = StreamStop.objects.filter(organization_id=organization_id, domain=domain)
    if campaign_id is not None:
        stops = stops.filter(campaign_id=campaign_id) | stops.filter(campaign=None)
    newest = stops.order_by("-stopped_at").values_list("stopped_at", flat=True).first()
    return newest or _BEGINNING


@transaction.atomic
def _stopped(organization_id: UUID, campaign_id: UUID | None, domain: str, evidence: Evidence) -> bool:
    """Write the evidence down and pause what is guilty. Of two workers the second finds the first one's stop."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"circuit {organization_id} {domain}"])
    again = newest_answers(organization_id=organization_id, campaign_id=campaign_id, domain=domain)
    if not again.is_too_bad:
        return False
    guilty = Campaign.objects.filter(organization_id=organization_id, status=CampaignStatus.SENDING)
    if campaign_id is not None:
        guilty = guilty.filter(pk=campaign_id)
    else:
        guilty = guilty.filter(from_email__iendswith=f"@{domain}")
    StreamStop.objects.create(
        organization_id=organization_id,
        campaign_id=campaign_id,
        domain=domain,
        stopped_at=Now(),
        looked_at=again.looked_at,
        bounced=again.bounced,
        complained=again.complained,
        words=[list(pair) for pair in again.words],
        examples=[str(example) for example in again.examples],
    )
    problem = problem_text(again, domain="" if campaign_id else domain)
    return sum(_paused(campaign, problem) for campaign in guilty) > 0


def _paused(campaign: Campaign, problem: str) -> bool:
    try:
        campaign_halted(campaign_id=campaign.pk, reason=PauseReason.AUTO, problem=problem)
    except DomainError as error:
        logger.info("Campaign %s was not stopped: %s", campaign.pk, error)
        return False
    logger.warning("Campaign %s was stopped: too many bounces or complaints.", campaign.pk)
    return True


def problem_text(evidence: Evidence, *, domain: str = "") -> str:
    """The numbers and the provider's words for the page of a stopped campaign; no addresses."""
    whose = f"mails from {domain}" if domain else "mails"
    parts = []
    if evidence.bounced:
        limit = _percent(settings.CIRCUIT_BOUNCES_PER_MILLE, 1000)
        share = _percent(evidence.bounced, evidence.looked_at)
        parts.append(
            f"{evidence.bounced} of the last {evidence.looked_at} {whose} went to addresses that do not exist "
            f"({share}; the limit is {limit})."
        )
    if evidence.complained:
        limit = _percent(settings.CIRCUIT_COMPLAINTS_PER_MILLE, 1000)
        share = _percent(evidence.complained, evidence.looked_at)
        parts.append(
            f"{evidence.complained} of the last {evidence.looked_at} {whose} were reported as spam "
            f"({share}; the limit is {limit})."
        )
    if evidence.words:
        said, times = evidence.words[0]
        parts.append(f"Said most often ({times} times): “{said[:160]}”.")
    parts.append("Look at where these addresses came from before you resume; the count then begins anew.")
    return " ".join(parts)


def _percent(part: int, whole: int) -> str:
    return f"{part / whole * 100:.1f} %".replace(".0 %", " %")


def without_addresses(words: str) -> str:
    """A provider's words with every mail address left out of them."""
    return _ADDRESS.sub("…", words)


def last_stop(campaign: Campaign) -> AutomaticStop | None:
    """The newest stop of a campaign or of its domain's stream, with the mails that it was made for (2 queries)."""
    domain = campaign.from_email.rpartition("@")[2].lower()
    stops = StreamStop.objects.filter(organization_id=campaign.organization_id, domain=domain)
    stops = stops.filter(campaign_id=campaign.pk) | stops.filter(campaign=None)
    stop = stops.order_by("-stopped_at").first()
    if stop is None:
        return None
    shown = ("pk", "words", "bounce_words", "complained_at")
    mails = Message.objects.filter(organization_id=campaign.organization_id, pk__in=stop.examples)
    examples = tuple(
        StopExample(pk, without_addresses(words or bounce_words), complained_at is not None)
        for pk, words, bounce_words, complained_at in mails.order_by("pk").values_list(*shown)
    )
    return AutomaticStop(
        stopped_at=stop.stopped_at,
        looked_at=stop.looked_at,
        bounced=stop.bounced,
        complained=stop.complained,
        domain="" if stop.campaign_id else domain,
        words=tuple((words, times) for words, times in stop.words),
        examples=examples,
    )
