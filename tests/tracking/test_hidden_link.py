"""The link that no person sees: in the mail, out of everybody's way, and what it tells of whoever follows it."""

import re
from collections.abc import Iterator

import pytest
from django.test import Client

from core.accounts.models import Organization
from core.campaigns import versions
from core.campaigns.models import CampaignLink, CampaignSnapshot
from core.campaigns.snapshot import draft_snapshot
from core.campaigns.views import frozen_mail
from core.common.tenancy import all_organizations
from core.delivery.public_links import HIDDEN_LINK, HIDDEN_LINK_WORDS, click_from, click_url
from core.delivery.rendering import campaign_mail
from core.tracking.choices import EventType, Verdict
from core.tracking.models import AnalyticsEvent
from tests.delivery.ledger import sending_campaign
from tests.tracking.mailed import BROWSER, Mailed

HIDDEN = re.compile(
    r'<div style="display:none;[^"]*" aria-hidden="true">'
    r'<a href="([^"]+)" tabindex="-1" style="display:none"></a></div>'
)


@pytest.fixture
def trapping(in_florist: Organization) -> Iterator[Organization]:
    in_florist.uses_honeypot_link = True
    in_florist.save(update_fields=["uses_honeypot_link"])
    return in_florist


def test_frozen_mail_holds_the_hidden_link_and_counts_it_nowhere(trapping: Organization) -> None:
    campaign = sending_campaign(trapping, 1)
    snapshot = CampaignSnapshot.objects.get(campaign=campaign)
    assert len(HIDDEN.findall(snapshot.html)) == 1
    assert "hidden_link" not in snapshot.text
    assert CampaignLink.objects.filter(campaign=campaign).count() == snapshot.html.count("{{ link.")


def test_frozen_mail_without_the_setting_has_none(in_florist: Organization) -> None:
    snapshot = CampaignSnapshot.objects.get(campaign=sending_campaign(in_florist, 1))
    assert "hidden_link" not in snapshot.html


def test_setting_is_part_of_what_an_approval_is_bound_to(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist, 1)
    before = draft_snapshot(campaign)[0].content_hash
    campaign.organization.uses_honeypot_link = True
    assert draft_snapshot(campaign)[0].content_hash != before


def test_previews_and_the_editor_of_corrections_show_none(trapping: Organization) -> None:
    snapshot = CampaignSnapshot.objects.get(campaign=sending_campaign(trapping, 1))
    assert not HIDDEN.search(frozen_mail(snapshot, {}).html)
    assert "hidden" not in versions.editable(snapshot).html


@pytest.mark.django_db
def test_click_on_the_hidden_link_is_noted_as_a_scanners_and_leads_nowhere(mailed: Mailed, client: Client) -> None:
    url = click_url(mailed.messages[0].pk, HIDDEN_LINK, mailed.campaign.pk)
    assert click_from(url.rpartition("/")[2]).link_number == HIDDEN_LINK
    answer = client.get("/c/" + url.rpartition("/")[2], headers={"User-Agent": BROWSER, "Accept-Language": "en"})
    assert (answer.status_code, answer.content.decode()) == (200, HIDDEN_LINK_WORDS)
    with all_organizations(reason="test"):
        event = AnalyticsEvent.objects.get()
        assert (event.type, event.verdict, event.link_id) == (EventType.TRAPPED, Verdict.SCANNER, None)


def test_mail_of_a_person_leads_there(trapping: Organization) -> None:
    campaign = sending_campaign(trapping, 1)
    message = campaign.messages.get()
    mail = campaign_mail(campaign.pk)
    recipient = mail.recipient(message.pk, message.contact_id, "ann@people.example", {})
    (url,) = HIDDEN.findall(mail.content.html.render(recipient.values))
    found = click_from(url.rpartition("/")[2])
    assert (found.message_id, found.link_number) == (message.pk, HIDDEN_LINK)
