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
from core.contacts.imports import runner
from core.contacts.models import Contact, ContactGroupMembership, ContactImport, RefusedRow
from core.subscriptions import usage
from core.subscriptions.choices import Metric
from core.subscriptions.models import Subscription
from tests.contacts.test_imports import confirmed, counts
from tests.support.factories import make_organization, make_plan

ROOT = Path(__file__).resolve().parents[2]
RUN = """
import django; django.setup()
import sys
from core.common.tenancy import organization_scope
from core.contacts import services
from core.contacts.imports import runner
runner.CHUNK_ROWS = 100
with organization_scope(sys.argv[1]):
    services.import_run(contact_import_id=sys.argv[2])
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


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_stay_within_the_plan_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "CHUNK_ROWS", 50)
    organization = make_organization("Florist", plan=make_plan(max_contacts=700))
    with organization_scope(organization):
        imports = [confirmed(organization, _addresses(prefix, 500)) for prefix in ("left", "right")]

    def run(pk: object) -> None:
        with organization_scope(organization):
            services.import_run(contact_import_id=pk)  # type: ignore[arg-type]

    _at_once(*(lambda pk=each.pk: run(pk) for each in imports))
    with organization_scope(organization):
        stored = list(ContactImport.objects.defer("content"))
        used = usage.used(organization_id=organization.pk, metric=Metric.CONTACTS)
        assert used == Contact.objects.count() == sum(each.created_count for each in stored) == 700
        assert ImportStatus.FAILED in {each.status for each in stored}


@pytest.mark.django_db(transaction=True)
def test_two_imports_of_the_same_file_at_once_make_no_doubles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "CHUNK_ROWS", 50)
    organization = make_organization("Florist")
    forward, backward = _addresses("p", 400), b"\n".join([b"email", *reversed(_addresses("p", 400).split()[1:])])
    with organization_scope(organization):
        imports = [confirmed(organization, content, group=name) for content, name in ((forward, "A"), (backward, "B"))]

    def run(pk: object) -> None:
        with organization_scope(organization):
            services.import_run(contact_import_id=pk)  # type: ignore[arg-type]

    _at_once(*(lambda pk=each.pk: run(pk) for each in imports))
    with organization_scope(organization):
        stored = list(ContactImport.objects.defer("content"))
        assert [each.status for each in stored] == [ImportStatus.DONE, ImportStatus.DONE]
        assert sum(each.created_count for each in stored) == Contact.objects.count() == 400
        assert sum(each.unchanged_count for each in stored) == 400
        assert ContactGroupMembership.objects.count() == 800


@pytest.mark.django_db(transaction=True)
def test_one_import_run_twice_at_once_writes_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "CHUNK_ROWS", 20)
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
def test_killed_import_goes_on_without_doubles_or_gaps() -> None:
    organization = make_organization("Florist")
    lines = [*_addresses("p", 6_000).split(), b"P5@x.example", b"broken"]
    with organization_scope(organization):
        waiting = confirmed(organization, b"\n".join(lines), group="Newsletter")
    kills = 0
    while kills < 3:
        process = _worker(organization.pk, waiting.pk)
        target = _rows_done(waiting.pk) + 300
        while process.poll() is None and _rows_done(waiting.pk) < target:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL) if process.poll() is None else None
        process.wait()
        kills += 1
    assert 0 < _rows_done(waiting.pk) < 6_002
    assert _worker(organization.pk, waiting.pk).wait(120) == 0
    with organization_scope(organization):
        waiting.refresh_from_db()
        assert waiting.status == ImportStatus.DONE
        assert counts(waiting) == (6_000, 0, 0, 2)
        assert Contact.objects.count() == ContactGroupMembership.objects.count() == 6_000
        assert RefusedRow.objects.count() == 2
        assert usage.used(organization_id=organization.pk, metric=Metric.CONTACTS) == 6_000
        assert Subscription.objects.count() == 1


def _worker(organization_id: object, import_id: object) -> subprocess.Popen[bytes]:
    """A process of its own that runs the import in the test database."""
    database = settings.DATABASES["default"]
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
        "DATABASE_URL": os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{database['NAME']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    return subprocess.Popen([sys.executable, "-c", RUN, str(organization_id), str(import_id)], env=environment)


def _rows_done(import_id: object) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rows_done FROM contacts_contactimport WHERE id = %s", [import_id])
        return int(cursor.fetchone()[0])
