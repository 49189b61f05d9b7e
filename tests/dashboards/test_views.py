"""The pages of results: for whom, with how many queries, and what they say when there is nothing to say."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.campaigns.models import Campaign
from core.campaigns.states import CampaignStatus
from core.common.heartbeat import note_worker
from core.common.tenancy import all_organizations, organization_scope
from core.delivery.models import Connection, DeliveryBatch, Message
from core.delivery.states import SendState
from core.tracking.choices import EventType, Verdict
from core.tracking.services import event_record, roll_up
from tests.support import factories
from tests.tracking.mailed import Mailed, mailed_campaign

Member = Callable[..., User]
SignedIn = Callable[[User], Client]


def report_page(campaign: Campaign) -> str:
    return reverse("admin:campaign_report", args=[campaign.pk])


def progress_of(campaign: Campaign) -> str:
    return reverse("admin:campaign_report_progress", args=[campaign.pk])


def csv_of(campaign: Campaign, name: str) -> str:
    return reverse("admin:campaign_report_csv", args=[campaign.pk, name])


def reacted(organization: Organization, people: int = 3, **fields: Any) -> Mailed:
    with organization_scope(organization):
        mailed = mailed_campaign(organization, people, **fields)
        for number, message in enumerate(mailed.messages):
            for event_type in (EventType.OPENED, EventType.CLICKED):
                event_record(
                    message_id=message.pk,
                    type=event_type,
                    occurred_at=timezone.now(),
                    event_key=f"{mailed.campaign.pk}{number}{event_type}",
                    link_number=1 if event_type == EventType.CLICKED else None,
                    verdict=Verdict.HUMAN,
                )
        roll_up()
    return mailed


@pytest.fixture
def manager(member: Member, signed_in: SignedIn) -> Client:
    return signed_in(member(Role.MANAGER))


# --- Campaign report --------------------------------------------------------------------------------------------------


def test_report_of_a_sent_campaign_shows_charts_tables_and_links(florist: Organization, manager: Client) -> None:
    mailed = reacted(florist)
    response = manager.get(report_page(mailed.campaign))
    text = response.content.decode()
    assert response.status_code == 200
    assert "plotly/plotly.min" in text and "dashboards/progress" not in text
    figures = dict(re.findall(r'<script id="ex-dash-(\w+)-figure" type="application/json">(.*?)</script>', text))
    assert list(figures) == ["funnel", "timeline", "devices", "hours", "providers", "domains"]
    bars = [bar for trace in json.loads(figures["funnel"])["data"] for bar in zip(trace["y"], trace["x"], strict=True)]
    assert bars == [("Audience", 3), ("Accepted", 3), ("Opened", 3), ("Clicked", 3), ("Unsubscribed", 0)]
    assert text.count("Show as a table") == 6
    assert "No mail came back." in text
    assert "send_state__exact=accepted" in text
    assert "https://shop.example/offer?a=1&amp;b=2" in text
    assert csv_of(mailed.campaign, "timeline") in text


def test_report_of_a_running_campaign_updates_itself(florist: Organization, manager: Client) -> None:
    mailed = reacted(florist, status=CampaignStatus.SENDING)
    text = manager.get(report_page(mailed.campaign)).content.decode()
    assert "dashboards/progress" in text and "plotly" not in text
    assert progress_of(mailed.campaign) in text
    assert reverse("admin:campaigns_campaign_pause", args=[mailed.campaign.pk]) in text
    assert reverse("admin:campaigns_campaign_cancel", args=[mailed.campaign.pk]) in text


@pytest.mark.parametrize("status", [CampaignStatus.SCHEDULED, CampaignStatus.SENT, CampaignStatus.PAUSED])
def test_report_of_a_campaign_that_is_not_going_out_looks_for_news(
    status: CampaignStatus, florist: Organization, manager: Client
) -> None:
    mailed = reacted(florist, status=status)
    text = manager.get(report_page(mailed.campaign)).content.decode()
    assert "dashboards/follow" in text and "data-ex-follow=" in text


@pytest.mark.parametrize(
    ("status", "words"),
    [(CampaignStatus.SENT, "people.example"), (CampaignStatus.SENDING, "no worker has been seen for a while")],
)
def test_report_is_shown_while_redis_is_away(
    florist: Organization, manager: Client, settings: Any, status: CampaignStatus, words: str
) -> None:
    campaign = reacted(florist, status=status).campaign
    with organization_scope(florist):
        DeliveryBatch.objects.filter(campaign=campaign).update(failed_count=1, suppressed_count=1)
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"}}
    page = manager.get(report_page(campaign))
    assert page.status_code == 200
    assert words in page.content.decode()
    assert manager.get(progress_of(campaign)).status_code == 200


def test_report_of_an_audience_being_put_together_shows_progress(florist: Organization, manager: Client) -> None:
    with organization_scope(florist):
        campaign = factories.make_campaign(florist, status=CampaignStatus.MATERIALISING)
    text = manager.get(report_page(campaign)).content.decode()
    assert "The audience is being put together" in text or "This page is behind" in text
    assert "dashboards/progress" in text


def test_report_of_a_paused_campaign_offers_resume_and_says_why(florist: Organization, manager: Client) -> None:
    mailed = reacted(
        florist, status=CampaignStatus.PAUSED, pause_reason="connection", problem="The password is refused."
    )
    text = manager.get(report_page(mailed.campaign)).content.decode()
    assert reverse("admin:campaigns_campaign_resume", args=[mailed.campaign.pk]) in text
    assert "The sending connection refuses us. The password is refused." in text


def test_report_of_a_draft_leads_to_the_campaign(florist: Organization, manager: Client) -> None:
    with organization_scope(florist):
        campaign = factories.make_campaign(florist)
    text = manager.get(report_page(campaign)).content.decode()
    assert "Nothing has been sent yet" in text
    assert reverse("admin:campaigns_campaign_change", args=[campaign.pk]) in text


def test_report_for_a_viewer_has_no_buttons_and_no_downloads(
    florist: Organization, member: Member, signed_in: SignedIn
) -> None:
    mailed = reacted(florist, status=CampaignStatus.PAUSED)
    text = signed_in(member(Role.VIEWER)).get(report_page(mailed.campaign)).content.decode()
    assert reverse("admin:campaigns_campaign_resume", args=[mailed.campaign.pk]) not in text
    assert ".csv" not in text


def test_every_page_of_another_clients_campaign_is_not_found(
    florist: Organization, museum: Organization, manager: Client
) -> None:
    theirs = reacted(museum).campaign
    for address in (report_page(theirs), progress_of(theirs), csv_of(theirs, "links")):
        response = manager.get(address)
        assert response.status_code == 404
        assert theirs.name not in response.content.decode()


def test_report_runs_the_same_queries_for_many_events(florist: Organization, manager: Client) -> None:
    reacted(florist, 1, name="Before")
    few, many = reacted(florist, 1, name="Few"), reacted(florist, 30, name="Many")
    counts = []
    for mailed in (few, many):
        manager.get(report_page(mailed.campaign))
        with CaptureQueriesContext(connection) as captured:
            assert manager.get(report_page(mailed.campaign)).status_code == 200
        counts.append(len(captured))
        assert not [query for query in captured.captured_queries if "tracking_analyticsevent" in query["sql"]]
    assert counts[0] == counts[1]


# --- Progress ---------------------------------------------------------------------------------------------------------


def test_progress_says_states_reactions_and_the_providers_words(florist: Organization, manager: Client) -> None:
    mailed = reacted(florist, 4, status=CampaignStatus.SENDING)
    with organization_scope(florist):
        Message.objects.filter(pk=mailed.messages[0].pk).update(send_state=SendState.FAILED, words="550 no such user")
        DeliveryBatch.objects.update(accepted_count=3, failed_count=1)
    note_worker()
    figures = manager.get(progress_of(mailed.campaign)).json()
    shown = {part["key"]: (part["count"], part["width"]) for part in figures["parts"]}
    assert shown["accepted"] == ("3", "75.000%")
    assert shown["failed"] == ("1", "25.000%")
    assert figures["headline"] == "3 of 4"
    (error,) = figures["errors"]
    assert (error["words"], error["count"], error["label"]) == ("550 no such user", "1", "Failed")
    assert "send_state__exact=failed" in error["url"]
    assert figures["reactions"][0]["count"] == "4"
    assert figures["is_live"] and figures["behind"] == ""


def test_progress_without_a_worker_says_that_it_is_behind(florist: Organization, manager: Client) -> None:
    mailed = reacted(florist, status=CampaignStatus.SENDING)
    assert "no worker has been seen" in manager.get(progress_of(mailed.campaign)).json()["behind"]


def test_progress_for_nobody_signed_in_is_refused(florist: Organization) -> None:
    mailed = reacted(florist)
    assert Client().get(progress_of(mailed.campaign)).status_code == 302


def test_progress_by_post_is_refused(florist: Organization, manager: Client) -> None:
    assert manager.post(progress_of(reacted(florist).campaign)).status_code == 405


# --- CSV --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["funnel", "timeline", "links"])
def test_report_csv_holds_the_rows_of_the_table(florist: Organization, manager: Client, name: str) -> None:
    response = manager.get(csv_of(reacted(florist).campaign, name))
    assert response["Content-Disposition"] == f'attachment; filename="spring-offer-{name}.csv"'
    assert len(response.content.decode().splitlines()) > 1


def test_report_csv_of_an_unknown_table_is_not_found(florist: Organization, manager: Client) -> None:
    assert manager.get(csv_of(reacted(florist).campaign, "people")).status_code == 404


def test_report_csv_for_a_viewer_is_refused(florist: Organization, member: Member, signed_in: SignedIn) -> None:
    response = signed_in(member(Role.VIEWER)).get(csv_of(reacted(florist).campaign, "links"))
    assert response.status_code == 403


# --- Results ----------------------------------------------------------------------------------------------------------


def test_results_lead_to_engagement(florist: Organization, manager: Client) -> None:
    assert manager.get(reverse("admin:results")).headers["Location"] == reverse("admin:engagement")


def test_events_list_of_a_campaign_opens_for_a_viewer_and_offers_no_change(
    florist: Organization, member: Member, signed_in: SignedIn
) -> None:
    mailed = reacted(florist)
    browser = signed_in(member(Role.VIEWER))
    address = reverse("admin:tracking_analyticsevent_changelist")
    response = browser.get(address, {"campaign__id__exact": str(mailed.campaign.pk), "type__exact": "clicked"})
    assert response.status_code == 200
    assert response.context["cl"].result_count == 3
    with all_organizations(reason="test"):
        event = mailed.messages[0].events.first()
    detail = browser.get(reverse("admin:tracking_analyticsevent_change", args=[event.pk]))
    assert detail.status_code == 200
    assert browser.get(reverse("admin:tracking_analyticsevent_add")).status_code == 403
    assert browser.post(reverse("admin:tracking_analyticsevent_delete", args=[event.pk])).status_code == 403


# --- Reconcile --------------------------------------------------------------------------------------------------------


def reconcile_of(campaign: Campaign) -> str:
    return reverse("admin:campaign_reconcile", args=[campaign.pk])


def test_reconcile_page_says_that_everybody_is_accounted_for(florist: Organization, manager: Client) -> None:
    mailed = reacted(florist, 3)
    page = manager.get(reconcile_of(mailed.campaign)).content.decode()
    assert "Everybody is accounted for: 3 people" in page
    assert "open-questions.csv" not in page


def test_reconcile_page_with_a_doubt_offers_the_names(florist: Organization, manager: Client) -> None:
    mailed = reacted(florist, 3)
    with organization_scope(florist):
        Message.objects.filter(pk=mailed.messages[0].pk).update(send_state=SendState.UNRESOLVED, reason="no_proof")
    page = manager.get(reconcile_of(mailed.campaign)).content.decode()
    assert "Of 1 nobody can be sure yet" in page
    assert csv_of(mailed.campaign, "open-questions") in page
    sheet = manager.get(csv_of(mailed.campaign, "open-questions")).content.decode()
    with organization_scope(florist):
        assert mailed.messages[0].contact.email in sheet
    assert "Unresolved" in sheet


def test_reconcile_page_of_another_client_is_not_found(museum: Organization, manager: Client) -> None:
    mailed = reacted(museum)
    assert manager.get(reconcile_of(mailed.campaign)).status_code == 404
    assert manager.get(csv_of(mailed.campaign, "open-questions")).status_code == 404


def test_progress_says_why_mails_wait(florist: Organization, manager: Client) -> None:
    mailed = reacted(florist, 2, status=CampaignStatus.SENDING)
    with organization_scope(florist):
        Message.objects.update(send_state=SendState.READY, accepted_at=None)
        DeliveryBatch.objects.update(accepted_count=0, state="ready")
        Connection.objects.update(paused_at=timezone.now(), problem="535 wrong password")
    figures = manager.get(progress_of(mailed.campaign)).json()
    assert any("535 wrong password" in reason for reason in figures["reasons"])
