"""Getting mail delivered: what docs/deliverability.md says, as a page that others link to where it is needed.

Its headings are anchors: "Beginning slowly" is `#beginning-slowly`.
"""

import re
from functools import cache

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

from core.accounts.permissions import Permission
from core.adminsite.pages import register_page

SOURCE = settings.BASE_DIR / "docs" / "deliverability.md"


@register_page("help/deliverability/", name="delivery_advice", permission=Permission.CAMPAIGNS_VIEW)
def delivery_advice(request: HttpRequest) -> HttpResponse:
    title, parts, text = advice()
    context = {**admin.site.each_context(request), "title": title, "parts": parts, "text": text}
    return TemplateResponse(request, "adminsite/advice.html", context)


@cache
def advice() -> tuple[str, tuple[tuple[str, str], ...], SafeString]:
    """Its title, its parts as (anchor, heading), and the HTML of what stands below the title: of a file of our own, and
    with HTML in it written out as letters all the same."""
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(SOURCE.read_text(encoding="utf-8"))
    parts = []
    for place, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag == "h2":
            heading = tokens[place + 1].content
            anchor = re.sub(r"[^a-z0-9]+", "-", heading.casefold()).strip("-")
            token.attrSet("id", anchor)
            parts.append((anchor, heading))
    title, body = tokens[1].content, tokens[3:]
    return title, tuple(parts), mark_safe(reader.renderer.render(body, reader.options, {}))
