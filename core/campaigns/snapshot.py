"""Freezing a campaign: content, sender and audience definition become rows that never change again."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from core.accounts.models import Organization
from core.campaigns.content import compiled_content
from core.campaigns.models import Campaign, CampaignGroup, CampaignLink, CampaignSegment, CampaignSnapshot
from core.contacts.segments import parse_rule, rule_json
from core.email_templates.html import prepare_html, with_open_pixel, with_preheader
from core.email_templates.links import rewrite_links
from core.email_templates.preview import MailSource
from core.email_templates.text import html_to_text

PIXEL_TAG = "{{ system.open_pixel_url }}"
_TEXT_URL = re.compile(r"https?://[^/?#\s<>\"{}][^\s<>\"{}]*", re.IGNORECASE)
_AFTER_URL = ".,;:!?'\")]"


@dataclass(frozen=True, slots=True)
class TrackedContent:
    """HTML and text with numbered link slots; `links[0]` is the target of link 1."""

    html: str
    text: str
    links: tuple[str, ...]


def mail_source(campaign: Campaign) -> MailSource:
    """What the campaign says: its own subject and preheader, or the template's where they are empty."""
    template = campaign.template
    return MailSource(
        subject=campaign.subject or template.subject,
        preheader=campaign.preheader or template.preheader,
        html=template.html,
        text=template.text,
    )


def tracked_content(source: MailSource) -> TrackedContent:
    """The mail as it will be sent: CSS inline, every web link a slot in both parts, preheader and pixel in place.

    Raises UnreadableHtmlError.
    """
    prepared = prepare_html(source.html)
    html, targets = rewrite_links(prepared, replacement=lambda number, url: link_tag(number))
    text, targets = _tracked_text(source.text or html_to_text(prepared), targets)
    html = with_open_pixel(with_preheader(html, source.preheader), PIXEL_TAG)
    return TrackedContent(html, text, targets)


def link_tag(number: int) -> str:
    return f"{{{{ link.{number} }}}}"


def _tracked_text(text: str, targets: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The text with its web addresses as slots: those of the HTML under the same numbers, others behind them."""
    numbers: dict[str, int] = {}
    for number, url in enumerate(targets, start=1):
        numbers.setdefault(url, number)
    links = list(targets)

    def slot(match: re.Match[str]) -> str:
        if text.startswith("{{", match.end()):
            return match.group()  # holds a merge tag: each recipient has another target
        url = _without_punctuation(match.group(), numbers)
        if url not in numbers:
            links.append(url)
            numbers[url] = len(links)
        return link_tag(numbers[url]) + match.group()[len(url) :]

    return _TEXT_URL.sub(slot, text), tuple(links)


def _without_punctuation(written: str, known: dict[str, int]) -> str:
    """The address without the sentence's punctuation behind it; a known target is taken as it is."""
    url = written
    while url not in known and url[-1] in _AFTER_URL and not (url[-1] == ")" and url.count("(") >= url.count(")")):
        url = url[:-1]
    return url


def draft_snapshot(campaign: Campaign) -> tuple[CampaignSnapshot, tuple[str, ...]]:
    """The unsaved snapshot of a campaign as it stands, and the targets of its links. For preview and for freezing."""
    source = mail_source(campaign)
    content = tracked_content(source)
    snapshot = CampaignSnapshot(
        organization_id=campaign.organization_id,
        campaign=campaign,
        subject=source.subject,
        preheader=source.preheader,
        html=content.html,
        text=content.text,
        from_name=campaign.from_name,
        from_email=campaign.from_email,
        reply_to=campaign.reply_to,
        organization_values=_constant_values(campaign),
        audience=audience_definition(campaign),
    )
    snapshot.merge_keys = sorted(compiled_content(snapshot).merge_keys)
    snapshot.content_hash = _content_hash(snapshot, content.links)
    return snapshot, content.links


def campaign_freeze(campaign: Campaign) -> CampaignSnapshot:
    """Write the snapshot and the links, inside the caller's transaction. A second time returns what is there.

    The unique key on the campaign makes two snapshots impossible, whoever calls at the same time.
    """
    frozen = CampaignSnapshot.objects.filter(campaign=campaign).first()
    if frozen is not None:
        return frozen
    snapshot, links = draft_snapshot(campaign)
    snapshot.save(force_insert=True)
    CampaignLink.objects.bulk_create(
        CampaignLink(organization_id=campaign.organization_id, campaign=campaign, number=number, url=url)
        for number, url in enumerate(links, start=1)
    )
    return snapshot


def audience_definition(campaign: Campaign) -> dict[str, list[dict[str, Any]]]:
    """Who gets it, as JSON: groups as {"id", "name"} under "included" and "excluded", segments with their rules as well
    under "included_segments" and "excluded_segments". A segment that is changed later changes nothing here.

    Raises BadRule for a segment whose stored rule is none.
    """
    definition: dict[str, list[dict[str, Any]]] = {
        "included": [],
        "excluded": [],
        "included_segments": [],
        "excluded_segments": [],
    }
    for row in CampaignGroup.objects.filter(campaign=campaign).select_related("group").order_by("group_id"):
        side = definition["excluded" if row.is_excluded else "included"]
        side.append({"id": str(row.group_id), "name": row.group.name})
    for found in CampaignSegment.objects.filter(campaign=campaign).select_related("segment").order_by("segment_id"):
        side = definition["excluded_segments" if found.is_excluded else "included_segments"]
        rule = rule_json(parse_rule(found.segment.rule))
        side.append({"id": str(found.segment_id), "name": found.segment.name, "rule": rule})
    return definition


def _constant_values(campaign: Campaign) -> dict[str, str]:
    organization: Organization = campaign.organization
    return {
        "organization.name": organization.name,
        "organization.postal_address": organization.postal_address,
        "campaign.name": campaign.name,
    }


def _content_hash(snapshot: CampaignSnapshot, links: tuple[str, ...]) -> str:
    """SHA-256 over content, sender and audience definition, in a canonical form: groups by id and segments by id and
    rule. Names may change freely."""
    audience = {
        side: [{name: value for name, value in part.items() if name != "name"} for part in parts]
        for side, parts in snapshot.audience.items()
    }
    names = ("subject", "preheader", "html", "text", "from_name", "from_email", "reply_to", "organization_values")
    document: dict[str, Any] = {name: getattr(snapshot, name) for name in names}
    document |= {"links": links, "audience": audience}
    return hashlib.sha256(json.dumps(document, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
