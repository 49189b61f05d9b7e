"""From stored posts to events. A post is read once, in one transaction; what is wrong with one event harms no other."""

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db import Error, transaction
from django.utils import timezone

from core.common.tenancy import organization_scope
from core.contacts.models import SignupRequest
from core.tracking import intake
from core.tracking.choices import DeadReason, PostState
from core.tracking.inbound.services import replies_keep
from core.tracking.models import DeadEvent, WebhookPost
from core.tracking.webhooks.sendgrid import UnreadableEvent
from core.tracking.webhooks.sources import Item, item_again, items_of

logger = logging.getLogger(__name__)

POSTS_A_RUN = 500
MOST_ATTEMPTS = 5


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
        item = item_again(dead)
    except UnreadableEvent as error:
        return str(error)
    if item.arrival is None:
        return ""
    taken = intake.take([item.arrival], organization_id=dead.organization_id)
    if taken.unknown:
        return "It names a mail that this client never sent."
    replies_keep([item], organization_id=dead.organization_id)
    return ""


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
    waiting = WebhookPost.objects.select_for_update(skip_locked=True, of=("self",))
    post = waiting.select_related("endpoint__connection__account").filter(pk=post_id, state=PostState.WAITING).first()
    if post is None:
        return {}
    dead: list[DeadEvent] = []
    items = _understood(post, dead)
    arrived = [item for item in items if item.arrival is not None]
    taken = _take(post, arrived, dead)
    DeadEvent.objects.bulk_create(dead, ignore_conflicts=True)
    passed_over = Counter(str(item.counted_as) for item in items if item.arrival is None)
    post.result = {"events": len(arrived), "new": taken, "other_mail": 0, **passed_over, "set_aside": len(dead)}
    post.state, post.body = PostState.DONE, b""
    post.save(update_fields=["result", "state", "body"])
    return {"posts": 1, "events": taken, "set_aside": len(dead)}


def _understood(post: WebhookPost, dead: list[DeadEvent]) -> list[Item]:
    """The events that could be read; the others are set aside."""
    try:
        items = items_of(post)
    except UnreadableEvent as error:
        key = f"post:{post.body_hash}"
        dead.append(_dead(post, Item(key, lambda: {"unreadable": post.body_hash}), DeadReason.UNREADABLE, str(error)))
        return []
    dead += [_dead(post, item, DeadReason.UNREADABLE, item.problem) for item in items if item.problem]
    return [item for item in items if not item.problem]


def _take(post: WebhookPost, items: Sequence[Item], dead: list[DeadEvent]) -> int:
    """All at once; when that fails, one by one, so that the one at fault is found."""
    try:
        with transaction.atomic():
            return _take_all(post, items, dead)
    except Error:
        logger.exception("Events are written one by one.")
        return sum(_take_alone(post, item, dead) for item in items)


def _take_all(post: WebhookPost, items: Sequence[Item], dead: list[DeadEvent]) -> int:
    arrivals = [item.arrival for item in items if item.arrival is not None]
    taken = intake.take(arrivals, organization_id=post.organization_id)
    unknown = set(taken.unknown)
    replies_keep(
        [item for place, item in enumerate(items) if place not in unknown], organization_id=post.organization_id
    )
    _set_aside_unknown(post, [items[place] for place in taken.unknown], dead)
    return taken.new


def _take_alone(post: WebhookPost, item: Item, dead: list[DeadEvent]) -> int:
    try:
        with transaction.atomic():
            return _take_all(post, [item], dead)
    except Error as error:
        dead.append(_dead(post, item, DeadReason.OUR_FAULT, type(error).__name__))
        return 0


def _set_aside_unknown(post: WebhookPost, unknown: Sequence[Item], dead: list[DeadEvent]) -> None:
    """Mails of no campaign of this client. Confirmations of signups are ours, too, and have no ledger."""
    ids = {item.arrival.message_id for item in unknown if item.arrival is not None}
    confirmations = set(SignupRequest.objects.filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()
    strange = [item for item in unknown if item.arrival and item.arrival.message_id not in confirmations]
    if strange:
        logger.warning(
            "%d events of endpoint %s name mails that its client never sent.", len(strange), post.endpoint_id
        )
    dead += [_dead(post, item, DeadReason.NOT_OURS) for item in strange]


def _dead(post: WebhookPost, item: Item, reason: DeadReason, words: str = "") -> DeadEvent:
    return DeadEvent(
        organization_id=post.organization_id,
        endpoint_id=post.endpoint_id,
        event_key=item.key,
        reason=reason,
        words=words[:300],
        event=item.kept(),
        created_at=timezone.now(),
    )
