"""A stored mail shown as a mail program shows it, without letting it do anything.

The HTML has an address of its own and a policy of its own: no scripts, no forms, no access to the admin around it.
Links open in a new tab, so that a click can be tried. The open pixel is taken out: looking is not an open. Whose
links they are, the recipient's own or inert ones, is decided by `raw_of`.
"""

import re
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from core.accounts.model_admins import HouseModelAdmin
from core.delivery.errors import NothingSent
from core.delivery.queries import ReadMail, parsed_mail, rendered_mail

POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; script-src 'none'; form-action 'none'; "
    "img-src 'self' http: https: data:; style-src 'unsafe-inline' https:; font-src https: data:; frame-ancestors 'self'"
)
_MOST_SOURCE = 250_000
"""Bytes of the source on the page; what is longer carries files."""
NO_PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
# The pixel of a mail, under whatever name its links show, or what `inert_links` puts in its place.
_PIXEL = re.compile(r"https?://[^/\s\"'<>]+/o/(?:[\w-]{44}|this-persons-open-pixel)\.gif")
_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)


class MailPreviewAdmin(HouseModelAdmin):
    """Adds the mail under the change form, and the address of its HTML. The admin class gives `raw_of`."""

    change_form_outer_after_template = "delivery/mail_preview.html"

    class Media:
        css = {"all": ("delivery/mail.css",)}

    def raw_of(self, request: HttpRequest, obj: Any) -> bytes | None:
        """The whole mail (RFC 5322) as this viewer may see it, or None when there is none to show."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.preview_html)
        return [path("<uuid:object_id>/html/", view, name=self._url_name()), *super().get_urls()]

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        obj = self.get_object(request, object_id) if object_id else None
        context = {**(extra_context or {}), **(self._preview(request, obj) if obj is not None else {})}
        return super().changeform_view(request, object_id, form_url, context)

    def preview_html(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The HTML part alone, for the frame."""
        obj = self.get_object(request, str(object_id))
        if obj is None or not self.has_view_permission(request, obj):
            raise Http404
        raw = self.raw_of(request, obj)
        if raw is None:
            raise Http404
        response = HttpResponse(framed_html(parsed_mail(raw).html))
        response["Content-Security-Policy"] = POLICY
        response["X-Frame-Options"] = "SAMEORIGIN"
        return response

    def _preview(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        raw = self.raw_of(request, obj)
        if raw is None:
            return {}
        mail: ReadMail = parsed_mail(raw)
        frame_url = reverse(f"admin:{self._url_name()}", args=[obj.pk])
        source = raw[:_MOST_SOURCE].decode("ascii", "replace") + ("…" if len(raw) > _MOST_SOURCE else "")
        return {"mail": mail, "mail_source": source, "mail_frame_url": frame_url}

    def _url_name(self) -> str:
        return f"delivery_{self.model._meta.model_name}_html"


def inert_mail(message_id: UUID) -> bytes | None:
    """The mail of a message without the recipient's own links: whoever looks at it must not act in their name."""
    try:
        return rendered_mail(message_id, inert=True).raw
    except NothingSent:
        return None


def framed_html(html: str) -> str:
    """The mail's HTML with links that leave the frame, and without the open pixel."""
    html = _PIXEL.sub(NO_PIXEL, html)
    base = '<base target="_blank">'
    return _HEAD.sub(lambda found: found.group() + base, html, count=1) if _HEAD.search(html) else base + html
