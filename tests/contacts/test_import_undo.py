"""Undo: what an import changed is put back row by row, what changed since is left alone and said."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.accounts.models import AuditEvent, Organization
from core.common.tenancy import organization_scope
from core.contacts import services
from core.contacts.choices import ContactStatus, ImportMode, ImportStatus
from core.contacts.errors import WrongImportState
from core.contacts.imports import chunks, parts, runner
from core.contacts.models import Contact, ContactGroupMembership, ContactImport, ContactSearch, ImportedChunk
from core.contacts.queries import import_progress
from core.subscriptions import usage
from core.subscriptions.choices import Metric
from tests.contacts.test_imports import confirmed, imported, uploaded
from tests.support.factories import make_contact, make_group

_COMPARED = [
    field.attname
    for field in Contact._meta.concrete_fields
    if field.attname not in ("last_opened_at", "last_clicked_at")
]


def undone(done: ContactImport) -> ContactImport:
    assert services.import_undo(contact_import_id=done.pk) is True
    services.import_undo_run(contact_import_id=done.pk)
    done.refresh_from_db()
    assert done.status == ImportStatus.UNDONE
    return done


def state_of_contacts() -> dict[str, dict[str, Any]]:
    """Every column of the contacts that are there, by address."""
    rows = Contact.objects.filter(deleted_at=None).values(*_COMPARED)
    return {row["email_key"]: row for row in rows}


def memberships() -> set[tuple[str, str]]:
    return set(ContactGroupMembership.objects.values_list("contact__email_key", "group__name"))


def counted_against_the_plan(organization: Organization) -> int:
    return usage.used(organization_id=organization.pk, metric=Metric.CONTACTS)


def test_undo_puts_created_changed_and_joined_contacts_back(in_florist: Organization) -> None:
    group = make_group(in_florist)
    old = make_contact(
        in_florist, "old@x.example", first_name="Old", phone="1", attributes={"city": "Vigo"}, tags=["vip"]
    )
    make_group(in_florist, "Other", [old])
    make_contact(in_florist, "gone@x.example", first_name="Gone")
    services.contacts_delete(contact_ids=[Contact.objects.get(email="gone@x.example").pk])
    gone = Contact.objects.values(*_COMPARED).get(email="gone@x.example")
    before, groups, used = state_of_contacts(), memberships(), counted_against_the_plan(in_florist)
    done = imported(
        in_florist,
        b"email,first name,phone,city\nold@x.example,New,,Lugo\nnew@x.example,N,,\ngone@x.example,Back,,\n",
        group_ids=[group.pk],
        tags=["fair"],
        mode=ImportMode.OVERWRITE_EMPTY,
    )
    assert (done.created_count, done.updated_count) == (2, 1)
    assert len(memberships()) == 4
    undone(done)
    assert (done.restored_count, done.kept_count) == (3, 0)
    assert state_of_contacts() == before
    assert Contact.objects.values(*_COMPARED).get(email="gone@x.example") == gone
    assert Contact.objects.get(email="new@x.example").deleted_at is not None
    assert memberships() == groups
    assert counted_against_the_plan(in_florist) == used
    assert AuditEvent.objects.filter(action="import.undone").count() == 1


def test_undo_leaves_what_changed_since_and_says_why(in_florist: Organization) -> None:
    for name in ("edited", "deleted"):
        make_contact(in_florist, f"{name}@x.example")
    addresses = ("edited", "deleted", "new-edited", "new-left", "new")
    rows = "".join(f"{name}@x.example,N\n" for name in addresses)
    done = imported(in_florist, f"email,first name\n{rows}".encode(), group="Fair")
    ids = {contact.email.partition("@")[0]: contact.pk for contact in Contact.objects.all()}
    services.contact_change(contact_id=ids["edited"], email="edited@x.example", company="C")
    services.contact_change(contact_id=ids["new-edited"], email="new-edited@x.example", company="C")
    services.contact_unsubscribe(contact_id=ids["new-left"], source="test")
    services.contacts_delete(contact_ids=[ids["deleted"]])
    undone(done)
    assert (done.restored_count, done.kept_count) == (1, 4)
    assert ImportedChunk.objects.get().kept == {
        str(ids["edited"]): "Changed since the import",
        str(ids["new-edited"]): "Changed since the import",
        str(ids["new-left"]): "Changed since the import",
        str(ids["deleted"]): "Deleted since the import",
    }
    assert set(state_of_contacts()) == {"edited@x.example", "new-edited@x.example", "new-left@x.example"}
    assert Contact.objects.get(pk=ids["new-left"]).status == ContactStatus.UNSUBSCRIBED
    assert Contact.objects.get(pk=ids["edited"]).first_name == "N"


def test_undo_leaves_groups_that_somebody_joined_anew(in_florist: Organization) -> None:
    group = make_group(in_florist, "Fair")
    contacts = [make_contact(in_florist, f"{name}@x.example") for name in "abc"]
    services.group_add_contacts(group_id=group.pk, contact_ids=[contacts[2].pk])
    done = imported(in_florist, b"email\na@x.example\nb@x.example\nc@x.example\n", group_ids=[group.pk])
    services.group_remove_contacts(group_id=group.pk, contact_ids=[contacts[0].pk])
    ContactGroupMembership.objects.create(organization=in_florist, group=group, contact=contacts[0])
    undone(done)
    assert memberships() == {("a@x.example", "Fair"), ("c@x.example", "Fair")}


def test_undo_of_the_older_import_after_the_newer_restores_everything(in_florist: Organization) -> None:
    make_contact(in_florist, "a@x.example", first_name="Zero")
    before = state_of_contacts()
    first = imported(in_florist, b"email,first name\na@x.example,One\n")
    second = imported(in_florist, b"email,first name\na@x.example,Two\n")
    undone(second)
    undone(first)
    assert state_of_contacts() == before


def test_undo_of_the_older_import_first_leaves_what_the_newer_changed(in_florist: Organization) -> None:
    make_contact(in_florist, "a@x.example", first_name="Zero")
    first = imported(in_florist, b"email,first name\na@x.example,One\n")
    second = imported(in_florist, b"email,first name\na@x.example,Two\n")
    assert undone(first).kept_count == 1
    undone(second)
    assert Contact.objects.get().first_name == "One"


def test_undo_twice_does_it_once_and_refuses_what_cannot_be_undone(in_florist: Organization) -> None:
    draft = uploaded(in_florist, b"email\na@x.example\n")
    with pytest.raises(WrongImportState, match="has not ended"):
        services.import_undo(contact_import_id=draft.pk)
    services.import_cancel(contact_import_id=draft.pk)
    with pytest.raises(WrongImportState, match="changed nothing"):
        services.import_undo(contact_import_id=draft.pk)
    old = imported(in_florist, b"email\nb@x.example\n")
    ContactImport.objects.filter(pk=old.pk).update(finished_at=timezone.now() - datetime.timedelta(days=7, hours=1))
    with pytest.raises(WrongImportState, match="more than 7 days ago"):
        services.import_undo(contact_import_id=old.pk)
    done = undone(imported(in_florist, b"email\nc@x.example\n"))
    assert services.import_undo(contact_import_id=done.pk) is False
    assert "skipped" in services.import_undo_run(contact_import_id=done.pk)


def test_undo_of_an_import_stopped_half_way_restores_its_half(
    in_florist: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART_ROWS", 2)
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 2)
    waiting = confirmed(in_florist, b"email\n" + b"".join(b"p%d@x.example\n" % n for n in range(9)))
    real = runner._write_chunk

    def cancelled_in_the_second(contact_import: ContactImport, *arguments: Any) -> None:
        real(contact_import, *arguments)
        if Contact.objects.count() == 4:
            services.import_cancel(contact_import_id=contact_import.pk)

    monkeypatch.setattr(runner, "_write_chunk", cancelled_in_the_second)
    services.import_run(contact_import_id=waiting.pk)
    assert Contact.objects.count() == 4
    services.import_undo(contact_import_id=waiting.pk)
    waiting.refresh_from_db()
    assert (import_progress(waiting).rows_total, import_progress(waiting).rows_done) == (4, 0)
    services.import_undo_run(contact_import_id=waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.restored_count, state_of_contacts()) == (ImportStatus.UNDONE, 4, {})


def test_undo_takes_contacts_out_of_the_search(in_florist: Organization) -> None:
    from core.contacts.search import index_imported_chunks

    done = imported(in_florist, b"email\na@x.example\n")
    index_imported_chunks()
    assert ContactSearch.objects.count() == 1
    undone(done)
    assert not ContactSearch.objects.exists()


def test_undo_of_another_organizations_import_is_out_of_reach(in_florist: Organization, museum: Organization) -> None:
    done = imported(in_florist, b"email\na@x.example\n")
    with organization_scope(museum):
        with pytest.raises(ContactImport.DoesNotExist):
            services.import_undo(contact_import_id=done.pk)
        assert "skipped" in services.import_undo_run(contact_import_id=done.pk)
    assert Contact.objects.filter(deleted_at=None).count() == 1


# Random histories: imports of overlapping files in every mode, edits by hand between them, then undo of all imports,
# the newest first.

_ADDRESSES = [f"{name}@x.example" for name in "abcde"]
_ROWS = st.dictionaries(
    st.sampled_from(_ADDRESSES),
    st.tuples(st.sampled_from(["", "Ana", "Eva"]), st.sampled_from(["", "Vigo"])),
    min_size=1,
)
_IMPORTS = st.tuples(
    st.just("import"),
    _ROWS,
    st.sampled_from(list(ImportMode)),
    st.sets(st.sampled_from(["One", "Two"])),
    st.sets(st.sampled_from(["fair", "vip"])),
)
_EDITS = st.tuples(st.sampled_from(["change", "delete", "unsubscribe"]), st.sampled_from(_ADDRESSES))
_HISTORIES = st.lists(st.one_of(_IMPORTS, _IMPORTS, _EDITS), min_size=1, max_size=6)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(existing=st.sets(st.sampled_from(_ADDRESSES)), history=_HISTORIES)
def test_undo_of_everything_restores_every_contact_nobody_else_touched(
    in_florist: Organization, existing: set[str], history: list[Any]
) -> None:
    with transaction.atomic():
        _replay(in_florist, existing, history)
        transaction.set_rollback(True)


def _replay(organization: Organization, existing: set[str], history: list[Any]) -> None:
    groups = {name: make_group(organization, name).pk for name in ("One", "Two")}
    for address in sorted(existing):
        services.contact_add(organization=organization, email=address, first_name="First", attributes={"size": "L"})
    runs: list[tuple[ContactImport, dict[str, Any], set[tuple[str, str]]]] = []
    touched_after: list[set[str]] = []
    for number, step in enumerate(history):
        if step[0] == "import":
            snapshot = state_of_contacts(), memberships()
            runs.append((_import_step(organization, groups, *step[1:]), *snapshot))
            touched_after.append(set())
        elif _EDIT_STEPS[step[0]](step[1], number):
            for touched in touched_after:
                touched.add(step[1])
    for (done, contacts, joined), touched in reversed(list(zip(runs, touched_after, strict=True))):
        present = state_of_contacts()
        undone(done)
        after = state_of_contacts()
        for address in _ADDRESSES:
            expected = present if address in touched else contacts
            assert after.get(address) == expected.get(address)
        assert {pair for pair in memberships() if pair[0] not in touched} == {
            pair for pair in joined if pair[0] not in touched
        }
        assert counted_against_the_plan(organization) == len(after)


def _import_step(
    organization: Organization,
    groups: dict[str, Any],
    rows: dict[str, tuple[str, str]],
    mode: ImportMode,
    names: set[str],
    tags: set[str],
) -> ContactImport:
    lines = "".join(f"{address},{first},{city}\n" for address, (first, city) in rows.items())
    content = f"email,first name,city\n{lines}".encode()
    group_ids = [groups[name] for name in sorted(names)]
    return imported(organization, content, mode=mode, group_ids=group_ids, tags=sorted(tags))


def _found(address: str) -> Contact | None:
    return Contact.objects.filter(email_key=address, deleted_at=None).first()


def _change(address: str, number: int) -> bool:
    contact = _found(address)
    if contact is not None:
        services.contact_change(contact_id=contact.pk, email=contact.email, company=f"Company {number}")
    return contact is not None


def _delete(address: str, _number: int) -> bool:
    contact = _found(address)
    return contact is not None and services.contacts_delete(contact_ids=[contact.pk]) == 1


def _unsubscribe(address: str, _number: int) -> bool:
    contact = _found(address)
    return (
        contact is not None
        and contact.status == ContactStatus.SUBSCRIBED
        and services.contact_unsubscribe(contact_id=contact.pk, source="test")
    )


_EDIT_STEPS: dict[str, Callable[[str, int], bool]] = {
    "change": _change,
    "delete": _delete,
    "unsubscribe": _unsubscribe,
}
