"""Campaigns in words and figures: sentences of confirmations, the strip of states, the bar of the audience."""

import datetime
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from django.utils import timezone

from core.campaigns.approvals.presentation import approval_steps
from core.campaigns.expectation import expected_end, pace_of, window_of
from core.campaigns.models import Campaign
from core.campaigns.preflight import PlanUse, SendPreview
from core.campaigns.schedule import distance_words, moment_words, planned_local, window_words
from core.campaigns.states import CampaignStatus, ScheduleZone
from core.contacts.audience import HELD_REASONS, AudienceCounts
from core.contacts.choices import BlockReason
from core.subscriptions.choices import Metric
from core.subscriptions.usage import month_of


@dataclass(frozen=True, slots=True)
class AudiencePart:
    """One piece of the bar. `kind` is "sendable", "held", "suppressed" or "excluded"; `reasons` are (why, how many)."""

    kind: str
    label: str
    count: int
    percent: float
    reasons: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class AudienceParts:
    """The audience as a bar; `skipped` are (reason, count), the largest first. Pieces of nobody are left out."""

    has_groups: bool
    total: int
    sendable: int
    skipped_total: int
    skipped: tuple[tuple[str, int], ...]
    parts: tuple[AudiencePart, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One state in the strip above a campaign. `mark` is "done", "now", "stopped" or "" for what is still to come."""

    label: str
    mark: str
    at: datetime.datetime | None
    who: str = ""


def audience_parts(counts: AudienceCounts, has_groups: bool) -> AudienceParts:
    skipped = sorted(counts.skipped.items(), key=lambda pair: -pair[1])
    held = tuple((_reason(reason), count) for reason, count in skipped if reason in HELD_REASONS)
    suppressed = tuple((_reason(reason), count) for reason, count in skipped if reason not in HELD_REASONS)
    whole = counts.total + counts.excluded
    pieces = (
        ("sendable", "Get it", counts.sendable, ()),
        ("held", "Held for now", counts.held, held),
        ("suppressed", "Suppressed", counts.suppressed, suppressed),
        ("excluded", "Left out", counts.excluded, ()),
    )
    return AudienceParts(
        has_groups,
        counts.total,
        counts.sendable,
        counts.total - counts.sendable,
        tuple((_reason(reason), count) for reason, count in skipped),
        tuple(AudiencePart(kind, label, n, 100 * n / whole, why) for kind, label, n, why in pieces if n),
    )


def _reason(reason: str) -> str:
    return BlockReason(reason).label.lower()


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


def who_will_get_it(campaign: Campaign, preview: SendPreview) -> str:
    """4,812 people of Acme will get “Spring offer” from hello@acme.example."""
    who = people(preview.audience.sendable)
    return f"{who} of {campaign.organization} will get “{campaign}” from {campaign.from_email}."


def sending_facts(
    campaign: Campaign, preview: SendPreview, at: datetime.datetime | None = None
) -> tuple[tuple[str, str], ...]:
    """What is sent from whom to whom, for a page that asks before it sends. `at`: when it begins (None: now)."""
    facts = [
        ("Subject", campaign.subject or campaign.template.subject),
        ("From", f"{campaign.from_name} <{campaign.from_email}>"),
        ("Replies go to", campaign.reply_to),
        ("Sent to", audience_names(campaign)),
        ("Leaves", pace_words(campaign)),
        ("Plan", plan_after(preview.plan_use, at)),
    ]
    if pace_words(campaign):
        name = "Expected end" if at else "Expected end if it starts now"
        facts.insert(-1, (name, end_words(campaign, preview.audience.sendable, at)))
    return tuple(fact for fact in facts if fact[1])


def pace_words(campaign: Campaign) -> str:
    """Monday to Friday, 09:00 to 18:00 (Europe/Berlin), at most 500 mails an hour. Empty without limits."""
    limit = pace_of(campaign).per_hour
    parts = (window_words(window_of(campaign)), f"at most {mails(limit)} an hour" if limit else "")
    return ", ".join(filter(None, parts))


def end_words(campaign: Campaign, count: int, begin: datetime.datetime | None = None) -> str:
    end = expected_end(campaign, count, begin=begin)
    if end is None:
        return "in more than a year: widen the hours or raise the limit"
    return moment_words(end, ZoneInfo(campaign.organization.time_zone))


def planned_words(campaign: Campaign) -> str:
    """When a scheduled campaign goes out: Goes out Tue 25 Nov, 09:00 Europe/Berlin, in 3 days. Empty without a time."""
    at, now = campaign.scheduled_at, timezone.now()
    if at is None:
        return ""
    local = planned_local(campaign.scheduled_local)
    if local is None or campaign.schedule_zone == ScheduleZone.CLIENT:
        zone = ZoneInfo(campaign.organization.time_zone)
        return f"Goes out {moment_words(at, zone)}, {distance_words(at, now)}."
    day = f"{local:%a} {local.day} {local:%b}, {local:%H:%M}"
    return f"Goes out {day} by each recipient's clock. The first can get it {distance_words(at, now)}."


def local_now(campaign: Campaign) -> str:
    """Now it is Sat 21 Nov, 22:04 there."""
    return moment_words(timezone.now(), ZoneInfo(campaign.organization.time_zone))


def who_is_skipped(counts: AudienceCounts) -> str:
    """188 are skipped: 120 unsubscribed, 68 bounced. Empty when nobody is."""
    parts = audience_parts(counts, has_groups=True)
    if not parts.skipped_total:
        return ""
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in parts.skipped)
    return f"{parts.skipped_total:,} {'is' if parts.skipped_total == 1 else 'are'} skipped: {reasons}."


def plan_after(use: PlanUse | None, at: datetime.datetime | None = None) -> str:
    """9,120 of 10,000 mails used this month after this. With `at`, in the month of it."""
    if use is None:
        return "No usable plan"
    is_later = at is not None and month_of(Metric.EMAILS, at) != month_of(Metric.EMAILS)
    when = f"in {at:%B}" if at and is_later else "this month"
    if use.limit is None:
        return f"{mails(use.after)} used {when} after this, no limit"
    return f"{use.after:,} of {use.limit:,} mails used {when} after this"


def duration(seconds: float) -> str:
    if seconds < 60:
        return "done in about a minute"
    if seconds < 90 * 60:
        minutes = round(seconds / 60)
        return f"about {minutes} {'minute' if minutes == 1 else 'minutes'}"
    return f"about {seconds / 3600:.1f} hours"


def steps(campaign: Campaign) -> tuple[Step, ...]:
    """The strip draft → scheduled → sending → sent, with a campaign's own place in it; behind the draft the stages of
    approval, where the client asks for it."""
    status = CampaignStatus(campaign.status)
    names = [
        (CampaignStatus.DRAFT.label, campaign.created_at),
        (CampaignStatus.SCHEDULED.label, campaign.scheduled_at),
        (_sending_label(status), campaign.started_at),
        (_end_label(status), campaign.finished_at),
    ]
    now = _position(campaign)
    stopped = status in (CampaignStatus.PAUSED, CampaignStatus.CANCELLED, CampaignStatus.FAILED)
    draft, *others = (
        Step(label, _mark(index, now, stopped, status), at if index <= now else None)
        for index, (label, at) in enumerate(names)
    )
    review = [Step(one.label, one.mark, one.at, one.who) for one in approval_steps(campaign)]
    if status in (CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED):
        draft = replace(draft, mark="done")
    return (draft, *review, *others)


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
