"""Several contacts become one: what is kept, what is given up, who may."""

import datetime
import threading
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.accounts.choices import Role
from core.accounts.models import AuditEvent, Organization, User
from core.common.tenancy import all_organizations, organization_scope
from core.contacts import services
from core.contacts.choices import ContactStatus, MailFrequency, SuppressionReason
from core.contacts.errors import MergeRefused
from core.contacts.models import Contact, ContactGroupMembership, ContactSearch, Suppression
from core.subscriptions import usage
from core.subscriptions.choices import Metric
from tests.support.factories import make_contact, make_group

LONG_AGO = timezone.now() - datetime.timedelta(days=900)
LATELY = timezone.now() - datetime.timedelta(days=3)


def _added(organization: Organization, email: str, **fields: object) -> Contact:
    contact = services.contact_add(organization=organization, email=email)
    Contact.objects.filter(pk=contact.pk).update(**fields)
    contact.refresh_from_db()
    return contact


def test_contacts_merge_takes_the_newest_that_is_not_empty_and_what_was_chosen(in_florist: Organization) -> None:
    winner = _added(in_florist, "ana@people.example", first_name="Ana", company="Old", updated_at=LONG_AGO)
    loser = _added(
        in_florist,
        "a.berg@people.example",
        company="New",
        phone="+34 600 123 456",
        last_name="Berg",
        attributes={"city": "Vigo", "size": 3},
    )
    Contact.objects.filter(pk=winner.pk).update(attributes={"city": "Lugo"})
    merged = services.contacts_merge(
        winner_id=winner.pk, loser_ids=[loser.pk], choices={"company": winner.pk, "attributes.city": winner.pk}
    )
    assert (merged.pk, merged.email) == (winner.pk, "ana@people.example")
    assert (merged.first_name, merged.last_name, merged.company) == ("Ana", "Berg", "Old")
    assert merged.attributes == {"city": "Lugo", "size": 3}
    assert merged.phone_e164 == "+34600123456"
    assert ContactSearch.objects.get().text.startswith("ana@people.example ana berg old")


def test_contacts_merge_adds_up_groups_and_tags_and_gives_the_share_back(in_florist: Organization) -> None:
    one, two, three = (_added(in_florist, f"{name}@people.example", tags=[name, "all"]) for name in ("a", "b", "c"))
    first, second = make_group(in_florist, "First", [one, two]), make_group(in_florist, "Second", [three])
    services.contacts_merge(winner_id=one.pk, loser_ids=[two.pk, three.pk])
    one.refresh_from_db()
    assert sorted(one.tags) == ["a", "all", "b", "c"]
    places = ContactGroupMembership.objects.values_list("contact_id", "group_id")
    assert set(places) == {(one.pk, first.pk), (one.pk, second.pk)}
    assert usage.used(organization_id=in_florist.pk, metric=Metric.CONTACTS) == 1
    for loser in (two, three):
        loser.refresh_from_db()
        assert (loser.merged_into_id, loser.deleted_at is not None) == (one.pk, True)
    actions = list(AuditEvent.objects.order_by("id").values_list("action", flat=True))
    assert actions[-3:] == ["contact.merged", "contact.merged_away", "contact.merged_away"]


@pytest.mark.parametrize("status", [ContactStatus.UNSUBSCRIBED, ContactStatus.COMPLAINED])
def test_contacts_merge_of_somebody_who_said_no_stays_no(in_florist: Organization, status: ContactStatus) -> None:
    winner, loser = _added(in_florist, "a@people.example"), _added(in_florist, "b@people.example", status=status)
    merged = services.contacts_merge(winner_id=winner.pk, loser_ids=[loser.pk])
    assert merged.status == status


def test_contacts_merge_of_a_bounced_address_does_not_bounce_the_other(in_florist: Organization) -> None:
    winner = _added(in_florist, "a@people.example")
    loser = _added(in_florist, "b@people.example", status=ContactStatus.BOUNCED)
    assert services.contacts_merge(winner_id=winner.pk, loser_ids=[loser.pk]).status == ContactStatus.SUBSCRIBED


def test_contacts_merge_keeps_the_oldest_consent_that_counts(in_florist: Organization) -> None:
    withdrawn = _added(
        in_florist, "a@people.example", status=ContactStatus.PENDING, consent_at=LONG_AGO, consent_source="Form"
    )
    newer = _added(in_florist, "b@people.example", consent_at=LATELY, consent_source="Shop")
    merged = services.contacts_merge(winner_id=newer.pk, loser_ids=[withdrawn.pk])
    assert (merged.consent_at, merged.consent_source) == (LONG_AGO, "Form")
    gone = _added(
        in_florist,
        "c@people.example",
        status=ContactStatus.UNSUBSCRIBED,
        consent_at=LONG_AGO - datetime.timedelta(days=1),
    )
    merged = services.contacts_merge(winner_id=newer.pk, loser_ids=[gone.pk])
    assert merged.consent_at == LONG_AGO


def test_contacts_merge_takes_over_what_the_person_decided(in_florist: Organization) -> None:
    winner = _added(in_florist, "a@people.example", mail_frequency=MailFrequency.WEEKLY)
    loser = _added(in_florist, "b@people.example", mail_frequency=MailFrequency.MONTHLY, paused_until=timezone.now())
    bounced = _added(in_florist, "c@people.example")
    topic = make_group(in_florist, "Offers", [loser])
    for contact, group, reason in (
        (loser, topic, SuppressionReason.UNSUBSCRIBED),
        (loser, None, SuppressionReason.MANUAL),
        (bounced, None, SuppressionReason.BOUNCED),
    ):
        Suppression.objects.create(
            organization=in_florist, email=contact.email, key=f"address:{contact.email_key}", group=group, reason=reason
        )
    merged = services.contacts_merge(winner_id=winner.pk, loser_ids=[loser.pk, bounced.pk])
    assert (merged.mail_frequency, merged.paused_until) == (MailFrequency.MONTHLY, loser.paused_until)
    taken = Suppression.objects.filter(key="address:a@people.example").values_list("group_id", "reason")
    assert set(taken) == {(topic.pk, SuppressionReason.UNSUBSCRIBED), (None, SuppressionReason.MANUAL)}
    assert Suppression.objects.filter(key="address:b@people.example").count() == 2


def test_contacts_merge_refuses_one_six_gone_and_foreign_contacts(
    in_florist: Organization, museum: Organization
) -> None:
    contacts = [_added(in_florist, f"p{number}@people.example") for number in range(6)]
    ids = [contact.pk for contact in contacts]
    with all_organizations(reason="the museum's contact"):
        foreign = make_contact(museum)
    for winner, losers in ((ids[0], []), (ids[0], [ids[0]]), (ids[0], ids[1:]), (ids[0], [foreign.pk])):
        with pytest.raises(MergeRefused):
            services.contacts_merge(winner_id=winner, loser_ids=losers)
    services.contacts_merge(winner_id=ids[0], loser_ids=[ids[1]])
    with pytest.raises(MergeRefused, match="not there any more"):
        services.contacts_merge(winner_id=ids[0], loser_ids=[ids[1]])
    with all_organizations(reason="look"):
        foreign.refresh_from_db()
        assert foreign.deleted_at is None


def test_contacts_merge_of_different_clients_is_refused_even_from_above(
    everywhere: None, florist: Organization, museum: Organization
) -> None:
    ours, theirs = make_contact(florist), make_contact(museum)
    with pytest.raises(MergeRefused, match="different clients"):
        services.contacts_merge(winner_id=ours.pk, loser_ids=[theirs.pk])


def test_merged_contact_added_again_comes_back_as_its_own(in_florist: Organization) -> None:
    winner, loser = _added(in_florist, "a@people.example"), _added(in_florist, "b@people.example")
    services.contacts_merge(winner_id=winner.pk, loser_ids=[loser.pk])
    again = services.contact_add(organization=in_florist, email="B@people.example")
    assert (again.pk, again.merged_into_id, again.deleted_at) == (loser.pk, None, None)
    assert usage.used(organization_id=in_florist.pk, metric=Metric.CONTACTS) == 2


def test_merge_of_a_merged_contact_leads_on_to_the_last_one(in_florist: Organization) -> None:
    one, two, three = (_added(in_florist, f"{name}@people.example") for name in "abc")
    services.contacts_merge(winner_id=two.pk, loser_ids=[one.pk])
    services.contacts_merge(winner_id=three.pk, loser_ids=[two.pk])
    one.refresh_from_db()
    assert one.merged_into_id == three.pk


@pytest.mark.django_db(transaction=True)
def test_contacts_merge_in_both_directions_at_once_merges_once() -> None:
    from tests.support.factories import make_organization

    florist = make_organization("Race Florist")
    with organization_scope(florist):
        one, two = _added(florist, "a@people.example"), _added(florist, "b@people.example")
    results: list[str] = []
    barrier = threading.Barrier(2)

    def merge(winner: Contact, loser: Contact) -> None:
        try:
            with organization_scope(florist):
                barrier.wait(timeout=10)
                services.contacts_merge(winner_id=winner.pk, loser_ids=[loser.pk])
                results.append("merged")
        except MergeRefused:
            results.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=merge, args=pair) for pair in ((one, two), (two, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sorted(results) == ["merged", "refused"]
    with organization_scope(florist):
        assert Contact.objects.filter(deleted_at=None).count() == 1
        assert usage.used(organization_id=florist.pk, metric=Metric.CONTACTS) == 1


# The page


@pytest.fixture
def manager(member: Callable[..., User], signed_in: Callable[[User], Client]) -> Client:
    return signed_in(member())


def _pair(organization: Organization) -> tuple[Contact, Contact]:
    with organization_scope(organization):
        one = _added(organization, "ana@people.example", first_name="Ana", attributes={"city": "Lugo"})
        two = _added(organization, "ana+news@people.example", first_name="Anna", attributes={"city": "Vigo"})
    return one, two


def test_merge_page_offers_duplicates_compares_and_merges(manager: Client, florist: Organization) -> None:
    one, two = _pair(florist)
    page = reverse("admin:contacts_contact_merge", args=[one.pk])
    assert "Same address but for dots or a + part" in manager.get(page).content.decode()
    compared = manager.get(page, {"with": str(two.pk)})
    assert [row["label"] for row in compared.context["rows"] if row["differs"]] == ["First name", "city"]
    posted = {
        "winner": str(two.pk),
        "value_of:first_name": str(one.pk),
        "value_of:attributes.city": str(one.pk),
    }
    answer = manager.post(f"{page}?with={two.pk}", posted)
    assert answer.url == reverse("admin:contacts_contact_change", args=[two.pk])
    with organization_scope(florist):
        two.refresh_from_db()
        assert (two.first_name, two.attributes) == ("Ana", {"city": "Lugo"})
    assert "Merged on" in manager.get(reverse("admin:contacts_contact_change", args=[one.pk])).content.decode()
    assert manager.post(f"{page}?with={two.pk}", posted).status_code == 404


def test_merge_page_finds_the_other_by_its_address(manager: Client, florist: Organization) -> None:
    one, two = _pair(florist)
    page = reverse("admin:contacts_contact_merge", args=[one.pk])
    assert manager.get(page, {"address": "ANA+news@people.example"}).url == f"{page}?with={two.pk}"
    assert manager.get(page, {"address": "nobody@people.example"}).url == page


def test_merge_page_with_forged_ids_merges_nothing(
    manager: Client, florist: Organization, museum: Organization
) -> None:
    one, _two = _pair(florist)
    with organization_scope(museum):
        foreign = make_contact(museum, "secret@museum.example")
    page = reverse("admin:contacts_contact_merge", args=[one.pk])
    for forged in (str(foreign.pk), "no id", "9" * 400):
        answer = manager.post(f"{page}?with={forged}", {"winner": str(one.pk)})
        assert b"secret@museum" not in answer.content
    assert manager.get(reverse("admin:contacts_contact_merge", args=[foreign.pk])).status_code in (403, 404)
    with all_organizations(reason="look"):
        assert not Contact.objects.filter(merged_into__isnull=False).exists()


def test_merge_page_is_not_for_viewers(
    member: Callable[..., User], signed_in: Callable[[User], Client], florist: Organization
) -> None:
    one, two = _pair(florist)
    viewer = signed_in(member(Role.VIEWER))
    page = reverse("admin:contacts_contact_merge", args=[one.pk])
    assert viewer.post(f"{page}?with={two.pk}", {"winner": str(one.pk)}).status_code == 403
