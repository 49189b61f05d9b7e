"""A rehearsal in words and figures: its progress while it runs, its result afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils import timezone

from core.campaigns import presentation as words
from core.campaigns.ab.presentation import sample_words, variant_words
from core.campaigns.ab.queries import ab_test_of, variants_of
from core.campaigns.ab.services import letter
from core.campaigns.expectation import TestedFlow, flow_of, pace_of, tested_flow_of
from core.campaigns.models import Campaign
from core.campaigns.schedule import moment_words
from core.contacts.choices import BlockReason
from core.contacts.models import Contact
from core.delivery.models import Rehearsal
from core.delivery.models.rehearsals import REHEARSAL_UNDER_WAY, RehearsalState
from core.delivery.rehearsal.tally import Tally
from core.email_templates.merge_tags import ATTRIBUTE_PREFIX

ROWS_SHOWN = 48
BEHIND_AFTER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Line:
    """Something that was counted: a sentence, and the first people it is about as (address, page)."""

    label: str
    count: int
    people: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """An hour, or a day when there are many hours; `percent` is of the fullest one."""

    label: str
    count: int
    percent: float


@dataclass(frozen=True, slots=True)
class ShownVariant:
    """What came of one variant: `what` it is, `facts` as (label, value), and the people it does not fit."""

    letter: str
    what: str
    facts: tuple[tuple[str, str], ...]
    unbuilt: tuple[Line, ...]
    missing: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """The result. `facts` are (label, value); lists without anybody are empty. With an A/B test, what could not be
    built or is missing stands with its variant; `plan` says how the audience is divided."""

    headline: str
    is_good: bool
    facts: tuple[tuple[str, str], ...]
    unbuilt: tuple[Line, ...]
    missing: tuple[Line, ...]
    skipped: tuple[Line, ...]
    bars: tuple[Bar, ...]
    bars_name: str
    pace: str
    variants: tuple[ShownVariant, ...] = ()
    plan: str = ""


def progress(rehearsal: Rehearsal) -> dict[str, Any]:
    """What the page asks for every two seconds."""
    total, done = rehearsal.people_total, rehearsal.people_done
    is_moving = rehearsal.state in REHEARSAL_UNDER_WAY
    heartbeat = rehearsal.heartbeat_at
    is_behind = is_moving and heartbeat is not None and timezone.now() - heartbeat > BEHIND_AFTER
    line = f"{done:,} of {total:,} people" if total is not None else "Counting the audience …"
    return {
        "state": rehearsal.state,
        "is_moving": is_moving,
        "percent": round(100 * done / total, 1) if total else None,
        "line": line,
        "note": "No worker has gone on for a while. It goes on by itself." if is_behind else "",
    }


def shown(rehearsal: Rehearsal, campaign: Campaign) -> Shown:
    """The result by what is stored, with times as the campaign's plan and limits are now."""
    tally = Tally.read(rehearsal.tally)
    people = _people(tally)
    per_second = min(pace_of(campaign).per_second, tally.mails_per_second or float("inf"))
    plan = _flow(campaign, tally, per_second)
    zone = ZoneInfo(campaign.organization.time_zone)
    bars_name, bars = _bars(plan.flow.hours, zone)
    variants = _variants(tally, campaign, people)
    return Shown(
        headline=_headline(rehearsal, tally),
        is_good=rehearsal.state == RehearsalState.DONE and not tally.unbuilt and not tally.missing,
        facts=_facts(tally, campaign, plan, zone),
        unbuilt=() if variants else _lines(tally.unbuilt, tally.unbuilt_people, people, str),
        missing=() if variants else _lines(tally.missing, tally.missing_people, people, _key_words),
        skipped=_lines(tally.skipped, tally.skipped_people, people, _reason_words),
        bars=bars,
        bars_name=bars_name,
        pace=words.pace_words(campaign),
        variants=variants,
        plan=_plan_words(campaign, tally) if variants else "",
    )


def _flow(campaign: Campaign, tally: Tally, per_second: float) -> TestedFlow:
    """Whoever waits for a test's winner gets the mail after the sample and the waiting time."""
    test = ab_test_of(campaign) if tally.variants else None
    if test is None:
        return TestedFlow(flow_of(campaign, tally.zones, per_second=per_second), None)
    sample = tally.mails - tally.waiting
    return tested_flow_of(campaign, test, sample=sample, rest=tally.waiting, per_second=per_second)


def _variants(tally: Tally, campaign: Campaign, people: Mapping[str, tuple[str, str]]) -> tuple[ShownVariant, ...]:
    named = {letter(variant.number): variant_words(campaign, variant) for variant in variants_of(campaign)}
    return tuple(
        ShownVariant(
            name,
            named.get(name, ""),
            _variant_facts(own),
            _lines(own.unbuilt, own.unbuilt_people, people, str),
            _lines(own.missing, own.missing_people, people, _key_words),
        )
        for name, own in sorted(tally.variants.items())
    )


def _variant_facts(own: Tally) -> tuple[tuple[str, str], ...]:
    average = own.bytes / own.mails if own.mails else 0
    return (
        ("Built for its sample", f"{own.mails - own.waiting:,}"),
        ("Built for people who wait", f"{own.waiting:,}"),
        ("Could not be built", f"{own.unbuilt.total():,}"),
        ("Size", f"{_bytes(average)} a mail, the largest {_bytes(own.largest)}"),
    )


def _plan_words(campaign: Campaign, tally: Tally) -> str:
    test = ab_test_of(campaign)
    if test is None:
        return ""
    plan = sample_words(campaign, test, len(tally.variants), tally.mails + tally.unbuilt.total())
    return f"{plan} Nobody knows the winner yet, so their mails were built from the variants in turn."


def _headline(rehearsal: Rehearsal, tally: Tally) -> str:
    if rehearsal.state != RehearsalState.DONE:
        return f"{words.mails(tally.mails)} were built before it ended."
    unbuilt, missing = tally.unbuilt.total(), tally.missing.total()
    if unbuilt:
        return f"{words.mails(tally.mails)} could be built, {unbuilt:,} could not."
    if missing:
        return f"All {words.mails(tally.mails)} could be built; in some, a value is missing."
    return f"All {words.mails(tally.mails)} could be built, and nothing is missing in any."


def _facts(tally: Tally, campaign: Campaign, plan: TestedFlow, zone: ZoneInfo) -> tuple[tuple[str, str], ...]:
    average = tally.bytes / tally.mails if tally.mails else 0
    end = plan.flow.end
    winner = (("Winner", f"not before {moment_words(plan.decided, zone)}"),) if plan.decided and tally.waiting else ()
    return (
        ("Mails", f"{tally.mails:,}"),
        ("Skipped", f"{tally.skipped.total():,}"),
        ("Could not be built", f"{tally.unbuilt.total():,}"),
        ("Size", f"{_bytes(tally.bytes)}; {_bytes(average)} a mail, the largest {_bytes(tally.largest)}"),
        ("Building", f"{tally.mails_per_second:,.0f} mails a second in one worker"),
        ("Begins", moment_words(campaign.scheduled_at, zone) if campaign.scheduled_at else "when it is sent"),
        *winner,
        ("Last mail", moment_words(end, zone) if end else "not within a year" if tally.mails else "–"),
    )


def _bytes(size: float) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size / 1e3:,.1f} kB"


def _people(tally: Tally) -> dict[str, tuple[str, str]]:
    """Address and page of everybody who is named, by id. One query."""
    named = (tally.skipped_people, tally.unbuilt_people, tally.missing_people)
    ids = {pk for kind in named for people in kind.values() for pk in people}
    found = Contact.objects.filter(pk__in=[UUID(pk) for pk in ids]).values_list("pk", "email")
    return {
        str(pk): (address or "Erased contact", reverse("admin:contacts_contact_change", args=[pk]))
        for pk, address in found
    }


def _lines(
    counts: Mapping[str, int], ids: Mapping[str, list[str]], people: Mapping[str, tuple[str, str]], label: Any
) -> tuple[Line, ...]:
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])
    return tuple(
        Line(label(what), count, tuple(people[pk] for pk in ids.get(what, []) if pk in people))
        for what, count in ordered
    )


def _reason_words(reason: str) -> str:
    return BlockReason(reason).label if reason in BlockReason.values else reason


def _key_words(key: str) -> str:
    return key.removeprefix(ATTRIBUTE_PREFIX).removeprefix("contact.").replace("_", " ").capitalize()


def _bars(hours: tuple[tuple[datetime, int], ...], zone: ZoneInfo) -> tuple[str, tuple[Bar, ...]]:
    by_day = len(hours) > ROWS_SHOWN
    counts: dict[str, int] = {}
    for hour, count in hours:
        local = hour.astimezone(zone)
        label = (
            f"{local:%a} {local.day} {local:%b %Y}" if by_day else f"{local:%a} {local.day} {local:%b}, {local:%H:%M}"
        )
        counts[label] = counts.get(label, 0) + count
    most = max(counts.values(), default=0)
    rows = [Bar(label, count, 100 * count / most) for label, count in counts.items()]
    return ("day" if by_day else "hour"), tuple(rows[: 2 * ROWS_SHOWN])
