"""Public pages for recipients: no session, no cookie, no script, a content policy of their own."""

import re
import secrets
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from core.accounts.models import Organization
from core.tracking.wording import Wording, wording_for

_NEUTRAL_COLOR = "#374151"
_HEX_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src http: https: data:; "
    "style-src 'unsafe-inline' https:; font-src https: data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""For a mail shown in the browser: it may look like itself and do nothing (CSP 3, sandbox without allow-scripts)."""


def recipient_page(
    template: str, *, wording: Wording, organization: Organization, status: int = 200, **context: Any
) -> HttpResponse:
    """A page in the client's name and colour."""
    color = organization.color if _HEX_COLOR.fullmatch(organization.color) else _NEUTRAL_COLOR
    return _page(template, status=status, words=wording, client=organization.name, color=color, **context)


def not_found(request: HttpRequest) -> HttpResponse:
    """The one answer to every link that names nothing, whatever the reason: it tells nobody what exists."""
    return _page("tracking/not_found.html", status=404, words=wording_for(request), client="", color=_NEUTRAL_COLOR)


def plain(sentence: str, *, status: int) -> HttpResponse:
    """A refusal that programs and people can read."""
    return private(HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8"))


def mail_page(html: str) -> HttpResponse:
    """A mail as its own page, under a policy that lets nothing in it run."""
    response = HttpResponse(html)
    response["Content-Security-Policy"] = _MAIL_POLICY
    return private(response)


def private(response: HttpResponse) -> HttpResponse:
    """Keep what belongs to one recipient out of caches, search engines and the next site's referrer.

    An answer without a content policy of its own gets the strictest, in place of the admin's.
    """
    response.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    response["Cache-Control"] = "no-store, private"
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _page(template: str, *, status: int, color: str, **context: Any) -> HttpResponse:
    nonce = secrets.token_urlsafe(16)
    context = {**context, "nonce": nonce, "color": color, "text_color": readable_on(color)}
    response = HttpResponse(render_to_string(template, context), status=status)
    response["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'self' 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    return private(response)


def readable_on(color: str) -> str:
    """Black or white, whichever contrasts more with the colour (WCAG 2.2, relative luminance): at least 4.5 to 1."""
    channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#000000" if (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) else "#ffffff"


def masked(address: str) -> str:
    """An address its owner recognises and nobody else learns: "a…@people.example"."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"
