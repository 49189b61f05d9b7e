"""Imports against each other and against SIGKILL, on real connections."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, connections

from core.common.tenancy import organization_scope
from core.contacts import services
from core.contacts.choices import ImportStatus
from core.contacts.imports import chunks, parts
from core.contacts.imports.staging import Staging
from core.contacts.models import Contact, ContactGroupMembership, ContactImport, ImportPart, RefusedRow
from core.contacts.services.imports import drafts
from core.subscriptions import usage
from core.subscriptions.choices import Metric
from core.subscriptions.models import Subscription
from tests.contacts.test_imports import confirmed, counts, mapped, uploaded
from tests.support.factories import make_organization, make_plan

ROOT = Path(__file__).resolve().parents[2]
RUN = """
import django; django.setup()
import sys
from core.common.tenancy import organization_scope
from core.contacts import services
from core.contacts.imports import chunks
chunks.CHUNK_ROWS = 100
with organization_scope(sys.argv[1]):
    getattr(services, sys.argv[3])(contact_import_id=sys.argv[2])
"""


def _at_once(*works: Callable[[], object]) -> None:
    """Run each on a thread, and so on a connection, of its own."""
    failures: list[BaseException] = []

    def guarded(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again on the test's own thread
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if failures:
        raise failures[0]


def _addresses(prefix: str, count: int) -> bytes:
    return "\n".join(["email", *(f"{prefix}{n}@x.example" for n in range(count))]).encode()


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_ROWS", 50)
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 50)


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_stay_within_the_plan_exactly(small_chunks: None) -> None:
    organization = make_organization("Florist", plan=make_plan(max_contacts=700))
    with organization_scope(organization):
        imports = [confirmed(organization, _addresses(prefix, 500)) for prefix in ("left", "right")]

    def run(pk: object) -> None:
        with organization_scope(organization):
            services.import_run(contact_import_id=pk)  # type: ignore[arg-type]

    _at_once(*(lambda pk=each.pk: run(pk) for each in imports))
    with organization_scope(organization):
        stored = list(ContactImport.objects.all())
        used = usage.used(organization_id=organization.pk, metric=Metric.CONTACTS)
        assert used == Contact.objects.count() == sum(each.created_count for each in stored) == 700
        assert ImportStatus.FAILED in {each.status for each in stored}


@pytest.mark.django_db(transaction=True)
def test_two_imports_of_the_same_file_at_once_make_no_doubles(small_chunks: None) -> None:
    organization = make_organization("Florist")
    forward, backward = _addresses("p", 400), b"\n".join([b"email", *reversed(_addresses("p", 400).split()[1:])])
    with organization_scope(organization):
        imports = [confirmed(organization, content, group=name) for content, name in ((forward, "A"), (backward, "B"))]

    def run(pk: object) -> None:
        with organization_scope(organization):
            services.import_run(contact_import_id=pk)  # type: ignore[arg-type]

    _at_once(*(lambda pk=each.pk: run(pk) for each in imports))
    with organization_scope(organization):
        stored = list(ContactImport.objects.all())
        assert [each.status for each in stored] == [ImportStatus.DONE, ImportStatus.DONE]
        assert sum(each.created_count for each in stored) == Contact.objects.count() == 400
        assert sum(each.unchanged_count for each in stored) == 400
        assert ContactGroupMembership.objects.count() == 800


@pytest.mark.django_db(transaction=True)
def test_one_import_run_twice_at_once_writes_once(small_chunks: None) -> None:
    organization = make_organization("Florist")
    with organization_scope(organization):
        waiting = confirmed(organization, _addresses("p", 400))

    def run() -> None:
        with organization_scope(organization):
            services.import_run(contact_import_id=waiting.pk)

    _at_once(run, run, run)
    with organization_scope(organization):
        waiting.refresh_from_db()
        assert counts(waiting) == (400, 0, 0, 0)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_killed_import_goes_on_without_doubles_or_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_ROWS", 100)
    organization = make_organization("Florist")
    lines = [*_addresses("p", 6_000).split(), b"P5@x.example", b"broken"]
    with organization_scope(organization):
        waiting = confirmed(organization, b"\n".join(lines), group="Newsletter")
    kills = 0
    while kills < 3:
        process = _worker(organization.pk, waiting.pk)
        target = _figure(waiting.pk, "rows_done") + 300
        while process.poll() is None and _figure(waiting.pk, "rows_done") < target:
            time.sleep(0.005)
        _kill(process)
        kills += 1
    assert 0 < _figure(waiting.pk, "rows_done") < 6_002
    assert _worker(organization.pk, waiting.pk).wait(120) == 0
    with organization_scope(organization):
        waiting.refresh_from_db()
        assert waiting.status == ImportStatus.DONE
        assert counts(waiting) == (6_000, 0, 0, 2)
        assert Contact.objects.count() == ContactGroupMembership.objects.count() == 6_000
        assert RefusedRow.objects.count() == 2
        assert usage.used(organization_id=organization.pk, metric=Metric.CONTACTS) == 6_000
        assert Subscription.objects.count() == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_killed_undo_goes_on_until_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_ROWS", 100)
    monkeypatch.setattr(chunks, "CHUNK_ROWS", 100)
    organization = make_organization("Florist")
    with organization_scope(organization):
        done = confirmed(organization, _addresses("p", 6_000), group="Newsletter")
        services.import_run(contact_import_id=done.pk)
        services.import_undo(contact_import_id=done.pk)
    for _round in range(2):
        process = _worker(organization.pk, done.pk, "import_undo_run")
        target = _figure(done.pk, "restored_count") + 300
        while process.poll() is None and _figure(done.pk, "restored_count") < target:
            time.sleep(0.005)
        _kill(process)
    assert 0 < _figure(done.pk, "restored_count") < 6_000
    assert _worker(organization.pk, done.pk, "import_undo_run").wait(120) == 0
    with organization_scope(organization):
        done.refresh_from_db()
        assert (done.status, done.restored_count, done.kept_count) == (ImportStatus.UNDONE, 6_000, 0)
        assert not Contact.objects.filter(deleted_at=None).exists()
        assert not ContactGroupMembership.objects.exists()
        assert usage.used(organization_id=organization.pk, metric=Metric.CONTACTS) == 0


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_killed_reading_and_counting_begin_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafts, "READ_AT_ONCE_BYTES", 10)
    organization = make_organization("Florist")
    with organization_scope(organization):
        upload = uploaded(organization, _addresses("p", 40_000))
    process = _worker(organization.pk, upload.pk, "import_read")
    while process.poll() is None and not _is_locked():
        time.sleep(0.005)
    _kill(process)
    with organization_scope(organization):
        upload.refresh_from_db()
        assert upload.status == ImportStatus.READING
        assert not ImportPart.objects.filter(is_raw=False).exists()
        assert services.import_read(contact_import_id=upload.pk) == {"rows": 40_000}
        upload.refresh_from_db()
        mapped(upload)
    process = _worker(organization.pk, upload.pk, "import_count")
    while process.poll() is None and not _figure(upload.pk, "rows_done"):
        time.sleep(0.005)
    _kill(process)
    with organization_scope(organization):
        upload.refresh_from_db()
        assert (upload.status, upload.totals) == (ImportStatus.DRAFT, None)
        assert services.import_count(contact_import_id=upload.pk) == {"rows": 40_000, "created": 40_000, "refused": 0}


@pytest.mark.django_db(transaction=True)
def test_import_and_undo_of_one_client_at_once_take_turns(small_chunks: None) -> None:
    organization = make_organization("Florist")
    with organization_scope(organization):
        first = confirmed(organization, _addresses("p", 400), group="A")
        services.import_run(contact_import_id=first.pk)
        services.import_undo(contact_import_id=first.pk)
        second = confirmed(organization, _addresses("p", 400), group="B")

    def within(service: Callable[..., object], pk: object) -> None:
        with organization_scope(organization):
            service(contact_import_id=pk)

    _at_once(
        lambda: within(services.import_undo_run, first.pk),
        lambda: within(services.import_run, second.pk),
    )
    with organization_scope(organization):
        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.status, second.status) == (ImportStatus.UNDONE, ImportStatus.DONE)
        active = Contact.objects.filter(deleted_at=None).count()
        assert usage.used(organization_id=organization.pk, metric=Metric.CONTACTS) == active
        assert first.restored_count + first.kept_count == 400
        groups = ContactGroupMembership.objects.filter(contact__deleted_at=None).values_list("group__name", flat=True)
        assert groups.count() == ContactGroupMembership.objects.count()


@pytest.mark.django_db(transaction=True)
def test_import_finds_a_contact_that_somebody_adds_at_the_same_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the insert: the chunk looks once more."""
    organization = make_organization("Florist")
    with organization_scope(organization):
        waiting = confirmed(organization, _addresses("p", 3))
    real, looks = Staging._look, []

    def added_after_the_look(self: Staging, cursor: object) -> object:
        found = real(self, cursor)
        looks.append(1)
        if len(looks) == 1:
            _at_once(add)
        return found

    def add() -> None:
        with organization_scope(organization):
            services.contact_add(organization=organization, email="P1@x.example")

    monkeypatch.setattr(Staging, "_look", added_after_the_look)
    with organization_scope(organization):
        services.import_run(contact_import_id=waiting.pk)
        waiting.refresh_from_db()
        assert len(looks) == 2
        assert (waiting.status, waiting.created_count, waiting.updated_count) == (ImportStatus.DONE, 2, 1)
        assert Contact.objects.count() == usage.used(organization_id=organization.pk, metric=Metric.CONTACTS) == 3


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a worker, and wait until PostgreSQL has noticed: its backend may end its statement first, lock in hand."""
    if process.poll() is None:
        os.kill(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 30
    while _is_locked() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _is_locked()


def _is_locked() -> bool:
    """Does anybody work on an import of this test's database?"""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
            " WHERE locktype = 'advisory' AND granted AND datname = current_database())"
        )
        return bool(cursor.fetchone()[0])


def _figure(import_id: object, column: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM contacts_contactimport WHERE id = %s", [import_id])
        return int(cursor.fetchone()[0])


def _worker(organization_id: object, import_id: object, service: str = "import_run") -> subprocess.Popen[bytes]:
    """A process of its own that runs the import in the test database."""
    database = settings.DATABASES["default"]
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
        "DATABASE_URL": os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{database['NAME']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    return subprocess.Popen([sys.executable, "-c", RUN, str(organization_id), str(import_id), service], env=environment)
