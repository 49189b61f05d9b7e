"""A year of mailings: sent through the real pipeline into the sandbox, then moved back to the day of the story."""

import datetime
import random
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from core.accounts.models import Organization
from core.adminsite.demo.audience import those_who_had_come
from core.adminsite.demo.stories import PastCampaign
from core.campaigns import services as campaigns
from core.campaigns.models import Campaign
from core.common.ids import new_id
from core.common.tenancy import all_organizations
from core.contacts.choices import ConsentChange, SuppressionKind, SuppressionReason
from core.contacts.models import ConsentEvent, Contact, ContactGroup, Suppression
from core.contacts.services import contact_unsubscribe, contacts_stop
from core.contacts.suppression_keys import suppression_key
from core.delivery.completion import complete_finished_campaigns
from core.delivery.dispatch import work
from core.delivery.materialise import materialise_campaign
from core.delivery.models import Message, SandboxMail
from core.delivery.states import SendState
from core.email_templates.models import EmailTemplate
from core.subscriptions.choices import Metric
from core.subscriptions.models import Usage
from core.subscriptions.usage import month_of
from core.tracking.choices import EventType, Verdict
from core.tracking.services import campaign_roll_up, event_record, organization_roll_up

MAILS_KEPT = 25
"""Of each mailing, so many stay in the sandbox inbox to look at; a year of them all would fill the disk."""

# What says when something happened, by table. {campaign} rows only; audit rows stay where they are: append-only.
_MOVED = {
    "campaigns_campaign": ("id", ("created_at", "scheduled_at", "started_at", "finished_at")),
    "campaigns_campaignsnapshot": ("campaign_id", ("created_at",)),
    "delivery_deliverybatch": ("campaign_id", ("due_at", "settled_at")),
    "delivery_message": ("campaign_id", ("accepted_at",)),
}


_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0"
_PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
_ANDROID = f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {_CHROME} Mobile Safari/537.36"
_COMPUTER = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36"
_TABLET = "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/604.1"
_AGENTS = (*(_PHONE,) * 3, *(_ANDROID,) * 2, *(_COMPUTER,) * 3, _TABLET)
"""What people read on, by a number that a mail keeps."""


@dataclass(frozen=True)
class Sender:
    """Who mails whom in a story."""

    organization: Organization
    group: ContactGroup
    templates: dict[str, EmailTemplate]


def new_campaign(sender: Sender, *, name: str, subject: str, starter: str) -> Campaign:
    """A draft of the story, to the story's group."""
    campaign = Campaign.objects.create(
        organization=sender.organization,
        name=name,
        subject=subject,
        template=sender.templates[starter],
        from_name=sender.organization.default_from_name,
        from_email=sender.organization.default_from_email,
    )
    campaigns.campaign_set_groups(campaign=campaign, include_ids=[sender.group.pk], exclude_ids=[])
    return campaign


def send_past_campaign(sender: Sender, story: PastCampaign) -> bool:
    """Send one mailing of the past, with what people did. False when it is there already."""
    if Campaign.objects.filter(name=story.name).exists():
        return False
    those_who_had_come(sender.organization, sender.group, _sending_time(sender.organization, story.days_ago))
    campaign = new_campaign(sender, name=story.name, subject=story.subject, starter=story.starter)
    campaigns.campaign_send_now(campaign_id=campaign.pk)
    materialise_campaign(campaign_id=campaign.pk)
    with all_organizations(reason="the demo does the worker's and the sweeper's job"):
        work(worker="demo", seconds=120)
        complete_finished_campaigns()
    _keep_few_mails(campaign.pk)
    _move_back(campaign, _sending_time(sender.organization, story.days_ago))
    _tell_what_people_did(campaign, story)
    campaign_roll_up(organization_id=sender.organization.pk, campaign_id=campaign.pk)
    organization_roll_up(organization_id=sender.organization.pk)
    return True


def _sending_time(organization: Organization, days_ago: int) -> datetime.datetime:
    """Ten in the morning of the client's own clock."""
    day = timezone.now().astimezone(ZoneInfo(organization.time_zone)) - datetime.timedelta(days=days_ago)
    return day.replace(hour=10, minute=0, second=0, microsecond=0)


def _keep_few_mails(campaign_id: UUID) -> None:
    newest_first = SandboxMail.objects.filter(message__campaign_id=campaign_id).order_by("-id")
    surplus = list(newest_first.values_list("pk", flat=True)[MAILS_KEPT:])
    SandboxMail.objects.filter(pk__in=surplus).delete()


@transaction.atomic
def _move_back(campaign: Campaign, sent_at: datetime.datetime) -> None:
    """Everything of the campaign, the count against the plan included, happened at `sent_at`."""
    earlier = timezone.now() - sent_at
    with connection.cursor() as cursor:
        for table, (key, columns) in _MOVED.items():
            assignments = ", ".join(f"{column} = {column} - %s" for column in columns)
            parameters: list[Any] = [*[earlier] * len(columns), campaign.organization_id, campaign.pk]
            cursor.execute(
                f"UPDATE {table} SET {assignments} WHERE organization_id = %s AND {key} = %s",  # noqa: S608
                parameters,
            )
    accepted = Message.objects.filter(campaign=campaign, send_state=SendState.ACCEPTED).count()
    for metric, amount in ((Metric.EMAILS, accepted), (Metric.CAMPAIGNS, 1)):
        _count_in_month(campaign.organization_id, metric, amount, month_of(metric, sent_at))
    Campaign.objects.filter(pk=campaign.pk).update(reserved_month=month_of(Metric.EMAILS, sent_at))


def _count_in_month(organization_id: UUID, metric: Metric, amount: int, month: datetime.date) -> None:
    if month == month_of(metric):
        return
    Usage.objects.filter(metric=metric, month=month_of(metric)).update(used=F("used") - amount)
    row, _ = Usage.objects.get_or_create(organization_id=organization_id, metric=metric, month=month)
    Usage.objects.filter(pk=row.pk).update(used=F("used") + amount)


def _tell_what_people_did(campaign: Campaign, story: PastCampaign) -> None:
    """Opens, clicks and unsubscribes of people over the first days, and what machines fetched within seconds."""
    chance = random.Random(f"{campaign.organization_id}{story.name}")  # noqa: S311 - a story needs no secrecy
    links: list[int | None] = list(campaign.links.values_list("number", flat=True)) or [None]
    accepted: Any = Message.objects.filter(campaign=campaign, send_state=SendState.ACCEPTED).values_list(
        "pk", "contact_id", "accepted_at"
    )
    with transaction.atomic():
        for message_id, contact_id, accepted_at in list(accepted):
            if _came_back(message_id, contact_id, accepted_at, story, chance):
                continue
            if chance.random() < story.machine_share:
                at = accepted_at + datetime.timedelta(seconds=chance.uniform(0.2, 1.8))
                _event(message_id, EventType.OPENED, at, Verdict.PREFETCH, None)
            if chance.random() >= story.open_share:
                continue
            opened_at = accepted_at + datetime.timedelta(hours=min(chance.lognormvariate(1.1, 1.2), 190))
            _event(message_id, EventType.OPENED, opened_at, Verdict.HUMAN, None)
            if chance.random() < story.click_share / story.open_share:
                clicked_at = opened_at + datetime.timedelta(seconds=chance.uniform(8, 240))
                _event(message_id, EventType.CLICKED, clicked_at, Verdict.HUMAN, chance.choice(links))
            if chance.random() < story.unsubscribe_share / story.open_share:
                contact_unsubscribe(contact_id=contact_id, source="one-click (demo data)")
                _stopped_at(contact_id, opened_at)
                _event(message_id, EventType.UNSUBSCRIBED, opened_at, Verdict.HUMAN, None)


def _came_back(
    message_id: UUID, contact_id: UUID, accepted_at: datetime.datetime, story: PastCampaign, chance: random.Random
) -> bool:
    """What servers say of a mail, as one hears it over SMTP: nothing of those that arrived. True when it came back, so
    that nobody reads it."""
    minutes = datetime.timedelta(minutes=chance.uniform(0.2, 40))
    if chance.random() < story.deferral_share:
        _event(message_id, EventType.DEFERRED, accepted_at + minutes, Verdict.UNKNOWN, None)
    if chance.random() < story.bounce_share:
        _event(message_id, EventType.BOUNCED, accepted_at + minutes, Verdict.UNKNOWN, None)
        contacts_stop(contact_ids=[contact_id], reason=SuppressionReason.BOUNCED, note="bounce (demo data)")
        _stopped_at(contact_id, accepted_at + minutes)
        return True
    if chance.random() < story.complaint_share:
        _event(message_id, EventType.COMPLAINED, accepted_at + 9 * minutes, Verdict.UNKNOWN, None)
        contacts_stop(contact_ids=[contact_id], reason=SuppressionReason.COMPLAINED, note="complaint (demo data)")
        _stopped_at(contact_id, accepted_at + 9 * minutes)
    return False


def _stopped_at(contact_id: UUID, at: datetime.datetime) -> None:
    """The end of the contact's subscription belongs to the day of the story."""
    at = min(at, timezone.now())
    ConsentEvent.objects.filter(contact_id=contact_id, change=ConsentChange.WITHDRAWN).update(occurred_at=at)
    email_key = Contact.objects.values_list("email_key", flat=True).get(pk=contact_id)
    key = suppression_key(SuppressionKind.ADDRESS, email_key)
    Suppression.objects.filter(key=key).update(created_at=at)


def _event(message_id: UUID, kind: EventType, at: datetime.datetime, verdict: Verdict, link: int | None) -> None:
    event_record(
        message_id=message_id,
        type=kind,
        occurred_at=min(at, timezone.now()),
        event_key=f"demo:{new_id().hex}",
        link_number=link,
        verdict=verdict,
        seen={"note": "demo data", "user_agent": _AGENTS[message_id.int % len(_AGENTS)]},
    )
