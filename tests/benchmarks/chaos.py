"""`kill -9` of a worker 20 times while 5,000 mails go out: what became of everybody."""

import sys
import tempfile
from pathlib import Path

from tests.benchmarks.report import Measurement
from tests.concurrency.chaos import run_chaos
from tests.support import factories

MAILS, KILLS, DELAY_MS = 5_000, 20, 12.0
QUICK_MAILS, QUICK_KILLS = 500, 3


def run(*, quick: bool) -> list[Measurement]:
    """The figures of the reckoning; those that must be zero, or within a bound, say when they are not."""
    mails, kills = (QUICK_MAILS, QUICK_KILLS) if quick else (MAILS, KILLS)
    organization = factories.make_organization("Chaos")
    with tempfile.TemporaryDirectory() as directory:
        found = run_chaos(organization, Path(directory), recipients=mails, kills=kills, delay_ms=DELAY_MS)
    sys.stderr.write(f"states {found.states}, campaign {found.status}, broken invariants {found.broken}\n")
    return [
        Measurement("chaos, workers killed", found.kills, "kills", kills, found.kills == kills),
        Measurement("chaos, accepted", found.states.get("accepted", 0), "mails", mails),
        Measurement("chaos, taken by the server", found.received, "mails", mails),
        Measurement(
            "chaos, unresolved",
            found.unresolved,
            "mails",
            found.in_flight_at_kills,
            found.unresolved <= found.in_flight_at_kills,
        ),
        Measurement("chaos, forgotten", found.forgotten, "mails", None, found.forgotten == 0),
        Measurement("chaos, mailed twice", len(found.duplicates), "mails", None, not found.duplicates),
        Measurement(
            "chaos, taken but not said", len(found.taken_but_not_said), "mails", None, not found.taken_but_not_said
        ),
        Measurement("chaos, broken invariants", len(found.broken), "invariants", None, not found.broken),
        Measurement("chaos, time", found.seconds, "s"),
    ]
