"""`python -m tests.benchmarks [name …] [--json]`: the product's speed beside a ceiling measured in the same run.

Starts PostgreSQL and a Redis-protocol server of its own in a temporary directory. A table for people; with --json one
object a line: name, value, unit, ceiling, ratio.
"""

import argparse
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from core.common.embedded.services import embedded_services
from tests.benchmarks.report import as_json, as_table

BENCHMARKS = {
    "send": "A campaign from claim to outcome over SMTP to a loopback sink, with one and with two workers.",
    "chaos": "5,000 mails while 20 workers are killed: the reckoning, not a speed.",
}
DEFAULT = ("send",)


def main() -> int:
    listed = "\n".join(f"  {name:8} {text}" for name, text in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", epilog=listed, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="name", help=f"default: {' '.join(DEFAULT)}")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--quick", action="store_true", help="fewer mails and rounds, to see that it runs")
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="engagex-bench-", dir="/tmp") as directory:
        os.environ["ENGAGEX_DATA_DIR"] = str(Path(directory) / "data")
        with embedded_services(Path(directory) / "services") as services:
            os.environ["DATABASE_URL"], os.environ["REDIS_URL"] = services.database_url, services.redis_url
            return _run(options.names or list(DEFAULT), quick=options.quick, json=options.json)


def _run(names: list[str], *, quick: bool, json: bool) -> int:
    os.environ["DJANGO_SETTINGS_MODULE"] = "core.settings.test"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    measurements = []
    for name in names:
        measurements += import_module(f"tests.benchmarks.{name}").run(quick=quick)
    sys.stdout.write(as_json(measurements) if json else as_table(measurements))
    return 0 if all(measurement.is_met for measurement in measurements) else 1


if __name__ == "__main__":
    raise SystemExit(main())
