"""What goes out today, over all clients in reach, by the reader's clock."""

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from core.accounts.models import Organization
from core.adminsite.home.facts import ClientFacts
from core.campaigns.models import Campaign
from core.campaigns.states import RUNNING, CampaignStatus

MOST_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Send:
    """One campaign on the day. `kind` is "done", "running", "stopped" or "planned"; `words` say the rest."""

    at: datetime.datetime
    kind: str
    client: Organization
    campaign_id: UUID
    name: str
    words: str
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """The sends of today in order of time, `left_out` more than are shown, and the next one after today."""

    day: datetime.date
    sends: tuple[Send, ...]
    left_out: int
    next: Send | None


def day_of_sends(facts: Iterable[ClientFacts], now: datetime.datetime, zone: datetime.tzinfo) -> Day:
    today = now.astimezone(zone).date()
    sends, later = [], []
    for one in facts:
        for send in _sends(one):
            day = send.at.astimezone(zone).date()
            if day == today or send.kind == "running":
                sends.append(send)
            elif day > today:
                later.append(send)
    sends.sort(key=lambda send: send.at)
    # What is over goes first when there is not room for all of it.
    shown = sends[-MOST_SHOWN:]
    return Day(today, tuple(shown), len(sends) - len(shown), min(later, key=lambda send: send.at, default=None))


def _sends(facts: ClientFacts) -> Iterator[Send]:
    client, watched = facts.client, {campaign.pk for campaign in facts.watched}
    for campaign in facts.watched:
        if send := _of_watched(facts, campaign):
            yield send
    for done in facts.recent:
        if done.pk not in watched and done.status == CampaignStatus.SENT:
            words = f"{done.sent:,} mails out" if done.sent != 1 else "1 mail out"
            yield Send(done.started_at, "done", client, done.pk, done.name, words)


def _of_watched(facts: ClientFacts, campaign: Campaign) -> Send | None:
    progress = facts.progress.get(campaign.pk)
    percent = progress.percent if progress else 0
    if campaign.status == CampaignStatus.SCHEDULED and campaign.scheduled_at:
        return Send(campaign.scheduled_at, "planned", facts.client, campaign.pk, campaign.name, "planned")
    if campaign.started_at is None:
        return None
    if campaign.status in RUNNING:
        words = f"going out, {percent} %"
        return Send(campaign.started_at, "running", facts.client, campaign.pk, campaign.name, words, percent)
    if campaign.status == CampaignStatus.PAUSED:
        words = f"paused at {percent} %"
        return Send(campaign.started_at, "stopped", facts.client, campaign.pk, campaign.name, words, percent)
    return None
