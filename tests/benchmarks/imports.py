"""A file of contacts from its upload to the end of its import, beside a bare COPY and upsert of the same rows.

    python -m tests.benchmarks import [--rows 1000000]

Both write into the same tables with the same indexes, emptied before each. The ceiling is measured before and after,
and gets rows that are clean and ready; the product reads a CSV file with a bad row in fifty, validates, finds
duplicates, gives consent, puts everybody into a group, keeps the undo record and the refused rows. Each job is a
process of its own, which says at its end how much memory it took at most.
"""

import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from core.accounts.models import Organization
from core.common.tenancy import all_organizations, organization_scope
from core.contacts import services
from core.contacts.models import Contact, ContactGroup, ContactImport
from core.contacts.suppression_keys import address_hash
from tests.benchmarks.report import Measurement
from tests.concurrency.processes import ROOT, worker_environment
from tests.support import factories

ROWS, QUICK_ROWS = 1_000_000, 20_000
SMALLER = 10
"""Memory is compared with a file of a tenth."""
WORKBOOK_SHARE = 5
"""The workbook has a fifth of the rows: 200,000."""
STOCK_ROWS = 5_000
CEILING_CHUNK = 20_000
BAD_EVERY = 50
HEADER = ["Email", "First name", "Last name", "Phone", "Company", "Language", "Favourite city", "Visits"]
FIELDS = ["email", "first_name", "last_name", "phone", "company", "language", "attributes.city", "attributes.visits"]
_FIRST = ["Anna", "Boris", "Carla", "Dirk", "Elena", "Félix", "Greta", "Hugo", "Inés", "Juan"]
_LAST = ["Berg", "Costa", "Díaz", "Engel", "Fuchs", "García", "Haas", "Ito", "Jansen", "Klein", "López"]
_CITY = ["Vigo", "Lugo", "Köln", "Graz", "Porto", "Bern", "Nantes"]
_BAD = ["no address", "two@@ats.example", "", "space in@mail.example"]

_JOB = """
import json, pathlib, sys
import django; django.setup()
from tests.benchmarks.imports import work
print(json.dumps(work(sys.argv[1], pathlib.Path(sys.argv[2]))))
"""
_STAGING = """
    CREATE TEMPORARY TABLE IF NOT EXISTS benchmark_staging (
        email text, email_key text COLLATE "C", address_hash text, first_name text, last_name text, phone text,
        phone_e164 text, company text, language text, attributes jsonb
    ) ON COMMIT DELETE ROWS
"""
_UPSERT = """
    INSERT INTO contacts_contact AS contact
        (id, organization_id, created_at, updated_at, email, email_key, address_hash, is_role_address,
         is_disposable_address, first_name, last_name, phone, phone_e164, company, language, time_zone, attributes,
         tags, status, source, consent_at, consent_basis, consent_source, mail_frequency)
    SELECT engagex_uuid7(), %s, now(), now(), email, email_key, address_hash, FALSE, FALSE, first_name, last_name,
           phone, phone_e164, company, language, '', attributes, '{}', 'subscribed', 'Import', now(),
           'express', 'Fair', ''
      FROM benchmark_staging
    ON CONFLICT (organization_id, email_key) DO UPDATE
       SET first_name = excluded.first_name, last_name = excluded.last_name, phone = excluded.phone,
           phone_e164 = excluded.phone_e164, company = excluded.company, language = excluded.language,
           attributes = excluded.attributes, updated_at = now()
"""


def run(*, quick: bool, rows: int = 0) -> list[Measurement]:
    """Rows a second beside the ceiling, the stock library's rate, and the memory at two sizes."""
    rows = rows or (QUICK_ROWS if quick else ROWS)
    with tempfile.TemporaryDirectory() as directory, all_organizations(reason="a benchmark"):
        files = _Files(Path(directory), rows)
        ceilings = [_ceiling(files)]
        organization = _fresh_client()
        first = _job(organization, files.csv)
        again = _job(organization, files.csv)
        ceilings.append(_ceiling(files))
        smaller = _job(_fresh_client(), files.smaller_csv)
        workbook = _job(_fresh_client(), files.workbook)
        stock = _stock_rate(files)
    ceiling = statistics.mean(ceilings)
    taken = first["seconds"]["read"] + first["seconds"]["run"]
    rate, again_rate = rows / taken, rows / (again["seconds"]["read"] + again["seconds"]["run"])
    return [
        Measurement("import, new contacts", rate, "rows/s", ceiling, rate >= 0.4 * ceiling),
        Measurement("import, same file again", again_rate, "rows/s", ceiling, again_rate >= ceiling),
        Measurement("import, stock library", stock, "rows/s", rate / 40, rate >= 40 * stock),
        Measurement("import, share of reading", 100 * first["seconds"]["read"] / taken, "%"),
        Measurement("import, keeping the upload", first["seconds"]["upload"], "s"),
        Measurement("import, memory", first["peak_mb"], "MB", smaller["peak_mb"], _is_flat(first, smaller)),
        Measurement("import, workbook", files.workbook_rows / sum(workbook["seconds"].values()), "rows/s", ceiling),
        Measurement("import, workbook's memory", workbook["peak_mb"], "MB", smaller["peak_mb"]),
    ]


def _is_flat(larger: dict[str, Any], smaller: dict[str, Any]) -> bool:
    return bool(larger["peak_mb"] <= 1.25 * smaller["peak_mb"])


class _Files:
    """The same people as CSV, as a smaller CSV, as a workbook, and ready for COPY."""

    def __init__(self, directory: Path, rows: int) -> None:
        self.rows = rows
        self.workbook_rows = max(rows // WORKBOOK_SHARE, 1)
        self.csv, self.smaller_csv = directory / "list.csv", directory / "smaller.csv"
        self.workbook, self.clean = directory / "list.xlsx", directory / "clean.copy"
        _write_csv(self.csv, rows)
        _write_csv(self.smaller_csv, max(rows // SMALLER, 1))
        _write_workbook(self.workbook, self.workbook_rows)
        with self.clean.open("w", encoding="utf-8") as file:
            file.writelines(_copy_line(row) for number, row in _people(rows) if number % BAD_EVERY)


def _people(rows: int) -> Iterator[tuple[int, list[str]]]:
    """Deterministic, in no order of their addresses; every fiftieth row is a bad one."""
    for number in range(rows):
        first, last = _FIRST[number % 10], _LAST[number * 7 % 11]
        local = f"{first}.{last}.{number * 7_919 % 1_000_003}".lower().encode("ascii", "ignore").decode()
        email = f"{local}.{number}@mail{number * 31 % 997}.example" if number % BAD_EVERY else _BAD[number % 4]
        yield (
            number,
            [
                email,
                first,
                last,
                f"+34 6{number % 100_000_000:08d}",
                f"Company {number % 5_000}",
                ("en", "es", "de")[number % 3],
                _CITY[number % 7],
                str(number % 40),
            ],
        )


def _write_csv(path: Path, rows: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(row for _number, row in _people(rows))


def _write_workbook(path: Path, rows: int) -> None:
    import xlsxwriter

    book = xlsxwriter.Workbook(path, {"constant_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, HEADER)
    for number, row in _people(rows):
        sheet.write_row(number + 1, 0, row)
    book.close()


def _copy_line(row: list[str]) -> str:
    email, first, last, phone, company, language, city, visits = row
    attributes = json.dumps({"city": city, "visits": int(visits)}, ensure_ascii=False)
    cells = (email, email, address_hash(email), first, last, phone, phone.replace(" ", ""), company, language)
    return "\t".join((*cells, attributes)) + "\n"


def _fresh_client() -> Organization:
    """A client in tables without a contact, and without what an earlier round left to be cleaned up."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE contacts_contact, contacts_contactimport, contacts_contactgroup CASCADE")
        cursor.execute("ANALYZE contacts_contact")
        cursor.execute("CHECKPOINT")
    return factories.make_organization(f"Bench {time.monotonic_ns()}")


def _ceiling(files: _Files) -> float:
    """Rows a second of a transaction for each chunk: COPY, then one upsert."""
    organization = _fresh_client()
    rows = 0
    began = time.perf_counter()
    with connection.cursor() as cursor, files.clean.open("rb") as file:
        cursor.execute(_STAGING)
        while lines := list(islice(file, CEILING_CHUNK)):
            with transaction.atomic():
                with cursor.copy("COPY benchmark_staging FROM STDIN") as copy:
                    copy.write(b"".join(lines))
                cursor.execute(_UPSERT, [organization.pk])
            rows += len(lines)
    rate = rows / (time.perf_counter() - began)
    sys.stderr.write(f"ceiling: {rate:,.0f} rows/s, load {os.getloadavg()[0]:.1f}\n")
    return rate


def _job(organization: Organization, path: Path) -> dict[str, Any]:
    """What the worker's process says of itself."""
    output = subprocess.run(
        [sys.executable, "-c", _JOB, str(organization.pk), str(path)],
        cwd=ROOT,
        env=worker_environment(),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    sys.stderr.write(f"{path.name}: {found}, load {os.getloadavg()[0]:.1f}\n")
    return found


def work(organization_id: str, path: Path) -> dict[str, Any]:
    """The whole job in this process: seconds of its steps, peak memory in MB, and what came of it."""
    seconds: dict[str, float] = {}
    with organization_scope(organization_id):
        began = time.perf_counter()
        organization = Organization.objects.get(pk=organization_id)
        with path.open("rb") as file:
            upload = services.import_upload(
                organization=organization, file_name=path.name, file=file, size=path.stat().st_size
            )
        seconds["upload"] = time.perf_counter() - began
        began = time.perf_counter()
        services.import_read(contact_import_id=upload.pk)
        seconds["read"] = time.perf_counter() - began
        group_ids = list(ContactGroup.objects.values_list("pk", flat=True))  # the second time as the first
        services.import_map(
            contact_import_id=upload.pk,
            fields=FIELDS,
            kinds={"attributes.visits": "number"},  # type: ignore[dict-item]
            group_ids=group_ids,
            new_group_name="" if group_ids else "Everybody",
            tags=[],
            consent_basis="express",
            consent_source="Fair",
        )
        services.import_confirm(contact_import_id=upload.pk)
        began = time.perf_counter()
        summary = services.import_run(contact_import_id=upload.pk)
        seconds["run"] = time.perf_counter() - began
        assert ContactImport.objects.get(pk=upload.pk).status == "done", summary
    # Linux gives kilobytes, macOS bytes.
    unit = 1024**2 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return {
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "peak_mb": round(peak, 1),
        "cpu": round(time.process_time(), 1),
        "summary": summary,
    }


def _stock_rate(files: _Files) -> float:
    """Rows a second of django-import-export as it comes: a resource of the model, row by row."""
    import tablib
    from import_export.resources import ModelResource

    class StockResource(ModelResource):
        class Meta:
            model = Contact
            import_id_fields = ("email_key",)
            fields = ("organization", "email", "email_key", "first_name", "last_name", "phone", "company", "language")

    organization = _fresh_client()
    count = min(STOCK_ROWS, files.rows)
    people = [row for number, row in _people(count) if number % BAD_EVERY]
    data = tablib.Dataset(
        *[(str(organization.pk), row[0], *row[:6]) for row in people], headers=list(StockResource.Meta.fields)
    )
    began = time.perf_counter()
    result = StockResource().import_data(data, dry_run=False, raise_errors=True)
    rate = len(people) / (time.perf_counter() - began)
    assert result.totals["new"] == len(people)
    return rate
