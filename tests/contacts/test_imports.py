"""An import from its upload to its result."""

import datetime

import pytest
from django.utils import timezone

from core.accounts.models import AuditEvent, Organization
from core.common.tenancy import all_organizations, organization_scope
from core.contacts import services
from core.contacts.choices import ContactStatus, ImportStatus, SuppressionKind, SuppressionReason
from core.contacts.errors import ContactExists, UnreadableFile, WrongImportState
from core.contacts.imports import preview, runner
from core.contacts.imports.preview import import_totals
from core.contacts.models import (
    Contact,
    ContactGroup,
    ContactGroupMembership,
    ContactImport,
    RefusedRow,
    Suppression,
)
from core.contacts.resources import preview_rows
from core.contacts.suppression_keys import suppression_key
from core.subscriptions import usage
from core.subscriptions.choices import Metric
from core.subscriptions.errors import LimitReached
from core.subscriptions.models import Subscription
from tests.contacts.messy import GOOD_ROWS, messy_file
from tests.support.factories import make_contact, make_group, make_plan


def confirmed(organization: Organization, content: bytes, *, group: str = "") -> ContactImport:
    """An import that waits for its worker."""
    draft = services.import_upload(organization=organization, file_name="list.csv", content=content)
    fields = [column["field"] for column in draft.columns]
    services.import_map(contact_import_id=draft.pk, fields=fields, new_group_name=group)
    ContactImport.objects.filter(pk=draft.pk).update(status=ImportStatus.QUEUED, heartbeat_at=timezone.now())
    return draft


def imported(organization: Organization, content: bytes, *, group: str = "") -> ContactImport:
    done = confirmed(organization, content, group=group)
    services.import_run(contact_import_id=done.pk)
    done.refresh_from_db()
    return done


def counts(done: ContactImport) -> tuple[int, int, int, int]:
    return done.created_count, done.updated_count, done.unchanged_count, done.refused_count


def test_import_messy_file_takes_every_good_row_and_names_every_bad_one(in_florist: Organization) -> None:
    messy = messy_file()
    done = imported(in_florist, messy.content, group="Newsletter")
    assert (done.status, done.rows_total, done.rows_done) == (ImportStatus.DONE, messy.rows, messy.rows)
    assert counts(done) == (GOOD_ROWS, 0, 0, 40)
    assert set(RefusedRow.objects.values_list("row_number", flat=True)) == messy.bad_rows
    assert Contact.objects.count() == ContactGroupMembership.objects.count() == GOOD_ROWS
    assert usage.used(organization_id=in_florist.pk, metric=Metric.CONTACTS) == GOOD_ROWS
    actions = list(AuditEvent.objects.filter(action__startswith="import.").values_list("action", flat=True))
    assert {"import.started", "import.finished"} <= set(actions)


def test_import_same_file_twice_changes_nothing(in_florist: Organization) -> None:
    messy = messy_file()
    imported(in_florist, messy.content)
    before = dict(Contact.objects.values_list("pk", "updated_at"))
    again = imported(in_florist, messy.content)
    assert counts(again) == (0, 0, GOOD_ROWS, 40)
    assert dict(Contact.objects.values_list("pk", "updated_at")) == before


def test_import_existing_contact_is_completed_never_emptied_and_never_resubscribed(in_florist: Organization) -> None:
    contact = make_contact(
        in_florist,
        "Anna@x.example",
        first_name="Anna",
        company="Florist",
        attributes={"city": "Vigo", "size": "L"},
        status=ContactStatus.UNSUBSCRIBED,
    )
    done = imported(
        in_florist, b"email,first name,last name,company,city,status\nanna@X.example,,Berg,,Lugo,subscribed\n"
    )
    contact.refresh_from_db()
    assert counts(done) == (0, 1, 0, 0)
    assert done.protected_count == 1
    assert (contact.email, contact.first_name, contact.last_name, contact.company) == (
        "Anna@x.example",
        "Anna",
        "Berg",
        "Florist",
    )
    assert contact.attributes == {"city": "Lugo", "size": "L"}
    assert contact.status == ContactStatus.UNSUBSCRIBED


def test_import_suppressed_new_address_arrives_unsubscribed(in_florist: Organization) -> None:
    Suppression.objects.create(
        organization=in_florist,
        email="a@x.example",
        key=suppression_key(SuppressionKind.ADDRESS, "a@x.example"),
        reason=SuppressionReason.UNSUBSCRIBED,
    )
    done = imported(in_florist, b"email\nA@x.example\nb@x.example\n")
    assert done.protected_count == 1
    assert Contact.objects.get(email_key="a@x.example").status == ContactStatus.UNSUBSCRIBED


def test_import_deleted_contact_comes_back_counted_as_new(in_florist: Organization) -> None:
    imported(in_florist, b"email\na@x.example\n")
    contact = Contact.objects.get()
    services.contact_unsubscribe(contact_id=contact.pk, source="test")
    services.contacts_delete(contact_ids=[contact.pk])
    done = imported(in_florist, b"email\na@x.example\n")
    contact.refresh_from_db()
    assert counts(done) == (1, 0, 0, 0)
    assert (contact.deleted_at, contact.status) == (None, ContactStatus.UNSUBSCRIBED)
    assert usage.used(organization_id=in_florist.pk, metric=Metric.CONTACTS) == 1


def test_import_id_column_is_not_honoured(in_florist: Organization, museum: Organization) -> None:
    with all_organizations(reason="the museum's contact"):
        foreign = make_contact(museum, "guard@museum.example", first_name="Guard")
    imported(in_florist, f"id,email,first name\n{foreign.pk},guard@museum.example,Thief\n".encode())
    own = Contact.objects.get()
    assert own.pk != foreign.pk
    with all_organizations(reason="look"):
        foreign.refresh_from_db()
        assert (foreign.first_name, foreign.organization_id) == ("Guard", museum.pk)


def test_import_past_the_plan_is_refused_before_it_starts(in_florist: Organization) -> None:
    Subscription.objects.update(plan=make_plan(name="Small", max_contacts=2))
    draft = services.import_upload(
        organization=in_florist, file_name="l.csv", content=b"email\na@x.example\nb@x.example\nc@x.example\n"
    )
    with pytest.raises(LimitReached, match="room for 2 more"):
        services.import_confirm(contact_import_id=draft.pk)
    draft.refresh_from_db()
    assert draft.status == ImportStatus.DRAFT
    assert not Contact.objects.exists()


def test_import_past_the_plan_found_out_by_the_run_writes_nothing(
    in_florist: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file too long to be counted on the page is counted by the worker, before its first row is written."""
    monkeypatch.setattr(preview, "COUNTED_ROWS", 2)
    monkeypatch.setattr(runner, "CHUNK_ROWS", 2)
    Subscription.objects.update(plan=make_plan(name="Small", max_contacts=3))
    rows = "\n".join(f"p{number}@x.example" for number in range(5))
    done = imported(in_florist, f"email\n{rows}\n".encode())
    assert (done.status, done.rows_done, done.created_count) == (ImportStatus.FAILED, 0, 0)
    assert "adds 5 contacts, but the Small plan has room for 3 more" in done.problem
    assert Contact.objects.count() == usage.used(organization_id=in_florist.pk, metric=Metric.CONTACTS) == 0


def test_import_of_known_contacts_into_a_full_plan_is_done(in_florist: Organization) -> None:
    imported(in_florist, b"email\na@x.example\nb@x.example\n")
    Subscription.objects.update(plan=make_plan(max_contacts=2))
    assert imported(in_florist, b"email,company\na@x.example,A\nb@x.example,B\n").updated_count == 2


def test_import_map_twice_with_a_new_group_makes_it_once(in_florist: Organization) -> None:
    draft = services.import_upload(organization=in_florist, file_name="l.csv", content=b"email\na@x.example\n")
    for _click in range(2):
        services.import_map(contact_import_id=draft.pk, fields=["email"], new_group_name=" Vips ")
    draft.refresh_from_db()
    assert draft.group == ContactGroup.objects.get(name="Vips")
    another = services.import_upload(organization=in_florist, file_name="m.csv", content=b"email\nb@x.example\n")
    with pytest.raises(ContactExists, match="has a group “Vips” already"):
        services.import_map(contact_import_id=another.pk, fields=["email"], new_group_name="Vips")


def test_import_confirm_twice_queues_once_and_cancelled_is_refused(in_florist: Organization) -> None:
    draft = services.import_upload(organization=in_florist, file_name="l.csv", content=b"email\na@x.example\n")
    services.import_confirm(contact_import_id=draft.pk)
    services.import_confirm(contact_import_id=draft.pk)
    assert AuditEvent.objects.filter(action="import.confirmed").count() == 1
    with pytest.raises(WrongImportState):
        services.import_map(contact_import_id=draft.pk, fields=["email"])
    assert services.import_cancel(contact_import_id=draft.pk) is True
    assert services.import_cancel(contact_import_id=draft.pk) is False
    with pytest.raises(WrongImportState):
        services.import_confirm(contact_import_id=draft.pk)
    assert "skipped" in services.import_run(contact_import_id=draft.pk)


def test_import_header_only_is_refused(in_florist: Organization) -> None:
    with pytest.raises(UnreadableFile, match="no rows"):
        services.import_upload(organization=in_florist, file_name="l.csv", content=b"email,name\n")


def test_import_interrupted_goes_on_at_its_checkpoint(
    in_florist: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "CHUNK_ROWS", 2)
    lines = [f"p{n}@x.example" for n in range(5)] + ["P0@x.example"]
    waiting = confirmed(in_florist, "\n".join(["email", *lines]).encode())
    real = runner.write_chunk
    calls = []

    def dies_in_the_second_chunk(**arguments: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            real(**arguments)  # type: ignore[arg-type]
            raise KeyboardInterrupt
        return real(**arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(runner, "write_chunk", dies_in_the_second_chunk)
    with pytest.raises(KeyboardInterrupt):
        services.import_run(contact_import_id=waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.rows_done, Contact.objects.count()) == (ImportStatus.RUNNING, 2, 2)
    services.import_run(contact_import_id=waiting.pk)
    waiting.refresh_from_db()
    assert counts(waiting) == (5, 0, 0, 1)
    assert RefusedRow.objects.get().reason.endswith("same address as row 2.")


def test_resume_imports_wakes_only_the_stalled(
    in_florist: Organization, everywhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.contacts import tasks

    sent: list[object] = []
    monkeypatch.setattr(tasks, "enqueue", lambda task, **ids: sent.append(ids["import_id"]))
    stalled, fresh = (confirmed(in_florist, b"email\na@x.example\n") for _ in range(2))
    old = timezone.now() - datetime.timedelta(minutes=5)
    ContactImport.objects.filter(pk=stalled.pk).update(heartbeat_at=old)
    assert tasks.resume_imports() == {"resumed": 1}
    assert sent == [stalled.pk]
    assert fresh.pk not in sent


def test_import_preview_and_totals_say_what_the_run_does(in_florist: Organization) -> None:
    make_contact(in_florist, "same@x.example", first_name="Same")
    make_contact(in_florist, "old@x.example", first_name="Old", attributes={"city": "Vigo"})
    content = (
        b"email,first name,city\nsame@x.example,Same,\nold@x.example,New,\n"
        b"new@x.example,N,Lugo\nbroken,,\nNEW@x.example,,\n"
    )
    draft = services.import_upload(organization=in_florist, file_name="l.csv", content=content)
    rows = preview_rows(draft, limit=10)
    assert [row["label"] for row in rows] == ["Same", "Changed", "New", "Refused", "Refused"]
    assert [value for _label, value in rows[1]["cells"]] == ["old@x.example", "New", "Vigo"]
    totals = import_totals(draft)
    assert Contact.objects.count() == 2
    done = imported(in_florist, content)
    assert counts(done) == (totals.created, totals.updated, totals.unchanged, totals.refused) == (1, 1, 1, 2)


def test_import_of_another_organization_is_out_of_reach(in_florist: Organization, museum: Organization) -> None:
    with organization_scope(museum):
        foreign = confirmed(museum, b"email\na@x.example\n")
    assert services.import_run(contact_import_id=foreign.pk) == {"skipped": "not confirmed, or done already"}
    with pytest.raises(ContactImport.DoesNotExist):
        services.import_confirm(contact_import_id=foreign.pk)
    group = make_group(in_florist)
    with organization_scope(museum), pytest.raises(ContactImport.DoesNotExist):
        services.import_map(contact_import_id=group.pk, fields=[])
