"""Posts of incoming mails, and endpoints to post them to."""

import time
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.http import HttpResponse
from django.test import Client

from core.accounts.models import Organization
from core.common.tenancy import all_organizations, organization_scope
from core.delivery.models import Connection
from core.tracking.choices import WebhookKind
from core.tracking.inbound.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER, sign
from core.tracking.models import WebhookEndpoint
from core.tracking.tasks import read_posts
from core.tracking.webhooks.links import inbound_url

SECRET = "a-secret-of-our-own-0123456789"
_BOUNDARY = "xYzZY"


def make_endpoint(organization: Organization, kind: WebhookKind, **fields: Any) -> WebhookEndpoint:
    with organization_scope(organization):
        connection = Connection.objects.get(organization=organization, is_default=True)
        fields.setdefault("secret", SECRET if kind == WebhookKind.INBOUND_SIGNED else "")
        return WebhookEndpoint.objects.create(organization=organization, connection=connection, kind=kind, **fields)


def path_of(endpoint: WebhookEndpoint) -> str:
    return urlsplit(inbound_url(endpoint)).path


def post_raw(path: str, body: bytes, content_type: str, headers: dict[str, str] | None = None) -> HttpResponse:
    return Client(enforce_csrf_checks=True).post(path, body, content_type=content_type, headers=headers or {})


def post_signed(
    endpoint: WebhookEndpoint, body: bytes, *, secret: str = SECRET, age: int = 0, content_type: str = "message/rfc822"
) -> HttpResponse:
    timestamp = str(int(time.time()) - age)
    headers = {TIMESTAMP_HEADER: timestamp, SIGNATURE_HEADER: sign(body, timestamp=timestamp, secret=secret)}
    return post_raw(path_of(endpoint), body, content_type, headers)


def form_of(fields: dict[str, bytes], *, boundary: str = _BOUNDARY) -> tuple[bytes, str]:
    pieces = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value + b"\r\n"
        for name, value in fields.items()
    ]
    return b"".join(pieces) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def parse_form(raw: bytes, *envelope_to: str, boundary: str = _BOUNDARY) -> tuple[bytes, str]:
    """As Inbound Parse posts a raw mail."""
    envelope = orjson.dumps({"to": list(envelope_to), "from": ""})
    return form_of({"email": raw, "envelope": envelope, "subject": b"x"}, boundary=boundary)


def post_form(endpoint: WebhookEndpoint, raw: bytes, *envelope_to: str, boundary: str = _BOUNDARY) -> HttpResponse:
    body, content_type = parse_form(raw, *envelope_to, boundary=boundary)
    return post_raw(path_of(endpoint), body, content_type)


def read() -> dict[str, int]:
    return dict(read_posts.apply().get())


def count(model: Any) -> int:
    with all_organizations(reason="test"):
        return int(model.objects.count())


def reloaded(row: Any) -> Any:
    with all_organizations(reason="test"):
        return type(row).objects.get(pk=row.pk)
