"""Campaigns that went out, as rows: what tracking starts from. Call inside a scope."""

import datetime
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from core.accounts.models import Organization
from core.campaigns.models import Campaign, CampaignLink
from core.campaigns.states import CampaignStatus
from core.contacts.models import Contact
from core.contacts.public.links import preferences_path
from core.delivery import public_links
from core.delivery.models import Connection, DeliveryBatch, Message
from core.delivery.states import BatchState, SendState
from tests.support import factories

BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"


@dataclass(frozen=True)
class Mailed:
    """A campaign with its links and its mails, in order of their contacts."""

    campaign: Campaign
    links: list[CampaignLink]
    messages: list[Message]
    contacts: list[Contact]


def mailed_campaign(
    organization: Organization,
    people: int = 3,
    *,
    name: str = "Spring offer",
    urls: tuple[str, ...] = ("https://shop.example/offer?a=1&b=2", "https://shop.example/news"),
    accepted_at: datetime.datetime | None = None,
    status: CampaignStatus = CampaignStatus.SENT,
    **fields: Any,
) -> Mailed:
    """All mails accepted a minute ago, in one batch."""
    accepted_at = accepted_at or timezone.now() - datetime.timedelta(minutes=1)
    contacts = [factories.make_contact(organization) for _ in range(people)]
    group = factories.make_group(organization, f"People of {name}", contacts)
    campaign = factories.make_campaign(
        organization, group=group, name=name, status=status, started_at=accepted_at, **fields
    )
    links = CampaignLink.objects.bulk_create(
        CampaignLink(organization=organization, campaign=campaign, number=number, url=url)
        for number, url in enumerate(urls, start=1)
    )
    batch = DeliveryBatch.objects.create(
        organization=organization,
        campaign=campaign,
        connection=Connection.objects.get(organization=organization, is_default=True),
        number=1,
        state=BatchState.SETTLED,
        size=people,
        due_at=accepted_at,
        accepted_count=people,
        settled_at=accepted_at,
    )
    messages = Message.objects.bulk_create(
        Message(
            organization=organization,
            campaign=campaign,
            contact=contact,
            batch=batch,
            send_state=SendState.ACCEPTED,
            accepted_at=accepted_at,
        )
        for contact in contacts
    )
    return Mailed(campaign, links, messages, contacts)


def path_of(address: str) -> str:
    """The path and query of a link, as the server that answers it is asked."""
    return "/" + address.split("/", 3)[3]


def paths(message: Message) -> dict[str, str]:
    """What the mail leads to, by name."""
    return {
        "open": path_of(public_links.open_pixel_url(message.pk)),
        "click": path_of(public_links.click_url(message.pk, 1)),
        "unsubscribe": path_of(public_links.unsubscribe_url(message.pk)),
        "view": path_of(public_links.view_url(message.pk)),
        "preferences": preferences_path(message.contact_id),
    }
