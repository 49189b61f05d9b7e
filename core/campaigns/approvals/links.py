"""The address by which a client's approver answers, and how it is read again.

The token holds the request's id and the second in which it ends, signed for this purpose alone.
"""

import datetime
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from core.campaigns.models import Approval
from core.common.tokens import BadToken, Purpose, sign, unsign

_ID_BYTES = 16
_SECONDS_BYTES = 5


@dataclass(frozen=True, slots=True)
class ApprovalLink:
    approval_id: UUID
    is_expired: bool


def approval_path(approval: Approval) -> str:
    """Good until the request's `expires_at`."""
    assert approval.expires_at is not None
    ends_at = int(approval.expires_at.timestamp())
    return f"/approve/{sign(Purpose.APPROVAL, approval.pk.bytes + ends_at.to_bytes(_SECONDS_BYTES, 'big'))}"


def approval_url(approval: Approval) -> str:
    return settings.PUBLIC_URL + approval_path(approval)


def approval_link_from(token: str) -> ApprovalLink:
    """Raises BadToken."""
    payload = unsign(Purpose.APPROVAL, token)
    if len(payload) != _ID_BYTES + _SECONDS_BYTES:
        raise BadToken("not the token of an approval")
    ends_at = int.from_bytes(payload[_ID_BYTES:], "big")
    return ApprovalLink(UUID(bytes=payload[:_ID_BYTES]), timezone.now().timestamp() >= ends_at)


def expiry(days: int) -> datetime.datetime:
    """So many days from now, on a whole second, as a link keeps it."""
    return (timezone.now() + datetime.timedelta(days=days)).replace(microsecond=0)
