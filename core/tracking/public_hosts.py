"""Which pages are answered under which name.

Clients let names of their own lead here (core.domains), so a request may come under any Host. What mails link to is
bound to a signed token that knows no host: it is answered under every name, also while nobody can look up whose it is,
and also when a client has long taken the name back. Everything else, the admin above all, is answered under
ALLOWED_HOSTS alone.
"""

import http
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host

from core.accounts.public_pages import frame
from core.domains.answers import PROOF_PATH, proof_of

_PUBLIC_PATH = re.compile(
    rf"/(?:(?:[ocuv]|preferences)/[A-Za-z0-9_.-]+|{re.escape(settings.STATIC_URL.strip('/'))}/public/[A-Za-z0-9_.-]+)"
)
_LONGEST_HOST = 253


class PublicHostMiddleware:
    """The outermost one: what it lets in under another name goes on under our own, so that nothing behind it knows of
    other names."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        raw = request.META.get("HTTP_HOST", "")
        host, _port = split_domain_port(raw)
        if request.path == PROOF_PATH and host and len(host) <= _LONGEST_HOST:
            return frame.private(HttpResponse(proof_of(host), content_type="text/plain"))
        if not raw or validate_host(host, settings.ALLOWED_HOSTS):
            return self.get_response(request)
        if not _PUBLIC_PATH.fullmatch(request.path):
            raise DisallowedHost(f"Links of mails alone are answered under {raw!r}. Is it missing in ALLOWED_HOSTS?")
        request.META["HTTP_HOST"] = urlsplit(settings.PUBLIC_URL).netloc
        response = self.get_response(request)
        return frame.not_found(request) if response.status_code == http.HTTPStatus.NOT_FOUND else response
