"""The frame of public pages: no session, no cookie, no script, a content policy of their own."""

import re
import secrets
from typing import Any, Protocol

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from core.accounts.models import Organization
from core.accounts.public_pages.wording import frame_wording, language_for

_NEUTRAL_COLOR = "#374151"
_HEX_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
NOBODY = "'none'"
ANYBODY = "http: https:"
"""Who may show a page in a frame of theirs, in the words of frame-ancestors (CSP 3)."""


class Words(Protocol):
    """What a package says on its pages; the frame needs the language alone."""

    @property
    def language(self) -> str: ...


def public_page(
    template: str,
    *,
    wording: Words,
    organization: Organization,
    status: int = 200,
    framed_by: str = NOBODY,
    allows: str = "",
    **context: Any,
) -> HttpResponse:
    """A page in the client's name and colour. `framed_by` is NOBODY, ANYBODY or "'self'"; `allows` are directives that
    this page needs beside the strictest ("script-src 'self'; ")."""
    color, _text_color = brand_colors(organization)
    return _page(
        template,
        status=status,
        framed_by=framed_by,
        allows=allows,
        words=wording,
        client=organization.name,
        color=color,
        **context,
    )


def not_found(request: HttpRequest) -> HttpResponse:
    """The one answer to every link that names nothing, whatever the reason: it tells nobody what exists."""
    words = frame_wording(language_for(request))
    return _page("public/not_found.html", status=404, words=words, client="", color=_NEUTRAL_COLOR)


def too_many(language: str, organization: Organization, *, framed_by: str = NOBODY) -> HttpResponse:
    """Refused for now, in words. `language` is one of wording.LANGUAGES."""
    words = frame_wording(language)
    response = public_page(
        "public/too_many.html", wording=words, organization=organization, status=429, framed_by=framed_by
    )
    response["Retry-After"] = "3600"
    return response


def plain(sentence: str, *, status: int) -> HttpResponse:
    """A refusal that programs and people can read."""
    return private(HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8"))


def private(response: HttpResponse) -> HttpResponse:
    """Keep what belongs to one recipient out of caches, search engines and the next site's referrer.

    An answer without a content policy of its own gets the strictest, in place of the admin's.
    """
    response.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    response["Cache-Control"] = "no-store, private"
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _page(
    template: str, *, status: int, color: str, framed_by: str = NOBODY, allows: str = "", **context: Any
) -> HttpResponse:
    nonce = secrets.token_urlsafe(16)
    context = {**context, "nonce": nonce, "color": color, "text_color": readable_on(color)}
    response = HttpResponse(render_to_string(template, context), status=status)
    response["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'self' 'nonce-{nonce}'; {allows}form-action 'self'; base-uri 'none'; "
        f"frame-ancestors {framed_by}"
    )
    if framed_by != NOBODY:
        # X-Frame-Options knows no list: where a frame is allowed, the policy alone says whose.
        response.xframe_options_exempt = True
    return private(response)


def brand_colors(organization: Organization) -> tuple[str, str]:
    """The client's colour (a neutral one in place of nonsense), and black or white to write on it."""
    color = organization.color if _HEX_COLOR.fullmatch(organization.color) else _NEUTRAL_COLOR
    return color, readable_on(color)


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
