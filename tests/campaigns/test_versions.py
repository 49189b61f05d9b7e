"""Corrections as services and pages: who may release one, what is refused, and what a forged form does."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.test import Client
from django.urls import reverse

from core.accounts.choices import ApprovalPolicy, Role
from core.accounts.models import AuditEvent, Organization, User
from core.campaigns.errors import CampaignNotReady, ChangedMeanwhile, IllegalTransition, NeedsSecondPerson
from core.campaigns.models import Campaign, CampaignLink, CampaignSnapshot
from core.campaigns.services import campaign_pause, campaign_resume
from core.campaigns.versions import (
    campaign_fix,
    correction_release,
    correction_withdraw,
    current_version,
    editable,
    waiting_correction,
)
from core.common.request_context import request_context
from core.common.tenancy import organization_scope
from core.delivery.models import Message, MessageValues
from core.delivery.queries import rendered_mail
from tests.delivery.ledger import run_work, sending_campaign


def paused(organization: Organization, **fields: str) -> Campaign:
    campaign = sending_campaign(organization, 3, **fields)
    campaign_pause(campaign_id=campaign.pk)
    campaign.refresh_from_db()
    return campaign


def fix(campaign: Campaign, **changes: str) -> Campaign:
    campaign.refresh_from_db()
    before = current_version(campaign)
    assert before is not None
    correction = replace(editable(before), **changes)
    return campaign_fix(campaign_id=campaign.pk, version=campaign.version, correction=correction)


def needs_two(organization: Organization) -> None:
    Organization.objects.filter(pk=organization.pk).update(approval_policy=ApprovalPolicy.TWO_PERSON)


def test_fix_is_refused_unless_the_campaign_is_paused(in_florist: Organization) -> None:
    campaign = paused(in_florist)
    campaign_resume(campaign_id=campaign.pk)
    with pytest.raises(IllegalTransition, match="only a paused campaign"):
        fix(campaign, subject="Corrected")


def test_fix_of_what_somebody_else_changed_is_refused(in_florist: Organization) -> None:
    campaign = paused(in_florist)
    before = current_version(campaign)
    assert before is not None
    with pytest.raises(ChangedMeanwhile):
        correction = replace(editable(before), subject="Corrected")
        campaign_fix(campaign_id=campaign.pk, version=campaign.version - 1, correction=correction)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"subject": " "}, "no subject"),
        ({"html": "<p>No way out</p>"}, "unsubscribe"),
        ({"subject": "{{ contact.frist_name }}"}, "Did you mean"),
        ({"from_name": ""}, "sender name is missing"),
    ],
)
def test_fix_with_a_mail_that_cannot_be_sent_changes_nothing(
    in_florist: Organization, changes: dict[str, str], sentence: str
) -> None:
    campaign = paused(in_florist)
    with pytest.raises(CampaignNotReady, match=sentence):
        fix(campaign, **changes)
    campaign.refresh_from_db()
    assert (campaign.status, campaign.content_revision) == ("paused", 1)
    assert CampaignSnapshot.objects.count() == 1


def test_fix_makes_the_text_anew_when_it_came_from_the_html(in_florist: Organization) -> None:
    campaign = paused(in_florist)
    before = current_version(campaign)
    assert before is not None
    fix(campaign, html=editable(before).html.replace("Offer", "Better offer"))
    after = current_version(Campaign.objects.get())
    assert after is not None and "Better offer" in after.text


def test_fix_with_a_rule_of_two_waits_for_the_second_person(
    in_florist: Organization, member: Callable[..., User]
) -> None:
    needs_two(in_florist)
    campaign = paused_under_rule(in_florist)
    author, second = member(Role.MANAGER), member(Role.MANAGER)
    with request_context(actor_id=author.pk):
        fix(campaign, subject="Corrected")
    campaign.refresh_from_db()
    waiting = waiting_correction(campaign)
    assert waiting is not None
    assert (campaign.status, campaign.content_revision, waiting.revision) == ("paused", 1, 2)
    links = CampaignLink.objects.count()
    with request_context(actor_id=author.pk), pytest.raises(NeedsSecondPerson):
        correction_release(campaign_id=campaign.pk, snapshot_id=waiting.pk)
    with request_context(actor_id=second.pk):
        correction_release(campaign_id=campaign.pk, snapshot_id=waiting.pk)
    campaign.refresh_from_db()
    assert (campaign.status, campaign.content_revision) == ("sending", 2)
    assert CampaignLink.objects.count() == 2 * links
    run_work()
    assert AuditEvent.objects.filter(action="campaign.corrected").count() == 1


def paused_under_rule(organization: Organization) -> Campaign:
    """Sent before the client asked for two people."""
    Organization.objects.filter(pk=organization.pk).update(approval_policy=ApprovalPolicy.NONE)
    campaign = paused(organization)
    needs_two(organization)
    return campaign


def test_resume_while_a_correction_waits_sends_the_first_version(in_florist: Organization) -> None:
    campaign = paused_under_rule(in_florist)
    fix(campaign, subject="Corrected")
    campaign_resume(campaign_id=campaign.pk)
    run_work()
    current = current_version(Campaign.objects.get())
    assert current is not None and current.revision == 1
    assert {rendered_mail(message.pk).subject for message in Message.objects.all()} == {"News from Florist"}
    assert set(MessageValues.objects.values_list("snapshot_id", flat=True)) == {current.pk}


def test_withdraw_leaves_no_trace_but_the_history_and_no_number_is_given_twice(in_florist: Organization) -> None:
    campaign = paused_under_rule(in_florist)
    links = CampaignLink.objects.count()
    fix(campaign, subject="Corrected")
    waiting = waiting_correction(campaign)
    assert waiting is not None
    assert CampaignLink.objects.count() == links
    correction_withdraw(campaign_id=campaign.pk, snapshot_id=waiting.pk)
    assert CampaignSnapshot.objects.count() == 1
    with pytest.raises(ChangedMeanwhile):
        correction_release(campaign_id=campaign.pk, snapshot_id=waiting.pk)
    assert AuditEvent.objects.filter(action="campaign.correction_withdrawn").exists()


# Pages


def page(campaign: Campaign, name: str = "fix_and_continue", *arguments: object) -> str:
    return reverse(f"admin:campaigns_campaign_{name}", args=[campaign.pk, *arguments])


def posted(campaign: Campaign, **changes: str) -> dict[str, str]:
    before = current_version(campaign)
    assert before is not None
    old = editable(before)
    return {
        "subject": old.subject,
        "preheader": old.preheader,
        "from_name": old.from_name,
        "reply_to": old.reply_to,
        "html": old.html.replace("\n", "\r\n"),
        "text": old.text.replace("\n", "\r\n"),
        "_version": str(campaign.version),
        **changes,
    }


def test_fix_page_shows_the_numbers_and_then_goes_on(
    florist: Organization, member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    with organization_scope(florist):
        campaign = paused(florist)
        body = posted(campaign, subject="Corrected")
    browser = signed_in(member(Role.MANAGER))
    asked = browser.post(page(campaign), body)
    assert "3 people have not had it" in asked.content.decode()
    with organization_scope(florist):
        assert CampaignSnapshot.objects.count() == 1
    assert browser.post(page(campaign), {**body, "_step": "confirm"}).status_code == 302
    with organization_scope(florist):
        assert CampaignSnapshot.objects.get(revision=2).subject == "Corrected"
        assert Campaign.objects.get().status == "sending"


def test_fix_page_with_nothing_changed_says_so(
    florist: Organization, member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    with organization_scope(florist):
        campaign = paused(florist)
        body = posted(campaign)
    shown = signed_in(member(Role.MANAGER)).post(page(campaign), body)
    assert "Nothing was changed" in shown.content.decode()


@pytest.mark.parametrize(
    "body",
    [{}, {"_step": "confirm"}, {"subject": "x\r\nBcc: a@b.example"}, {"_version": "9" * 40, "_step": "confirm"}],
)
def test_fix_page_with_a_broken_form_is_no_error_of_ours(
    florist: Organization, member: Callable[..., User], signed_in: Callable[[User], Client], body: dict[str, str]
) -> None:
    with organization_scope(florist):
        campaign = paused(florist)
    answer = signed_in(member(Role.MANAGER)).post(f"{page(campaign)}?variant=99999999", body)
    assert answer.status_code in (200, 302)
    answer = signed_in(member(Role.MANAGER)).post(page(campaign), body)
    assert answer.status_code in (200, 302)
    with organization_scope(florist):
        assert CampaignSnapshot.objects.count() == 1


def test_pages_of_another_clients_campaign_do_not_exist(
    florist: Organization, museum: Organization, member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    with organization_scope(museum):
        campaign = paused(museum)
        version = CampaignSnapshot.objects.get()
    browser = signed_in(member(Role.MANAGER))
    for name, arguments in (
        ("version", [version.pk]),
        ("release_correction", [version.pk]),
        ("withdraw_correction", [version.pk]),
        ("send_variant", [1]),
        ("hold_test", []),
    ):
        assert browser.post(page(campaign, name, *arguments)).status_code in (403, 404), name


def test_campaign_page_lists_who_had_it_and_the_versions(
    florist: Organization, member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    with organization_scope(florist):
        campaign = paused(florist)
        fix(campaign, subject="Corrected")
        run_work()
    browser = signed_in(member(Role.VIEWER))
    shown = browser.get(reverse("admin:campaigns_campaign_change", args=[campaign.pk])).content.decode()
    assert "Who had it" in shown and "Version 2" in shown
    assert "Fix and continue" not in shown
    with organization_scope(florist):
        version = CampaignSnapshot.objects.get(revision=2)
    assert browser.get(page(campaign, "version", version.pk)).status_code == 200
    listed = browser.get(
        f"{reverse('admin:delivery_message_changelist')}?campaign={campaign.pk}&version={version.pk}&standing=had"
    )
    assert listed.context["cl"].result_count == 3
