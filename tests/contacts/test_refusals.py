"""Whom a mail server refused by mistake: a day of one connection is taken back, and nothing but that."""

import datetime
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.accounts.choices import Role
from core.accounts.models import AuditEvent, Organization, User
from core.common.tenancy import organization_scope
from core.contacts import bulk, services
from core.contacts.choices import ContactStatus, SuppressionReason
from core.contacts.errors import BulkRefused, ReasonMissing
from core.contacts.models import BulkChange, Contact, Suppression
from core.contacts.refusals import refusal_note, refused_days
from core.contacts.services.suppression_lists import (
    suppression_list_add,
    suppression_list_confirm,
    suppression_list_read,
    suppression_list_upload,
)
from tests.support.factories import make_contact

PAGE = reverse("admin:contacts_suppression_lift_refusals")
HERE, THERE = refusal_note("Shop mail"), refusal_note("Backup")


def refuse(*contacts: Contact, note: str = HERE) -> None:
    ids = [contact.pk for contact in contacts]
    services.contacts_stop(contact_ids=ids, reason=SuppressionReason.BOUNCED, note=note)


def lift(organization: Organization, user: User, *, note: str = HERE) -> BulkChange:
    today = refused_days(organization)[0].day
    change = services.refusals_lift_request(
        organization=organization, day=today, note=note, why="wrong relay", user=user
    )
    bulk.run_bulk_change(change.pk)
    change.refresh_from_db()
    return change


def status_of(contact: Contact) -> str:
    return Contact.objects.get(pk=contact.pk).status


def test_lift_gives_back_one_connections_people_of_one_day(in_florist: Organization, superuser: User) -> None:
    anna, ben, cleo, dora = (make_contact(in_florist) for _ in range(4))
    refuse(anna, ben)
    refuse(cleo, note=THERE)
    refuse(dora)
    earlier = timezone.now() - datetime.timedelta(days=3)
    Suppression.objects.filter(email=dora.email).update(created_at=earlier)
    assert [(one.over, one.people) for one in refused_days(in_florist)] == [
        ("Backup", 1),
        ("Shop mail", 2),
        ("Shop mail", 1),
    ]
    change = lift(in_florist, superuser)
    assert (change.status, change.changed_count) == ("done", 2)
    assert [status_of(one) for one in (anna, ben, cleo, dora)] == ["subscribed", "subscribed", "bounced", "bounced"]
    assert set(Suppression.objects.values_list("email", flat=True)) == {cleo.email, dora.email}
    told = AuditEvent.objects.filter(action="contact.refusal_lifted", object_id=str(anna.pk)).get()
    assert told.changes == {"status": ["bounced", "subscribed"], "why": [None, "wrong relay"]}
    assert AuditEvent.objects.filter(action="suppression.removed").count() == 2


def test_lift_leaves_whatever_else_speaks_against_an_address(in_florist: Organization, superuser: User) -> None:
    """A complaint, a bounce, an unsubscription, a block by hand: each takes a refusal's place, whichever came first."""
    people = {name: make_contact(in_florist) for name in ("complained", "bounced", "left", "by_hand", "listed", "none")}
    refuse(*people.values())
    for name, reason in (
        ("complained", SuppressionReason.COMPLAINED),
        ("bounced", SuppressionReason.BOUNCED),
        ("left", SuppressionReason.UNSUBSCRIBED),
    ):
        services.contacts_stop(contact_ids=[people[name].pk], reason=reason, note="told by the provider")
    services.contacts_suppress(contact_ids=[people["by_hand"].pk], note="phoned")
    add_list(in_florist, people["listed"].email)
    refuse(*people.values())
    change = lift(in_florist, superuser)
    assert change.changed_count == 1
    reasons = dict(Suppression.objects.values_list("email", "reason"))
    assert reasons == {
        people["complained"].email: SuppressionReason.COMPLAINED,
        people["bounced"].email: SuppressionReason.BOUNCED,
        people["left"].email: SuppressionReason.UNSUBSCRIBED,
        people["by_hand"].email: SuppressionReason.MANUAL,
        people["listed"].email: SuppressionReason.IMPORTED,
    }
    assert status_of(people["complained"]) == ContactStatus.COMPLAINED
    assert status_of(people["none"]) == ContactStatus.SUBSCRIBED


def add_list(organization: Organization, line: str) -> None:
    upload = suppression_list_upload(organization=organization, file_name="old.csv", content=line.encode(), note="")
    suppression_list_read(list_id=upload.pk)
    upload.refresh_from_db()
    suppression_list_confirm(upload=upload)
    suppression_list_add(list_id=upload.pk)


def test_lift_keeps_off_who_unsubscribed_before_or_after_the_refusal(in_florist: Organization, superuser: User) -> None:
    before, after, back = (make_contact(in_florist) for _ in range(3))
    services.contact_unsubscribe(contact_id=before.pk, source="one-click")
    refuse(before, after, back)
    assert services.contact_unsubscribe(contact_id=after.pk, source="an older mail") is True
    lift(in_florist, superuser)
    assert set(Suppression.objects.values_list("email", "reason")) == {
        (before.email, SuppressionReason.UNSUBSCRIBED),
        (after.email, SuppressionReason.UNSUBSCRIBED),
    }
    assert status_of(back) == ContactStatus.SUBSCRIBED
    assert ContactStatus.SUBSCRIBED not in (status_of(before), status_of(after))


def test_lift_someone_whose_consent_was_withdrawn_is_suppressed_for_that(in_florist: Organization) -> None:
    """Suppressions can be removed by hand; what the person said stays said."""
    contact = make_contact(in_florist)
    services.contact_unsubscribe(contact_id=contact.pk, source="one-click")
    Suppression.objects.all().delete()
    refuse(contact)
    ids = [Suppression.objects.get().pk]
    assert services.refusals_lift(organization_id=in_florist.pk, suppression_ids=ids, why="wrong") == 0
    assert Suppression.objects.get().reason == SuppressionReason.UNSUBSCRIBED
    assert status_of(contact) == ContactStatus.UNSUBSCRIBED


def test_lift_without_a_reason_or_twice_is_refused(in_florist: Organization, superuser: User) -> None:
    refuse(make_contact(in_florist))
    day = refused_days(in_florist)[0]
    words = {"organization": in_florist, "day": day.day, "note": day.note, "user": superuser}
    with pytest.raises(ReasonMissing):
        services.refusals_lift_request(**words, why="  ")
    lift(in_florist, superuser)
    with pytest.raises(BulkRefused):
        services.refusals_lift_request(**words, why="again")


def test_lift_knows_no_suppression_of_another_client(
    in_florist: Organization, museum: Organization, superuser: User
) -> None:
    with organization_scope(museum):
        refuse(make_contact(museum))
        foreign = Suppression.objects.get().pk
    assert refused_days(in_florist) == []
    assert services.refusals_lift(organization_id=in_florist.pk, suppression_ids=[foreign], why="wrong") == 0
    with organization_scope(museum):
        assert Suppression.objects.filter(pk=foreign).exists()


# In the admin


@pytest.fixture
def admin(member: Callable[..., User], signed_in: Callable[[User], Client]) -> Client:
    return signed_in(member(Role.ADMIN))


def test_page_shows_days_asks_in_numbers_and_leads_to_the_progress(florist: Organization, admin: Client) -> None:
    with organization_scope(florist):
        refuse(make_contact(florist), make_contact(florist))
        day = refused_days(florist)[0]
    page = admin.get(PAGE).content.decode()
    assert "Shop mail" in page and "2 addresses" in page
    one = f"{PAGE}?{urlencode({'day': day.day.isoformat(), 'note': day.note})}"
    asked = admin.get(one).content.decode()
    assert "Lift 2 addresses" in asked and "Nothing is sent" in asked
    assert "Say in words why" in admin.post(one, {"why": ""}).content.decode()
    answer = admin.post(one, {"why": "the relay had a wrong list"})
    with organization_scope(florist):
        change = BulkChange.objects.get()
    assert answer["Location"] == reverse("admin:contacts_bulkchange_change", args=[change.pk])
    assert "Lift refusals of" in admin.get(answer["Location"]).content.decode()


def test_page_is_an_admins_and_says_when_there_is_nothing(
    florist: Organization, admin: Client, member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    assert "nothing to take back" in admin.get(PAGE).content.decode()
    for query in ("day=yesterday", "day=2026-05-04", "day=2026-05-04&note=x", "day="):
        assert admin.get(f"{PAGE}?{query}").status_code == 404
    assert signed_in(member(Role.MANAGER)).get(PAGE).status_code == 403
