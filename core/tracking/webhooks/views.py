"""The addresses that providers and mail servers post to. They verify, store and answer; nothing is read here.

200 once the post is stored, 4xx for what is wrong with it; a mistake of ours is a 500, and the provider repeats. The
address only says which secrets count. A wrong one, and one that has no secrets, get the same 404.
"""

import datetime
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from core.accounts.public_pages import frame
from core.common.tenancy import all_organizations, organization_scope
from core.common.tokens import BadToken
from core.tracking.choices import WebhookKind
from core.tracking.inbound import signature as own_signature
from core.tracking.models import WebhookEndpoint
from core.tracking.webhooks.links import connection_id_from, endpoint_id_from
from core.tracking.webhooks.proof import Proven, prove
from core.tracking.webhooks.services import body_hash, post_keep
from core.tracking.webhooks.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, BadSignature, verify
from core.tracking.webhooks.sources import SENDGRID, provider_of

logger = logging.getLogger(__name__)

LONGEST_BODY = 2 * 1024 * 1024
"""SendGrid posts up to 1,000 events, some 600 bytes each."""
LONGEST_MAIL = 30 * 1024 * 1024
"""SendGrid's limit of a mail with its attachments."""

_Proof = Callable[[HttpRequest, WebhookEndpoint, bytes, datetime.datetime], Proven]


@csrf_exempt
@require_POST
def sendgrid_events(request: HttpRequest, token: str) -> HttpResponse:
    """SendGrid's event webhook."""
    endpoint = _of_connection(token)
    if endpoint is None or not (endpoint.key or endpoint.second_key) or provider_of(endpoint) != SENDGRID:
        return frame.not_found(request)
    return _received(request, endpoint, _by_sendgrid, LONGEST_BODY)


@csrf_exempt
@require_POST
def provider_events(request: HttpRequest, token: str) -> HttpResponse:
    """Event webhooks of the providers that Anymail knows."""
    endpoint = _of_connection(token)
    if endpoint is None or not (endpoint.secret or endpoint.second_secret) or provider_of(endpoint) == SENDGRID:
        return frame.not_found(request)
    return _received(request, endpoint, _by_provider, LONGEST_BODY)


@csrf_exempt
@require_POST
def inbound_sendgrid(request: HttpRequest, token: str) -> HttpResponse:
    """SendGrid's Inbound Parse. With a key entered, its signature is asked for as well."""
    endpoint = _of_inbound(token, WebhookKind.INBOUND_SENDGRID)
    if endpoint is None:
        return frame.not_found(request)
    return _received(request, endpoint, _by_address, LONGEST_MAIL)


@csrf_exempt
@require_POST
def inbound_mail(request: HttpRequest, token: str) -> HttpResponse:
    """Mails that a mail server of one's own hands over."""
    endpoint = _of_inbound(token, WebhookKind.INBOUND_SIGNED)
    if endpoint is None or not (endpoint.secret or endpoint.second_secret):
        return frame.not_found(request)
    return _received(request, endpoint, _by_own_secret, LONGEST_MAIL)


def _received(request: HttpRequest, endpoint: WebhookEndpoint, proof: _Proof, longest: int) -> HttpResponse:
    if refusal := _refusal(request, longest):
        return refusal
    # Not `request.body`, whose limit is that of forms.
    body = request.read(longest + 1)
    if len(body) != int(request.headers.get("Content-Length") or 0):
        return frame.plain("The post was cut off.", status=HTTPStatus.BAD_REQUEST)
    try:
        proven = proof(request, endpoint, body, timezone.now())
    except BadSignature as error:
        logger.warning("A post to the endpoint %s was refused: %s.", endpoint.pk, error)
        return frame.plain("The signature does not match.", status=HTTPStatus.BAD_REQUEST)
    with organization_scope(endpoint.organization_id):
        post_keep(
            endpoint=endpoint,
            body=body,
            signed_at=proven.signed_at,
            identity=proven.identity,
            content_type=request.headers.get("Content-Type", ""),
        )
    return frame.private(HttpResponse(status=HTTPStatus.OK))


def _by_sendgrid(request: HttpRequest, endpoint: WebhookEndpoint, body: bytes, now: datetime.datetime) -> Proven:
    signed_at = verify(
        body,
        signature=request.headers.get(SIGNATURE_HEADER, ""),
        timestamp=request.headers.get(TIMESTAMP_HEADER, ""),
        keys=(endpoint.key, endpoint.second_key),
        now=now,
    )
    return Proven(signed_at, body_hash(body))


def _by_address(request: HttpRequest, endpoint: WebhookEndpoint, body: bytes, now: datetime.datetime) -> Proven:
    if endpoint.key or endpoint.second_key:
        return _by_sendgrid(request, endpoint, body, now)
    return Proven(now, body_hash(body))


def _by_provider(request: HttpRequest, endpoint: WebhookEndpoint, body: bytes, now: datetime.datetime) -> Proven:
    secrets = (endpoint.secret, endpoint.second_secret)
    return prove(provider_of(endpoint), body, request.headers, secrets=secrets, now=now)


def _by_own_secret(request: HttpRequest, endpoint: WebhookEndpoint, body: bytes, now: datetime.datetime) -> Proven:
    signed_at = own_signature.verify(
        body,
        signature=request.headers.get(own_signature.SIGNATURE_HEADER, ""),
        timestamp=request.headers.get(own_signature.TIMESTAMP_HEADER, ""),
        secrets=(endpoint.secret, endpoint.second_secret),
        now=now,
    )
    return Proven(signed_at, body_hash(body))


def _of_connection(token: str) -> WebhookEndpoint | None:
    try:
        return _endpoint(connection_id=connection_id_from(token), kind=WebhookKind.EVENTS)
    except BadToken:
        return None


def _of_inbound(token: str, kind: WebhookKind) -> WebhookEndpoint | None:
    try:
        return _endpoint(pk=endpoint_id_from(token), kind=kind)
    except BadToken:
        return None


def _endpoint(**which: Any) -> WebhookEndpoint | None:
    with all_organizations(reason="a verified token names its endpoint"):
        return WebhookEndpoint.objects.select_related("connection__account").filter(**which).first()


def _refusal(request: HttpRequest, longest: int) -> HttpResponse | None:
    """What can be said before the body is read."""
    length = request.headers.get("Content-Length") or "0"
    if not (length.isascii() and length.isdecimal() and int(length)):
        return frame.plain("The post has no body.", status=HTTPStatus.BAD_REQUEST)
    if int(length) > longest:
        return frame.plain("The post is too large.", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    if request.headers.get("Content-Encoding", "identity") != "identity":
        return frame.plain("Compressed posts are not read.", status=HTTPStatus.BAD_REQUEST)
    return None
