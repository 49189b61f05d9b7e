"""Writes of campaigns. Every change of state is one compare-and-set, with its audit row in the same transaction."""

import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from core.accounts import audit
from core.campaigns.ab.queries import variants_of
from core.campaigns.approvals.standing import refuse_unapproved
from core.campaigns.errors import BadTime, CampaignNotReady, ChangedMeanwhile, IllegalTransition, NotSentYet
from core.campaigns.models import Campaign, CampaignGroup, CampaignSegment, CampaignSnapshot
from core.campaigns.preflight import campaign_problems, due_problems
from core.campaigns.queries import audience_of, campaign_audience, segments_of
from core.campaigns.schedule import FARTHEST, Planned, last_instant, plan_time
from core.campaigns.snapshot import campaign_freeze
from core.campaigns.states import EDITABLE, FROZEN, CampaignStatus, PauseReason, ScheduleZone, is_legal
from core.common.request_context import current_context
from core.common.tasks import wake
from core.contacts.models import ContactGroup, Segment
from core.contacts.services import segment_add
from core.subscriptions import usage
from core.subscriptions.choices import Metric

SWEEP = "delivery.sweep"
STOP_ATTEMPTS = 3
_LONGEST_PROBLEM = 500


def _move(campaign: Campaign, to: CampaignStatus, **fields: Any) -> Campaign:
    """Bring the campaign from the state it was read in to another one, write the fields with it and the audit row.

    The only writer of `status`. Two at once: both read the same (status, version), the second UPDATE waits for the
    first and then matches no row. Raises IllegalTransition or ChangedMeanwhile; the caller's transaction is undone.
    """
    before = CampaignStatus(campaign.status)
    if not is_legal(before, to):
        raise IllegalTransition(
            f"“{campaign}” is {before.label.lower()}, so it cannot become {to.label.lower()} now.",
            before=before.value,
            after=to.value,
        )
    changed = {"status": to, "version": campaign.version + 1, **fields}
    same = Campaign.objects.filter(pk=campaign.pk, status=before, version=campaign.version)
    if not same.update(**changed, updated_at=timezone.now()):
        raise _changed_meanwhile(campaign)
    values = {name: [getattr(campaign, name), value] for name, value in fields.items()}
    for name, value in changed.items():
        setattr(campaign, name, value)
    changes = {name: pair for name, pair in values.items() if pair[0] != pair[1]}
    audit.record(action=f"campaign.{to.value}", obj=campaign, changes={"status": [before.value, to.value], **changes})
    return campaign


def _changed_meanwhile(campaign: Campaign) -> ChangedMeanwhile:
    return ChangedMeanwhile(f"“{campaign}” was changed by somebody else in the meantime. Look at it again.")


def _campaign(campaign_id: UUID) -> Campaign:
    return Campaign.objects.select_related("template", "organization").get(pk=campaign_id)


# What people do


@transaction.atomic
def campaign_send_now(*, campaign_id: UUID, version: int | None = None) -> Campaign:
    """Make a draft due now and count it against the plan; delivery is woken after the commit.

    `version` is the one a person confirmed: a draft edited since then is refused. Raises CampaignNotReady with every
    problem, LimitReached, NoUsableSubscription, IllegalTransition, ChangedMeanwhile; then nothing has changed.
    """
    campaign = _make_due(_campaign(campaign_id), version, at=timezone.now(), scheduled_local="")
    wake(SWEEP)
    return campaign


@transaction.atomic
def campaign_schedule(*, campaign_id: UUID, version: int | None, at: datetime.datetime, zone: ScheduleZone) -> Campaign:
    """Plan a draft for a wall-clock time (naive `at`, the client's or each recipient's, as `zone` says).

    The mails count against the plan in the month of the first one. Raises BadTime for what has passed or lies more
    than a year ahead, and everything that `campaign_send_now` raises.
    """
    campaign, now = _campaign(campaign_id), timezone.now()
    planned = plan_time(at, whose=zone, zone=ZoneInfo(campaign.organization.time_zone), now=now)
    _refuse_bad_time(planned, zone, now)
    if zone == ScheduleZone.RECIPIENT and variants_of(campaign):
        raise BadTime(
            "A test compares people who get their mail at the same time. Choose the client's time zone, or remove the"
            " A/B test."
        )
    local = at.isoformat(timespec="minutes")
    return _make_due(campaign, version, at=planned.begins_at, scheduled_local=local, schedule_zone=zone)


def _refuse_bad_time(planned: Planned, zone: ScheduleZone, now: datetime.datetime) -> None:
    if last_instant(planned, zone) <= now:
        raise BadTime(f"{planned.local:%d %b %Y, %H:%M} has passed. Choose a later time, or send it now.")
    if planned.begins_at > now + FARTHEST:
        raise BadTime("That is more than a year ahead. Choose a nearer day.")


def _make_due(campaign: Campaign, version: int | None, *, at: datetime.datetime, **fields: Any) -> Campaign:
    """Check, schedule and count against the plan, in the caller's transaction."""
    if version is not None and version != campaign.version:
        raise _changed_meanwhile(campaign)
    audience = campaign_audience(campaign)
    if is_legal(campaign.status, CampaignStatus.SCHEDULED) and (problems := campaign_problems(campaign, audience)):
        raise CampaignNotReady(problems)
    month = usage.month_of(Metric.EMAILS, at)
    # The move comes first: of two at once only one gets past it, so that only one reserves.
    _move(
        campaign,
        CampaignStatus.SCHEDULED,
        scheduled_at=at,
        emails_reserved=audience.sendable,
        reserved_month=month,
        problem="",
        **fields,
    )
    organization_id = campaign.organization_id
    usage.reserve(organization_id=organization_id, metric=Metric.EMAILS, amount=audience.sendable, month=month)
    usage.reserve(organization_id=organization_id, metric=Metric.CAMPAIGNS, amount=1, month=month)
    return campaign


@transaction.atomic
def campaign_pause(*, campaign_id: UUID) -> Campaign:
    """Stop a campaign that is going out: no further batch starts. Raises IllegalTransition, ChangedMeanwhile."""
    return _move(_campaign(campaign_id), CampaignStatus.PAUSED, pause_reason=PauseReason.MANUAL, problem="")


@transaction.atomic
def campaign_resume(*, campaign_id: UUID) -> Campaign:
    """Go on where the campaign stopped: with its preparation when that had not been finished, else with sending."""
    return campaign_go_on(_campaign(campaign_id))


def campaign_go_on(campaign: Campaign, **fields: Any) -> Campaign:
    """Lift a pause, inside the caller's transaction, and write the fields with it."""
    _refuse_unless_paused(campaign)
    to = CampaignStatus.SENDING if campaign.started_at else CampaignStatus.MATERIALISING
    _move(campaign, to, pause_reason="", problem="", **fields)
    wake(SWEEP)
    return campaign


def _refuse_unless_paused(campaign: Campaign) -> None:
    if campaign.status != CampaignStatus.PAUSED:
        label = CampaignStatus(campaign.status).label.lower()
        raise IllegalTransition(
            f"“{campaign}” is {label}: only a paused campaign can be resumed.", before=campaign.status, after="sending"
        )


@transaction.atomic
def campaign_cancel(*, campaign_id: UUID) -> Campaign:
    """Call a campaign off. Before it is frozen it is over at once and what was reserved is given back; later,
    delivery skips everybody who has not had it and then finishes it. Raises IllegalTransition, ChangedMeanwhile."""
    campaign = _campaign(campaign_id)
    if campaign.status in FROZEN:
        _move(campaign, CampaignStatus.CANCELLING)
        wake(SWEEP)
        return campaign
    return _end_unsent(campaign, CampaignStatus.CANCELLED)


@transaction.atomic
def campaign_unschedule(*, campaign_id: UUID) -> Campaign:
    """Make a draft of a campaign that has not begun, or that failed before its first mail; what was reserved is given
    back. Raises IllegalTransition, ChangedMeanwhile."""
    return _unscheduled(_campaign(campaign_id), problem="")


def _unscheduled(campaign: Campaign, problem: str) -> Campaign:
    not_planned = {"scheduled_at": None, "finished_at": None, "scheduled_local": "", "problem": problem}
    return _end_unsent(campaign, CampaignStatus.DRAFT, **not_planned, schedule_zone=ScheduleZone.CLIENT)


def campaign_stop(*, campaign_id: UUID) -> Campaign:
    """The emergency stop: pause what is going out, make a draft of what is about to begin.

    A campaign that moves on at the same moment is tried again. Raises IllegalTransition when there is nothing to stop.
    """
    for attempt in range(1, STOP_ATTEMPTS + 1):
        is_waiting = _campaign(campaign_id).status == CampaignStatus.SCHEDULED
        try:
            return (campaign_unschedule if is_waiting else campaign_pause)(campaign_id=campaign_id)
        except ChangedMeanwhile:
            if attempt == STOP_ATTEMPTS:
                raise
    raise AssertionError("The last attempt returns or raises.")


@transaction.atomic
def campaign_follow_up(*, campaign_id: UUID) -> Campaign:
    """A draft with the same content for those who got the campaign and neither opened nor clicked it.

    They are a segment, so that somebody who opens it meanwhile is left out when the draft is sent. Raises
    NotSentYet for a campaign that has not begun.
    """
    original = _campaign(campaign_id)
    if original.started_at is None:
        raise NotSentYet(f"“{original}” has not been sent, so nobody can have left it unopened.")
    draft = _copy(original, f"{original.name[:105]} (once more)")
    _write_groups(draft, dict.fromkeys(audience_of(original)[1], True))
    _write_segments(draft, dict.fromkeys(segments_of(original)[1], True) | {_unopened(original).pk: False})
    return draft


def _unopened(campaign: Campaign) -> Segment:
    """The segment of those who did not open it, made once."""
    this = {"campaign": str(campaign.pk)}
    rule = {
        "all": [
            {"field": "sent", "is": "did", **this},
            {"field": "opened", "is": "did_not", **this},
            {"field": "clicked", "is": "did_not", **this},
        ]
    }
    found = Segment.objects.filter(organization_id=campaign.organization_id, rule=rule).first()
    if found is not None:
        return found
    name = f"Did not open “{campaign.name[:90]}”"
    if Segment.objects.filter(organization_id=campaign.organization_id, name=name).exists():
        name = f"{name[:100]} ({campaign.pk.hex[-6:]})"
    return segment_add(organization=campaign.organization, name=name, rule=rule)


@transaction.atomic
def campaign_duplicate(*, campaign_id: UUID) -> Campaign:
    """A new draft with the same content, sender, groups and segments."""
    original = _campaign(campaign_id)
    draft = _copy(original, f"{original.name[:113]} (copy)")
    included, excluded = audience_of(original)
    _write_groups(draft, dict.fromkeys(included, False) | dict.fromkeys(excluded, True))
    included, excluded = segments_of(original)
    _write_segments(draft, dict.fromkeys(included, False) | dict.fromkeys(excluded, True))
    return draft


def _copy(original: Campaign, name: str) -> Campaign:
    """A new draft with the same content and sender, for nobody yet."""
    names = ("organization_id", "template_id", "subject", "preheader", "from_name", "from_email", "reply_to")
    draft = Campaign.objects.create(
        name=name, created_by_id=current_context().actor_id, **{name: getattr(original, name) for name in names}
    )
    audit.record(action="campaign.added", obj=draft, changes={"copy of": [None, str(original.pk)]})
    return draft


def campaign_hold_draft(*, campaign_id: UUID, version: int) -> int:
    """Claim a draft for being edited until the caller's transaction ends; returns its new version.

    A *Send now* or an approval at the same moment waits and then finds another version. A campaign in review or
    approved may be edited as well: call `approvals.services.approval_recheck` after the edit, in the same transaction.
    Raises IllegalTransition when the campaign is past that, ChangedMeanwhile when it was edited since `version` was
    read.
    """
    draft = Campaign.objects.filter(pk=campaign_id, status__in=EDITABLE, version=version)
    if draft.update(version=version + 1):
        return version + 1
    campaign = _campaign(campaign_id)
    if campaign.status in EDITABLE:
        raise _changed_meanwhile(campaign)
    raise IllegalTransition(
        f"“{campaign}” is {CampaignStatus(campaign.status).label.lower()}: only a draft can be edited.",
        before=campaign.status,
        after="draft",
    )


@transaction.atomic
def campaign_set_groups(*, campaign: Campaign, include_ids: list[UUID], exclude_ids: list[UUID]) -> None:
    """Say who gets a draft. A group in both lists is left out. The caller holds the draft (`campaign_hold_draft`)."""
    before = audience_of(campaign)
    wanted = dict.fromkeys(include_ids, False) | dict.fromkeys(exclude_ids, True)
    stored = {row.group_id: row.is_excluded for row in CampaignGroup.objects.filter(campaign=campaign)}
    if wanted == stored:
        return
    CampaignGroup.objects.filter(campaign=campaign).delete()
    _write_groups(campaign, wanted)
    after = audience_of(campaign)
    changes = {
        name: [_group_names(old), _group_names(new)]
        for name, old, new in zip(("groups", "groups left out"), before, after, strict=True)
        if old != new
    }
    audit.record(action="campaign.changed", obj=campaign, changes=changes)


def _write_groups(campaign: Campaign, is_excluded_by_id: dict[UUID, bool]) -> None:
    CampaignGroup.objects.bulk_create(
        CampaignGroup(
            organization_id=campaign.organization_id, campaign=campaign, group_id=group_id, is_excluded=is_excluded
        )
        for group_id, is_excluded in is_excluded_by_id.items()
    )


def _group_names(ids: list[UUID]) -> list[str]:
    return list(ContactGroup.objects.filter(pk__in=ids).order_by("name").values_list("name", flat=True))


@transaction.atomic
def campaign_set_segments(*, campaign: Campaign, include_ids: list[UUID], exclude_ids: list[UUID]) -> None:
    """Which segments a draft goes to and which it leaves out, beside its groups. As `campaign_set_groups`."""
    before = segments_of(campaign)
    wanted = dict.fromkeys(include_ids, False) | dict.fromkeys(exclude_ids, True)
    stored = dict.fromkeys(before[0], False) | dict.fromkeys(before[1], True)
    if wanted == stored:
        return
    CampaignSegment.objects.filter(campaign=campaign).delete()
    _write_segments(campaign, wanted)
    after = segments_of(campaign)
    changes = {
        name: [_segment_names(old), _segment_names(new)]
        for name, old, new in zip(("segments", "segments left out"), before, after, strict=True)
        if old != new
    }
    audit.record(action="campaign.changed", obj=campaign, changes=changes)


def _write_segments(campaign: Campaign, is_excluded_by_id: dict[UUID, bool]) -> None:
    CampaignSegment.objects.bulk_create(
        CampaignSegment(
            organization_id=campaign.organization_id, campaign=campaign, segment_id=segment_id, is_excluded=is_excluded
        )
        for segment_id, is_excluded in is_excluded_by_id.items()
    )


def _segment_names(ids: list[UUID]) -> list[str]:
    return list(Segment.objects.filter(pk__in=ids).order_by("name").values_list("name", flat=True))


# What the approval chain does, under its lock of the campaign's row


def refuse_other_version(campaign: Campaign, version: int | None) -> None:
    """Raise ChangedMeanwhile when the campaign is not the version that a person confirmed (None: whatever it is)."""
    if version is not None and version != campaign.version:
        raise _changed_meanwhile(campaign)


@transaction.atomic
def campaign_to_review(*, campaign: Campaign) -> Campaign:
    """draft → in review. Raises IllegalTransition, ChangedMeanwhile."""
    return _move(campaign, CampaignStatus.IN_REVIEW, problem="")


@transaction.atomic
def campaign_agreed(*, campaign: Campaign) -> Campaign:
    """The last stage has agreed: in review → approved. Raises IllegalTransition, ChangedMeanwhile."""
    return _move(campaign, CampaignStatus.APPROVED, problem="")


@transaction.atomic
def campaign_to_draft(*, campaign: Campaign, problem: str = "") -> Campaign:
    """In review, approved or planned → draft; what was reserved is given back. `problem` tells the author why."""
    return _unscheduled(campaign, problem[:_LONGEST_PROBLEM])


# What delivery does


@transaction.atomic
def campaign_begin(*, campaign_id: UUID) -> CampaignSnapshot:
    """Freeze a due campaign and start preparing its mails: scheduled → materialising.

    For one that is being prepared already, it returns what was frozen: a killed worker's successor goes on with it.
    Raises CampaignNotReady when a campaign planned ahead has got a hard stop since, ApprovalMissing when what was
    frozen is not what was approved.
    """
    campaign = _campaign(campaign_id)
    if campaign.status != CampaignStatus.MATERIALISING:
        _refuse_unless(campaign, CampaignStatus.SCHEDULED, to=CampaignStatus.MATERIALISING)
        if campaign.scheduled_local and (problems := due_problems(campaign)):
            raise CampaignNotReady(problems)
        _move(campaign, CampaignStatus.MATERIALISING)
        snapshot = campaign_freeze(campaign)
        refuse_unapproved(campaign, CampaignSnapshot.objects.filter(campaign=campaign, revision=1))
        return snapshot
    return campaign_freeze(campaign)


def _refuse_unless(campaign: Campaign, status: CampaignStatus, *, to: CampaignStatus) -> None:
    """The table also lets a person's *Resume* make this move; a late job must not lift a pause."""
    if campaign.status != status:
        label = CampaignStatus(campaign.status).label.lower()
        raise IllegalTransition(
            f"“{campaign}” is {label}, not {status.label.lower()}.", before=campaign.status, after=to.value
        )


@transaction.atomic
def campaign_started(*, campaign_id: UUID) -> Campaign:
    """Every mail of the audience stands in the ledger: materialising → sending."""
    campaign = _campaign(campaign_id)
    _refuse_unless(campaign, CampaignStatus.MATERIALISING, to=CampaignStatus.SENDING)
    return _move(campaign, CampaignStatus.SENDING, started_at=timezone.now())


@transaction.atomic
def campaign_completed(*, campaign_id: UUID) -> Campaign:
    """Nothing is left to send: sending → sent."""
    return _move(_campaign(campaign_id), CampaignStatus.SENT, finished_at=timezone.now())


@transaction.atomic
def campaign_halted(*, campaign_id: UUID, reason: PauseReason, problem: str) -> Campaign:
    """The product itself stops the campaign; `problem` tells a person why and what to do: → paused."""
    problem = problem[:_LONGEST_PROBLEM]
    return _move(_campaign(campaign_id), CampaignStatus.PAUSED, pause_reason=reason, problem=problem)


@transaction.atomic
def campaign_failed(*, campaign_id: UUID, problem: str) -> Campaign:
    """It could not be begun or prepared, nobody got anything: → failed. What was reserved is given back."""
    return _end_unsent(_campaign(campaign_id), CampaignStatus.FAILED, problem=problem[:_LONGEST_PROBLEM])


@transaction.atomic
def campaign_cancelled(*, campaign_id: UUID) -> Campaign:
    """Everybody who had not had it is skipped now: cancelling → cancelled."""
    return _move(_campaign(campaign_id), CampaignStatus.CANCELLED, finished_at=timezone.now())


@transaction.atomic
def campaign_correct_reservation(*, campaign_id: UUID, emails: int) -> None:
    """Set what is reserved to the mails the audience really needs, once it is known. Raises LimitReached."""
    campaign = Campaign.objects.select_for_update().get(pk=campaign_id)
    difference = emails - campaign.emails_reserved
    if difference > 0:
        month = campaign.reserved_month
        usage.reserve(organization_id=campaign.organization_id, metric=Metric.EMAILS, amount=difference, month=month)
    elif difference < 0:
        _release_emails(campaign, -difference)
    Campaign.objects.filter(pk=campaign.pk).update(emails_reserved=emails)


def _end_unsent(campaign: Campaign, to: CampaignStatus, **fields: Any) -> Campaign:
    """End a campaign of which nothing was mailed, and give back what it had reserved."""
    reserved, was_counted = campaign.emails_reserved, campaign.reserved_month is not None
    month = campaign.reserved_month
    _move(campaign, to, **{"emails_reserved": 0, "reserved_month": None, "finished_at": timezone.now(), **fields})
    if was_counted:
        organization_id = campaign.organization_id
        usage.release(organization_id=organization_id, metric=Metric.EMAILS, amount=reserved, month=month)
        usage.release(organization_id=organization_id, metric=Metric.CAMPAIGNS, amount=1, month=month)
    return campaign


def _release_emails(campaign: Campaign, amount: int) -> None:
    usage.release(
        organization_id=campaign.organization_id, metric=Metric.EMAILS, amount=amount, month=campaign.reserved_month
    )
