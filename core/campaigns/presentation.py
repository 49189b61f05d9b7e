"""Campaigns in words and figures: sentences of confirmations, the strip of states, the bar of the audience."""

import datetime
from dataclasses import dataclass

from core.campaigns.models import Campaign
from core.campaigns.preflight import PlanUse, SendPreview
from core.campaigns.states import CampaignStatus
from core.contacts.audience import AudienceCounts
from core.contacts.choices import BlockReason


@dataclass(frozen=True, slots=True)
class AudienceParts:
    """The audience as a bar: `percent` of it gets the mail; `skipped` are (reason, count), the largest first."""

    has_groups: bool
    total: int
    sendable: int
    skipped_total: int
    skipped: tuple[tuple[str, int], ...]
    percent: float


@dataclass(frozen=True, slots=True)
class Step:
    """One state in the strip above a campaign. `mark` is "done", "now", "stopped" or "" for what is still to come."""

    label: str
    mark: str
    at: datetime.datetime | None


def audience_parts(counts: AudienceCounts, has_groups: bool) -> AudienceParts:
    skipped = sorted(counts.skipped.items(), key=lambda pair: -pair[1])
    percent = 100 * counts.sendable / counts.total if counts.total else 0.0
    return AudienceParts(
        has_groups,
        counts.total,
        counts.sendable,
        counts.total - counts.sendable,
        tuple((BlockReason(reason).label.lower(), count) for reason, count in skipped),
        percent,
    )


def people(count: int) -> str:
    return "1 person" if count == 1 else f"{count:,} people"


def mails(count: int) -> str:
    return "1 mail" if count == 1 else f"{count:,} mails"


def who_gets_it(campaign: Campaign, preview: SendPreview, seconds: float) -> str:
    """4,812 people of Acme will get “Spring offer” from hello@acme.example, starting now, about 3 minutes."""
    return (
        f"{people(preview.audience.sendable)} of {campaign.organization} will get “{campaign}” "
        f"from {campaign.from_email}, starting now, {duration(seconds)}."
    )


def who_is_skipped(counts: AudienceCounts) -> str:
    """188 are skipped: 120 unsubscribed, 68 bounced. Empty when nobody is."""
    parts = audience_parts(counts, has_groups=True)
    if not parts.skipped_total:
        return ""
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in parts.skipped)
    return f"{parts.skipped_total:,} {'is' if parts.skipped_total == 1 else 'are'} skipped: {reasons}."


def plan_after(use: PlanUse | None) -> str:
    """9,120 of 10,000 mails used this month after this."""
    if use is None:
        return "No usable plan"
    if use.limit is None:
        return f"{mails(use.after)} used this month after this, no limit"
    return f"{use.after:,} of {use.limit:,} mails used this month after this"


def duration(seconds: float) -> str:
    if seconds < 60:
        return "done in about a minute"
    if seconds < 90 * 60:
        minutes = round(seconds / 60)
        return f"about {minutes} {'minute' if minutes == 1 else 'minutes'}"
    return f"about {seconds / 3600:.1f} hours"


def steps(campaign: Campaign) -> tuple[Step, ...]:
    """The strip draft → scheduled → sending → sent, with a campaign's own place in it."""
    status = CampaignStatus(campaign.status)
    names = [
        (CampaignStatus.DRAFT.label, campaign.created_at),
        (CampaignStatus.SCHEDULED.label, campaign.scheduled_at),
        (_sending_label(status), campaign.started_at),
        (_end_label(status), campaign.finished_at),
    ]
    now = _position(campaign)
    stopped = status in (CampaignStatus.PAUSED, CampaignStatus.CANCELLED, CampaignStatus.FAILED)
    return tuple(
        Step(label, _mark(index, now, stopped, status), at if index <= now else None)
        for index, (label, at) in enumerate(names)
    )


def _sending_label(status: CampaignStatus) -> str:
    in_between = (CampaignStatus.MATERIALISING, CampaignStatus.PAUSED, CampaignStatus.CANCELLING)
    return status.label if status in in_between else CampaignStatus.SENDING.label


def _end_label(status: CampaignStatus) -> str:
    return status.label if status in (CampaignStatus.CANCELLED, CampaignStatus.FAILED) else CampaignStatus.SENT.label


def _position(campaign: Campaign) -> int:
    status = CampaignStatus(campaign.status)
    if status in (CampaignStatus.DRAFT, CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED):
        return 0
    if status == CampaignStatus.SCHEDULED:
        return 1
    return 3 if status in (CampaignStatus.SENT, CampaignStatus.CANCELLED, CampaignStatus.FAILED) else 2


def _mark(index: int, now: int, stopped: bool, status: CampaignStatus) -> str:
    if index < now or (index == now and status == CampaignStatus.SENT):
        return "done"
    if index > now:
        return ""
    return "stopped" if stopped else "now"


def group_names(campaign: Campaign, *, excluded: bool = False) -> str:
    """The names of the groups included (or left out), from the rows that were fetched with the campaign."""
    rows = [row for row in campaign.campaign_groups.all() if row.is_excluded == excluded]
    return ", ".join(sorted(row.group.name for row in rows))


def segment_names(campaign: Campaign, *, excluded: bool = False) -> str:
    """The names of the segments included (or left out), as `group_names`."""
    rows = [row for row in campaign.campaign_segments.all() if row.is_excluded == excluded]
    return ", ".join(sorted(row.segment.name for row in rows))


def audience_names(campaign: Campaign, *, excluded: bool = False) -> str:
    """Groups and segments together: "Newsletter, Buyers · segments: Engaged"."""
    groups, segments = group_names(campaign, excluded=excluded), segment_names(campaign, excluded=excluded)
    return " · ".join(filter(None, (groups, segments and f"segments: {segments}")))
