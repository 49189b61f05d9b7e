"""The contact's page: its whole story, as quick with a thousand events as with one; bulk actions of the list."""

import datetime
from collections.abc import Callable

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.campaigns.models import Campaign
from core.common.tenancy import all_organizations, organization_scope
from core.contacts import services
from core.contacts.admin import contact_actions
from core.contacts.choices import BulkKind, ConsentChange, ContactStatus, SuppressionReason
from core.contacts.models import BulkChange, ConsentEvent, Contact, ContactGroupMembership, Suppression
from core.contacts.profile import duplicates_of
from core.contacts.timeline import PAGE_ENTRIES
from core.delivery.models import Message
from core.delivery.states import SendState
from core.tracking.choices import EventType, Verdict
from core.tracking.models import AnalyticsEvent
from tests.support.factories import make_campaign, make_contact, make_group


@pytest.fixture
def manager(member: Callable[..., User], signed_in: Callable[[User], Client]) -> Client:
    return signed_in(member())


def _page(contact: Contact) -> str:
    return reverse("admin:contacts_contact_change", args=[contact.pk])


def _message(campaign: Campaign, contact: Contact) -> Message:
    return Message.objects.create(
        organization_id=campaign.organization_id,
        campaign=campaign,
        contact=contact,
        send_state=SendState.ACCEPTED,
        accepted_at=timezone.now(),
    )


def _events(message: Message, number: int, verdict: Verdict = Verdict.HUMAN) -> None:
    AnalyticsEvent.objects.bulk_create(
        AnalyticsEvent(
            organization_id=message.organization_id,
            message=message,
            campaign_id=message.campaign_id,
            contact_id=message.contact_id,
            type=EventType.OPENED,
            verdict=verdict,
            event_key=f"{message.pk}:{verdict}:{at}",
            occurred_at=timezone.now(),
        )
        for at in range(number)
    )


def test_contact_page_tells_the_whole_story(manager: Client, florist: Organization) -> None:
    with organization_scope(florist):
        contact = services.contact_add(organization=florist, email="info@people.example", first_name="Ana")
        Contact.objects.filter(pk=contact.pk).update(
            consent_at=datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC),
            consent_basis="express",
            consent_source="Shop till",
            paused_until=timezone.now() + datetime.timedelta(days=9),
        )
        message = _message(make_campaign(florist), contact)
        _events(message, 1)
        _events(message, 1, Verdict.SCANNER)
        services.contacts_suppress(contact_ids=[contact.pk], note="by phone")
        Suppression.objects.create(
            organization=florist, kind="domain", email="people.example", key="domain:people.example", reason="manual"
        )
    text = manager.get(_page(contact)).content.decode()
    for words in (
        "Express consent, 1 March 2026 · Shop till",
        "Role address",
        "Paused until",
        "added by hand (by phone)",
        "whole domain people.example",
        "Got “Spring offer”",
        "Opened: “Spring offer”",
        "Link scanner: ",
        "See the mail",
        "Suppressed",
    ):
        assert words in text, words


def test_contact_page_asks_as_often_with_a_thousand_events_as_with_one(manager: Client, florist: Organization) -> None:
    with organization_scope(florist):
        quiet, busy = make_contact(florist), make_contact(florist)
        campaign = make_campaign(florist)
        _events(_message(campaign, quiet), 1)
        _events(_message(campaign, busy), 1000)
    counts = []
    for contact in (quiet, quiet, busy):
        with CaptureQueriesContext(connection) as queries:
            assert manager.get(_page(contact)).status_code == 200
        counts.append(len(queries))
    assert counts[1] == counts[2]


def test_timeline_pages_by_key_show_every_event_once(manager: Client, florist: Organization) -> None:
    with organization_scope(florist):
        contact = make_contact(florist)
        _events(_message(make_campaign(florist), contact), 2 * PAGE_ENTRIES + 5)
    seen: list[int] = []
    query: dict[str, str] = {}
    for _ in range(5):
        page = manager.get(_page(contact), query)
        html = page.content.decode()
        section = html[html.index('id="timeline"') :]
        seen.append(section.count('class="ct-entry"'))
        if "?before=" not in section:
            break
        query = {"before": section.partition("?before=")[2][:36]}
    assert seen == [PAGE_ENTRIES, PAGE_ENTRIES, 6]


@pytest.mark.parametrize("key", ["x", "9" * 400])
def test_timeline_with_a_forged_key_is_the_first_page(manager: Client, florist: Organization, key: str) -> None:
    with organization_scope(florist):
        contact = make_contact(florist)
    forged = {"before": key, "consent_before": key, "mails_before": key}
    assert manager.get(_page(contact), forged).status_code == 200


def test_merged_contacts_story_goes_on_with_the_one_that_remains(manager: Client, florist: Organization) -> None:
    with organization_scope(florist):
        winner = services.contact_add(organization=florist, email="a@people.example")
        loser = services.contact_add(organization=florist, email="b@people.example")
        _message(make_campaign(florist, name="Old news"), loser)
        ConsentEvent.objects.create(
            organization=florist,
            contact=loser,
            change=ConsentChange.GIVEN,
            source="Fair in Vigo",
            occurred_at=timezone.now(),
        )
        services.contacts_merge(winner_id=winner.pk, loser_ids=[loser.pk])
    text = manager.get(_page(winner)).content.decode()
    assert "Got “Old news”" in text and "Fair in Vigo" in text


def test_contact_page_of_a_viewer_shows_no_history_and_no_buttons(
    member: Callable[..., User], signed_in: Callable[[User], Client], florist: Organization
) -> None:
    with organization_scope(florist):
        contact = services.contact_add(organization=florist, email="ana@people.example", tags=["vip"])
    page = signed_in(member(Role.VIEWER)).get(_page(contact))
    text = page.content.decode()
    assert page.status_code == 200 and "vip" in text
    assert 'name="_save"' not in text and "by Test Person" not in text and "/merge/" not in text


def test_contact_page_of_another_client_is_not_there(
    manager: Client, florist: Organization, museum: Organization
) -> None:
    with organization_scope(museum):
        foreign = make_contact(museum, "secret@museum.example")
    assert b"secret@" not in manager.get(_page(foreign), follow=True).content


@pytest.mark.parametrize(
    ("one", "two", "are_same"),
    [
        ({"email": "ana.berg+news@gmail.com"}, {"email": "anaberg@googlemail.com"}, True),
        ({"email": "anaberg@gmail.com"}, {"email": "a.naberg+x@gmail.com"}, False),
        ({"email": "ana.berg@gmail.com"}, {"email": "anaberg+x@gmail.com"}, True),
        ({"email": "ana@people.example"}, {"email": "ana+shop@people.example"}, True),
        ({"email": "ana@people.example"}, {"email": "ana+shop@other.example"}, False),
        ({"email": "a.na@people.example"}, {"email": "ana@people.example"}, False),
        ({"phone": "+34 600 123 456"}, {"phone": "+34600123456"}, True),
        ({"phone": ""}, {"phone": ""}, False),
        (
            {"first_name": "José", "last_name": "Berg", "company": "Acme"},
            {"first_name": "jose", "last_name": "BERG", "company": "acme"},
            True,
        ),
        ({"first_name": "José", "last_name": "Berg"}, {"first_name": "José", "last_name": "Berg"}, False),
    ],
)
def test_duplicates_are_those_who_may_be_the_same_person(
    in_florist: Organization, one: dict, two: dict, are_same: bool
) -> None:
    first = services.contact_add(organization=in_florist, **{"email": "first@x.example", **one})
    services.contact_add(organization=in_florist, **{"email": "second@y.example", **two})
    assert bool(duplicates_of(first)) == are_same


# The list's actions


def _act(client: Client, name: str, contacts: list[Contact], **more: object) -> object:
    data = {"action": name, ACTION_CHECKBOX_NAME: [str(contact.pk) for contact in contacts], **more}
    return client.post(reverse("admin:contacts_contact_changelist"), data, follow=True)


def test_bulk_tags_are_asked_for_and_put_on_the_selection(manager: Client, florist: Organization) -> None:
    with organization_scope(florist):
        chosen, other = make_contact(florist), make_contact(florist)
    asked = _act(manager, "add_tags", [chosen])
    assert "Add 1 contact" in asked.content.decode()
    refused = _act(manager, "add_tags", [chosen], chosen="yes", tags=" , ")
    assert "Name at least one tag" in refused.content.decode() or "required" in refused.content.decode()
    done = _act(manager, "add_tags", [chosen], chosen="yes", tags="vip, new")
    assert "1 contact tagged “vip”, “new”" in done.content.decode()
    with organization_scope(florist):
        chosen.refresh_from_db()
        other.refresh_from_db()
    assert (chosen.tags, other.tags) == (["vip", "new"], [])


def test_bulk_unsubscribe_asks_once_and_counts_what_changed(manager: Client, florist: Organization) -> None:
    with organization_scope(florist):
        contacts = [make_contact(florist) for _ in range(3)]
        services.contact_unsubscribe(contact_id=contacts[0].pk, source="page")
        complained = make_contact(florist, status=ContactStatus.COMPLAINED)
    asked = _act(manager, "unsubscribe_selected", [*contacts, complained])
    assert "Unsubscribe 4 contacts" in asked.content.decode()
    done = _act(manager, "unsubscribe_selected", [*contacts, complained], confirmed="yes")
    assert "3 contacts unsubscribed" in done.content.decode()
    with organization_scope(florist):
        complained.refresh_from_db()
        assert complained.status == ContactStatus.COMPLAINED
        assert Suppression.objects.filter(reason=SuppressionReason.UNSUBSCRIBED).count() == 4
        assert ConsentEvent.objects.filter(change=ConsentChange.WITHDRAWN).count() == 3


def test_bulk_action_on_all_that_match_is_done_by_a_worker(
    manager: Client, florist: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_actions, "MAX_SELECTED", 2)
    with organization_scope(florist):
        group = make_group(florist)
        contacts = [make_contact(florist, tags=["autumn"]) for _ in range(4)]
    url = reverse("admin:contacts_contact_changelist") + "?status__exact=subscribed"
    data = {"action": "add_to_group", "select_across": "1", ACTION_CHECKBOX_NAME: str(contacts[0].pk)}
    assert "All that match".lower() in manager.post(url, data).content.decode().lower()
    answer = manager.post(url, {**data, "chosen": "yes", "group": str(group.pk)})
    with organization_scope(florist):
        change = BulkChange.objects.get()
        assert (change.kind, change.query) == (BulkKind.JOIN_GROUP, "status__exact=subscribed")
        assert answer.url == reverse("admin:contacts_bulkchange_change", args=[change.pk])
        assert ContactGroupMembership.objects.count() == 0
    assert "Waiting for a worker" in manager.get(answer.url).content.decode()
    progress = manager.get(reverse("admin:contacts_bulkchange_progress", args=[change.pk])).json()
    assert progress["is_under_way"] is True


def test_bulk_merge_leads_to_the_comparison(manager: Client, florist: Organization) -> None:
    with organization_scope(florist):
        contacts = [make_contact(florist) for _ in range(6)]
    assert "Choose what remains" in _act(manager, "merge_selected", contacts[:3]).content.decode()
    assert "Select two to 5 contacts" in _act(manager, "merge_selected", contacts).content.decode()


def test_group_page_removes_who_was_ticked_through_the_service(
    manager: Client, florist: Organization, museum: Organization
) -> None:
    with organization_scope(florist):
        contacts = [make_contact(florist) for _ in range(30)]
        group = make_group(florist, contacts=contacts)
    with organization_scope(museum):
        foreign = make_contact(museum)
        theirs = make_group(museum, contacts=[foreign])
    page = manager.get(reverse("admin:contacts_contactgroup_change", args=[group.pk]))
    assert len(page.context["places"]) == 25 and page.context["people"] == "30"
    older = manager.get(
        reverse("admin:contacts_contactgroup_change", args=[group.pk]), {"people_before": str(page.context["older"])}
    )
    assert len(older.context["places"]) == 5
    remove = reverse("admin:contacts_contactgroup_remove_people", args=[group.pk])
    chosen = {"contact": [str(contacts[0].pk), str(foreign.pk), "no id"]}
    assert "Remove 2 contacts" in manager.post(remove, chosen).content.decode()
    assert "1 contact removed" in manager.post(remove, {**chosen, "confirmed": "yes"}, follow=True).content.decode()
    assert (
        manager.post(
            reverse("admin:contacts_contactgroup_remove_people", args=[theirs.pk]), {**chosen, "confirmed": "yes"}
        ).status_code
        == 404
    )
    with all_organizations(reason="look"):
        assert ContactGroupMembership.objects.count() == 30
