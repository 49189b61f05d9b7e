"""What a frozen campaign says, parsed and ready to be filled in: shared by send, preview and view-in-browser."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.campaigns.models import CampaignSnapshot
from core.email_templates.escapes import ESCAPERS
from core.email_templates.merge_tags import Choice, Escape, KnownKeys, MergeTemplate, Segment, Slot, parse

SUBJECT_KEY = "campaign.subject"
CONTACT_PREFIX = "contact."
_FROZEN_KEYS = KnownKeys(internal=True)


@dataclass(frozen=True, slots=True)
class CompiledContent:
    """Content and sender of one campaign.

    What is the same for every recipient is filled in already: the slots left are `contact.…` (listed in `merge_keys`,
    those of conditions among them), `link.N` and `system.…` (`open_pixel_url`, `unsubscribe_url`,
    `view_in_browser_url`).
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
    return MergeTemplate(_filled_segments(template.segments, constants, subject))


def _filled_segments(
    segments: Iterable[Segment], constants: Mapping[str, str], subject: MergeTemplate | None
) -> tuple[Segment, ...]:
    filled: list[Segment] = []
    for segment in segments:
        if isinstance(segment, Choice):
            filled += _filled_choice(segment, constants, subject)
        elif isinstance(segment, Slot) and segment.key == SUBJECT_KEY and subject is not None:
            filled += _escaped_segments(subject.segments, segment.escape)
        elif isinstance(segment, Slot) and segment.key in constants:
            filled.append(segment.render(constants))
        else:
            filled.append(segment)
    return _joined(filled)


def _filled_choice(choice: Choice, constants: Mapping[str, str], subject: MergeTemplate | None) -> Iterable[Segment]:
    """The branch itself where the condition asks for a constant, else the choice with both branches filled."""
    if choice.condition.key in constants:
        return _filled_segments(choice.chosen(constants), constants, subject)
    then, otherwise = (_filled_segments(branch, constants, subject) for branch in (choice.then, choice.otherwise))
    return [Choice(choice.condition, then, otherwise)]


def _escaped_segments(segments: Iterable[Segment], escape: Escape) -> tuple[Segment, ...]:
    """The subject as it is written inside a text or HTML; as part of an address it can only be percent-encoded."""
    inner = Escape.URL if escape is Escape.URL_WHOLE else escape
    return tuple(_escaped(segment, inner) for segment in segments)


def _escaped(segment: Segment, escape: Escape) -> Segment:
    if isinstance(segment, str):
        return ESCAPERS[escape](segment)
    if isinstance(segment, Slot):
        return Slot(segment.key, segment.fallback, escape)
    then, otherwise = (_escaped_segments(branch, escape) for branch in (segment.then, segment.otherwise))
    return Choice(segment.condition, then, otherwise)


def _joined(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """Neighbouring literals as one: the fewer segments, the faster a mail is filled in."""
    joined: list[Segment] = []
    for segment in segments:
        if isinstance(segment, str) and joined and isinstance(joined[-1], str):
            joined[-1] += segment
        else:
            joined.append(segment)
    return tuple(segment for segment in joined if segment != "")
