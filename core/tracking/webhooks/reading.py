"""From stored posts to events. A post is read once, in one transaction; what is wrong with one event harms no other."""

import logging
from collections.abc import Sequence
from typing import Any

import orjson
from django.db import Error, transaction
from django.utils import timezone

from core.common.tenancy import organization_scope
from core.contacts.models import SignupRequest
from core.tracking import intake
from core.tracking.choices import DeadReason, PostState
from core.tracking.intake import Arrival
from core.tracking.models import DeadEvent, WebhookPost
from core.tracking.webhooks import sendgrid

logger = logging.getLogger(__name__)

POSTS_A_RUN = 500
MOST_ATTEMPTS = 5
_NO_JSON = "The post is no JSON array."


def read_waiting() -> dict[str, int]:
    """Read the posts that wait, oldest first, each in its own transaction. Safe to run twice, and at once."""
    tally = {"posts": 0, "events": 0, "set_aside": 0, "failed": 0}
    waiting = list(
        WebhookPost.objects.filter(state=PostState.WAITING)
        .order_by("pk")
        .values_list("organization_id", "pk")[:POSTS_A_RUN]
    )
    for organization_id, post_id in waiting:
        with organization_scope(organization_id):
            found = _read_guarded(post_id)
        for name, count in found.items():
            tally[name] += count
    return tally


def try_again(dead: DeadEvent) -> str:
    """Apply an event that was set aside; "" when that worked, else why not."""
    try:
        event = sendgrid.read(dead.event, received_at=dead.created_at)
    except sendgrid.UnreadableEvent as error:
        return str(error)
    if event.arrival is None:
        return ""
    taken = intake.take([event.arrival], organization_id=dead.organization_id)
    return "It names a mail that this client never sent." if taken.unknown else ""


def _read_guarded(post_id: Any) -> dict[str, int]:
    """A mistake of ours costs an attempt and, after some, this post alone; it keeps its body and can be read again."""
    try:
        with transaction.atomic():
            return _read(post_id)
    except Exception:
        logger.exception("A post of a provider could not be read.")
    post = WebhookPost.objects.get(pk=post_id)
    post.attempts += 1
    post.state = PostState.FAILED if post.attempts >= MOST_ATTEMPTS else PostState.WAITING
    post.save(update_fields=["attempts", "state"])
    return {"failed": 1}


def _read(post_id: Any) -> dict[str, int]:
    post = WebhookPost.objects.select_for_update(skip_locked=True).filter(pk=post_id, state=PostState.WAITING).first()
    if post is None:
        return {}
    dead: list[DeadEvent] = []
    arrivals, other = _understood(post, dead)
    taken = _take(post, arrivals, dead)
    DeadEvent.objects.bulk_create(dead, ignore_conflicts=True)
    post.result = {"events": len(arrivals), "new": taken, "other_mail": other, "set_aside": len(dead)}
    post.state, post.body = PostState.DONE, b""
    post.save(update_fields=["result", "state", "body"])
    return {"posts": 1, "events": taken, "set_aside": len(dead)}


def _understood(post: WebhookPost, dead: list[DeadEvent]) -> tuple[list[tuple[Arrival, Any]], int]:
    """Arrivals with the events they came from, and how many events were about mails that are not ours."""
    try:
        events = orjson.loads(bytes(post.body))
    except orjson.JSONDecodeError:
        events = None
    if not isinstance(events, list):
        dead.append(_dead(post, {"unreadable": post.body_hash}, DeadReason.UNREADABLE, _NO_JSON))
        return [], 0
    arrivals, other = [], 0
    for event in events:
        try:
            found = sendgrid.read(event, received_at=post.received_at)
        except sendgrid.UnreadableEvent as error:
            dead.append(_dead(post, event, DeadReason.UNREADABLE, str(error)))
            continue
        if found.arrival is None:
            other += 1
        else:
            arrivals.append((found.arrival, event))
    return arrivals, other


def _take(post: WebhookPost, arrivals: Sequence[tuple[Arrival, Any]], dead: list[DeadEvent]) -> int:
    """All at once; when that fails, one by one, so that the one at fault is found."""
    try:
        with transaction.atomic():
            taken = intake.take([arrival for arrival, _ in arrivals], organization_id=post.organization_id)
    except Error:
        logger.exception("Events are written one by one.")
        return sum(_take_alone(post, arrival, event, dead) for arrival, event in arrivals)
    _set_aside_unknown(post, [arrivals[place] for place in taken.unknown], dead)
    return taken.new


def _take_alone(post: WebhookPost, arrival: Arrival, event: Any, dead: list[DeadEvent]) -> int:
    try:
        with transaction.atomic():
            taken = intake.take([arrival], organization_id=post.organization_id)
    except Error as error:
        dead.append(_dead(post, event, DeadReason.OUR_FAULT, type(error).__name__))
        return 0
    if taken.unknown:
        _set_aside_unknown(post, [(arrival, event)], dead)
    return taken.new


def _set_aside_unknown(post: WebhookPost, unknown: Sequence[tuple[Arrival, Any]], dead: list[DeadEvent]) -> None:
    """Mails of no campaign of this client. Confirmations of signups are ours, too, and have no ledger."""
    ids = {arrival.message_id for arrival, _ in unknown}
    confirmations = set(SignupRequest.objects.filter(pk__in=ids).values_list("pk", flat=True))
    strange = [(arrival, event) for arrival, event in unknown if arrival.message_id not in confirmations]
    if strange:
        logger.warning(
            "%d events of endpoint %s name mails that its client never sent.", len(strange), post.endpoint_id
        )
    dead += [_dead(post, event, DeadReason.NOT_OURS) for _, event in strange]


def _dead(post: WebhookPost, event: Any, reason: DeadReason, words: str = "") -> DeadEvent:
    return DeadEvent(
        organization_id=post.organization_id,
        endpoint_id=post.endpoint_id,
        event_key=sendgrid.event_key(event),
        reason=reason,
        words=words[:300],
        event=sendgrid.without_address(event),
        created_at=timezone.now(),
    )
