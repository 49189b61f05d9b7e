"""The mail with its links: what is drawn, and that nothing in it can do anything."""

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.campaigns.models import Campaign, CampaignSnapshot
from core.common.tenancy import organization_scope
from core.tracking.choices import EventType, Verdict
from core.tracking.services import event_record, roll_up
from dashboards.link_map import heat_of
from tests.tracking.mailed import Mailed, mailed_campaign

Member = Callable[..., User]
SignedIn = Callable[[User], Client]

HTML = """<html><head><title>x</title></head><body><p>Dear {{ contact.first_name | default: "friend" }}</p>
<script>alert(1)</script><a class="button" href="{{ link.1 }}" target="_top">Offer</a>
<a href='{{ link.2 }}'><img src="https://cdn.example/x.png"></a><a href="{{ system.unsubscribe_url }}">Leave</a>
<img src="{{ system.open_pixel_url }}" width="1" height="1"></body></html>"""


@pytest.fixture
def manager(member: Member, signed_in: SignedIn) -> Client:
    return signed_in(member(Role.MANAGER))


def drawn(organization: Organization) -> tuple[Mailed, CampaignSnapshot]:
    """Two people clicked the first link, a scanner the second."""
    with organization_scope(organization):
        mailed = mailed_campaign(organization, 4)
        snapshot = CampaignSnapshot.objects.create(
            organization=organization,
            campaign=mailed.campaign,
            subject="Offer",
            html=HTML,
            text="Offer",
            from_name="Florist",
            from_email="hello@florist.example",
            organization_values={},
            audience={"included": [], "excluded": []},
            content_hash="x",
            merge_keys=[],
        )
        clicks = ((0, 1, Verdict.HUMAN), (1, 1, Verdict.HUMAN), (2, 2, Verdict.SCANNER))
        for number, link, verdict in clicks:
            event_record(
                message_id=mailed.messages[number].pk,
                type=EventType.CLICKED,
                occurred_at=timezone.now(),
                event_key=f"{number}",
                link_number=link,
                verdict=verdict,
            )
        roll_up()
    return mailed, snapshot


def mail_of(campaign: Campaign, snapshot: CampaignSnapshot) -> str:
    return reverse("admin:campaign_report_mail", args=[campaign.pk, snapshot.pk])


def test_mail_has_a_badge_on_each_link_with_its_share_of_people(florist: Organization, manager: Client) -> None:
    mailed, snapshot = drawn(florist)
    html = manager.get(mail_of(mailed.campaign, snapshot)).content.decode()
    assert re.findall(r'class="ex-badge ex-heat-(\d)" title="[^"]*">([^<]*)<', html) == [
        ("4", "1 · 100.0 %"),
        ("0", "2 · 0.0 %"),
    ]
    machines = manager.get(f"{mail_of(mailed.campaign, snapshot)}?count=machines").content.decode()
    assert "1 · 0.0 %" in machines and "2 · 100.0 %" in machines


def test_mail_in_the_frame_runs_nothing_counts_nothing_and_leads_nowhere(
    florist: Organization, manager: Client
) -> None:
    mailed, snapshot = drawn(florist)
    response = manager.get(mail_of(mailed.campaign, snapshot))
    policy, html = response["Content-Security-Policy"], response.content.decode()
    assert policy.startswith("sandbox;") and "default-src 'none'" in policy and "script-src 'none'" in policy
    assert response["X-Frame-Options"] == "SAMEORIGIN"
    assert "/o/" not in html and "open_pixel" not in html
    assert "shop.example" not in html
    assert '<a href="#ex-link-1" target="_self" id="ex-link-1" data-ex-link class="button"' in html


def test_report_shows_the_frame_and_the_same_figures_as_a_table(florist: Organization, manager: Client) -> None:
    mailed, snapshot = drawn(florist)
    text = manager.get(reverse("admin:campaign_report", args=[mailed.campaign.pk])).content.decode()
    assert re.search(r'<iframe name="ex-dash-mail"[^>]*src="[^"]*/mail/' + str(snapshot.pk) + r'/[^"]*" sandbox ', text)
    assert f"/mail/{snapshot.pk}/?count=people#ex-link-1" in text
    assert "of 2 mails in which something was clicked" in text


def test_mail_of_another_client_or_another_campaign_is_not_found(
    florist: Organization, museum: Organization, manager: Client
) -> None:
    theirs, their_snapshot = drawn(museum)
    ours, _ = drawn(florist)
    assert manager.get(mail_of(theirs.campaign, their_snapshot)).status_code == 404
    assert manager.get(mail_of(ours.campaign, their_snapshot)).status_code == 404


def test_heat_is_zero_for_nobody_and_four_for_the_most_followed() -> None:
    assert [heat_of(count, 100) for count in (0, 1, 26, 60, 99, 100)] == [0, 1, 2, 3, 4, 4]
    assert heat_of(0, 0) == 0
