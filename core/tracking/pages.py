"""A mail shown in the browser, under a content policy of its own. The frame of all other pages is accounts' own."""

from django.http import HttpResponse

from core.accounts.public_pages.frame import private

_MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src http: https: data:; "
    "style-src 'unsafe-inline' https:; font-src https: data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""It may look like itself and do nothing (CSP 3, sandbox without allow-scripts)."""


def mail_page(html: str) -> HttpResponse:
    """A mail as its own page, under a policy that lets nothing in it run."""
    response = HttpResponse(html)
    response["Content-Security-Policy"] = _MAIL_POLICY
    return private(response)
