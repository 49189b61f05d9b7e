"""A year of mailings: sent through the real pipeline into the sandbox, then moved back to the day of the story."""

import datetime
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from core.accounts.models import Organization
from core.adminsite.demo.audience import those_who_had_come
from core.adminsite.demo.reactions import tell_what_happened
from core.adminsite.demo.stories import PastCampaign
from core.campaigns import services as campaigns
from core.campaigns.models import Campaign
from core.common.tenancy import all_organizations
from core.contacts.models import ContactGroup
from core.delivery.completion import complete_finished_campaigns
from core.delivery.dispatch import work
from core.delivery.materialise import materialise_campaign
from core.delivery.models import Message, MessageValues, SandboxMail, SendAttempt
from core.delivery.states import SendState
from core.email_templates.models import EmailTemplate
from core.subscriptions.choices import Metric
from core.subscriptions.models import Usage
from core.subscriptions.usage import month_of
from core.tracking.services import campaign_roll_up, organization_roll_up

MAILS_KEPT = 25
"""Of each mailing, so many stay in the sandbox inbox to look at; a year of them all would fill the disk."""

# What says when something happened, by table. {campaign} rows only; audit rows stay where they are: append-only.
_MOVED = {
    "campaigns_campaign": ("id", ("created_at", "scheduled_at", "started_at", "finished_at")),
    "campaigns_campaignsnapshot": ("campaign_id", ("created_at", "activated_at")),
    "delivery_deliverybatch": ("campaign_id", ("due_at", "settled_at")),
    "delivery_message": ("campaign_id", ("accepted_at",)),
}


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
    make_past(sender, campaign, story)
    return True


def make_past(sender: Sender, campaign: Campaign, story: PastCampaign) -> None:
    """What was sent just now went out on the day of the story, and people did what it tells."""
    _keep_few_mails(campaign.pk)
    _move_back(campaign, _sending_time(sender.organization, story.days_ago))
    tell_what_happened(campaign, story)
    campaign_roll_up(organization_id=sender.organization.pk, campaign_id=campaign.pk)
    organization_roll_up(organization_id=sender.organization.pk)


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
    attempts = SendAttempt.objects.filter(batch__campaign=campaign)
    attempts.update(started_at=F("started_at") - earlier, finished_at=F("finished_at") - earlier)
    MessageValues.objects.filter(message__campaign=campaign).update(written_at=F("written_at") - earlier)
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
