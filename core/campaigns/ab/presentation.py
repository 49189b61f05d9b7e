"""A/B tests in words and figures: what is tried, how it stands, and what was decided how surely."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.timezone import localtime

from core.campaigns.ab.queries import ab_test_of, variants_of
from core.campaigns.ab.services import decision_document, figures, letter
from core.campaigns.ab.statistics import LOSS_THRESHOLD, compare
from core.campaigns.ledger import SampleState, VariantResult, ledger
from core.campaigns.models import ABTest, Campaign, CampaignVariant
from core.campaigns.presentation import people
from core.campaigns.states import ABMetric, CampaignStatus
from core.campaigns.versions import all_versions
from core.contacts.errors import TookTooLong

RESULTS_SECONDS = 4.0
RULE = (
    "The waiting time runs from when nine tenths of the sample are out. Then the variant that is most likely the best "
    "goes to the rest. It counts as clear when choosing it costs, on average, at most "
    f"{100 * LOSS_THRESHOLD:.0f} % of its own rate, should another one be better (Bayesian comparison, uniform prior; "
    "expected loss after Stucchio 2015)."
)
_METRIC_WORDS = {ABMetric.OPENS: "opened it", ABMetric.CLICKS: "clicked a link"}
_RATE_WORDS = {ABMetric.OPENS: "open rate", ABMetric.CLICKS: "click rate"}


@dataclass(frozen=True, slots=True)
class ShownResult:
    """One variant's line: figures (the shares from 0 to 1), the bar of its 95 % interval (per cent of the scale), the
    odds in words."""

    letter: str
    number: int
    what: str
    accepted: int
    successes: int
    rate: str
    interval: str
    odds: str
    rate_share: float
    low_share: float
    high_share: float
    left: str
    width: str
    middle: str
    is_leader: bool
    is_winner: bool
    mails_url: str
    look_url: str
    send_url: str


@dataclass(frozen=True, slots=True)
class ShownTest:
    """A test on the campaign's page. `headline` says how it stands, `lines` are empty before anybody had it."""

    headline: str
    detail: str
    lines: tuple[ShownResult, ...]
    scale: tuple[str, ...]
    metric: str
    rate_label: str
    is_open: bool
    is_held: bool
    hold_url: str
    rule: str = RULE


def variant_words(campaign: Campaign, variant: CampaignVariant) -> str:
    """What makes a variant different, in one line."""
    template = variant.template.name if variant.template else ""
    parts = (
        variant.subject,
        variant.preheader,
        variant.from_name,
        variant.from_email,
        template and f"template “{template}”",
    )
    return " · ".join(part for part in parts if part) or "As the campaign"


def sample_words(campaign: Campaign, test: ABTest, count: int, sendable: int | None) -> str:
    """How the audience is divided, as far as it is counted."""
    wait = wait_words(test.wait_minutes)
    what = ABMetric(test.metric).label.lower()
    if sendable is None:
        return f"{test.sample_percent} % of the audience try {count} variants; after {wait}, {what} decide."
    sample = round(sendable * test.sample_percent / 100)
    return (
        f"{people(sample)} try {count} variants, about {sample // max(count, 1):,} each. After {wait}, {what} decide, "
        f"and {people(sendable - sample)} get the winner."
    )


def wait_words(minutes: int) -> str:
    for size, noun in ((1440, "day"), (60, "hour")):
        if minutes % size == 0:
            return f"{minutes // size} {noun}{'' if minutes == size else 's'}"
    return f"{minutes} minutes"


def shown_test(campaign: Campaign, *, seconds: float = RESULTS_SECONDS) -> ShownTest | None:
    """The test of a campaign that was frozen; None without one. Counting stops after so many seconds."""
    test = ab_test_of(campaign)
    if test is None:
        return None
    variants = variants_of(campaign)
    sample = ledger().sample(campaign)
    document = test.decision if test.decided_at else _figures_now(campaign, test, variants, seconds)
    is_open = test.decided_at is None and campaign.started_at is not None
    is_open = is_open and campaign.status in (CampaignStatus.SENDING, CampaignStatus.PAUSED, CampaignStatus.SENT)
    lines, scale = _lines(campaign, test, variants, document, can_send=is_open)
    headline, detail = _words(campaign, test, sample, document)
    return ShownTest(
        headline=headline,
        detail=detail,
        lines=lines,
        scale=scale,
        metric=_METRIC_WORDS[ABMetric(test.metric)],
        rate_label=_RATE_WORDS[ABMetric(test.metric)],
        is_open=is_open,
        is_held=test.is_held,
        hold_url=reverse("admin:campaigns_campaign_hold_test", args=[campaign.pk]),
    )


def _figures_now(
    campaign: Campaign, test: ABTest, variants: Sequence[CampaignVariant], seconds: float
) -> dict[str, Any]:
    """The same document as a decision's, from the ledger at this moment; empty when counting takes too long."""
    try:
        found = {result.variant: result for result in ledger().results(campaign, None, seconds)}
    except TookTooLong:
        return {}
    results = [found.get(variant.number, VariantResult(variant.number)) for variant in variants]
    if not any(result.accepted for result in results):
        return {}
    return decision_document(test, results, compare([figures(test, result) for result in results]))


def _words(campaign: Campaign, test: ABTest, sample: SampleState, document: dict[str, Any]) -> tuple[str, str]:
    if test.decided_at:
        return _decided_words(test, document)
    if campaign.status in (CampaignStatus.CANCELLED, CampaignStatus.CANCELLING):
        return "Called off before it was decided.", ""
    if campaign.started_at is None:
        return "The sample goes out first.", ""
    lead = _lead_words(document)
    if sample.out_since and not sample.accepted:
        return "The sample reached nobody, so there is nothing to decide by.", "Send a variant to the rest, or cancel."
    if test.is_held:
        return f"It waits for you. {lead}", f"{people(sample.held)} get what you choose."
    if campaign.status == CampaignStatus.PAUSED:
        return f"Paused: nothing is decided meanwhile. {lead}", f"{people(sample.held)} wait for the winner."
    if sample.out_since is None:
        return "The sample is going out.", f"{sample.accepted:,} of {people(sample.sample)} had it so far."
    due = sample.out_since + datetime.timedelta(minutes=test.wait_minutes)
    when = f"{localtime(due):%A, %d %B, %H:%M}" if due > sample.now else "in a moment"
    return f"To be decided {when}. {lead}", f"{people(sample.held)} wait for the winner."


def _lead_words(document: dict[str, Any]) -> str:
    """So far B leads; 71 % sure. Never more than the figures bear."""
    if not document:
        return ""
    leader = next(one for one in document["variants"] if one["variant"] == document["leader"])
    if not any(one["opened"] or one["clicked"] for one in document["variants"]):
        return "Nobody has done anything with it yet."
    sure = sure_words(leader["best"])
    if document["is_clear"]:
        return f"So far {letter(leader['variant'])} leads clearly ({sure})."
    return f"So far {letter(leader['variant'])} leads, but this could be chance ({sure})."


def sure_words(best: float) -> str:
    if best > 0.999:
        return "more than 99.9 % sure"
    return f"{best:.0%} sure".replace("%", " %")


def _decided_words(test: ABTest, document: dict[str, Any]) -> tuple[str, str]:
    winner, leader = letter(test.winner), document.get("leader")
    at = f"{localtime(test.decided_at):%d %b %Y, %H:%M}"
    released = document.get("released", 0)
    went = f"{people(released)} got it after that." if released else "Nobody was left to get it."
    best = next((one.get("best") for one in document["variants"] if one["variant"] == test.winner), None)
    if document.get("by") == "person":
        by = f" by {test.decided_by}" if test.decided_by else ""
        sure = f" At that moment it was {sure_words(best)} the best." if best is not None else ""
        return f"Variant {winner} was chosen{by}, {at}.{sure}", went
    if document.get("is_clear"):
        if best is not None and best < 0.9:
            return f"Variant {winner} won, {at}: as good as the others, and choosing it costs next to nothing.", went
        return f"Variant {winner} won, {at} ({sure_words(best or 0)}).", went
    assert leader == test.winner
    return f"Variant {winner} led, {at}, but this could be chance ({sure_words(best or 0)}).", went


def _lines(
    campaign: Campaign,
    test: ABTest,
    variants: Sequence[CampaignVariant],
    document: dict[str, Any],
    *,
    can_send: bool,
) -> tuple[tuple[ShownResult, ...], tuple[str, ...]]:
    """One line a variant on a common scale, which ends a little above the highest interval."""
    by_number = {one["variant"]: one for one in document.get("variants", [])}
    top = _scale_end(max((one.get("high", 0.0) for one in by_number.values()), default=0.0))
    looks = {
        version.variant: reverse("admin:campaigns_campaign_version", args=[campaign.pk, version.pk])
        for version in all_versions(campaign)
    }
    lines = []
    for variant in variants:
        found = by_number.get(variant.number, {})
        successes = found.get("opened" if test.metric == ABMetric.OPENS else "clicked", 0)
        low, high, rate = found.get("low", 0.0), found.get("high", 0.0), found.get("rate", 0.0)
        lines.append(
            ShownResult(
                letter=letter(variant.number),
                number=variant.number,
                what=variant_words(campaign, variant),
                accepted=found.get("accepted", 0),
                successes=successes,
                rate=_percent(rate) if found.get("accepted") else "–",
                interval=f"{_percent(low)} to {_percent(high)}" if "low" in found else "–",
                odds=_percent(found["best"], 0) if "best" in found else "–",
                rate_share=rate,
                low_share=low,
                high_share=high,
                left=f"{100 * low / top:.2f}",
                width=f"{100 * (high - low) / top:.2f}",
                middle=f"{100 * min(rate / top, 1):.2f}",
                is_leader=document.get("leader") == variant.number,
                is_winner=test.winner == variant.number,
                look_url=looks.get(variant.number, ""),
                mails_url=f"{reverse('admin:delivery_message_changelist')}?campaign={campaign.pk}&variant={variant.number}",
                send_url=reverse("admin:campaigns_campaign_send_variant", args=[campaign.pk, variant.number])
                if can_send
                else "",
            )
        )
    return tuple(lines), tuple(_percent(top * part / 4, 1) for part in range(5)) if by_number else ()


def _scale_end(highest: float) -> float:
    for step in (0.01, 0.02, 0.04, 0.08, 0.1, 0.2, 0.4, 0.6, 0.8):
        if highest <= step:
            return step
    return 1.0


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"
