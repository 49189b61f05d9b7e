"""The preference centre: what a person may decide, and that the page says what is then true."""

import datetime
from typing import Any

import pytest
from django.utils import timezone

from core.accounts.models import AuditEvent, Organization
from core.common.tenancy import all_organizations, organization_scope
from core.common.tokens import Purpose, sign
from core.contacts.audience import blocked_contacts
from core.contacts.choices import ConsentChange, ContactStatus, SuppressionKind, SuppressionReason
from core.contacts.models import ConsentEvent, Contact, ContactGroup, Suppression
from core.contacts.public import rate_limit
from core.contacts.public.links import preferences_path
from core.contacts.services.contacts import contacts_delete
from core.contacts.suppression_keys import suppression_key
from tests.contacts.visitors import page, prefer, visitor
from tests.support import factories


@pytest.fixture
def contact(florist: Organization) -> Contact:
    with organization_scope(florist):
        return factories.make_contact(florist, "ana.ruiz@people.example", language="en")


@pytest.fixture
def topics(florist: Organization, contact: Contact) -> dict[str, ContactGroup]:
    """Offers, which Ana is in; Events, which she is not in; and a group that is no topic."""
    with organization_scope(florist):
        groups = {
            "offers": factories.make_group(florist, "offers-internal", [contact]),
            "events": factories.make_group(florist, "Events"),
            "staff": factories.make_group(florist, "Secret list", [contact]),
        }
        for name in ("offers", "events"):
            groups[name].is_topic = True
            groups[name].save()
        groups["offers"].public_name, groups["offers"].public_description = "Offers", "Once a month"
        groups["offers"].save()
    return groups


def reloaded(contact: Contact) -> Contact:
    with all_organizations(reason="test"):
        return Contact.objects.get(pk=contact.pk)


def shown(contact: Contact) -> str:
    return page(visitor().get(preferences_path(contact.pk)))


def left_topics(organization: Organization) -> list[str]:
    with organization_scope(organization):
        return list(Suppression.objects.filter(group__isnull=False).values_list("group__name", flat=True))


def save(contact: Contact, topics: dict[str, ContactGroup], *on: str, **fields: str) -> str:
    chosen = [str(topics[name].pk) for name in on]
    offered = [str(topics[name].pk) for name in ("offers", "events")]
    return page(prefer(contact, action="save", shown=offered, topic=chosen, **fields))


def test_page_masks_the_address_and_names_topics_as_people_know_them(
    contact: Contact, topics: dict[str, ContactGroup]
) -> None:
    response = visitor().get(preferences_path(contact.pk))
    text = page(response)
    assert "a…@people.example" in text and contact.email not in text
    assert "Offers" in text and "Once a month" in text and "Events" in text
    assert "offers-internal" not in text and "Secret list" not in text
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "no-store" in response["Cache-Control"]


def test_get_and_head_change_nothing(contact: Contact, topics: dict[str, ContactGroup], florist: Organization) -> None:
    before = reloaded(contact).updated_at
    address = preferences_path(contact.pk)
    assert visitor().get(f"{address}?action=unsubscribe&pause=30").status_code == 200
    assert visitor().head(address).status_code == 200
    assert reloaded(contact).updated_at == before
    with organization_scope(florist):
        assert not ConsentEvent.objects.exists() and not Suppression.objects.exists()


def test_leaving_and_joining_topics_is_kept_and_said(
    contact: Contact, topics: dict[str, ContactGroup], florist: Organization
) -> None:
    answer = save(contact, topics, "events")
    assert "Your topics: Events." in answer and "Saved." in answer
    assert left_topics(florist) == ["offers-internal"]
    with organization_scope(florist):
        assert topics["events"].group_memberships.filter(contact=contact).exists()
        assert topics["offers"].group_memberships.filter(contact=contact).exists()
    answer = save(contact, topics, "offers", "events")
    assert "Your topics: Events, Offers." in answer or "Your topics: Offers, Events." in answer
    assert left_topics(florist) == []


def test_every_change_is_in_the_history_of_consent_and_in_the_audit_log(
    contact: Contact, topics: dict[str, ContactGroup], florist: Organization
) -> None:
    save(contact, topics, frequency="weekly", pause="30", language="es")
    with organization_scope(florist):
        event = ConsentEvent.objects.get()
        audit = AuditEvent.objects.get(action="contact.preferences_changed")
    assert (event.change, event.source, event.network) == (
        ConsentChange.PREFERENCES,
        "preference centre",
        "127.0.0.0/24" if not event.network.startswith("203") else "203.0.113.0/24",
    )
    assert "topic Offers: off" in event.wording and "mail_frequency: weekly" in event.wording
    assert audit.actor_label == "recipient" and set(audit.changes) == {
        "topic Offers",
        "mail_frequency",
        "paused_until",
        "language",
    }


def test_saving_what_is_so_already_leaves_no_trace(
    contact: Contact, topics: dict[str, ContactGroup], florist: Organization
) -> None:
    assert "Nothing was changed." in save(contact, topics, "offers", frequency="", pause="keep", language="en")
    with organization_scope(florist):
        assert not ConsentEvent.objects.exists() and not AuditEvent.objects.exists()


def test_topic_that_was_not_on_the_page_stays_as_it_was(
    contact: Contact, topics: dict[str, ContactGroup], florist: Organization
) -> None:
    prefer(contact, action="save", shown=[str(topics["events"].pk)], topic=[])
    assert left_topics(florist) == []


def test_topic_taken_by_staff_cannot_be_taken_back(
    contact: Contact, topics: dict[str, ContactGroup], florist: Organization
) -> None:
    with organization_scope(florist):
        Suppression.objects.create(
            organization=florist,
            group=topics["offers"],
            key=suppression_key(SuppressionKind.ADDRESS, contact.email_key),
            reason=SuppressionReason.MANUAL,
        )
    assert "Only Florist can switch this one on" in shown(contact)
    save(contact, topics, "offers", "events")
    assert left_topics(florist) == ["offers-internal"]


def test_group_that_is_no_topic_or_another_clients_is_out_of_reach(
    contact: Contact, topics: dict[str, ContactGroup], florist: Organization, museum: Organization
) -> None:
    with organization_scope(museum):
        theirs = factories.make_group(museum, "Theirs")
        theirs.is_topic = True
        theirs.save()
    reached = [str(theirs.pk), str(topics["staff"].pk), "nonsense", "\x00"]
    assert prefer(contact, action="save", shown=reached, topic=reached).status_code == 200
    with all_organizations(reason="test"):
        assert not Suppression.objects.exists()
        assert not theirs.group_memberships.exists()


@pytest.mark.parametrize(("frequency", "words"), [("weekly", "At most one mail a week."), ("monthly", "a month.")])
def test_frequency_is_kept_and_said(contact: Contact, frequency: str, words: str) -> None:
    assert words in page(prefer(contact, action="save", frequency=frequency))
    assert reloaded(contact).mail_frequency == frequency
    prefer(contact, action="save", frequency="")
    assert reloaded(contact).mail_frequency == ""


@pytest.mark.parametrize("days", [30, 90])
def test_pause_holds_mails_until_its_day_and_can_be_ended(contact: Contact, florist: Organization, days: int) -> None:
    answer = page(prefer(contact, action="save", pause=str(days)))
    until = reloaded(contact).paused_until
    assert until is not None
    assert abs(until - timezone.now() - datetime.timedelta(days=days)) < datetime.timedelta(minutes=1)
    assert f"You get nothing until {until.day} {until:%B %Y}." in answer
    with organization_scope(florist):
        assert blocked_contacts(organization_id=florist.pk, contact_ids=[contact.pk]) == {contact.pk: "paused"}
    assert "Florist sends you mails." in page(prefer(contact, action="save", pause="end"))
    assert reloaded(contact).paused_until is None


def test_pause_that_is_over_is_not_shown(contact: Contact) -> None:
    with all_organizations(reason="test"):
        Contact.objects.update(paused_until=timezone.now() - datetime.timedelta(days=1))
    assert "You get nothing until" not in shown(contact) and "End the pause" not in shown(contact)


@pytest.mark.parametrize("field", ["frequency", "pause", "language", "shown"])
def test_nonsense_changes_nothing(contact: Contact, field: str) -> None:
    before = reloaded(contact)
    assert prefer(contact, action="save", **{field: "\x00'; drop"}).status_code == 200
    after = reloaded(contact)
    assert (after.mail_frequency, after.paused_until, after.language) == (
        before.mail_frequency,
        before.paused_until,
        before.language,
    )


def test_language_changes_the_page_and_the_contact(contact: Contact) -> None:
    answer = page(prefer(contact, action="save", language="es"))
    assert '<html lang="es">' in answer and "Guardado." in answer
    assert reloaded(contact).language == "es"
    with all_organizations(reason="test"):
        Contact.objects.update(paused_until=datetime.datetime(2199, 3, 24, 12, tzinfo=datetime.UTC))
    assert "hasta el 24 de marzo de 2199" in shown(contact)


def test_unsubscribe_from_all_and_the_way_back_keep_the_topics(
    contact: Contact, topics: dict[str, ContactGroup], florist: Organization
) -> None:
    save(contact, topics, "events")
    answer = page(prefer(contact, action="unsubscribe"))
    assert "Florist sends you no mails." in answer and "Subscribe again" in answer
    assert reloaded(contact).status == ContactStatus.UNSUBSCRIBED
    answer = page(prefer(contact, action="resubscribe"))
    assert "Florist sends you mails." in answer and "Your topics: Events." in answer
    assert reloaded(contact).status == ContactStatus.SUBSCRIBED
    assert left_topics(florist) == ["offers-internal"]
    with organization_scope(florist):
        changes = list(ConsentEvent.objects.order_by("id").values_list("change", flat=True))
    assert changes == ["preferences", "withdrawn", "given"]


@pytest.mark.parametrize("action", ["unsubscribe", "resubscribe"])
def test_second_press_changes_nothing(contact: Contact, florist: Organization, action: str) -> None:
    prefer(contact, action="unsubscribe")
    prefer(contact, action=action)
    assert "Nothing was changed." in page(prefer(contact, action=action))


def test_unsubscribed_person_may_choose_for_later(contact: Contact, topics: dict[str, ContactGroup]) -> None:
    prefer(contact, action="unsubscribe")
    assert "counts once you subscribe again" in save(contact, topics, frequency="monthly")
    assert reloaded(contact).mail_frequency == "monthly"


def test_way_back_that_is_barred_is_refused_in_words(contact: Contact, florist: Organization) -> None:
    prefer(contact, action="unsubscribe")
    with organization_scope(florist):
        Suppression.objects.update(reason=SuppressionReason.MANUAL)
    answer = page(prefer(contact, action="resubscribe"))
    assert "Write to Florist and ask for it." in answer and "suppress" not in answer.lower()


@pytest.mark.parametrize("status", [ContactStatus.COMPLAINED, ContactStatus.BOUNCED])
def test_person_who_is_not_written_to_reads_whom_to_ask(contact: Contact, status: ContactStatus) -> None:
    with all_organizations(reason="test"):
        Contact.objects.update(status=status)
    text = shown(contact)
    assert "Florist sends no mails to this address." in text and "<form" not in text


def test_deleted_contact_gets_a_page_without_choices(contact: Contact, florist: Organization) -> None:
    with organization_scope(florist):
        contacts_delete(contact_ids=[contact.pk])
    assert "sends no mails to this address" in shown(contact) and "<form" not in shown(contact)
    assert prefer(contact, action="save", frequency="weekly").status_code == 200
    assert reloaded(contact).mail_frequency == ""
    prefer(contact, action="unsubscribe")
    assert reloaded(contact).status == ContactStatus.UNSUBSCRIBED


def test_erased_contact_gets_a_page_without_a_word_about_the_person(contact: Contact) -> None:
    with all_organizations(reason="test"):
        Contact.objects.update(erased_at=timezone.now(), deleted_at=timezone.now())
    text = shown(contact)
    assert "sends no mails to this address" in text and "people.example" not in text


def test_link_of_a_merged_contact_leads_to_the_one_that_is_left(contact: Contact, florist: Organization) -> None:
    with organization_scope(florist):
        left = factories.make_contact(florist, "zoe@other.example")
        Contact.objects.filter(pk=contact.pk).update(merged_into=left, deleted_at=timezone.now())
    assert "z…@other.example" in shown(contact)
    prefer(contact, action="save", frequency="weekly")
    assert reloaded(left).mail_frequency == "weekly"


@pytest.mark.parametrize("kind", ["forged", "other purpose", "nobody"])
def test_token_that_names_nobody_is_not_found(contact: Contact, kind: str) -> None:
    path = {
        "forged": preferences_path(contact.pk)[:-2] + "AA",
        "other purpose": f"/preferences/{sign(Purpose.UNSUBSCRIBE, contact.pk.bytes)}",
        "nobody": f"/preferences/{sign(Purpose.PREFERENCES, b'0' * 16)}",
    }[kind]
    assert visitor().get(path).status_code == 404
    assert visitor().post(path, {"action": "unsubscribe"}).status_code == 404
    assert reloaded(contact).status == ContactStatus.SUBSCRIBED


@pytest.mark.parametrize("posted", [{}, {"action": "delete"}, {"action": "\x00"}])
def test_unknown_action_is_refused(contact: Contact, posted: dict[str, Any]) -> None:
    assert prefer(contact, **posted).status_code == 400


def test_limit_of_posts_answers_429(contact: Contact, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "POSTS_PER_LINK", 1)
    assert [prefer(contact, action="save").status_code for _ in range(2)] == [200, 429]
