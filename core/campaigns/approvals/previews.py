"""The mails of a campaign as somebody who has to agree sees them: filled in for a made-up person, nothing counted."""

from dataclasses import dataclass

from core.campaigns.approvals.hashing import waiting_snapshot
from core.campaigns.content import compiled_content
from core.campaigns.models import Approval, Campaign, CampaignSnapshot
from core.campaigns.snapshot import draft_snapshots, highest_link
from core.email_templates.html import hidden_link, open_pixel
from core.email_templates.merge_tags import Escape, KnownKeys, parse
from core.email_templates.preview import SAMPLE_VALUES, SYSTEM_VALUES

_LETTERS = "ABCDE"
_PIXEL_URL = "https://pixel.invalid/"


@dataclass(frozen=True, slots=True)
class VariantPreview:
    """One mail. `number` is 0 without an A/B test, `letter` "" then."""

    number: int
    letter: str
    from_name: str
    from_email: str
    subject: str
    preheader: str
    html: str


def campaign_previews(campaign: Campaign) -> list[VariantPreview]:
    """Every variant as it stands. Raises DomainError when the content cannot be made into a mail."""
    previews = []
    first_link = 1
    for snapshot, links in draft_snapshots(campaign):
        previews.append(_preview(snapshot, links, first_link))
        first_link += len(links)
    return previews


def asked_previews(asked: Approval) -> list[VariantPreview]:
    """What a request is about: the campaign's mails, or the correction.

    Raises DomainError when the content cannot be made into a mail.
    """
    if not asked.revision:
        return campaign_previews(asked.campaign)
    waiting = waiting_snapshot(asked.campaign)
    return [_correction(waiting)] if waiting is not None and waiting.revision == asked.revision else []


def _correction(correction: CampaignSnapshot) -> VariantPreview:
    return _preview(correction, tuple(correction.waiting_links), highest_link(correction.campaign_id) + 1)


def _preview(snapshot: CampaignSnapshot, links: tuple[str, ...], first_link: int) -> VariantPreview:
    content = compiled_content(snapshot)
    values = {
        **SYSTEM_VALUES,
        **SAMPLE_VALUES,
        **snapshot.organization_values,
        **{f"link.{number}": url for number, url in enumerate(links, start=first_link)},
        "system.open_pixel_url": _PIXEL_URL,
        "system.hidden_link_url": _PIXEL_URL,
    }
    subject = content.subject.render(values)
    values["campaign.subject"] = subject
    preheader = parse(snapshot.preheader, context=Escape.TEXT, allowed=KnownKeys(internal=True)).render(values)
    html = content.html.render(values).replace(open_pixel(_PIXEL_URL), "").replace(hidden_link(_PIXEL_URL), "")
    letter = _LETTERS[snapshot.variant - 1] if snapshot.variant else ""
    return VariantPreview(snapshot.variant, letter, snapshot.from_name, snapshot.from_email, subject, preheader, html)
