"""Erasure leaves nothing of a person in the database but a keyed hash; the copy of their data holds everything."""

import datetime
import io
import json
import zipfile
from collections.abc import Callable

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.accounts import audit
from core.accounts.choices import Role
from core.accounts.models import AuditEvent, Organization, User
from core.common.tenancy import organization_scope
from core.contacts.audience import blocked_contacts
from core.contacts.choices import ImportStatus, SuppressionKind
from core.contacts.models import (
    Contact,
    ContactImport,
    ImportPart,
    RefusedRow,
    Segment,
    SignupRequest,
    Suppression,
)
from core.contacts.privacy.erasure import contact_erase, contact_erase_now
from core.contacts.privacy.retention import contacts_let_go
from core.contacts.privacy.subject_access import subject_access_archive
from core.contacts.suppression_keys import address_hash, suppression_key
from core.contacts.tasks import let_go
from core.delivery.models import Message, MessageValues, SandboxMail
from core.tracking.models import AnalyticsEvent
from tests.support import factories
from tests.support.canary import Client as CanaryClient
from tests.support.canary import make_client

ADDRESS = "Grace.Hopper@people.example"
KEY = ADDRESS.lower()


def dump() -> str:
    """Every row of every table as COPY writes it: what a dump of the database holds. Bytes come as hexadecimal."""
    texts = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT schemaname, tablename FROM pg_tables WHERE schemaname = 'public'")
        for _schema, table in cursor.fetchall():
            with cursor.copy(f'COPY (SELECT * FROM ONLY "{table}") TO STDOUT') as rows:
                texts.append(b"".join(bytes(row) for row in rows).decode())
    return "\n".join(texts).lower()


def traces_of(text: str) -> list[str]:
    """Forms in which the dump holds the text: in clear, or in hexadecimal as bytes come."""
    held = dump()
    return [form for form in (text.lower(), text.encode().hex(), text.lower().encode().hex()) if form in held]


@pytest.fixture
def client(db: None) -> CanaryClient:
    return make_client("Canary")


@pytest.fixture
def grace(client: CanaryClient) -> Contact:
    """Somebody who has left traces everywhere."""
    organization = client.organization
    with organization_scope(organization):
        contact: Contact = client.rows[Contact]
        contact.email, contact.email_key, contact.address_hash = ADDRESS, KEY, address_hash(KEY)
        contact.first_name, contact.last_name = "Grace", "Hopper-Brewster"
        contact.save()
        audit.record(action="contact.changed", obj=contact, changes={"last_name": ["x", "Hopper-Brewster"]})
        audit.record(
            action="suppression.added", obj=client.rows[Suppression], changes={"note": [None, f"also {ADDRESS}"]}
        )
        MessageValues.objects.filter(message__contact=contact).update(
            address=ADDRESS, values={"contact.last_name": "Hopper-Brewster"}
        )
        SandboxMail.objects.update(recipient=ADDRESS, raw=f"To: {ADDRESS}".encode())
        Message.objects.filter(contact=contact).update(words=f"550 no such user {ADDRESS}")
        AnalyticsEvent.objects.update(seen={"user_agent": "Hopper-Brewster's phone"})
        Suppression.objects.create(
            organization=organization, email=ADDRESS, key=suppression_key(SuppressionKind.ADDRESS, KEY)
        )
        Segment.objects.update(rule={"all": [{"field": "email", "is": ADDRESS}]})
        SignupRequest.objects.update(email=ADDRESS, email_key=KEY, values={"last_name": "Hopper-Brewster"})
        RefusedRow.objects.update(values=[KEY, "?"], reason=f"“{ADDRESS}” is the same address as row 2.")
        running = ContactImport.objects.create(
            organization=organization, file_name="new.csv", status=ImportStatus.DRAFT, rows_total=2
        )
        rows = {"numbers": [2, 3], "rows": [[ADDRESS, "a"], ["other@people.example", "b"]], "problems": {}}
        ImportPart.objects.create(
            organization=organization, contact_import=running, number=1, row_count=2, content=orjson.dumps(rows)
        )
        ImportPart.objects.create(
            organization=organization,
            contact_import=running,
            number=1,
            is_raw=True,
            content=f"email\n{ADDRESS}\n".encode(),
        )
    return contact


def erase(contact: Contact) -> None:
    with organization_scope(contact.organization_id):
        contact_erase(contact_id=contact.pk)
        contact_erase_now(contact_id=contact.pk)


def test_erase_leaves_no_trace_of_address_or_name_in_a_dump(grace: Contact) -> None:
    assert traces_of(ADDRESS)
    assert traces_of("Hopper-Brewster")
    erase(grace)
    assert traces_of(ADDRESS) == []
    assert traces_of("Hopper-Brewster") == []


def test_erase_keeps_figures_and_other_peoples_rows(grace: Contact, client: CanaryClient) -> None:
    with organization_scope(client.organization):
        before = (Message.objects.count(), AnalyticsEvent.objects.count(), Contact.objects.count())
    erase(grace)
    with organization_scope(client.organization):
        assert (Message.objects.count(), AnalyticsEvent.objects.count(), Contact.objects.count()) == before
        part = orjson.loads(bytes(ImportPart.objects.get(is_raw=False, row_count=2).content))
        assert part["rows"] == [["", ""], ["other@people.example", "b"]]
        assert part["problems"].keys() == {"0"}


def test_erase_keeps_the_address_from_being_mailed_when_it_comes_back(grace: Contact, client: CanaryClient) -> None:
    erase(grace)
    with organization_scope(client.organization):
        again = factories.make_contact(client.organization, KEY)
        assert blocked_contacts(organization_id=client.organization.pk, contact_ids=[again.pk])


def test_erase_stops_mail_at_once_before_the_worker_has_come(grace: Contact, client: CanaryClient) -> None:
    with organization_scope(client.organization):
        contact_erase(contact_id=grace.pk)
        assert blocked_contacts(organization_id=client.organization.pk, contact_ids=[grace.pk])


def test_erase_twice_changes_nothing_more_and_let_go_finishes_what_a_dead_worker_left(
    grace: Contact, client: CanaryClient
) -> None:
    with organization_scope(client.organization):
        contact_erase(contact_id=grace.pk)
        contact_erase(contact_id=grace.pk)
        assert AuditEvent.objects.filter(action="contact.erasure_asked_for").count() == 1
    assert let_go()["erasures_resumed"] == 1
    with organization_scope(client.organization):
        contact_erase_now(contact_id=grace.pk)
        assert "skipped" in contact_erase_now(contact_id=grace.pk)


def test_erase_touches_no_other_client(grace: Contact) -> None:
    other = factories.make_organization("Museum")
    with organization_scope(other):
        same_address = factories.make_contact(other, ADDRESS, last_name="Hopper-Brewster")
    erase(grace)
    with organization_scope(other):
        same_address.refresh_from_db()
        assert (same_address.email, same_address.last_name) == (ADDRESS, "Hopper-Brewster")
        assert not Suppression.objects.exists()


def test_subject_access_holds_every_part_as_json_and_csv(grace: Contact, client: CanaryClient) -> None:
    with organization_scope(client.organization):
        archive = zipfile.ZipFile(io.BytesIO(subject_access_archive(grace)))
    document = json.loads(archive.read("data.json"))
    assert document["profile"][0]["email"] == ADDRESS
    assert document["mails"][0]["address"] == ADDRESS
    assert document["events"]
    assert document["consent"]
    assert document["signups"]
    assert document["changes"]
    assert "Hopper-Brewster" in archive.read("profile.csv").decode("utf-8-sig")


def test_privacy_actions_are_rights_of_their_own(
    grace: Contact, client: CanaryClient, signed_in: Callable[[User], Client]
) -> None:
    manager, owner = signed_in(client.users[Role.MANAGER]), signed_in(client.users[Role.OWNER])
    erase_url = reverse("admin:contacts_contact_erase", args=[grace.pk])
    assert manager.post(erase_url).status_code == 403
    assert owner.get(erase_url).status_code == 200
    with organization_scope(client.organization):
        assert Contact.objects.get(pk=grace.pk).erased_at is None, "looking at the question changes nothing"
    assert owner.post(erase_url).status_code == 302
    with organization_scope(client.organization):
        assert Contact.objects.get(pk=grace.pk).erased_at


def test_let_go_purges_after_ninety_days_and_blanks_whom_the_ledger_names(
    grace: Contact, client: CanaryClient, in_florist: Organization
) -> None:
    long_ago = timezone.now() - datetime.timedelta(days=91)
    fresh = factories.make_contact(in_florist, deleted_at=timezone.now())
    gone = factories.make_contact(in_florist, deleted_at=long_ago)
    with organization_scope(client.organization):
        Contact.objects.filter(pk=grace.pk).update(deleted_at=long_ago)
        assert contacts_let_go()["contacts"] == 1
        grace.refresh_from_db()
        assert (grace.email, grace.last_name) == ("", "")
        assert Suppression.objects.filter(key=suppression_key(SuppressionKind.ADDRESS, KEY)).exists()
    contacts_let_go()
    assert list(Contact.objects.values_list("pk", flat=True)) == [fresh.pk]
    assert gone.pk != fresh.pk
