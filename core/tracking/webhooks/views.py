"""The address that SendGrid posts to. It verifies, stores and answers; nothing is read here."""

import logging
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from core.accounts.public_pages import frame
from core.common.tenancy import all_organizations, organization_scope
from core.common.tokens import BadToken
from core.tracking.models import WebhookEndpoint
from core.tracking.webhooks.links import connection_id_from
from core.tracking.webhooks.services import post_keep
from core.tracking.webhooks.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, BadSignature, verify

logger = logging.getLogger(__name__)

LONGEST_BODY = 2 * 1024 * 1024
"""SendGrid posts up to 1,000 events, some 600 bytes each."""


@csrf_exempt
@require_POST
def sendgrid_events(request: HttpRequest, token: str) -> HttpResponse:
    """200 once the post is stored, 4xx for what is wrong with it; a mistake of ours is a 500, and SendGrid repeats.

    The address only says which keys count. A wrong one, and one whose connection has no keys, get the same 404.
    """
    endpoint = _endpoint(token)
    if endpoint is None:
        return frame.not_found(request)
    if refusal := _refusal(request):
        return refusal
    try:
        signed_at = verify(
            request.body,
            signature=request.headers.get(SIGNATURE_HEADER, ""),
            timestamp=request.headers.get(TIMESTAMP_HEADER, ""),
            keys=(endpoint.key, endpoint.second_key),
            now=timezone.now(),
        )
    except BadSignature as error:
        logger.warning("A post to the endpoint %s was refused: %s.", endpoint.pk, error)
        return frame.plain("The signature does not match.", status=HTTPStatus.BAD_REQUEST)
    with organization_scope(endpoint.organization_id):
        post_keep(endpoint=endpoint, body=request.body, signed_at=signed_at)
    return frame.private(HttpResponse(status=HTTPStatus.OK))


def _endpoint(token: str) -> WebhookEndpoint | None:
    try:
        connection_id = connection_id_from(token)
    except BadToken:
        return None
    with all_organizations(reason="a verified token names its connection"):
        return WebhookEndpoint.objects.filter(connection_id=connection_id).first()


def _refusal(request: HttpRequest) -> HttpResponse | None:
    """What can be said before the body is read."""
    length = request.headers.get("Content-Length") or "0"
    if not length.isdecimal() or int(length) == 0:
        return frame.plain("The post has no body.", status=HTTPStatus.BAD_REQUEST)
    if int(length) > LONGEST_BODY:
        return frame.plain("The post is too large.", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    if request.headers.get("Content-Encoding", "identity") != "identity":
        return frame.plain("Compressed posts are not read.", status=HTTPStatus.BAD_REQUEST)
    return None
