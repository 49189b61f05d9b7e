"""What the approver's page shows, by what became of the request."""

import datetime
import zoneinfo
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.formats import date_format

from core.accounts.public_pages import frame
from core.campaigns.approvals.errors import CommentRefused
from core.campaigns.approvals.hashing import asked_fingerprint, part_words
from core.campaigns.approvals.links import ApprovalLink
from core.campaigns.approvals.previews import VariantPreview, asked_previews
from core.campaigns.approvals.queries import comments_of, is_live
from core.campaigns.approvals.services import LONGEST_NAME, LONGEST_TEXT, MOST_COMMENTS, Spot
from core.campaigns.approvals.standing import parts_changed_since
from core.campaigns.approvals.wording import PARTS_IN_SPANISH, Wording, wording_for
from core.campaigns.ledger import ledger
from core.campaigns.models import Approval
from core.campaigns.queries import quick_campaign_audience
from core.campaigns.snapshot import audience_definition, frozen_definition
from core.campaigns.states import ApprovalState, ScheduleZone
from core.email_templates.brand import logo_url

ALLOWS = "script-src 'self'; frame-src 'self'; "
ALLOWS_LOGO = "img-src 'self'; "


@dataclass(frozen=True, slots=True)
class Typed:
    """What the approver wrote, kept when the page comes back with a sentence."""

    name: str = ""
    text: str = ""
    action: str = ""
    spot: Spot | None = None


@dataclass(frozen=True, slots=True)
class Audience:
    """Who gets it: how many ("" when that was not counted), and the names of what was chosen."""

    count: str
    groups: str
    segments: str
    left_out: str


def _logo_path(asked: Approval) -> str:
    """The client's logo from this very site, as the page's policy wants it."""
    return urlsplit(logo_url(asked.organization)).path


def words_of(request: HttpRequest, asked: Approval) -> Wording:
    asker = str(asked.asked_by) if asked.asked_by else asked.organization.name
    words = wording_for(request, asked.language)
    words = (words.for_correction() if asked.revision else words).filled(client=asked.organization.name, asker=asker)
    if asked.expires_at:
        words = words.filled(date=_day(asked, asked.expires_at, words))
    return words


def is_answerable(link: ApprovalLink, asked: Approval) -> bool:
    """Open, in time, and about what the campaign still says."""
    in_time = not link.is_expired and asked.expires_at is not None and asked.expires_at > timezone.now()
    if not is_live(asked, asked.campaign) or not in_time:
        return False
    return asked_fingerprint(asked.campaign, asked).whole == asked.content_hash


def open_page(
    request: HttpRequest,
    asked: Approval,
    token: str,
    *,
    typed: Typed | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    """The mail, who gets it, comments, and the form."""
    words = words_of(request, asked)
    comments = comments_of(asked)
    own_name = next((one.author_name for one in reversed(comments) if one.author_id is None), asked.approver_name)
    return _rendered(
        "approvals/public.html",
        asked,
        words,
        status=status,
        asked=asked,
        campaign=asked.campaign,
        token=token,
        previews=_labelled(asked_previews(asked), words),
        audience=_audience(asked, words),
        moments=_moments(asked, words),
        comments=comments,
        may_comment=len(comments) < MOST_COMMENTS,
        is_saved=request.GET.get("saved") == "1" and not problem,
        typed=typed or Typed(),
        name=typed.name if typed else own_name,
        problem=problem,
        longest_text=LONGEST_TEXT,
        longest_name=LONGEST_NAME,
    )


def answered_page(
    request: HttpRequest, link: ApprovalLink, asked: Approval, *, status: int = 200, notice: str = ""
) -> HttpResponse:
    """What became of the request, and what happens next. An answered one shows its notice to a second answer only."""
    words = words_of(request, asked)
    title, text, following = _outcome(link, asked, words)
    is_decided = asked.state in (ApprovalState.APPROVED, ApprovalState.CHANGES)
    return _rendered(
        "approvals/answered.html",
        asked,
        words,
        status=status,
        title=title,
        text=text,
        following=following,
        notice=notice if is_decided else "",
        campaign=asked.campaign,
        answer=asked.answer if is_decided else "",
        comments=comments_of(asked) if is_decided else [],
        state=asked.state,
    )


def _rendered(template: str, of: Approval, words: Wording, *, status: int, **context: Any) -> HttpResponse:
    """In the approver's language, and with times as the client's clocks show them."""
    logo = _logo_path(of)
    with translation.override(words.language), timezone.override(_zone(of)):
        return frame.public_page(
            template,
            wording=words,
            organization=of.organization,
            status=status,
            allows=ALLOWS + (ALLOWS_LOGO if logo else ""),
            logo=logo,
            **context,
        )


def _outcome(link: ApprovalLink, asked: Approval, words: Wording) -> tuple[str, str, str]:
    """Title, sentence, and what happens next."""
    words = words.filled(name=asked.decided_by_name or "?")
    if asked.decided_at:
        words = words.filled(moment=_moment(asked, asked.decided_at, words))
    if asked.state == ApprovalState.OPEN:
        return _no_longer_open(link, asked, words)
    return {
        ApprovalState.APPROVED: (words.approved_title, words.approved_text, words.approved_next),
        ApprovalState.CHANGES: (words.changes_title, words.changes_text, words.changes_next),
        ApprovalState.EXPIRED: (words.expired_title, words.expired_text, ""),
        ApprovalState.WITHDRAWN: (words.withdrawn_title, words.withdrawn_text, ""),
        ApprovalState.REVOKED: _revoked(asked.changed, words),
    }[ApprovalState(asked.state)]


def _no_longer_open(link: ApprovalLink, asked: Approval, words: Wording) -> tuple[str, str, str]:
    """A request that nobody closed yet, although it cannot be answered: the periodic job will."""
    if not is_live(asked, asked.campaign):
        return words.withdrawn_title, words.withdrawn_text, ""
    if asked.expires_at and asked.expires_at <= timezone.now():
        return words.expired_title, words.expired_text, ""
    if link.is_expired:
        return words.older_title, words.older_text, ""
    return _revoked(parts_changed_since(asked, asked_fingerprint(asked.campaign, asked).parts), words)


def _revoked(changed: list[str], words: Wording) -> tuple[str, str, str]:
    return words.revoked_title, words.filled(parts=_part_words(changed or ["html"], words)).revoked_text, ""


def _part_words(names: list[str], words: Wording) -> str:
    if words.language == "es":
        return ", ".join(PARTS_IN_SPANISH.get(name, name) for name in names)
    return part_words(names)


def problem_words(words: Wording, refusal: CommentRefused) -> str:
    """The sentence of a refusal in the language of the page."""
    message, field = str(refusal), refusal.fields.get("field")
    if field == "name":
        return words.name_long if "too long" in message else words.needs_name
    if "too many" in message:
        return words.text_long
    if "already" in message:
        return words.comments_full
    return words.needs_reason if "comment" in message else words.needs_text


def _labelled(previews: list[VariantPreview], words: Wording) -> list[tuple[VariantPreview, str]]:
    return [(one, words.filled(letter=one.letter).variant if one.letter else "") for one in previews]


def _audience(asked: Approval, words: Wording) -> Audience:
    """Of a correction: the audience as it was frozen, and how many have not had the mail."""
    count = _people(asked, words)
    frozen = frozen_definition(asked.campaign) if asked.revision else None
    definition = frozen if frozen is not None else audience_definition(asked.campaign)

    def named(*sides: str) -> str:
        return ", ".join(sorted(row["name"] for side in sides for row in definition[side]))

    return Audience(count, named("included"), named("included_segments"), named("excluded", "excluded_segments"))


def _people(asked: Approval, words: Wording) -> str:
    if asked.revision:
        number: int | None = ledger().standing(asked.campaign).waiting
    else:
        counts = quick_campaign_audience(asked.campaign)
        number = counts.sendable if counts is not None else None
    if number is None:
        return words.who_uncounted
    separator = "." if words.language == "es" else ","
    shown = words.who_one if number == 1 else words.who_count
    return shown.replace("{count}", f"{number:,}".replace(",", separator))


def _moments(asked: Approval, words: Wording) -> list[str]:
    campaign = asked.campaign
    if asked.revision:
        return [words.when_correction]
    if campaign.scheduled_at is None:
        return [words.when_open]
    planned = words.filled(moment=_moment(asked, campaign.scheduled_at, words)).when_planned
    return [planned, *([words.when_recipient] if campaign.schedule_zone == ScheduleZone.RECIPIENT else [])]


def _zone(asked: Approval) -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(asked.organization.time_zone)


def _day(asked: Approval, at: datetime.datetime, words: Wording) -> str:
    with translation.override(words.language):
        return date_format(at.astimezone(_zone(asked)), words.date_format)


def _moment(asked: Approval, at: datetime.datetime, words: Wording) -> str:
    with translation.override(words.language):
        return f"{date_format(at.astimezone(_zone(asked)), words.time_format)} ({asked.organization.time_zone})"
