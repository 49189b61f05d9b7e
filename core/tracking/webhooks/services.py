"""Writes of webhooks: endpoints with their keys, posts as they come in, events that were set aside."""

import datetime
import hashlib
from uuid import UUID

import orjson
from django.db import transaction
from django.utils import timezone

from core.accounts import audit
from core.common import tenancy
from core.common.errors import DomainError
from core.common.ids import new_id
from core.common.prepared import prepared
from core.tracking.choices import PostState
from core.tracking.models import DeadEvent, WebhookEndpoint, WebhookPost
from core.tracking.waking import wake_reading
from core.tracking.webhooks import reading


class StillNotApplied(DomainError):
    """The event was tried again and does not fit yet."""


def body_hash(body: bytes) -> str:
    """What makes a post the same when it comes again, unless its provider has something better."""
    return hashlib.sha256(body).hexdigest()


# Bound on the server, which takes the bytes as they are: as words they are twice as long, and cost twice the time.
_KEEP = """
INSERT INTO tracking_webhookpost
       (id, organization_id, endpoint_id, body_hash, body, headers, state, attempts, signed_at, received_at, result)
VALUES (%(id)s, %(organization)s, %(endpoint)s, %(hash)s, %(body)s, %(headers)s::jsonb, 'waiting', 0, %(signed_at)s,
        %(now)s, '{}')
    ON CONFLICT (endpoint_id, body_hash) DO NOTHING
"""


def post_keep(
    *,
    endpoint: WebhookEndpoint,
    body: bytes,
    signed_at: datetime.datetime,
    identity: str = "",
    content_type: str = "",
) -> bool:
    """Store a verified post and have it read. False, and nothing changed, when it is here already.

    `identity` has at most 64 characters; the same one means the same post.
    """
    tenancy.require(endpoint.organization_id)
    words = {
        "id": new_id(),
        "organization": endpoint.organization_id,
        "endpoint": endpoint.pk,
        "hash": identity or body_hash(body),
        "body": body,
        "headers": orjson.dumps({"content-type": content_type[:300]} if content_type else {}).decode(),
        "signed_at": signed_at,
        "now": timezone.now(),
    }
    with transaction.atomic():
        with prepared(_KEEP, words) as cursor:
            is_new = cursor.rowcount == 1
        transaction.on_commit(wake_reading, robust=True)
    return is_new


@transaction.atomic
def dead_event_replay(*, dead_event_id: UUID) -> None:
    """Try an event again that was set aside; once it fits, it is an event like any other.

    Raises StillNotApplied with the reason. Twice, or at the same time: the second finds nothing to do.
    """
    dead = (
        DeadEvent.objects.select_for_update(of=("self",))
        .select_related("endpoint__connection__account")
        .filter(pk=dead_event_id)
        .first()
    )
    if dead is None:
        return
    problem = reading.try_again(dead)
    if problem:
        raise StillNotApplied(f"The event could not be applied. {problem}")
    audit.record(action="deadevent.replayed", obj=dead)
    dead.delete()


@transaction.atomic
def post_read_again(*, post_id: UUID) -> bool:
    """Put a post that could not be read back into the queue. False when it is not one of those."""
    changed = WebhookPost.objects.filter(pk=post_id, state=PostState.FAILED).exclude(body=b"")
    if not changed.update(state=PostState.WAITING, attempts=0):
        return False
    audit.record(action="webhookpost.read_again", obj=WebhookPost.objects.get(pk=post_id))
    transaction.on_commit(wake_reading, robust=True)
    return True


def posts_prune(*, older_than: datetime.timedelta) -> int:
    """Forget posts and set-aside events of this age in the open scope; how many. Never what still waits."""
    before = timezone.now() - older_than
    removed, _ = WebhookPost.objects.filter(received_at__lt=before).exclude(state=PostState.WAITING).delete()
    dead, _ = DeadEvent.objects.filter(created_at__lt=before).delete()
    return removed + dead
