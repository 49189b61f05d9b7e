"""Mails that were put right on the way, and subjects that were tried out first."""

import datetime
import random
from dataclasses import replace
from uuid import UUID

from django.utils import timezone

from core.adminsite.demo.history import Sender, make_past, new_campaign
from core.adminsite.demo.reactions import agent_of
from core.adminsite.demo.stories import PastCampaign
from core.campaigns import services as campaigns
from core.campaigns.ab.services import ABPlan, VariantDraft, ab_test_set, decide_due_tests
from core.campaigns.models import Campaign
from core.campaigns.states import ABMetric
from core.campaigns.versions import campaign_fix, current_version, editable
from core.common.ids import new_id
from core.common.tenancy import all_organizations
from core.delivery.claim import claim_batch
from core.delivery.completion import complete_finished_campaigns
from core.delivery.dispatch import dispatch, work
from core.delivery.materialise import materialise_campaign
from core.delivery.models import DeliveryBatch, Message
from core.delivery.states import SendState
from core.tracking.choices import EventType, Verdict, VerdictReason
from core.tracking.services import campaign_roll_up, event_record

BATCHES_WITH_THE_MISTAKE = 6
_WORKSHOP = PastCampaign(
    *("Wreath workshop", "Saturday the 28th: tie your own wreath", "newsletter", 2), open_share=0.39, click_share=0.058
)
_WAIT = ABPlan(ABMetric.CLICKS, 50, 240)


def corrected_story(sender: Sender) -> None:
    """A mailing with the wrong day in its subject: paused, put right, and sent to the rest."""
    campaign = _draft(sender, _WORKSHOP.name, _WORKSHOP.subject)
    if campaign is None:
        return
    campaigns.campaign_send_now(campaign_id=campaign.pk)
    materialise_campaign(campaign_id=campaign.pk)
    with all_organizations(reason="the demo does the worker's job"):
        for _ in range(BATCHES_WITH_THE_MISTAKE):
            if claim := claim_batch(worker="demo"):
                dispatch(claim)
    paused = campaigns.campaign_pause(campaign_id=campaign.pk)
    version = current_version(paused)
    if version is not None:
        correction = replace(editable(version), subject="Sunday the 29th: tie your own wreath")
        note = "The workshop is on Sunday"
        campaign_fix(campaign_id=paused.pk, version=paused.version, correction=correction, note=note)
    _send_all()
    make_past(sender, paused, _WORKSHOP)


def ab_stories(sender: Sender) -> None:
    """One test that is decided, and one whose sample is being waited for."""
    decided = _tested(sender, "Amaryllis week", ("Amaryllis, in four colours", "In bloom by Christmas: amaryllis"))
    if decided is not None:
        _sample_did(sender, decided, {1: 0.06, 2: 0.16}, hours_ago=5)
        with all_organizations(reason="the demo does the sweeper's job"):
            decide_due_tests()
        _send_all()
        campaign_roll_up(organization_id=sender.organization.pk, campaign_id=decided.pk)
    waiting = _tested(
        sender, "Advent candles", ("Four candles, three weeks", "Which candle is yours?", "Advent begins on Sunday")
    )
    if waiting is not None:
        _sample_did(sender, waiting, {1: 0.09, 2: 0.11, 3: 0.1}, hours_ago=1)
        campaign_roll_up(organization_id=sender.organization.pk, campaign_id=waiting.pk)


def _draft(sender: Sender, name: str, subject: str) -> Campaign | None:
    """A new draft, or None when the story has it already."""
    if Campaign.objects.filter(name=name).exists():
        return None
    return new_campaign(sender, name=name, subject=subject, starter="newsletter")


def _tested(sender: Sender, name: str, subjects: tuple[str, ...]) -> Campaign | None:
    """A campaign that tries these subjects, with its sample out."""
    campaign = _draft(sender, name, subjects[0])
    if campaign is None:
        return None
    variants = [VariantDraft(subject=subject) for subject in subjects]
    ab_test_set(campaign_id=campaign.pk, version=campaign.version, plan=_WAIT, variants=variants)
    campaigns.campaign_send_now(campaign_id=campaign.pk)
    materialise_campaign(campaign_id=campaign.pk)
    _send_all()
    return campaign


def _send_all() -> None:
    with all_organizations(reason="the demo does the worker's and the sweeper's job"):
        work(worker="demo", seconds=120)
        complete_finished_campaigns()


def _sample_did(sender: Sender, campaign: Campaign, click_shares: dict[int, float], *, hours_ago: int) -> None:
    """The sample went out so many hours ago, and people have opened and clicked since."""
    chance = random.Random(f"{sender.organization.pk}{campaign.name}")  # noqa: S311 - a story needs no secrecy
    earlier = timezone.now() - datetime.timedelta(hours=hours_ago)
    DeliveryBatch.objects.filter(campaign=campaign, settled_at__isnull=False).update(settled_at=earlier)
    accepted = Message.objects.filter(campaign=campaign, send_state=SendState.ACCEPTED)
    accepted.update(accepted_at=earlier)
    begun = earlier - datetime.timedelta(minutes=5)
    Campaign.objects.filter(pk=campaign.pk).update(created_at=begun, scheduled_at=begun, started_at=begun)
    links = list(campaign.links.order_by("number").values_list("number", flat=True))
    for message_id, variant in list(accepted.values_list("pk", "batch__variant")):
        if chance.random() < 0.4:
            at = earlier + datetime.timedelta(minutes=chance.uniform(1, 55))
            _event(message_id, EventType.OPENED, at)
            if chance.random() < click_shares[variant] / 0.4:
                own = links[(variant - 1) * len(links) // len(click_shares) : variant * len(links) // len(click_shares)]
                at += datetime.timedelta(seconds=40)
                _event(message_id, EventType.CLICKED, at, chance.choice(own) if own else None)


def _event(message_id: UUID, kind: EventType, at: datetime.datetime, link: int | None = None) -> None:
    event_record(
        message_id=message_id,
        type=kind,
        occurred_at=at,
        event_key=f"demo:{new_id().hex}",
        link_number=link,
        verdict=Verdict.HUMAN,
        reasons=(VerdictReason.BROWSER,),
        seen={"note": "demo data", "user_agent": agent_of(message_id), "language": "en"},
    )
