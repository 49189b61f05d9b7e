"""Contacts by a part: each of the three ways finds the same, nothing of others, and what has changed at once."""

import pytest
from django.db import connection

from core.accounts.models import Organization
from core.common.ids import new_id
from core.common.tenancy import OrganizationMismatch, all_organizations, organization_scope
from core.contacts import search
from core.contacts.models import Contact, ContactImport, ContactSearch, ImportedChunk
from core.contacts.search import contacts_reindex, folded, index_imported_chunks, search_contacts, search_text_sql
from tests.support import factories


@pytest.fixture(params=["walk", "ids", "subquery"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each way of finding, whatever the number of contacts would choose."""
    monkeypatch.setattr(search, "_is_common", lambda source: request.param == "walk")
    monkeypatch.setattr(search, "MOST_IDS", 0 if request.param == "subquery" else 1_000)
    return request.param


def _person(organization: Organization, email: str, **fields: str) -> Contact:
    contact = factories.make_contact(organization, email, **fields)
    contacts_reindex(organization_id=organization.pk, contact_ids=[contact.pk])
    return contact


def _found(text: str) -> list[str]:
    return [contact.email for contact in search_contacts(Contact.objects.order_by("-id"), text)]


def test_search_by_part_finds_address_name_company_and_phone(way: str, in_florist: Organization) -> None:
    _person(
        in_florist,
        "ana.lopez@shop.example",
        first_name="Ana",
        last_name="López",
        company="Flor & Sol",
        phone="0971 23 45",
        phone_e164="+34971234567",
    )
    _person(in_florist, "other@elsewhere.example")
    for part in ("lopez@sh", "ana", "LÓPEZ", "lópez flor", "sol shop", "shop 71 23", "971234", "López ANA"):
        assert _found(part) == ["ana.lopez@shop.example"], part
    for part in ("anna", "lopez elsewhere", "shopp"):
        assert _found(part) == [], part


def test_search_takes_wildcards_as_letters(way: str, in_florist: Organization) -> None:
    _person(in_florist, "a_b100%c@mail.example")
    _person(in_florist, "axb100xc@mail.example")
    assert _found("a_b100%c") == ["a_b100%c@mail.example"]
    assert _found("%%%") == []
    assert _found("\\\\\\") == []


def test_search_keeps_order_and_filters_of_the_list(way: str, in_florist: Organization) -> None:
    old, gone, new = (_person(in_florist, f"same-{word}@mail.example") for word in ("old", "gone", "new"))
    queryset = Contact.objects.exclude(pk=gone.pk).order_by("-id")
    assert [contact.pk for contact in search_contacts(queryset, "same-")] == [new.pk, old.pk]


def test_search_of_other_client_finds_nothing(way: str, florist: Organization, museum: Organization) -> None:
    with organization_scope(florist):
        _person(florist, "secret@florist.example")
    with organization_scope(museum):
        assert _found("secret") == []
    with organization_scope(florist, museum):
        assert _found("secret") == ["secret@florist.example"]
    with all_organizations(reason="a test looks from above"):
        assert _found("secret") == ["secret@florist.example"]


def test_search_by_two_letters_takes_the_beginning_of_the_address(in_florist: Organization) -> None:
    _person(in_florist, "zoe@mail.example")
    _person(in_florist, "azo@mail.example")
    assert _found("ZO") == ["zoe@mail.example"]
    assert _found("z%") == []


def test_tag_is_found_each_way(way: str, in_florist: Organization, museum: Organization) -> None:
    vip, _other = factories.make_contact(in_florist, tags=["vip", "new"]), factories.make_contact(in_florist)
    with organization_scope(museum):
        factories.make_contact(museum, tags=["vip"])
    assert list(search.tagged_contacts(Contact.objects.all(), "vip")) == [vip]
    assert not search.tagged_contacts(Contact.objects.all(), "vi").exists()


@pytest.mark.parametrize("text", ["", "   ", "\x00"])
def test_search_for_nothing_leaves_the_list(in_florist: Organization, text: str) -> None:
    _person(in_florist, "zoe@mail.example")
    assert _found(text) == ["zoe@mail.example"]


def test_probe_tells_common_parts_from_rare_ones(in_florist: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "PROBED", 4)
    monkeypatch.setattr(search, "COMMON_FROM", 2)
    for number in range(5):
        _person(in_florist, f"person{number}@mail.example")
    assert search._is_common(search._text_source(["person"]))
    assert not search._is_common(search._text_source(["person3"]))
    monkeypatch.setattr(search, "PROBED", 50)
    assert search._is_common(search._text_source(["person3"]))  # so few contacts that any way is quick


@pytest.mark.parametrize(
    "text", ["Ana López", "ÅNGSTRÖM", "ﬁne", "Ünïcode Ñandú", "Иван", "straße", "o'neil+tag@x.example", "Zoë\u0301"]
)
def test_folding_is_the_same_in_python_and_in_the_database(db: None, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {search_text_sql('c')} FROM (SELECT %s AS email_key, NULL AS first_name, NULL AS last_name,"
            " NULL AS company, NULL AS phone, NULL AS phone_e164) AS c",
            [text],
        )
        assert cursor.fetchone()[0] == folded(text)


def test_reindex_follows_changes_and_deletions(in_florist: Organization) -> None:
    contact = _person(in_florist, "old@mail.example")
    Contact.objects.filter(pk=contact.pk).update(email_key="new@mail.example")
    contacts_reindex(organization_id=in_florist.pk, contact_ids=[contact.pk])
    assert _found("new@") == [contact.email]
    assert _found("old@m") == []
    Contact.objects.filter(pk=contact.pk).update(deleted_at=contact.created_at)
    contacts_reindex(organization_id=in_florist.pk, contact_ids=[contact.pk])
    assert not ContactSearch.objects.exists()


def test_reindex_of_another_client_is_refused(florist: Organization, museum: Organization) -> None:
    with organization_scope(museum):
        theirs = factories.make_contact(museum)
    with organization_scope(florist):
        with pytest.raises(OrganizationMismatch):
            contacts_reindex(organization_id=museum.pk, contact_ids=[theirs.pk])
        contacts_reindex(organization_id=florist.pk, contact_ids=[theirs.pk])
        assert not ContactSearch.objects.exists()


def _chunk(organization: Organization, number: int, **ids: object) -> ImportedChunk:
    contact_import = ContactImport.objects.first() or ContactImport.objects.create(
        organization=organization, file_name="people.csv"
    )
    return ImportedChunk.objects.create(
        organization=organization,
        contact_import=contact_import,
        number=number,
        written_at="2026-01-01T00:00Z",
        **ids,
    )


def test_imported_chunks_become_searchable_once(in_florist: Organization) -> None:
    created, revived, changed, untouched = (
        factories.make_contact(in_florist, f"{word}@mail.example") for word in ("cre", "rev", "cha", "unt")
    )
    _chunk(in_florist, 1, created_ids=[created.pk], revived_ids=[revived.pk])
    _chunk(in_florist, 2, before={str(changed.pk): {"first_name": "Eve"}}, created_ids=[new_id()])
    assert index_imported_chunks() == 2
    assert set(ContactSearch.objects.values_list("pk", flat=True)) == {created.pk, revived.pk, changed.pk}
    assert untouched.pk not in set(ContactSearch.objects.values_list("pk", flat=True))
    assert index_imported_chunks() == 0
