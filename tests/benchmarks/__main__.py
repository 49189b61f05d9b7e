"""`python -m tests.benchmarks [name …] [--json]`: the product's speed beside a ceiling measured in the same run.

Starts PostgreSQL and a Redis-protocol server of its own in a temporary directory. A table for people; with --json one
object a line: name, value, unit, ceiling, ratio.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path

from core.common.embedded.errors import AlreadyRunning
from core.common.embedded.locations import database_url, redis_url
from core.common.embedded.services import embedded_services
from tests.benchmarks.report import as_json, as_table

BENCHMARKS = {
    "send": "A campaign through the whole engine (--mails), over SendGrid's and SMTP's stand-ins, beside bare chains.",
    "lists": "Pages over five million contacts (--contacts), each beside its promise; --data keeps the database.",
    "import": "A file of a million contacts, against a bare COPY and upsert of the same rows.",
    "pages": "Dashboards and reports over ten million events (--events), each beside its promise; --data keeps them.",
    "track": "Opens and clicks through the real server, then from the stream to the counters.",
    "chaos": "5,000 mails while 20 workers are killed: the reckoning, not a speed.",
}
DEFAULT = ("send",)
MODULES = {"import": "imports"}
"""Where a benchmark's name is none that a module can have."""


def main() -> int:
    listed = "\n".join(f"  {name:8} {text}" for name, text in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", epilog=listed, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="name", help=f"default: {' '.join(DEFAULT)}")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--quick", action="store_true", help="fewer mails and rounds, to see that it runs")
    parser.add_argument("--contacts", type=int, help="of lists: how many there shall be")
    parser.add_argument("--data", type=Path, help="a directory whose services and database are used and kept")
    parser.add_argument("--rows", type=int, default=0, metavar="N", help="rows of the import's file")
    parser.add_argument("--mails", type=int, default=0, metavar="N", help="of send: how many mails in each round")
    parser.add_argument("--events", type=int, default=0, metavar="N", help="of track and pages: how many events")
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    with _services(options.data):
        return _run(options.names or list(DEFAULT), options)


@contextmanager
def _services(kept: Path | None) -> Iterator[None]:
    """Services of our own in a temporary directory, or those of `kept`, which may be running already."""
    with ExitStack() as stack:
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="engagex-bench-", dir="/tmp")))
        os.environ["ENGAGEX_DATA_DIR"] = str(kept or temporary / "data")
        directory = kept or temporary / "services"
        try:
            stack.enter_context(embedded_services(directory))
        except AlreadyRunning:
            sys.stderr.write(f"Using the services that run in {directory}.\n")
        os.environ["DATABASE_URL"], os.environ["REDIS_URL"] = database_url(directory), redis_url(directory)
        yield


def _run(names: list[str], options: argparse.Namespace) -> int:
    os.environ["DJANGO_SETTINGS_MODULE"] = "core.settings.test"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    measurements = []
    for name in names:
        sized = {
            "lists": {"contacts": options.contacts},
            "import": {"rows": options.rows},
            "send": {"mails": options.mails},
            "track": {"events": options.events},
            "pages": {"events": options.events},
        }.get(name, {})
        measurements += import_module(f"tests.benchmarks.{MODULES.get(name, name)}").run(quick=options.quick, **sized)
    sys.stdout.write(as_json(measurements) if options.json else as_table(measurements))
    return 0 if all(measurement.is_met for measurement in measurements) else 1


if __name__ == "__main__":
    raise SystemExit(main())
