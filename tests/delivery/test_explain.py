"""Explain: for any person and campaign the exact reason, and when."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.campaigns.models import Campaign, CampaignGroup, CampaignSegment
from core.campaigns.services import campaign_pause, campaign_send_now
from core.common.tenancy import organization_scope
from core.contacts.choices import MailFrequency
from core.contacts.models import Contact, ContactGroupMembership, Segment, Suppression
from core.contacts.services import agency_suppression_add, contact_unsubscribe, contacts_delete, suppression_add
from core.delivery.explain import Verdict, explain
from core.delivery.materialise import materialise_campaign
from core.delivery.models import Message
from core.delivery.states import SendState, SkipReason
from tests.delivery.ledger import run_work
from tests.support import factories

ENGAGED = {"all": [{"field": "last_opened_at", "is": "in_last", "value": 30}]}


@pytest.fixture
def anna(in_florist: Organization) -> Contact:
    return factories.make_contact(in_florist, "anna@people.example", first_name="Anna")


def campaign_to(organization: Organization, *contacts: Contact, name: str = "Spring offer") -> Campaign:
    group = factories.make_group(organization, f"People of {name}", list(contacts))
    return factories.make_campaign(organization, group=group, name=name)


def sent(campaign: Campaign) -> Campaign:
    campaign_send_now(campaign_id=campaign.pk)
    materialise_campaign(campaign_id=campaign.pk)
    campaign.refresh_from_db()
    return campaign


def said(contact: Contact, campaign: Campaign) -> tuple[str, str]:
    contact.refresh_from_db()
    campaign.refresh_from_db()
    found = explain(contact=contact, campaign=campaign)
    return found.verdict, found.headline


# The ledger knows


def test_explain_sent_says_when_and_from_where(in_florist: Organization, anna: Contact) -> None:
    campaign = sent(campaign_to(in_florist, anna))
    assert said(anna, campaign)[0] == Verdict.WAITING
    run_work()
    Message.objects.update(opened_at=timezone.now())
    found = explain(contact=anna, campaign=campaign)
    assert found.verdict == Verdict.SENT
    assert found.headline.startswith("Sent to anna@people.example on ")
    assert "through “Sandbox”" in found.headline
    assert [step.words for step in found.steps][-1] == "First opened"


def test_explain_waiting_names_the_pause(in_florist: Organization, anna: Contact) -> None:
    campaign = sent(campaign_to(in_florist, anna))
    campaign_pause(campaign_id=campaign.pk)
    assert said(anna, campaign) == (Verdict.WAITING, "Not sent yet: the campaign is paused.")


@pytest.mark.parametrize(
    ("state", "verdict", "words"),
    [
        (SendState.FAILED, Verdict.FAILED, "“550 no such user”"),
        (SendState.RETRY_WAIT, Verdict.WAITING, "it is tried again"),
        (SendState.UNRESOLVED, Verdict.IN_DOUBT, "Nobody knows whether it arrived"),
    ],
)
def test_explain_trouble_gives_the_providers_words(
    in_florist: Organization, anna: Contact, state: str, verdict: str, words: str
) -> None:
    campaign = sent(campaign_to(in_florist, anna))
    Message.objects.update(send_state=state, reason=SkipReason.REFUSED, words="550 no such user", due_at=timezone.now())
    found = explain(contact=anna, campaign=campaign)
    assert found.verdict == verdict
    assert words in found.headline or any("550 no such user" in step.words for step in found.steps)


def test_explain_skipped_says_since_when_and_by_what(in_florist: Organization, anna: Contact) -> None:
    campaign = campaign_to(in_florist, anna, factories.make_contact(in_florist))
    contact_unsubscribe(contact_id=anna.pk, source="one-click")
    verdict, headline = said(anna, sent(campaign))
    assert verdict == Verdict.SKIPPED
    today = timezone.localtime(Suppression.objects.get().created_at)
    assert headline.startswith(f"Unsubscribed on {today.day} {today:%B %Y}") and headline.endswith("by one-click.")


# It does not: drafts, and people outside


def _on_list(anna: Contact) -> None:
    suppression_add(organization=anna.organization, email="@people.example", note="closed down")


def _on_agency_list(anna: Contact) -> None:
    agency_suppression_add(email=anna.email, note="wrote to us")


def _left_topic(anna: Contact) -> None:
    group = ContactGroupMembership.objects.get(contact=anna).group
    suppression_add(organization=anna.organization, email=anna.email, group=group)


def _paused(anna: Contact) -> None:
    Contact.objects.filter(pk=anna.pk).update(paused_until=timezone.now() + datetime.timedelta(days=30))


def _wants_fewer(anna: Contact) -> None:
    Contact.objects.filter(pk=anna.pk).update(mail_frequency=MailFrequency.WEEKLY)
    campaign = factories.make_campaign(anna.organization, name="Earlier")
    Message.objects.create(
        organization=anna.organization,
        campaign=campaign,
        contact=anna,
        send_state=SendState.ACCEPTED,
        accepted_at=timezone.now() - datetime.timedelta(days=2),
    )


def _pending(anna: Contact) -> None:
    Contact.objects.filter(pk=anna.pk).update(status="pending")


def _bounced(anna: Contact) -> None:
    Contact.objects.filter(pk=anna.pk).update(status="bounced")


def _complained(anna: Contact) -> None:
    Contact.objects.filter(pk=anna.pk).update(status="complained")


CASES = [
    (_on_list, Verdict.SKIPPED, ["On the suppression list since", "everybody at people.example", "closed down"]),
    (_on_agency_list, Verdict.SKIPPED, ["On the agency's suppression list since", "wrote to us"]),
    (_left_topic, Verdict.SKIPPED, ["Left “People of Spring offer” on"]),
    (_paused, Verdict.HELD, ["paused all mail until"]),
    (_wants_fewer, Verdict.HELD, ["Wants at most one a week, and the last was on"]),
    (_pending, Verdict.HELD, ["never confirmed"]),
    (_bounced, Verdict.SKIPPED, ["The address bounced"]),
    (_complained, Verdict.SKIPPED, ["Reported a mail as spam"]),
]


@pytest.mark.parametrize(("happens", "verdict", "words"), CASES)
def test_explain_a_draft_says_what_would_happen_and_why(
    in_florist: Organization, anna: Contact, happens: Any, verdict: str, words: list[str]
) -> None:
    campaign = campaign_to(in_florist, anna)
    assert said(anna, campaign) == (Verdict.WOULD_GET, "Would get it if the campaign went out now.")
    happens(anna)
    found, headline = said(anna, campaign)
    assert found == verdict
    for word in words:
        assert word in headline


@pytest.mark.parametrize(("happens", "verdict", "words"), CASES)
def test_explain_agrees_with_the_ledger(
    in_florist: Organization, anna: Contact, happens: Any, verdict: str, words: list[str]
) -> None:
    campaign = campaign_to(in_florist, anna, factories.make_contact(in_florist, "other@shop.example"))
    happens(anna)
    forecast = said(anna, campaign)[0]
    assert said(anna, sent(campaign))[0] == forecast == verdict


def test_explain_outside_names_the_group_or_the_failing_condition(in_florist: Organization, anna: Contact) -> None:
    campaign = campaign_to(in_florist)
    assert said(anna, campaign) == (Verdict.OUTSIDE, "Not in any chosen group.")
    segment = Segment.objects.create(organization=in_florist, name="Engaged", rule=ENGAGED)
    CampaignSegment.objects.create(organization=in_florist, campaign=campaign, segment=segment)
    verdict, headline = said(anna, campaign)
    assert verdict == Verdict.OUTSIDE
    assert "The segment “Engaged” needs:" in headline and "there was no last open" in headline
    Contact.objects.filter(pk=anna.pk).update(last_opened_at=timezone.now())
    assert said(anna, campaign)[0] == Verdict.WOULD_GET


def test_explain_excluded_names_what_excludes(in_florist: Organization, anna: Contact) -> None:
    campaign = campaign_to(in_florist, anna)
    vips = factories.make_group(in_florist, "VIPs", [anna])
    CampaignGroup.objects.create(organization=in_florist, campaign=campaign, group=vips, is_excluded=True)
    assert said(anna, campaign) == (Verdict.OUTSIDE, "In the excluded group “VIPs”.")


def test_explain_somebody_who_came_too_late(in_florist: Organization, anna: Contact) -> None:
    campaign = sent(campaign_to(in_florist, anna))
    group = CampaignGroup.objects.get(campaign=campaign).group
    late = factories.make_contact(in_florist)
    ContactGroupMembership.objects.create(organization=in_florist, group=group, contact=late)
    verdict, headline = said(late, campaign)
    assert verdict == Verdict.OUTSIDE and headline.startswith("Became a contact only on ")


def test_explain_deleted_contact(in_florist: Organization, anna: Contact) -> None:
    campaign = campaign_to(in_florist, anna)
    contacts_delete(contact_ids=[anna.pk])
    assert said(anna, campaign)[0] == Verdict.OUTSIDE


# On the contact's page


@pytest.fixture
def viewer(member: Callable[..., User], signed_in: Callable[[User], Client]) -> Client:
    return signed_in(member(Role.VIEWER))


def test_page_answers_for_a_chosen_and_for_a_searched_campaign(florist: Organization, viewer: Client) -> None:
    with organization_scope(florist):
        anna = factories.make_contact(florist)
        campaign = campaign_to(florist, anna, name="Summer fair")
        campaign_to(florist, name="Winter sale")
    page = reverse("admin:contacts_contact_change", args=[anna.pk])
    for query in ({"explain": campaign.pk}, {"campaign_named": "summer"}):
        assert "Would get it if the campaign went out now." in viewer.get(page, query).content.decode()
    assert "choose one" in viewer.get(page, {"campaign_named": "e"}).content.decode()
    assert "No campaign has “zzz” in its name." in viewer.get(page, {"campaign_named": "zzz"}).content.decode()


@pytest.mark.parametrize("forged", ["x", "00000000-0000-0000-0000-000000000000", "{{ x }}"])
def test_page_unknown_campaign_gets_a_sentence(florist: Organization, viewer: Client, forged: str) -> None:
    with organization_scope(florist):
        anna = factories.make_contact(florist)
    page = reverse("admin:contacts_contact_change", args=[anna.pk])
    answer = viewer.get(page, {"explain": forged})
    assert answer.status_code == 200 and "no such campaign" in answer.content.decode()


def test_page_another_clients_campaign_is_unknown(florist: Organization, museum: Organization, viewer: Client) -> None:
    with organization_scope(museum):
        foreign = factories.make_campaign(museum, name="Secret exhibition")
    with organization_scope(florist):
        anna = factories.make_contact(florist)
    page = reverse("admin:contacts_contact_change", args=[anna.pk])
    text = viewer.get(page, {"explain": foreign.pk}).content.decode()
    assert "no such campaign" in text and "Secret exhibition" not in text


def test_ledger_row_leads_to_the_answer(florist: Organization, viewer: Client) -> None:
    with organization_scope(florist):
        anna = factories.make_contact(florist)
        campaign = sent(campaign_to(florist, anna))
        message = Message.objects.get()
    change = reverse("admin:delivery_message_change", args=[message.pk])
    assert f"{message.pk}/explain" in viewer.get(change).content.decode()
    answer = viewer.get(reverse("admin:delivery_message_explain", args=[message.pk]))
    assert answer.status_code == 302
    assert f"explain={campaign.pk}" in answer["Location"]
    assert "Not sent yet" in viewer.get(answer["Location"].partition("#")[0]).content.decode()
