"""An import from its upload to its result."""

import datetime
import io
import tracemalloc
from typing import Any

import pytest
from django.utils import timezone

from core.accounts.models import AuditEvent, Organization
from core.common.tenancy import all_organizations, organization_scope
from core.contacts import services
from core.contacts.choices import (
    ConsentBasis,
    ContactStatus,
    FieldKind,
    ImportMode,
    ImportStatus,
    SuppressionKind,
    SuppressionReason,
)
from core.contacts.errors import BadChoice, ContactExists, UnreadableFile, WrongImportState
from core.contacts.imports import chunks, parts, preview, runner
from core.contacts.imports.preview import import_totals
from core.contacts.models import (
    AgencySuppression,
    Contact,
    ContactField,
    ContactGroup,
    ContactGroupMembership,
    ContactImport,
    ContactTag,
    ImportedChunk,
    ImportPart,
    RefusedRow,
    Suppression,
)
from core.contacts.queries import import_progress
from core.contacts.services.imports import drafts
from core.contacts.suppression_keys import address_hash, suppression_key
from core.subscriptions import usage
from core.subscriptions.choices import Metric
from core.subscriptions.errors import LimitReached
from core.subscriptions.models import Subscription
from tests.contacts.messy import GOOD_ROWS, messy_file
from tests.support.factories import make_contact, make_group, make_plan


def uploaded(organization: Organization, content: bytes, *, name: str = "list.csv") -> ContactImport:
    return services.import_upload(
        organization=organization, file_name=name, file=io.BytesIO(content), size=len(content)
    )


def mapped(draft: ContactImport, **choices: Any) -> ContactImport:
    """The draft with its guessed columns and these choices; express consent unless they say otherwise."""
    fields = choices.pop("fields", [column["field"] for column in draft.columns])
    return services.import_map(
        contact_import_id=draft.pk, fields=fields, **{"consent_basis": ConsentBasis.EXPRESS, **choices}
    )


def confirmed(organization: Organization, content: bytes, *, group: str = "", **choices: Any) -> ContactImport:
    """An import that waits for its worker."""
    draft = mapped(uploaded(organization, content), new_group_name=group, **choices)
    return services.import_confirm(contact_import_id=draft.pk)


def imported(organization: Organization, content: bytes, *, group: str = "", **choices: Any) -> ContactImport:
    done = confirmed(organization, content, group=group, **choices)
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
    draft = mapped(uploaded(in_florist, b"email\na@x.example\nb@x.example\nc@x.example\n"))
    with pytest.raises(LimitReached, match="room for 2 more"):
        services.import_confirm(contact_import_id=draft.pk)
    draft.refresh_from_db()
    assert draft.status == ImportStatus.DRAFT
    assert not Contact.objects.exists()


def test_import_past_the_plan_found_out_by_the_run_writes_nothing(
    in_florist: Organization, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file too long to be counted on the page is counted by the worker, before its first row is written."""
    monkeypatch.setattr(preview, "COUNTED_ROWS", 2)
    Subscription.objects.update(plan=make_plan(name="Small", max_contacts=3))
    rows = "\n".join(f"p{number}@x.example" for number in range(5))
    done = imported(in_florist, f"email\n{rows}\n".encode())
    assert (done.status, done.rows_done, done.created_count) == (ImportStatus.FAILED, 0, 0)
    assert "adds 5 contacts, but the Small plan has room for 3 more" in done.problem
    assert Contact.objects.count() == usage.used(organization_id=in_florist.pk, metric=Metric.CONTACTS) == 0
    assert not ImportPart.objects.exists()


def test_import_of_known_contacts_into_a_full_plan_is_done(in_florist: Organization) -> None:
    imported(in_florist, b"email\na@x.example\nb@x.example\n")
    Subscription.objects.update(plan=make_plan(max_contacts=2))
    assert imported(in_florist, b"email,company\na@x.example,A\nb@x.example,B\n").updated_count == 2


def test_import_map_twice_with_a_new_group_makes_it_once(in_florist: Organization) -> None:
    draft = mapped(uploaded(in_florist, b"email\na@x.example\n"))
    for _click in range(2):
        services.import_map(contact_import_id=draft.pk, fields=["email"], new_group_name=" Vips ")
    draft.refresh_from_db()
    assert draft.group_ids == [ContactGroup.objects.get(name="Vips").pk]
    another = uploaded(in_florist, b"email\nb@x.example\n")
    with pytest.raises(ContactExists, match="has a group “Vips” already"):
        services.import_map(contact_import_id=another.pk, fields=["email"], new_group_name="Vips")


def test_import_confirm_twice_queues_once_and_cancelled_is_refused(in_florist: Organization) -> None:
    draft = mapped(uploaded(in_florist, b"email\na@x.example\n"))
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
        uploaded(in_florist, b"email,name\n")
    assert not ContactImport.objects.exists()


def test_import_interrupted_goes_on_at_its_checkpoint(
    in_florist: Organization, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"p{n}@x.example" for n in range(5)] + ["P0@x.example"]
    waiting = confirmed(in_florist, "\n".join(["email", *lines]).encode())
    real = runner.usage.reserve
    calls = []

    def dies_in_the_second_chunk(**arguments: Any) -> int:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(**arguments)

    monkeypatch.setattr(runner.usage, "reserve", dies_in_the_second_chunk)
    with pytest.raises(KeyboardInterrupt):
        services.import_run(contact_import_id=waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.rows_done, Contact.objects.count()) == (ImportStatus.RUNNING, 2, 2)
    services.import_run(contact_import_id=waiting.pk)
    waiting.refresh_from_db()
    assert counts(waiting) == (5, 0, 0, 1)
    assert RefusedRow.objects.get().reason == "“P0@x.example” is the same address as row 2."
    assert RefusedRow.objects.get().values == ["P0@x.example"]
    assert list(ImportedChunk.objects.order_by("number").values_list("number", flat=True)) == [0, 2, 4]


def test_resume_imports_wakes_only_the_stalled(
    in_florist: Organization, everywhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.contacts import tasks

    sent: list[object] = []
    monkeypatch.setattr(tasks, "enqueue", lambda task, **ids: sent.append((task.name, ids["import_id"])))
    old = timezone.now() - datetime.timedelta(minutes=5)
    expected = {
        ImportStatus.READING: "contacts.read_import",
        ImportStatus.DRAFT: "contacts.count_import",
        ImportStatus.QUEUED: "contacts.run_import",
        ImportStatus.RUNNING: "contacts.run_import",
        ImportStatus.UNDOING: "contacts.undo_import",
    }
    wanted = set()
    for status in ImportStatus:
        row = ContactImport.objects.create(organization=in_florist, file_name="l", status=status, heartbeat_at=old)
        ContactImport.objects.create(organization=in_florist, file_name="l", status=status, heartbeat_at=timezone.now())
        wanted |= {(expected[status], row.pk)} if status in expected else set()
    assert tasks.resume_imports() == {"resumed": 5}
    assert set(sent) == wanted


def test_import_totals_say_what_the_run_does(in_florist: Organization) -> None:
    make_contact(in_florist, "same@x.example", first_name="Same", consent_basis="contract")
    make_contact(in_florist, "old@x.example", first_name="Old", attributes={"city": "Vigo"})
    content = (
        b"email,first name,city\nsame@x.example,Same,\nold@x.example,New,\n"
        b"info@mailinator.com,N,Lugo\nbroken,,\nINFO@mailinator.com,,\n"
    )
    totals = import_totals(mapped(uploaded(in_florist, content)))
    assert Contact.objects.count() == 2
    assert (totals.rows, totals.duplicates, totals.role, totals.disposable) == (5, 1, 1, 1)
    assert [refusal.row_number for refusal in totals.refusals] == [5, 6]
    done = imported(in_florist, content)
    assert counts(done) == (totals.created, totals.updated, totals.unchanged, totals.refused) == (1, 1, 1, 2)
    new = Contact.objects.get(email_key="info@mailinator.com")
    assert (new.is_role_address, new.is_disposable_address) == (True, True)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows a part and a chunk."""
    monkeypatch.setattr(parts, "PART_ROWS", 2)
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 2)


def test_import_totals_of_a_long_file_are_counted_by_a_worker(
    in_florist: Organization, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "COUNTED_ROWS", 2)
    draft = mapped(uploaded(in_florist, b"email\na@x.example\nb@x.example\nb@x.example\nbroken\n"))
    assert draft.heartbeat_at is not None
    assert import_totals(draft) == preview.ImportTotals()
    services.import_count(contact_import_id=draft.pk)
    draft.refresh_from_db()
    totals = import_totals(draft)
    assert (totals.rows, totals.created, totals.refused, totals.duplicates) == (4, 2, 2, 1)
    assert totals.is_complete
    assert (draft.rows_done, draft.heartbeat_at) == (0, None)
    assert services.import_count(contact_import_id=draft.pk) == {"skipped": "nothing to count"}
    again = mapped(draft, mode=ImportMode.ADD_ONLY)
    assert not import_totals(again).is_complete
    assert not Contact.objects.exists()


def test_import_count_starts_over_when_the_choices_change_under_it(
    in_florist: Organization, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview, "COUNTED_ROWS", 2)
    make_contact(in_florist, "a@x.example")
    draft = mapped(uploaded(in_florist, b"email\na@x.example\nb@x.example\nc@x.example\n"))
    real, calls = preview._note, []

    def changed_under_it(counted: ContactImport, **values: Any) -> bool:
        calls.append(1)
        if len(calls) == 1:
            mapped(draft, mode=ImportMode.ADD_ONLY)
        return real(counted, **values)

    monkeypatch.setattr(preview, "_note", changed_under_it)
    assert services.import_count(contact_import_id=draft.pk) == {"rows": 3, "created": 2, "refused": 0}
    draft.refresh_from_db()
    assert (import_totals(draft).updated, import_totals(draft).unchanged) == (0, 1)


def test_import_upload_of_a_large_file_is_read_by_a_worker(
    in_florist: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "READ_AT_ONCE_BYTES", 10)
    monkeypatch.setattr(drafts, "RAW_PART_BYTES", 7)
    upload = uploaded(in_florist, b"email\na@x.example\nb@x.example\n")
    assert (upload.status, ImportPart.objects.filter(is_raw=True).count()) == (ImportStatus.READING, 5)
    with pytest.raises(WrongImportState, match="still being read"):
        services.import_map(contact_import_id=upload.pk, fields=[])
    with pytest.raises(WrongImportState, match="still being read"):
        services.import_confirm(contact_import_id=upload.pk)
    assert services.import_read(contact_import_id=upload.pk) == {"rows": 2}
    assert "skipped" in services.import_read(contact_import_id=upload.pk)
    upload.refresh_from_db()
    assert (upload.status, upload.rows_total, upload.columns[0]["field"]) == (ImportStatus.DRAFT, 2, "email")
    assert not ImportPart.objects.filter(is_raw=True).exists()


def test_import_read_of_a_file_that_is_no_table_fails_with_the_reason(
    in_florist: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "READ_AT_ONCE_BYTES", 10)
    upload = uploaded(in_florist, b"%PDF-1.7 and so on")
    services.import_read(contact_import_id=upload.pk)
    upload.refresh_from_db()
    assert upload.status == ImportStatus.FAILED
    assert "PDF" in upload.problem
    assert not ImportPart.objects.exists()


def test_import_upload_larger_than_allowed_is_refused(in_florist: Organization, settings: Any) -> None:
    settings.IMPORT_MAX_BYTES = drafts.READ_AT_ONCE_BYTES + 10
    with pytest.raises(UnreadableFile, match="larger than"):
        services.import_upload(
            organization=in_florist, file_name="l.csv", file=io.BytesIO(b""), size=settings.IMPORT_MAX_BYTES + 1
        )
    too_long = io.BytesIO(b"e" * (settings.IMPORT_MAX_BYTES + 20))
    with pytest.raises(UnreadableFile, match="larger than"):
        services.import_upload(
            organization=in_florist, file_name="l.csv", file=too_long, size=settings.IMPORT_MAX_BYTES - 1
        )


def test_import_without_a_legal_basis_is_refused(in_florist: Organization) -> None:
    draft = mapped(uploaded(in_florist, b"email\na@x.example\n"), consent_basis="")
    with pytest.raises(BadChoice, match="legal basis"):
        services.import_confirm(contact_import_id=draft.pk)


def test_import_consent_is_given_where_there_is_none_and_never_replaced(in_florist: Organization) -> None:
    given = datetime.datetime(2020, 5, 1, tzinfo=datetime.UTC)
    make_contact(in_florist, "has@x.example", consent_at=given, consent_basis="contract", consent_source="Till")
    make_contact(in_florist, "lacks@x.example")
    make_contact(in_florist, "left@x.example", status=ContactStatus.UNSUBSCRIBED)
    done = imported(
        in_florist,
        b"email\nhas@x.example\nlacks@x.example\nleft@x.example\nnew@x.example\n",
        consent_source="Fair 2026",
        consent_on=datetime.date(2026, 3, 4),
    )
    assert counts(done) == (1, 1, 2, 0)
    kept = {row[0]: row[1:] for row in Contact.objects.values_list("email", "consent_basis", "consent_source")}
    assert kept == {
        "has@x.example": ("contract", "Till"),
        "lacks@x.example": ("express", "Fair 2026"),
        "left@x.example": ("", ""),
        "new@x.example": ("express", "Fair 2026"),
    }
    assert Contact.objects.get(email="has@x.example").consent_at == given
    assert Contact.objects.get(email="new@x.example").consent_at == datetime.datetime(2026, 3, 4, tzinfo=datetime.UTC)


def test_import_modes_decide_about_known_contacts(in_florist: Organization) -> None:
    content = b"email,first name,phone,city\na@x.example,,,\nb@x.example,New,,Lugo\n"
    for mode, expected in (
        (ImportMode.UPDATE, [("Old", "1", {"city": "Vigo", "size": "L"}), ("New", "1", {"city": "Lugo", "size": "L"})]),
        (ImportMode.ADD_ONLY, [("Old", "1", {"city": "Vigo", "size": "L"})] * 2),
        (ImportMode.OVERWRITE_EMPTY, [("", "", {"size": "L"}), ("New", "", {"city": "Lugo", "size": "L"})]),
    ):
        Contact.objects.all().delete()
        for name in "ab":
            make_contact(
                in_florist,
                f"{name}@x.example",
                first_name="Old",
                phone="1",
                attributes={"city": "Vigo", "size": "L"},
                consent_basis="contract",
            )
        imported(in_florist, content, mode=mode)
        values = Contact.objects.order_by("email").values_list("first_name", "phone", "attributes")
        assert list(values) == expected, mode


def test_import_add_only_leaves_groups_and_tags_of_known_contacts(in_florist: Organization) -> None:
    known = make_contact(in_florist, "a@x.example")
    imported(in_florist, b"email\na@x.example\nb@x.example\n", group="Fair", tags=["fair"], mode=ImportMode.ADD_ONLY)
    known.refresh_from_db()
    assert known.tags == []
    assert ContactGroupMembership.objects.get().contact.email == "b@x.example"


def test_import_puts_everybody_into_all_groups_and_adds_tags(in_florist: Organization) -> None:
    first, second = make_group(in_florist, "One"), make_group(in_florist, "Two")
    make_contact(in_florist, "a@x.example", tags=["old", "fair"])
    content = b"email\na@x.example\nb@x.example\n"
    done = imported(
        in_florist, content, group_ids=[first.pk, second.pk], group="Three", tags=[" fair ", "2026", "fair"]
    )
    assert counts(done) == (1, 1, 0, 0)
    assert ContactGroupMembership.objects.count() == 6
    assert list(Contact.objects.order_by("email").values_list("tags", flat=True)) == [
        ["old", "fair", "2026"],
        ["fair", "2026"],
    ]
    assert set(ContactTag.objects.values_list("name", flat=True)) == {"fair", "2026"}
    again = imported(in_florist, content, group_ids=[first.pk], tags=["fair"])
    assert counts(again) == (0, 0, 2, 0)
    assert not ImportedChunk.objects.filter(contact_import=again).exists()


def test_import_group_deleted_meanwhile_is_left_out(in_florist: Organization) -> None:
    group = make_group(in_florist)
    waiting = confirmed(in_florist, b"email\na@x.example\n", group_ids=[group.pk])
    group.delete()
    services.import_run(contact_import_id=waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.status, Contact.objects.count()) == (ImportStatus.DONE, 1)


def test_import_map_group_of_another_organization_is_refused(in_florist: Organization, museum: Organization) -> None:
    with all_organizations(reason="the museum's group"):
        foreign = make_group(museum)
    with pytest.raises(BadChoice, match="not there any more"):
        mapped(uploaded(in_florist, b"email\na@x.example\n"), group_ids=[foreign.pk])


def test_import_custom_fields_are_made_on_confirmation_and_typed(in_florist: Organization) -> None:
    draft = uploaded(in_florist, b"email,visits\na@x.example,12\nb@x.example,often\n")
    choices: dict[str, Any] = {
        "fields": ["email", "attributes.visits"],
        "kinds": {"attributes.visits": FieldKind.NUMBER},
    }
    mapped(draft, **choices)
    assert not ContactField.objects.exists()
    services.import_confirm(contact_import_id=draft.pk)
    assert ContactField.objects.get().kind == FieldKind.NUMBER
    services.import_run(contact_import_id=draft.pk)
    assert Contact.objects.get().attributes == {"visits": 12}
    assert RefusedRow.objects.get().values == ["b@x.example", "often"]


def test_import_phone_is_kept_as_typed_and_understood(in_florist: Organization) -> None:
    content = b"email,phone\na@x.example,600 123 456\n"
    imported(in_florist, content, phone_region="ES")
    contact = Contact.objects.get()
    assert (contact.phone, contact.phone_e164) == ("600 123 456", "+34600123456")
    assert counts(imported(in_florist, content)) == (0, 0, 1, 0)


@pytest.mark.parametrize(
    ("kind", "value", "reason", "status"),
    [
        (SuppressionKind.ADDRESS, "a@x.example", SuppressionReason.COMPLAINED, ContactStatus.COMPLAINED),
        (SuppressionKind.ADDRESS, "a@x.example", SuppressionReason.MANUAL, ContactStatus.SUBSCRIBED),
        (SuppressionKind.DOMAIN, "x.example", SuppressionReason.BOUNCED, ContactStatus.BOUNCED),
        (SuppressionKind.MD5, "bbc07dbb6f38d0e8f0dab3da2cd5b4b8", SuppressionReason.IMPORTED, ContactStatus.SUBSCRIBED),
        (SuppressionKind.ERASED, "", SuppressionReason.ERASED, ContactStatus.UNSUBSCRIBED),
    ],
)
def test_import_of_a_suppressed_address_is_protected(
    in_florist: Organization, kind: SuppressionKind, value: str, reason: SuppressionReason, status: ContactStatus
) -> None:
    import hashlib

    value = {
        SuppressionKind.ERASED: address_hash("a@x.example"),
        SuppressionKind.MD5: hashlib.md5(b"a@x.example", usedforsecurity=False).hexdigest(),
    }.get(kind, value)
    Suppression.objects.create(organization=in_florist, kind=kind, key=suppression_key(kind, value), reason=reason)
    done = imported(in_florist, b"email\nA@x.example\nb@other.example\n")
    assert done.protected_count == 1
    assert Contact.objects.get(email_key="a@x.example").status == status
    assert Contact.objects.get(email_key="b@other.example").status == ContactStatus.SUBSCRIBED
    assert imported(in_florist, b"email\nA@x.example\n").protected_count == 1


def test_import_of_an_address_on_the_agencys_list_is_counted_as_protected(in_florist: Organization) -> None:
    AgencySuppression.objects.create(
        key=suppression_key(SuppressionKind.DOMAIN, "x.example"),
        kind=SuppressionKind.DOMAIN,
        reason=SuppressionReason.MANUAL,
    )
    assert imported(in_florist, b"email\na@x.example\nb@other.example\n").protected_count == 1
    assert set(Contact.objects.values_list("status", flat=True)) == {ContactStatus.SUBSCRIBED}


def test_import_paused_goes_on_where_it_stopped(
    in_florist: Organization, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = confirmed(in_florist, b"email\n" + b"".join(b"p%d@x.example\n" % n for n in range(5)))
    real = runner._write_chunk

    def paused_after_the_first(contact_import: ContactImport, *arguments: Any) -> None:
        real(contact_import, *arguments)
        assert services.import_pause(contact_import_id=contact_import.pk) is True

    monkeypatch.setattr(runner, "_write_chunk", paused_after_the_first)
    services.import_run(contact_import_id=waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.rows_done, Contact.objects.count()) == (ImportStatus.PAUSED, 2, 2)
    assert services.import_pause(contact_import_id=waiting.pk) is False
    assert services.import_run(contact_import_id=waiting.pk) == {"skipped": "not confirmed, or done already"}
    monkeypatch.setattr(runner, "_write_chunk", real)
    assert services.import_resume(contact_import_id=waiting.pk) is True
    assert services.import_resume(contact_import_id=waiting.pk) is False
    services.import_run(contact_import_id=waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.rows_done, counts(waiting)) == (ImportStatus.DONE, 5, (5, 0, 0, 0))


def test_import_cancelled_while_running_keeps_what_is_there_and_drops_the_file(
    in_florist: Organization, small_chunks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = confirmed(in_florist, b"email\n" + b"".join(b"p%d@x.example\n" % n for n in range(9)))
    real = runner._write_chunk

    def cancelled_after_the_first(contact_import: ContactImport, *arguments: Any) -> None:
        real(contact_import, *arguments)
        services.import_cancel(contact_import_id=contact_import.pk)

    monkeypatch.setattr(runner, "_write_chunk", cancelled_after_the_first)
    services.import_run(contact_import_id=waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.status, waiting.rows_done, Contact.objects.count()) == (ImportStatus.CANCELLED, 2, 2)
    assert not ImportPart.objects.exists()
    assert waiting.finished_at is not None


def test_import_done_drops_the_file_and_keeps_refused_cells(in_florist: Organization) -> None:
    done = imported(in_florist, "email,note\na@x.example,x\nbroken,ñandú \\ \t tab\n".encode())
    assert not ImportPart.objects.exists()
    assert RefusedRow.objects.get().values == ["broken", "ñandú \\ \t tab"]
    assert (done.status, import_progress(done).percent) == (ImportStatus.DONE, 100.0)


def test_import_values_with_every_mark_of_copy_arrive_as_they_are(in_florist: Organization) -> None:
    imported(in_florist, b'email,company,note\na@x.example,C:\\new\\table,"say ""\\N"" \\."\n')
    contact = Contact.objects.get()
    assert contact.company == "C:\\new\\table"
    assert contact.attributes == {"note": 'say "\\N" \\.'}


def test_import_remembers_columns_for_the_next_file(in_florist: Organization) -> None:
    content = b"correo e,apodo\na@x.example,Ana\n"
    imported(in_florist, content, fields=["email", "first_name"])
    assert [column["field"] for column in uploaded(in_florist, content).columns] == ["email", "first_name"]


def test_prepared_chunks_take_no_more_memory_for_a_longer_file(in_florist: Organization) -> None:
    def peak(rows: int) -> int:
        content = b"email,name\n" + b"".join(b"p%d@x.example,Person %d\n" % (n, n) for n in range(rows))
        draft = mapped(uploaded(in_florist, content))
        tracemalloc.start()
        for _chunk in chunks.prepared_chunks(draft, chunks.row_parser(draft)):
            pass
        _now, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    original, chunks.CHUNK_ROWS = chunks.CHUNK_ROWS, 1_000
    parts_before, parts.PART_ROWS = parts.PART_ROWS, 1_000
    try:
        peak(3_000)
        assert peak(24_000) < peak(6_000) * 1.3
    finally:
        chunks.CHUNK_ROWS, parts.PART_ROWS = original, parts_before


def test_import_of_another_organization_is_out_of_reach(in_florist: Organization, museum: Organization) -> None:
    with organization_scope(museum):
        foreign = confirmed(museum, b"email\na@x.example\n")
    assert services.import_run(contact_import_id=foreign.pk) == {"skipped": "not confirmed, or done already"}
    with pytest.raises(ContactImport.DoesNotExist):
        services.import_confirm(contact_import_id=foreign.pk)
    group = make_group(in_florist)
    with organization_scope(museum), pytest.raises(ContactImport.DoesNotExist):
        services.import_map(contact_import_id=group.pk, fields=[])
