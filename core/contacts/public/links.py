"""The addresses of forms, confirmations and preference centres, and how they are read again.

A token holds an id (a confirmation's also the time it was made), signed for one purpose. A form's token never ends: it
stands on the client's own site.
"""

import datetime
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from core.common.tokens import BadToken, Purpose, sign, unsign

CONFIRM_WITHIN = datetime.timedelta(days=7)
_ID_BYTES = 16
_SECONDS_BYTES = 5
_MILLISECONDS_BYTES = 6


def signup_path(form_id: UUID) -> str:
    return f"/subscribe/{sign(Purpose.SIGNUP_FORM, form_id.bytes)}"


def signup_url(form_id: UUID) -> str:
    """The hosted form; the HTML snippet posts to it as well."""
    return settings.PUBLIC_URL + signup_path(form_id)


def signup_frame_url(form_id: UUID) -> str:
    """The form for a frame on the client's own site."""
    return f"{signup_url(form_id)}/frame"


def confirm_url(request_id: UUID) -> str:
    """Good for CONFIRM_WITHIN from now."""
    made_at = int(timezone.now().timestamp())
    payload = request_id.bytes + made_at.to_bytes(_SECONDS_BYTES, "big")
    return f"{settings.PUBLIC_URL}/confirm/{sign(Purpose.CONFIRM, payload)}"


def preferences_path(contact_id: UUID) -> str:
    return f"/preferences/{sign(Purpose.PREFERENCES, contact_id.bytes)}"


def preferences_url(contact_id: UUID, base: str = "") -> str:
    """`base` is what it begins with where it is not PUBLIC_URL."""
    return (base or settings.PUBLIC_URL) + preferences_path(contact_id)


def signup_stamp(form_id: UUID) -> str:
    """Says when a page with this form was made; see `stamp_age`."""
    milliseconds = int(timezone.now().timestamp() * 1000)
    return sign(Purpose.SIGNUP_STAMP, form_id.bytes + milliseconds.to_bytes(_MILLISECONDS_BYTES, "big"))


def id_from(purpose: Purpose, token: str) -> UUID:
    """The form or the contact a token of this purpose names. Raises BadToken."""
    payload = unsign(purpose, token)
    if len(payload) != _ID_BYTES:
        raise BadToken("not the token of one id")
    return UUID(bytes=payload)


@dataclass(frozen=True)
class ConfirmLink:
    request_id: UUID
    is_expired: bool


def confirm_link_from(token: str) -> ConfirmLink:
    """Raises BadToken."""
    payload = unsign(Purpose.CONFIRM, token)
    if len(payload) != _ID_BYTES + _SECONDS_BYTES:
        raise BadToken("not the token of a confirmation")
    made_at = int.from_bytes(payload[_ID_BYTES:], "big")
    age_seconds = timezone.now().timestamp() - made_at
    return ConfirmLink(UUID(bytes=payload[:_ID_BYTES]), age_seconds > CONFIRM_WITHIN.total_seconds())


def stamp_age(form_id: UUID, stamp: str) -> float | None:
    """Seconds since a page with this form was made; None for a stamp that is missing, forged or another form's."""
    try:
        payload = unsign(Purpose.SIGNUP_STAMP, stamp)
    except BadToken:
        return None
    if payload[:_ID_BYTES] != form_id.bytes or len(payload) != _ID_BYTES + _MILLISECONDS_BYTES:
        return None
    return timezone.now().timestamp() - int.from_bytes(payload[_ID_BYTES:], "big") / 1000
