"""What servers, people and machines did with a mailing of the past, told in events as the product takes them."""

import datetime
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils import timezone

from core.adminsite.demo.stories import PastCampaign
from core.campaigns.models import Campaign
from core.common.ids import new_id
from core.contacts.choices import ConsentChange, SuppressionKind
from core.contacts.models import ConsentEvent, Contact, Suppression
from core.contacts.services import contact_unsubscribe
from core.contacts.suppression_keys import suppression_key
from core.delivery.bounces import BounceClass
from core.delivery.models import Message
from core.delivery.states import SendState
from core.tracking.arrivals import Arrival
from core.tracking.choices import EventType, Verdict, VerdictReason
from core.tracking.devices import device_of
from core.tracking.intake import take
from core.tracking.verdicts import hit_of, judge

_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0"
_WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
_IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {_WEBKIT} Mobile/15E148"
_ANDROID = f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {_CHROME} Mobile Safari/537.36"
_COMPUTER = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36"
_TABLET = f"Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) {_WEBKIT} Safari/604.1"
_AGENTS = (*(_IPHONE,) * 3, *(_ANDROID,) * 2, *(_COMPUTER,) * 3, _TABLET)
"""What people read on, by a number that a mail keeps."""
_PREFETCH, _SCANNER = "Mozilla/5.0", "python-requests/2.32.4"
_SLOWED = 0.05
"""With more deferrals than this servers hold something against the sender, and refuse some mails for it."""
_SCANNED = 0.2
"""Of the machines, so many are scanners that follow every link; the others are mail apps that load pictures ahead."""
_BOUNCES = (*(BounceClass.INVALID_ADDRESS,) * 5, *(BounceClass.MAILBOX_FULL,) * 3, BounceClass.DOMAIN_INVALID)
_WORDS = {
    BounceClass.INVALID_ADDRESS: "550 5.1.1 User unknown (demo data)",
    BounceClass.MAILBOX_FULL: "552 5.2.2 Mailbox full (demo data)",
    BounceClass.DOMAIN_INVALID: "550 5.1.2 Domain not found (demo data)",
    BounceClass.POLICY: "550 5.7.1 Message rejected by policy (demo data)",
}


@dataclass
class _Mail:
    """One mail of the story while it is told. `stopped_at`: when this person's mail came to an end by it."""

    pk: UUID
    contact_id: UUID
    accepted_at: datetime.datetime
    chance: random.Random
    arrivals: list[Arrival] = field(default_factory=list)
    stopped_at: datetime.datetime | None = None

    def after(self, **time: float) -> datetime.datetime:
        return min(self.accepted_at + datetime.timedelta(**time), timezone.now())

    def note(self, kind: EventType, at: datetime.datetime, **fields: Any) -> None:
        seen = {"note": "demo data", **fields.pop("seen", {})}
        self.arrivals.append(Arrival(self.pk, kind, f"demo:{new_id().hex}", at, seen=seen, **fields))

    def hit(self, kind: EventType, at: datetime.datetime, agent: str, link: int | None = None) -> None:
        """An open or a click, judged as the product judges it."""
        seen = {"method": "GET", "user_agent": agent, "language": "" if agent in (_PREFETCH, _SCANNER) else "en"}
        verdict, reasons = judge(hit_of(kind, seen, (at - self.accepted_at).total_seconds()))
        told = {"verdict": verdict, "reasons": reasons, "device": device_of(agent), "link_number": link}
        self.note(kind, at, seen=seen, **told)


def agent_of(message_id: UUID) -> str:
    """What this mail is read on, as it presents itself."""
    return _AGENTS[message_id.int % len(_AGENTS)]


def tell_what_happened(campaign: Campaign, story: PastCampaign) -> None:
    """Bounces, complaints, opens, clicks and unsubscribes of a campaign whose mails are out, over its first days."""
    chance = random.Random(f"{campaign.organization_id}{story.name}")  # noqa: S311 - a story needs no secrecy
    links = list(campaign.links.values_list("number", flat=True))
    mails = [_told(mail, story, links) for mail in _mails(campaign, chance)]
    take([arrival for mail in mails for arrival in mail.arrivals], organization_id=campaign.organization_id)
    for mail in mails:
        if mail.stopped_at:
            _stopped_at(mail.contact_id, mail.stopped_at)


def _mails(campaign: Campaign, chance: random.Random) -> Iterator[_Mail]:
    accepted = Message.objects.filter(campaign=campaign, send_state=SendState.ACCEPTED, accepted_at__isnull=False)
    for pk, contact_id, at in accepted.values_list("pk", "contact_id", "accepted_at"):
        if at is not None:
            yield _Mail(pk, contact_id, at, chance)


def _told(mail: _Mail, story: PastCampaign, links: list[int]) -> _Mail:
    if not _came_back(mail, story):
        _machines(mail, story, links)
        _people(mail, story, links)
    return mail


def _came_back(mail: _Mail, story: PastCampaign) -> bool:
    """What servers say of it, as one hears it over SMTP: nothing of those that arrive. True: nobody will read it."""
    chance, minutes = mail.chance, mail.chance.uniform(0.2, 40)
    if chance.random() < story.deferral_share:
        mail.note(EventType.DEFERRED, mail.after(minutes=minutes / 2))
    if chance.random() < story.bounce_share:
        why = (
            BounceClass.POLICY if story.deferral_share > _SLOWED and chance.random() < 0.3 else chance.choice(_BOUNCES)
        )
        mail.note(EventType.BOUNCED, mail.after(minutes=minutes), bounce_class=why, seen={"words": _WORDS[why]})
        mail.stopped_at = mail.after(minutes=minutes)
        return True
    if chance.random() < story.complaint_share:
        mail.stopped_at = mail.after(minutes=9 * minutes)
        mail.note(EventType.COMPLAINED, mail.stopped_at)
    return False


def _machines(mail: _Mail, story: PastCampaign, links: list[int]) -> None:
    if mail.chance.random() >= story.machine_share:
        return
    seconds = mail.chance.uniform(0.2, 1.8)
    if mail.chance.random() >= _SCANNED:
        mail.hit(EventType.OPENED, mail.after(seconds=seconds), _PREFETCH)
        return
    for place, link in enumerate(links):
        mail.hit(EventType.CLICKED, mail.after(seconds=seconds + place / 10), _SCANNER, link)


def _people(mail: _Mail, story: PastCampaign, links: list[int]) -> None:
    chance, agent = mail.chance, agent_of(mail.pk)
    if chance.random() >= story.open_share:
        return
    hours = min(chance.lognormvariate(1.1, 1.2), 190)
    opened_at = mail.after(hours=hours)
    if opened_at > timezone.now() - datetime.timedelta(minutes=10):
        return  # not yet
    mail.hit(EventType.OPENED, opened_at, agent)
    if links and chance.random() < story.click_share / story.open_share:
        mail.hit(
            EventType.CLICKED, mail.after(hours=hours, seconds=chance.uniform(8, 240)), agent, chance.choice(links)
        )
    if chance.random() < story.unsubscribe_share / story.open_share:
        contact_unsubscribe(contact_id=mail.contact_id, source="one-click (demo data)")
        mail.stopped_at = opened_at
        pressed = {"verdict": Verdict.HUMAN, "reasons": (VerdictReason.ONE_CLICK,)}
        mail.note(EventType.UNSUBSCRIBED, opened_at, **pressed)


def _stopped_at(contact_id: UUID, at: datetime.datetime) -> None:
    """The end of the contact's subscription belongs to the day of the story."""
    ConsentEvent.objects.filter(contact_id=contact_id, change=ConsentChange.WITHDRAWN).update(occurred_at=at)
    email_key = Contact.objects.values_list("email_key", flat=True).get(pk=contact_id)
    key = suppression_key(SuppressionKind.ADDRESS, email_key)
    Suppression.objects.filter(key=key).update(created_at=at)
