"""Freezing a campaign: content, sender and audience definition become rows that never change again."""

import hashlib
import html
import json
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Max

from core.accounts.models import Organization
from core.campaigns.ab.queries import variants_of
from core.campaigns.content import compiled_content
from core.campaigns.models import (
    Campaign,
    CampaignGroup,
    CampaignLink,
    CampaignSegment,
    CampaignSnapshot,
    CampaignVariant,
)
from core.campaigns.naming import utm_tags
from core.campaigns.utm import tagged_source
from core.contacts.segments import parse_rule, rule_json
from core.domains.queries import link_base
from core.email_templates.brand import brand_values
from core.email_templates.html import prepare_html, with_hidden_link, with_open_pixel, with_preheader
from core.email_templates.links import rewrite_links
from core.email_templates.preview import MailSource
from core.email_templates.queries import source_of
from core.email_templates.text import html_to_text

PIXEL_TAG = "{{ system.open_pixel_url }}"
HIDDEN_LINK_TAG = "{{ system.hidden_link_url }}"
_TEXT_URL = re.compile(r"https?://[^/?#\s<>\"{}][^\s<>\"{}]*", re.IGNORECASE)
# Behind the address the branch of a condition ends, and so does the word.
_BRANCH_END = re.compile(r"\{\{\s*end\s*\}\}(?=\s|\Z)|(?<=\))\{\{\s*(?:if\s[^{}]*|else|end)\s*\}\}", re.IGNORECASE)
_AFTER_URL = ".,;:!?'\")]"


@dataclass(frozen=True, slots=True)
class TrackedContent:
    """HTML and text with numbered link slots; `links[0]` is the target of the first number."""

    html: str
    text: str
    links: tuple[str, ...]


def mail_source(campaign: Campaign, variant: CampaignVariant | None = None) -> MailSource:
    """What the campaign says, or one variant of it: the variant's own words, else the campaign's, else the template's.

    A variant with a template of its own says what that template says.
    """
    own = variant.template if variant is not None else None
    found = source_of(own or campaign.template)
    subject, preheader = (variant.subject, variant.preheader) if variant is not None else ("", "")
    return MailSource(
        subject=subject or (campaign.subject if own is None else "") or found.subject,
        preheader=preheader or (campaign.preheader if own is None else "") or found.preheader,
        html=found.html,
        text=found.text,
    )


def tracked_content(source: MailSource, first_link: int = 1, *, has_hidden_link: bool = False) -> TrackedContent:
    """The mail as it will be sent: CSS inline, every web link a slot in both parts, preheader and pixel in place, and
    the hidden link where the client wants it, which is none of the numbered ones.

    Links are numbered from `first_link` on. Raises UnreadableHtmlError.
    """
    prepared = prepare_html(source.html)
    html, targets = rewrite_links(prepared, replacement=lambda number, url: link_tag(number - 1 + first_link))
    text, targets = _tracked_text(source.text or html_to_text(prepared), targets, first_link)
    html = with_preheader(html, source.preheader)
    if has_hidden_link:
        html = with_hidden_link(html, HIDDEN_LINK_TAG)
    html = with_open_pixel(html, PIXEL_TAG)
    return TrackedContent(html, text, targets)


def link_tag(number: int) -> str:
    return f"{{{{ link.{number} }}}}"


def _tracked_text(text: str, targets: tuple[str, ...], first_link: int) -> tuple[str, tuple[str, ...]]:
    """The text with its web addresses as slots: those of the HTML under the same numbers, others behind them."""
    numbers: dict[str, int] = {}
    for number, url in enumerate(targets, start=first_link):
        numbers.setdefault(url, number)
    links = list(targets)

    def slot(match: re.Match[str]) -> str:
        if text.startswith("{{", match.end()) and not _BRANCH_END.match(text, match.end()):
            return match.group()  # holds a merge tag: each recipient has another target
        url = _without_punctuation(match.group(), numbers)
        if url not in numbers:
            links.append(url)
            numbers[url] = len(links) - 1 + first_link
        return link_tag(numbers[url]) + match.group()[len(url) :]

    return _TEXT_URL.sub(slot, text), tuple(links)


def _without_punctuation(written: str, known: dict[str, int]) -> str:
    """The address without the sentence's punctuation behind it; a known target is taken as it is."""
    url = written
    while url not in known and url[-1] in _AFTER_URL and not (url[-1] == ")" and url.count("(") >= url.count(")")):
        url = url[:-1]
    return url


def draft_snapshots(campaign: Campaign) -> list[tuple[CampaignSnapshot, tuple[str, ...]]]:
    """The unsaved snapshots of a campaign as it stands, each with the targets of its links: one, or with an A/B test
    one for each variant. Link numbers go on from one to the next."""
    drafts: list[tuple[CampaignSnapshot, tuple[str, ...]]] = []
    first_link = 1
    variants: list[CampaignVariant | None] = [*variants_of(campaign)]
    for variant in variants or [None]:
        draft = draft_snapshot(campaign, variant, first_link=first_link)
        drafts.append(draft)
        first_link += len(draft[1])
    return drafts


def draft_snapshot(
    campaign: Campaign, variant: CampaignVariant | None = None, *, first_link: int = 1
) -> tuple[CampaignSnapshot, tuple[str, ...]]:
    """The unsaved snapshot of a campaign or of one variant, and the targets of its links. For preview and freezing."""
    source = tagged_source(mail_source(campaign, variant), utm_tags(campaign))
    content = tracked_content(source, first_link, has_hidden_link=campaign.organization.uses_honeypot_link)
    snapshot = CampaignSnapshot(
        organization_id=campaign.organization_id,
        campaign=campaign,
        variant=variant.number if variant is not None else 0,
        subject=source.subject,
        preheader=source.preheader,
        html=content.html,
        text=content.text,
        from_name=(variant and variant.from_name) or campaign.from_name,
        from_email=(variant and variant.from_email) or campaign.from_email,
        reply_to=campaign.reply_to,
        organization_values=constant_values(campaign),
        audience=audience_definition(campaign),
    )
    complete(snapshot, content.links)
    return snapshot, content.links


def complete(snapshot: CampaignSnapshot, links: tuple[str, ...]) -> None:
    """Fill in what follows from the content: the values it needs, and its hash."""
    snapshot.merge_keys = sorted(compiled_content(snapshot).merge_keys)
    snapshot.content_hash = content_hash_of(snapshot, links)


def campaign_freeze(campaign: Campaign) -> CampaignSnapshot:
    """Write the snapshot of each variant and the links, inside the caller's transaction; the first one.

    A second time it returns what is there: the unique key on campaign, variant and revision makes two snapshots
    impossible, whoever calls at the same time.
    """
    frozen = CampaignSnapshot.objects.filter(campaign=campaign).order_by("variant", "revision").first()
    if frozen is not None:
        return frozen
    drafts = draft_snapshots(campaign)
    first_link = 1
    for snapshot, links in drafts:
        snapshot.link_base = link_base(snapshot.organization_id, snapshot.from_email)
        write_snapshot(snapshot, links, first_link)
        first_link += len(links)
    return drafts[0][0]


def write_snapshot(snapshot: CampaignSnapshot, links: tuple[str, ...], first_link: int) -> None:
    """Write a snapshot with the links that its content numbers from `first_link` on. Both are there for good."""
    snapshot.save(force_insert=True)
    write_links(snapshot, links, first_link)


def write_links(snapshot: CampaignSnapshot, links: tuple[str, ...], first_link: int) -> None:
    CampaignLink.objects.bulk_create(
        CampaignLink(organization_id=snapshot.organization_id, campaign_id=snapshot.campaign_id, number=number, url=url)
        for number, url in enumerate(links, start=first_link)
    )


def highest_link(campaign_id: UUID) -> int:
    """The highest number of the campaign's links; 0 without any."""
    found = CampaignLink.objects.filter(campaign_id=campaign_id).aggregate(highest=Max("number"))
    return found["highest"] or 0


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


def frozen_definition(campaign: Campaign) -> dict[str, list[dict[str, Any]]] | None:
    """The audience as it was frozen; None before that."""
    return CampaignSnapshot.objects.filter(campaign=campaign).values_list("audience", flat=True).first()


def constant_values(campaign: Campaign) -> dict[str, str]:
    """The client's values for merge tags, as they are now."""
    organization: Organization = campaign.organization
    return {
        **brand_values(organization),
        "organization.name": organization.name,
        "organization.postal_address": organization.postal_address,
        "campaign.name": campaign.name,
    }


def used_values(snapshot: CampaignSnapshot) -> dict[str, str]:
    """Those of the client's values that the content names. The others may change without changing the mail."""
    content = html.unescape("\n".join((snapshot.subject, snapshot.preheader, snapshot.html, snapshot.text)))
    return {key: value for key, value in snapshot.organization_values.items() if key in content}


def content_hash_of(snapshot: CampaignSnapshot, links: tuple[str, ...]) -> str:
    """SHA-256 over content, sender and audience definition, in a canonical form: groups by id and segments by id and
    rule. Names may change freely."""
    audience = {
        side: [{name: value for name, value in part.items() if name != "name"} for part in parts]
        for side, parts in snapshot.audience.items()
    }
    names = ("subject", "preheader", "html", "text", "from_name", "from_email", "reply_to")
    document: dict[str, Any] = {name: getattr(snapshot, name) for name in names}
    document |= {"links": links, "audience": audience, "organization_values": used_values(snapshot)}
    return hashlib.sha256(json.dumps(document, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
