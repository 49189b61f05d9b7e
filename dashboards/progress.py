"""A campaign on its way, in the words and numbers of the page and of its two-second update."""

from dataclasses import dataclass
from typing import Any

from core.campaigns.states import RUNNING, CampaignStatus, PauseReason
from core.common.heartbeat import FRESH_SECONDS, worker_seen_seconds_ago
from core.delivery.limits.standstill import standstill
from core.delivery.queries import (
    CampaignError,
    CampaignProgress,
    campaign_errors,
    campaign_progress,
    campaign_skipped,
)
from core.delivery.states import SendState, SkipReason
from core.tracking.queries import CampaignTotals, campaign_totals
from dashboards.addresses import ledger_url
from dashboards.keeping import kept
from dashboards.numbers import count_text, duration_text, rate_text, share, share_text

LIVE = RUNNING | {CampaignStatus.CANCELLING}
"""Statuses in which figures change by themselves."""


@dataclass(frozen=True)
class Part:
    """One state of the ledger as a piece of the bar. `field` names CampaignProgress' count."""

    field: str
    label: str
    state: SendState
    meaning: str


_NO_WORDS = "No answer was given."

PARTS = (
    Part("accepted", "Accepted", SendState.ACCEPTED, "The server took the mail."),
    Part("waiting", "Waiting", SendState.READY, "Not handed over yet."),
    Part("retrying", "Will be tried again", SendState.RETRY_WAIT, "Refused for now; the next try is planned."),
    Part("skipped", "Skipped", SendState.SUPPRESSED, "Got nothing, each for a reason."),
    Part("failed", "Failed", SendState.FAILED, "Refused for good."),
    Part("uncertain", "In doubt", SendState.UNCERTAIN, "We do not know yet whether the server took it."),
    Part("unresolved", "Unresolved", SendState.UNRESOLVED, "No proof came in time: a person decides."),
)


def progress_payload(campaign: Any, progress: CampaignProgress | None = None) -> dict[str, Any]:
    """Everything that the progress part shows and updates: plain data, figures as text (a fixed number of queries)."""
    progress = progress or campaign_progress(campaign.pk)
    totals = campaign_totals(campaign.pk)
    behind = _behind(campaign)
    return {
        "status": campaign.status,
        "is_live": campaign.status in LIVE,
        "headline": f"{count_text(progress.accepted)} of {count_text(progress.total)}",
        # A speed measured before everything stood still would contradict the warning.
        "sentence": "" if behind else _sentence(campaign, progress),
        "behind": behind,
        "reasons": _reasons(campaign),
        "spoken": _spoken(campaign, progress),
        "parts": [_part(campaign, part, progress) for part in PARTS],
        "reactions": _reactions(progress, totals),
        "errors": [
            {
                "words": error.words or _NO_WORDS,
                "count": count_text(error.count),
                "label": error.state.label,
                "url": ledger_url(campaign.pk, error.state),
            }
            for error in _errors(campaign, progress)
        ],
    }


def skipped_sentence(campaign: Any, skipped: int) -> str:
    """Why these people of the audience got nothing, the most frequent reason first; "" when nobody was skipped."""
    if not skipped:
        return ""
    key = f"campaign-skipped:{campaign.pk}:{skipped}"
    reasons = kept(key, lambda: campaign_skipped(campaign.pk))
    parts = [f"{SkipReason(reason).label.lower()} ({count_text(count)})" for reason, count in reasons.items()]
    return f"Skipped: {', '.join(parts)}." if parts else ""


def _errors(campaign: Any, progress: CampaignProgress) -> list[CampaignError]:
    """What servers said. The mails are read again only when their number has changed: a few may hide among millions."""
    troubled = (progress.failed, progress.retrying, progress.uncertain, progress.unresolved)
    if not any(troubled):
        return []
    key = f"campaign-errors:{campaign.pk}:{'-'.join(map(str, troubled))}"
    return kept(key, lambda: campaign_errors(campaign.pk)) or []


def _part(campaign: Any, part: Part, progress: CampaignProgress) -> dict[str, Any]:
    count = getattr(progress, part.field)
    return {
        "key": part.field,
        "label": part.label,
        "meaning": part.meaning,
        "count": count_text(count),
        "is_empty": count == 0,
        "width": f"{share(count, progress.total) or 0:.3f}%",
        "share": share_text(count, progress.total),
        "url": ledger_url(campaign.pk, part.state),
    }


def _reactions(progress: CampaignProgress, totals: CampaignTotals) -> list[dict[str, str]]:
    """What recipients have done so far; the base of every share is what was accepted."""
    figures = (("opened", totals.opened), ("clicked", totals.clicked), ("unsubscribed", totals.unsubscribed))
    return [
        {
            "key": key,
            "count": count_text(count.people_once),
            "share": share_text(count.people_once, progress.accepted),
            "base": f"of {count_text(progress.accepted)} accepted",
            "machines": f"{count_text(count.machines_once)} by machines, counted apart" if count.machines else "",
        }
        for key, count in figures
    ]


def _sentence(campaign: Any, progress: CampaignProgress) -> str:
    if campaign.status == CampaignStatus.PAUSED:
        reason = PauseReason(campaign.pause_reason).label if campaign.pause_reason else "Paused"
        return f"{reason}. {campaign.problem}".strip()
    if campaign.status == CampaignStatus.MATERIALISING:
        return "The audience is being put together; the first mails go out in a moment."
    if campaign.status == CampaignStatus.CANCELLING:
        return "Mails that are on their way are being finished; nothing new goes out."
    if campaign.status == CampaignStatus.SENDING:
        return _speed(progress)
    return campaign.problem


def _speed(progress: CampaignProgress) -> str:
    if not progress.rate_per_second:
        return "The first mails are on their way."
    speed = f"{rate_text(progress.rate_per_second)[:1].upper()}{rate_text(progress.rate_per_second)[1:]}"
    left = f", about {duration_text(progress.seconds_left)} left" if progress.seconds_left else ""
    return f"{speed}{left}."


def _reasons(campaign: Any) -> list[str]:
    """Why mails wait, each in a sentence, and until when; empty when nothing holds them up. A pause says so itself."""
    if campaign.status != CampaignStatus.SENDING:
        return []
    return [reason.words for reason in standstill(campaign)]


def _spoken(campaign: Any, progress: CampaignProgress) -> str:
    """What is read aloud once in a while: the sum of it, not every tick."""
    return f"{count_text(progress.accepted)} of {count_text(progress.total)} accepted. {_sentence(campaign, progress)}"


def _behind(campaign: Any) -> str:
    """Why nothing moves, when a running campaign cannot move; "" when all is well."""
    if campaign.status not in LIVE:
        return ""
    seconds = worker_seen_seconds_ago()
    if seconds is not None and seconds <= FRESH_SECONDS:
        return ""
    since = f"for {duration_text(seconds)}" if seconds is not None else "for a while"
    return f"This page is behind: no worker has been seen {since}. Mails wait and go out once one runs again."
