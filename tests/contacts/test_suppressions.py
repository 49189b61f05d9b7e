"""The suppression lists: what is taken, what each kind says, removal as a right of its own, and lists of old tools."""

import hashlib
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from core.accounts.choices import Role
from core.accounts.models import AuditEvent, Organization, User
from core.common.tenancy import OrganizationMismatch, all_organizations, organization_scope
from core.contacts import services
from core.contacts.choices import ListStatus, SuppressionKind, SuppressionReason
from core.contacts.errors import BadAddress, ContactExists, ReasonMissing, UnreadableFile, WrongListState
from core.contacts.models import AgencySuppression, AgencySuppressionList, Suppression, SuppressionList
from core.contacts.services import suppression_lists
from core.contacts.services.suppression_lists import (
    suppression_list_add,
    suppression_list_confirm,
    suppression_list_upload,
)
from core.contacts.suppression_keys import address_hash, keys_of, keys_sql, read_entry
from core.contacts.suppression_lists import read_list
from tests.support.factories import make_contact, make_group

ANNA = "anna@people.example"
MD5 = hashlib.md5(ANNA.encode(), usedforsecurity=False).hexdigest()
SHA256 = hashlib.sha256(ANNA.encode()).hexdigest()
LIST = reverse("admin:contacts_suppression_changelist")
ADD = reverse("admin:contacts_suppression_add")


@pytest.fixture
def manager(member: Callable[..., User], signed_in: Callable[[User], Client]) -> Client:
    return signed_in(member(Role.MANAGER))


@pytest.fixture
def admin(member: Callable[..., User], signed_in: Callable[[User], Client]) -> Client:
    return signed_in(member(Role.ADMIN))


# What is taken


@pytest.mark.parametrize(
    ("text", "kind", "key"),
    [
        (" Anna@People.example ", SuppressionKind.ADDRESS, f"address:{ANNA}"),
        ("@People.example", SuppressionKind.DOMAIN, "domain:people.example"),
        ("*@people.example", SuppressionKind.DOMAIN, "domain:people.example"),
        ("people.example", SuppressionKind.DOMAIN, "domain:people.example"),
        ("MÜNCHEN.example", SuppressionKind.DOMAIN, "domain:münchen.example"),
        (MD5.upper(), SuppressionKind.MD5, f"md5:{MD5}"),
        (SHA256, SuppressionKind.SHA256, f"sha256:{SHA256}"),
    ],
)
def test_read_entry_takes_addresses_domains_and_hashes(text: str, kind: SuppressionKind, key: str) -> None:
    entry = read_entry(text)
    assert (entry.kind, entry.key) == (kind, key)


@pytest.mark.parametrize("text", ["", "anna", "@", "*@", "anna@", "a b@c.example", "abcdef0123", "people..example"])
def test_read_entry_anything_else_is_refused_in_words(text: str) -> None:
    with pytest.raises(BadAddress) as refused:
        read_entry(text)
    assert str(refused.value).endswith(".")


def test_keys_in_python_and_sql_are_the_same(in_florist: Organization) -> None:
    contact = make_contact(in_florist, "Übung@münchen.example")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {keys_sql('c')} FROM contacts_contact AS c WHERE id = %s", [contact.pk])
        assert cursor.fetchone()[0] == keys_of(contact.email_key)
    assert f"erased:{address_hash(contact.email_key)}" in keys_of(contact.email_key)


# Adding and removing


def test_suppression_add_twice_is_refused_and_a_group_is_another_scope(in_florist: Organization) -> None:
    group = make_group(in_florist)
    services.suppression_add(organization=in_florist, email=ANNA)
    services.suppression_add(organization=in_florist, email=ANNA, group=group)
    with pytest.raises(ContactExists, match="already"):
        services.suppression_add(organization=in_florist, email="Anna@people.example", group=group)
    assert Suppression.objects.count() == 2


def test_suppression_remove_a_complaint_needs_words_that_the_history_keeps(in_florist: Organization) -> None:
    complaint = services.suppression_add(
        organization=in_florist, email=ANNA, reason=SuppressionReason.COMPLAINED, note="FBL"
    )
    with pytest.raises(ReasonMissing):
        services.suppression_remove(suppression_id=complaint.pk, why="  ")
    assert services.suppression_remove(suppression_id=complaint.pk, why="signed a form") is True
    assert services.suppression_remove(suppression_id=complaint.pk, why="again") is False
    event = AuditEvent.objects.get(action="suppression.removed")
    assert event.changes["why"] == [None, "signed a form"]


def test_agency_suppression_add_and_remove_are_audited(db: None) -> None:
    row = services.agency_suppression_add(email="@trap.example", note="spam trap")
    with pytest.raises(ContactExists):
        services.agency_suppression_add(email="trap.example")
    assert services.agency_suppression_remove(suppression_id=row.pk) is True
    with all_organizations(reason="the test looks at the history"):
        actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"agencysuppression.added", "agencysuppression.removed"} <= actions


# In the admin


def test_page_adds_a_domain_with_a_group_and_says_when_it_is_there(florist: Organization, manager: Client) -> None:
    with organization_scope(florist):
        group = make_group(florist, "News")
    form = {"email": "@People.example", "reason": "manual", "note": "by phone", "group": group.pk}
    assert manager.post(ADD, form).status_code == 302
    with organization_scope(florist):
        row = Suppression.objects.get()
    assert (row.kind, row.email, row.group_id, row.note) == ("domain", "people.example", group.pk, "by phone")
    again = manager.post(ADD, form)
    assert "on the suppression list already" in again.content.decode()
    assert "is no address" in manager.post(ADD, {**form, "email": "a..b"}).content.decode()


def test_page_offers_no_group_of_another_client(florist: Organization, museum: Organization, manager: Client) -> None:
    with organization_scope(museum):
        foreign = make_group(museum, "Foreign")
    answer = manager.post(ADD, {"email": ANNA, "reason": "manual", "note": "", "group": foreign.pk})
    assert answer.status_code == 200
    with all_organizations(reason="the test looks everywhere"):
        assert Suppression.objects.count() == 0


@pytest.mark.parametrize("term", ["anna@peo", ANNA, "people.ex", "@people.example", MD5, MD5[:6], SHA256])
def test_list_is_searched_through_the_key(florist: Organization, manager: Client, term: str) -> None:
    wanted = {"anna@peo": ANNA, ANNA: ANNA, MD5: MD5, MD5[:6]: MD5, SHA256: SHA256}.get(term, "@people.example")
    with organization_scope(florist):
        row = services.suppression_add(organization=florist, email=wanted)
        services.suppression_add(organization=florist, email="other@shop.example")
    page = manager.get(LIST, {"q": term}).content.decode()
    assert str(row) in page and "other@shop.example" not in page


def test_list_search_by_whole_address_finds_its_domain_and_hashes(florist: Organization, manager: Client) -> None:
    with organization_scope(florist):
        rows = [services.suppression_add(organization=florist, email=text) for text in ("@people.example", MD5)]
    page = manager.get(LIST, {"q": "Anna@people.example"}).content.decode()
    assert all(str(row) in page for row in rows)


def test_page_removal_is_a_right_of_its_own(florist: Organization, manager: Client, admin: Client) -> None:
    with organization_scope(florist):
        row = services.suppression_add(organization=florist, email=ANNA)
    url = reverse("admin:contacts_suppression_delete", args=[row.pk])
    assert manager.get(url).status_code == manager.post(url).status_code == 403
    assert "may get mail of Florist again" in admin.get(url).content.decode()
    with organization_scope(florist):
        assert Suppression.objects.count() == 1
    assert admin.post(url, {"why": ""}).status_code == 302
    with organization_scope(florist):
        assert Suppression.objects.count() == 0


def test_page_removal_of_a_complaint_asks_for_words(florist: Organization, admin: Client) -> None:
    with organization_scope(florist):
        row = services.suppression_add(organization=florist, email=ANNA, reason=SuppressionReason.COMPLAINED)
    url = reverse("admin:contacts_suppression_delete", args=[row.pk])
    assert "Say in words" in admin.post(url, {"why": ""}).content.decode()
    assert admin.post(url, {"why": "signed a form"}).status_code == 302
    with organization_scope(florist):
        assert Suppression.objects.count() == 0


def test_page_of_the_agency_is_for_superusers(admin: Client, superuser: User, signed_in: Callable) -> None:
    url = reverse("admin:contacts_agencysuppression_changelist")
    assert admin.get(url).status_code == 403
    root = signed_in(superuser)
    added = root.post(
        reverse("admin:contacts_agencysuppression_add"), {"email": ANNA, "reason": "manual", "note": "wrote to us"}
    )
    assert added.status_code == 302
    assert ANNA in root.get(url).content.decode()


# Lists of old tools

MIXED = f"""Email,Since
anna@people.example,2020
;
"Ben@People.example"
@closed.example
{MD5}
{SHA256.upper()}
Anna@people.example
not an address
"""


def upload(organization: Organization | None, content: bytes | str = MIXED, **fields: str) -> SuppressionList:
    content = content.encode() if isinstance(content, str) else content
    return suppression_list_upload(
        organization=organization, file_name="old.csv", content=content, note=fields.get("note", "")
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_list_is_read_in_any_encoding(encoding: str, newline: str) -> None:
    found = read_list(MIXED.replace("\n", newline).encode(encoding))
    assert sorted(found.entries) == sorted(
        [f"address:{ANNA}", "address:ben@people.example", "domain:closed.example", f"md5:{MD5}", f"sha256:{SHA256}"]
    )
    assert found.doubles == 1
    assert [(line.number, line.text) for line in found.refused] == [(3, ";"), (9, "not an address")]


def test_list_draft_says_what_it_would_do_and_adds_nothing(in_florist: Organization) -> None:
    services.suppression_add(organization=in_florist, email="ben@people.example")
    make_contact(in_florist, ANNA)
    make_contact(in_florist, "ben@people.example")
    make_contact(in_florist, "a@closed.example")
    make_contact(in_florist, "gone@closed.example", status="unsubscribed")
    make_contact(in_florist, "free@sub.closed.example")
    draft = upload(in_florist)
    counts = {name: draft.counts[name] for name in ("new", "known", "doubles", "refused", "people")}
    assert counts == {"new": 4, "known": 1, "doubles": 1, "refused": 2, "people": 2}
    assert Suppression.objects.count() == 1


def test_list_that_is_long_is_read_by_a_worker(in_florist: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suppression_lists, "READ_AT_ONCE", 10)
    waiting = upload(in_florist)
    assert waiting.status == ListStatus.READING
    with pytest.raises(WrongListState):
        suppression_list_confirm(upload=waiting)
    suppression_lists.suppression_list_read(list_id=waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.counts["new"]) == (ListStatus.DRAFT, 5)


def test_list_with_nothing_in_it_says_so(in_florist: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreadableFile, match="nothing in this list"):
        upload(in_florist, "\n\n")
    monkeypatch.setattr(suppression_lists, "READ_AT_ONCE", 0)
    waiting = upload(in_florist, "\n\n")
    suppression_lists.suppression_list_read(list_id=waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.counts["problem"]) == (ListStatus.FAILED, "There is nothing in this list.")


def test_list_confirmed_is_added_once_and_keeps_what_was_there(in_florist: Organization) -> None:
    services.suppression_add(organization=in_florist, email=ANNA, note="by phone")
    draft = upload(in_florist, note="from the old tool")
    suppression_list_confirm(upload=draft)
    with pytest.raises(WrongListState):
        suppression_list_confirm(upload=draft)
    assert suppression_list_add(list_id=draft.pk) == {"added": 4}
    assert suppression_list_add(list_id=draft.pk) == {"added": 0}
    assert Suppression.objects.get(key=f"address:{ANNA}").note == "by phone"
    added = Suppression.objects.get(key="domain:closed.example")
    assert (added.kind, added.email, added.reason, added.note) == (
        "domain",
        "closed.example",
        "imported",
        "from the old tool",
    )
    draft.refresh_from_db()
    assert (draft.status, draft.content) == (ListStatus.DONE, None)


def test_list_of_one_client_leaves_the_others_alone(in_florist: Organization, museum: Organization) -> None:
    draft = upload(in_florist)
    suppression_list_confirm(upload=draft)
    suppression_list_add(list_id=draft.pk)
    with organization_scope(museum):
        assert Suppression.objects.count() == 0
        assert suppression_list_add(list_id=draft.pk) == {"added": 0}
    with pytest.raises(OrganizationMismatch):
        upload(museum)


def test_list_of_the_agency_counts_people_of_every_client(
    everywhere: None, florist: Organization, museum: Organization
) -> None:
    make_contact(florist, ANNA)
    make_contact(museum, ANNA)
    draft = upload(None)
    assert isinstance(draft, AgencySuppressionList)
    assert draft.counts["people"] == 2
    suppression_list_confirm(upload=draft)
    assert suppression_list_add(list_id=draft.pk, is_agency=True) == {"added": 5}
    assert AgencySuppression.objects.count() == 5


def test_list_page_leads_from_pasted_lines_to_the_numbers(florist: Organization, manager: Client) -> None:
    url = reverse("admin:contacts_suppression_add_list")
    nothing = manager.post(url, {"lines": "", "note": ""})
    assert "Choose a file or paste some lines first" in nothing.content.decode()
    answer = manager.post(url, {"lines": MIXED + "=1+1\n", "note": "old tool"}, follow=True)
    page = answer.content.decode()
    assert "Add 5 entries" in page and "not an address" in page
    shown = answer.redirect_chain[-1][0]
    refused = manager.get(f"{shown}refused/")
    assert "'=1+1" in refused.content.decode("utf-8-sig")
    assert manager.post(shown, follow=True).status_code == 200
    with organization_scope(florist):
        assert SuppressionList.objects.get().status == ListStatus.QUEUED


def test_list_page_another_clients_list_is_not_found(museum: Organization, manager: Client) -> None:
    with organization_scope(museum):
        foreign = upload(museum)
    url = reverse("admin:contacts_suppression_uploaded", args=[foreign.pk])
    assert manager.get(url).status_code == manager.post(url).status_code == 404
    assert manager.get(f"{url}refused/").status_code == 404
