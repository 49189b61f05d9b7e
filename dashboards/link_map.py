"""The mail as it was frozen, with a badge on each link that says how many followed it.

Badges are drawn into the copy on the server: the frame they stand in is sandboxed without scripts and without an
origin, so nothing can reach into it. `#ex-link-3` at the end of its address marks link 3 and scrolls to it: CSS does
that.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from html import escape
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse

from core.campaigns.ab.services import letter
from core.campaigns.content import compiled_content
from core.email_templates.markup import Attribute, Token, TokenKind, tokenize
from core.email_templates.merge_tags import mask_tags
from core.email_templates.preview import SAMPLE_VALUES, SYSTEM_VALUES, in_scheme
from core.tracking.queries import LinkRow
from dashboards.numbers import count_text, share_text
from dashboards.report.counted import Report
from dashboards.report.links import clicked_mails, link_url

ANCHOR = "ex-link-"
POLICY = (
    "sandbox; default-src 'none'; script-src 'none'; form-action 'none'; img-src 'self' http: https: data:; "
    "style-src 'unsafe-inline' https:; font-src https: data:; frame-ancestors 'self'"
)
"""The mail may look like itself. Without a word after `sandbox` it runs, opens and submits nothing (CSP 3)."""
_SLOT = re.compile(r"\s*\{\{\s*link\.(\d+)\s*\}\}\s*")
_PIXEL = re.compile(r"<img[^>]*\{\{\s*system\.open_pixel_url\s*\}\}[^>]*>", re.IGNORECASE)
_HEAD_END = re.compile(r"</head>|<body", re.IGNORECASE)
_CLICKABLE = frozenset({"a", "area"})
_BADGES = "".join(
    f".ex-heat-{number}{{background:{ground}!important;color:{ink}!important}}"
    for number, (ground, ink) in enumerate(
        (("#f3f4f6", "#374151"), ("#fde5d3", "#6b2c00"), ("#f8bd91", "#4a1f00"), ("#ee8b45", "#241000"),
         ("#b84e00", "#ffffff"))
    )
)  # fmt: skip
_STYLE = f"""<style>
a[data-ex-link]{{position:relative!important;outline:2px dashed #d55e00!important;outline-offset:2px!important;
scroll-margin:40vh}}
a[data-ex-link]:has(img){{display:inline-block!important}}
a[data-ex-link]:target{{outline:4px solid #0072b2!important}}
.ex-badge{{position:absolute!important;bottom:calc(100% - 2px)!important;right:-10px!important;z-index:9!important;
font:600 12px/1.5 system-ui,sans-serif!important;letter-spacing:0!important;text-transform:none!important;
text-decoration:none!important;white-space:nowrap!important;padding:1px 8px!important;border-radius:10px!important;
box-shadow:0 0 0 1.5px #fff,0 1px 4px rgba(0,0,0,.35)!important}}
a[data-ex-link]:target>.ex-badge{{background:#0072b2!important;color:#fff!important}}
{_BADGES}
body{{padding-top:16px!important}}
</style>"""
_BASE = '<base target="_blank">'


@dataclass(frozen=True)
class LinkLine:
    """One link in the table beside the mail. `heat` from 0 (nobody) to 4; `mark_url` shows it on the mail, "" where the
    shown version does not have it."""

    number: int
    url: str
    people: str
    share: str
    width: str
    heat: int
    events_url: str
    mark_url: str


@dataclass(frozen=True)
class ShownVersion:
    """One of the campaign's mails that can be looked at."""

    label: str
    pk: UUID
    is_current: bool


@dataclass(frozen=True)
class LinkMap:
    """The mail with its badges, and the same as a table. `base` is what the shares are of, "" while there are none."""

    frame_url: str
    lines: list[LinkLine]
    versions: list[ShownVersion]
    base: str


def link_map(report: Report, version_id: str = "") -> LinkMap:
    """An unknown version is the newest one; without a frozen mail `frame_url` is ""."""
    versions = report.versions
    newest = max(versions, key=lambda version: (version.revision, -version.variant), default=None)
    current = next((version for version in versions if str(version.pk) == version_id), newest)
    frame_url, drawn = "", frozenset[int]()
    if current is not None:
        address = reverse("admin:campaign_report_mail", args=[report.campaign.pk, current.pk])
        frame_url = f"{address}?count={report.counted.value}"
        drawn = frozenset(number for _, _, number in _counted_links(current.html))
    return LinkMap(
        frame_url=frame_url,
        lines=_lines(report, frame_url, drawn),
        versions=_shown_versions(versions, current) if len(versions) > 1 else [],
        base=f"of {count_text(clicked_mails(report))} mails in which something was clicked"
        if clicked_mails(report)
        else "",
    )


def mail_response(report: Report, version_id: UUID) -> HttpResponse | None:
    """The mail for the frame; None when the campaign has no such version."""
    version = next((version for version in report.versions if version.pk == version_id), None)
    if version is None:
        return None
    response = HttpResponse(in_scheme(drawn_mail(report, version), "light"))
    response["Content-Security-Policy"] = POLICY
    response["X-Frame-Options"] = "SAMEORIGIN"
    response["Cache-Control"] = "no-store, private"
    return response


def drawn_mail(report: Report, version: Any) -> str:
    """The version's HTML as a made-up person would get it, with badges and without anything that counts."""
    badges = {row.number: _badge(row, report) for row in report.links}
    drawn = copy(version)
    drawn.html = _with_badges(_PIXEL.sub("", version.html), badges)
    filled = compiled_content(drawn).html.render({**SYSTEM_VALUES, **SAMPLE_VALUES})
    return _HEAD_END.sub(lambda found: _BASE + _STYLE + found.group(), filled, count=1)


def heat_of(count: int, highest: int) -> int:
    """0 for nobody, else 1 to 4 by the share of the most followed link."""
    return 0 if not count else 1 + min(3, 4 * count // max(highest, 1) if count < highest else 3)


def _with_badges(html: str, badges: Mapping[int, str]) -> str:
    """Each counted link marked with its number, its badge inside, leading to itself only."""
    pieces: list[str] = []
    position = 0
    for token, attribute, number in _counted_links(html):
        name_end = token.start + 1 + len(token.name)
        # Of two attributes with one name the first counts, so that ours stand first.
        own = f' href="#{ANCHOR}{number}" target="_self" id="{ANCHOR}{number}" data-ex-link'
        pieces += (html[position:name_end], own, html[name_end : attribute.start], html[attribute.end : token.end])
        pieces.append(badges.get(number, "") if token.name == "a" else "")
        position = token.end
    return "".join((*pieces, html[position:]))


def _counted_links(html: str) -> Iterable[tuple[Token, Attribute, int]]:
    for token in tokenize(mask_tags(html)):
        if token.kind is not TokenKind.START_TAG or token.name not in _CLICKABLE:
            continue
        attribute = next((item for item in token.attributes if item.name == "href"), None)
        slot = _SLOT.fullmatch(html[attribute.value_start : attribute.value_end]) if attribute else None
        if attribute and slot:
            yield token, attribute, int(slot[1])


def _badge(row: LinkRow, report: Report) -> str:
    count, highest = row.clicks.once(report.counted), _highest(report)
    text = f"{row.number} · {share_text(count, clicked_mails(report))}"
    title = f"Link {row.number}: {count_text(count)} of {count_text(clicked_mails(report))}"
    return f'<span class="ex-badge ex-heat-{heat_of(count, highest)}" title="{escape(title)}">{escape(text)}</span>'


def _highest(report: Report) -> int:
    return max((row.clicks.once(report.counted) for row in report.links), default=0)


def _lines(report: Report, frame_url: str, drawn: frozenset[int]) -> list[LinkLine]:
    clickers, highest = clicked_mails(report), _highest(report)
    return [
        LinkLine(
            number=row.number,
            url=row.url,
            people=count_text(row.clicks.once(report.counted)),
            share=share_text(row.clicks.once(report.counted), clickers),
            width=f"{100 * row.clicks.once(report.counted) / max(highest, 1):.1f}%",
            heat=heat_of(row.clicks.once(report.counted), highest),
            events_url=link_url(report, row),
            mark_url=f"{frame_url}#{ANCHOR}{row.number}" if row.number in drawn else "",
        )
        for row in report.links
    ]


def _shown_versions(versions: Sequence[Any], current: Any) -> list[ShownVersion]:
    return [
        ShownVersion(
            f"{f'Variant {letter(version.variant)}' if version.variant else 'Version'}"
            f"{f' {version.revision}' if version.revision > 1 or not version.variant else ''}",
            version.pk,
            version.pk == current.pk,
        )
        for version in versions
    ]
