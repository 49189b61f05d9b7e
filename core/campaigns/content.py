"""What a frozen campaign says, parsed and ready to be filled in: shared by send, preview and view-in-browser."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.campaigns.models import CampaignSnapshot
from core.email_templates.escapes import ESCAPERS
from core.email_templates.merge_tags import Escape, KnownKeys, MergeTemplate, Slot, parse

SUBJECT_KEY = "campaign.subject"
CONTACT_PREFIX = "contact."
_FROZEN_KEYS = KnownKeys(internal=True)


@dataclass(frozen=True, slots=True)
class CompiledContent:
    """Content and sender of one campaign.

    What is the same for every recipient is filled in already: the slots left are `contact.…` (listed in `merge_keys`),
    `link.N` and `system.…` (`open_pixel_url`, `unsubscribe_url`, `view_in_browser_url`).
    """

    subject: MergeTemplate
    html: MergeTemplate
    text: MergeTemplate
    from_name: str
    from_email: str
    reply_to: str
    merge_keys: frozenset[str]


def compiled_content(snapshot: CampaignSnapshot) -> CompiledContent:
    """Parse a snapshot. Costs some milliseconds: do it once for a batch, not for a recipient."""
    constants: dict[str, str] = snapshot.organization_values
    subject = _filled(parse(snapshot.subject, context=Escape.HEADER, allowed=_FROZEN_KEYS), constants)
    html = _filled(parse(snapshot.html, context=Escape.HTML, allowed=_FROZEN_KEYS), constants, subject)
    text = _filled(parse(snapshot.text, context=Escape.TEXT, allowed=_FROZEN_KEYS), constants, subject)
    return CompiledContent(
        subject=subject,
        html=html,
        text=text,
        from_name=snapshot.from_name,
        from_email=snapshot.from_email,
        reply_to=snapshot.reply_to,
        merge_keys=contact_keys(subject, html, text),
    )


def contact_keys(*templates: MergeTemplate) -> frozenset[str]:
    """The contact's values that these texts need."""
    return frozenset(key for template in templates for key in template.keys if key.startswith(CONTACT_PREFIX))


def _filled(
    template: MergeTemplate, constants: Mapping[str, str], subject: MergeTemplate | None = None
) -> MergeTemplate:
    """The template with the constants written in, and the subject's own segments in place of `campaign.subject`."""
    segments: list[str | Slot] = []
    for segment in template.segments:
        if isinstance(segment, Slot) and segment.key == SUBJECT_KEY and subject is not None:
            segments += _subject_segments(subject, segment.escape)
        elif isinstance(segment, Slot) and segment.key in constants:
            segments.append(segment.render(constants))
        else:
            segments.append(segment)
    return MergeTemplate(_joined(segments))


def _subject_segments(subject: MergeTemplate, escape: Escape) -> list[str | Slot]:
    """The subject as it is written inside a text or HTML; as part of an address it can only be percent-encoded."""
    inner = Escape.URL if escape is Escape.URL_WHOLE else escape
    return [
        ESCAPERS[inner](segment) if isinstance(segment, str) else Slot(segment.key, segment.fallback, inner)
        for segment in subject.segments
    ]


def _joined(segments: list[str | Slot]) -> tuple[str | Slot, ...]:
    """Neighbouring literals as one: the fewer segments, the faster a mail is filled in."""
    joined: list[str | Slot] = []
    for segment in segments:
        if isinstance(segment, str) and joined and isinstance(joined[-1], str):
            joined[-1] += segment
        else:
            joined.append(segment)
    return tuple(segment for segment in joined if segment != "")
