"""The trip of one recipient through every room, read top to bottom. Nothing is replaced: PostgreSQL, the queue's
functions called in their order, a real SMTP server, and a browser's requests."""

import datetime
import re
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from core.accounts.choices import Role
from core.accounts.models import AuditEvent, Organization
from core.campaigns.models import Campaign, CampaignGroup
from core.campaigns.services import campaign_duplicate, campaign_send_now
from core.campaigns.states import CampaignStatus
from core.common.tenancy import all_organizations, organization_scope
from core.contacts.choices import ContactStatus
from core.contacts.models import Contact, ContactGroup
from core.contacts.services import contact_add, group_add, group_add_contacts
from core.delivery.materialise import materialise_campaign
from core.delivery.models import Message
from core.delivery.queries import campaign_progress
from core.delivery.states import SendState, SkipReason
from core.delivery.transports.registry import transports
from core.email_templates.models import EmailTemplate
from core.subscriptions import usage
from core.subscriptions.choices import Metric
from core.tracking.queries import campaign_links, campaign_totals
from core.tracking.services import roll_up
from tests.delivery.ledger import run_sweep, run_work, use_smtp
from tests.support import factories
from tests.support.mail_asserts import assert_one_click_unsubscribe, assert_well_formed, parsed, parts_of
from tests.support.smtp_server import SmtpServer

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
OFFER = "https://shop.florist.example/tulips?colour=red&size=2"


@pytest.fixture
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server
        transports.close()


@pytest.fixture
def recipient() -> Client:
    return Client(
        headers={"User-Agent": BROWSER, "Accept-Language": "en"}, enforce_csrf_checks=True, REMOTE_ADDR="203.0.113.9"
    )


def test_story_of_one_recipient(florist: Organization, smtp: SmtpServer, recipient: Client, settings: Any) -> None:
    settings.PUBLIC_URL = "https://mail.agency.example"
    with organization_scope(florist):
        use_smtp(florist, smtp.port)

        # She and another person become contacts, in one group.
        grace = contact_add(organization=florist, email="Grace@People.example", first_name="Grace", source="Shop till")
        other = contact_add(organization=florist, email="other@people.example")
        group = group_add(organization=florist, name="Newsletter")
        assert group_add_contacts(group_id=group.pk, contact_ids=[grace.pk, other.pk]) == 2

        # Somebody writes a template and a campaign, and sends it.
        campaign = _campaign(florist, group)
        campaign_send_now(campaign_id=campaign.pk)
        assert _used(florist) == 2

        # The sweep finds it; it is frozen and brought into the ledger; a worker sends it.
        assert run_sweep().campaigns_due == [(florist.pk, campaign.pk)]
        assert materialise_campaign(campaign_id=campaign.pk).rows == 2
        assert run_work()["accepted"] == 2
        run_sweep()
        assert _status(campaign) == CampaignStatus.SENT
        assert campaign_progress(campaign.pk).accepted == 2

        # What arrived: one mail for her, in her name, with a way out and no address that is not ours.
        mail = _mail_to(smtp, "Grace@people.example")
        html, text = _html_and_text(mail)
        assert mail["Subject"] == "Grace, tulips from Florist"
        assert "Dear Grace" in html and "Dear Grace" in text
        assert "1 Florist Street" in html and "1 Florist Street" in text
        assert OFFER.split("?")[0] not in html + text
        assert_one_click_unsubscribe(mail)

    # Later that day she opens it and follows the link.
    _let_time_pass()
    assert recipient.get(_path(r'src="([^"]+/o/[^"]+)"', html)).headers["Content-Type"] == "image/gif"
    followed = recipient.get(_path(r"(https://\S+/c/[A-Za-z0-9_-]+)", text))
    assert (followed.status_code, followed.headers["Location"]) == (302, OFFER)
    with all_organizations(reason="the periodic job"):
        roll_up()
    with organization_scope(florist):
        totals = campaign_totals(campaign.pk)
        assert (totals.opened.people_once, totals.clicked.people_once) == (1, 1)
        (link,) = campaign_links(campaign.pk)
        assert (link.url, link.clicks.people) == (OFFER, 1)

    # Her mail program unsubscribes her, as RFC 8058 says. Looking at the page alone had changed nothing.
    way_out = _path(r"<(http[^>]+/u/[^>]+)>", str(mail["List-Unsubscribe"]))
    assert recipient.get(way_out).status_code == 200
    with organization_scope(florist):
        assert Contact.objects.get(pk=grace.pk).status == ContactStatus.SUBSCRIBED
    assert recipient.post(way_out, {"List-Unsubscribe": "One-Click"}).status_code == 200
    with organization_scope(florist):
        assert Contact.objects.get(pk=grace.pk).status == ContactStatus.UNSUBSCRIBED

        # The next campaign leaves her out, says why, and counts only the other one.
        following = campaign_duplicate(campaign_id=campaign.pk)
        campaign_send_now(campaign_id=following.pk)
        materialise_campaign(campaign_id=following.pk)
        assert run_work()["accepted"] == 1
        run_sweep()
        hers = Message.objects.get(campaign=following, contact=grace)
        assert (hers.send_state, hers.reason) == (SendState.SUPPRESSED, SkipReason.UNSUBSCRIBED)
        assert sorted(mail.recipients[0].lower() for mail in smtp.accepted) == [
            "grace@people.example",
            "other@people.example",
            "other@people.example",
        ]
        assert _used(florist) == 3

        # And every step of it stands in the history.
        actions = AuditEvent.objects.filter(object_id=str(campaign.pk)).order_by("id").values_list("action", flat=True)
        assert list(actions) == [f"campaign.{state}" for state in ("scheduled", "materialising", "sending", "sent")]


def test_story_of_the_sender_in_the_admin(florist: Organization, smtp: SmtpServer) -> None:
    """The same first steps by the pages: the campaign is made, reviewed and confirmed in the admin."""
    with organization_scope(florist):
        use_smtp(florist, smtp.port)
        group = factories.make_group(florist, contacts=[factories.make_contact(florist, "ada@people.example")])
        template = factories.make_template(florist)
    browser = Client()
    browser.force_login(factories.make_user(Role.MANAGER, florist))
    form = {
        "name": "Tulips",
        "include_groups": [str(group.pk)],
        "template": str(template.pk),
        "from_name": "Florist",
        "from_email": "hello@florist.example",
    }

    assert browser.post("/admin/campaigns/campaign/add/", form).status_code == 302
    with organization_scope(florist):
        campaign = Campaign.objects.get()
    review = f"/admin/campaigns/campaign/{campaign.pk}/review/"
    assert "1 person of Florist will get" in browser.get(review).content.decode()
    assert browser.post(review, {"_version": campaign.version}).status_code == 302

    with organization_scope(florist):
        materialise_campaign(campaign_id=campaign.pk)
        run_work()
    assert [mail.recipients for mail in smtp.accepted] == [("ada@people.example",)]


def _campaign(organization: Organization, group: ContactGroup) -> Campaign:
    template = EmailTemplate.objects.create(
        organization=organization,
        name="Tulips",
        subject='{{ contact.first_name | default: "Dear friend" }}, tulips from {{ organization.name }}',
        html=(
            '<p>Dear {{ contact.first_name | default: "friend" }}</p>'
            f'<p><a href="{OFFER.replace("&", "&amp;")}">Red tulips</a></p>'
            '<p>{{ organization.postal_address }} · <a href="{{ system.unsubscribe_url }}">Unsubscribe</a></p>'
        ),
    )
    campaign = Campaign.objects.create(
        organization=organization,
        name="Tulips",
        template=template,
        from_name="Florist",
        from_email="hello@florist.example",
    )
    CampaignGroup.objects.create(organization=organization, campaign=campaign, group=group)
    return campaign


def _mail_to(smtp: SmtpServer, address: str) -> EmailMessage:
    (raw,) = [mail.raw for mail in smtp.accepted if mail.recipients[0].lower() == address.lower()]
    assert_well_formed(raw)
    return parsed(raw)


def _html_and_text(mail: EmailMessage) -> tuple[str, str]:
    text, html = parts_of(mail)
    return html, text


def _let_time_pass() -> None:
    """A hit in the second of delivery is a scanner's; hers comes an hour later."""
    with all_organizations(reason="an hour passes"):
        Message.objects.update(accepted_at=F("accepted_at") - datetime.timedelta(hours=1))


def _path(pattern: str, source: str) -> str:
    found = re.search(pattern, source)
    assert found, f"{pattern} is not in {source[:500]}"
    return "/" + found.group(1).split("/", 3)[3]


def _status(campaign: Campaign) -> str:
    return Campaign.objects.get(pk=campaign.pk).status


def _used(organization: Organization) -> int:
    return usage.used(organization_id=organization.pk, metric=Metric.EMAILS)
