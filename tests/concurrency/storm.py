"""`make chaos`: a whole campaign through a storm, with the real workers, beats, PostgreSQL and Valkey.

    python -m tests.concurrency.storm [--seed N] [--recipients N] [--kills N]

10,000 people; two Celery workers with two sending processes each, one with a clock ten minutes fast, one ten minutes
slow; two beats. While the campaign goes out, processes are killed (-9) at random moments, PostgreSQL restarts twice
(once orderly, once as in a crash), Valkey is emptied three times, and the provider times out, refuses, fails and cuts
connections by the dice. Meanwhile it reports what it took to the real web server: late, out of order, some of it twice.
After the last fault nobody interferes any more, and everything has to drain.

Exit code 0: nobody lost, nobody mailed twice, whatever the provider took is known to be taken, every doubt that is left
explained by a call without an answer, ledger sound.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

if TYPE_CHECKING:
    from tests.concurrency.reports import Reporter
    from tests.support.sendgrid_events import EventSigner

ROOT = Path(__file__).resolve().parents[2]
MASTERS = 2
CHILDREN = 2
BATCH = 10
SKEW_SECONDS = 600
ANSWER_SECONDS = 3.0
DRAIN_SECONDS = 600
MASTER_SHARE = 0.04
"""Of the kills: those that hit a whole Celery worker instead of one of its processes."""
OPEN = {"ready", "retry_wait", "uncertain"}
FAULTS = ("--timeouts", "0.05", "--too-many", "0.05", "--errors", "0.02", "--resets", "0.01")
# Short, so that a bounded run sees all of it: a dead worker's batch, and the end of a doubt.
TIMES = {"DELIVERY_LEASE_SECONDS": "6", "DELIVERY_DOUBT_SECONDS": "20"}


@dataclass
class Found:
    """The reckoning. `problems` is empty when all is well."""

    figures: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def expect(self, name: str, value: int, most: int = 0) -> None:
        self.figures[name] = value if not most else f"{value} of at most {most}"
        if value > most:
            self.problems.append(f"{name}: {value}, at most {most}")


class Processes:
    """Celery's workers and beats, started again whenever they end: what systemd does in production."""

    def __init__(self, log: Path) -> None:
        self._log = log.open("ab")
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, list[str]] = {}
        for number in range(MASTERS):
            skew = SKEW_SECONDS if number % 2 else -SKEW_SECONDS
            arguments = ["worker", "--pool", "prefork", "--concurrency", str(CHILDREN), "-n", f"storm{number}@local"]
            self._commands[f"worker {number}"] = [
                *("-m", "tests.concurrency.skewed", str(skew), str(ANSWER_SECONDS), *arguments),
                *("--without-gossip", "--without-mingle", "--loglevel", "WARNING"),
            ]
        for number in range(2):
            self._commands[f"beat {number}"] = [
                *("-m", "celery", "--quiet", "-A", "core.celery", "beat", "--pidfile=", "--loglevel", "WARNING"),
                *("--scheduler", "django_celery_beat.schedulers:DatabaseScheduler", "--max-interval", "2"),
            ]

    def keep(self) -> None:
        """Start what is not running."""
        for name, command in self._commands.items():
            running = self._running.get(name)
            if running is None or running.poll() is not None:
                self._running[name] = subprocess.Popen(
                    [sys.executable, *command], cwd=ROOT, stdout=self._log, stderr=self._log, stdin=subprocess.DEVNULL
                )

    def masters(self) -> list[int]:
        return [process.pid for name, process in self._running.items() if name.startswith("worker")]

    def children(self) -> list[int]:
        return [pid for master in self.masters() for pid in _children(master)]

    def stop(self) -> None:
        doomed = [*self.children(), *(process.pid for process in self._running.values())]
        for pid in doomed:
            with suppress(ProcessLookupError):
                os.kill(pid, 9)
        for process in self._running.values():
            process.wait()
        self._log.close()


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


class Storm:
    """One run. `services` are (stop and start PostgreSQL in a hurry or not, empty Valkey)."""

    def __init__(self, options: Any, directory: Path, restart: Callable[[bool], None]) -> None:
        self._options = options
        self._directory = directory
        self._restart = restart
        self._chance = random.Random(options.seed)
        self.kills = Counter[str]()
        self.store = directory / "provider.jsonl"
        self.store.touch()

    def run(self) -> Found:
        from tests.concurrency.processes import web_server
        from tests.concurrency.reports import Reporter

        campaign_id, webhook, signer = _campaign(self._options.recipients, self._provider())
        processes = Processes(self._directory / "celery.log")
        with (self._directory / "web.log").open("wb") as log, web_server(log=log) as port:
            reporter = Reporter(self.store, f"http://127.0.0.1:{port}{webhook}", signer, self._chance)
            reporter.start()
            try:
                began = time.monotonic()
                self._rage(processes, campaign_id)
                last_fault = time.monotonic()
                drained = self._drain(processes, campaign_id, reporter, last_fault)
            finally:
                reporter.stop()
                processes.stop()
                self._provider_process.kill()
        found = self._reckon(drained)
        found.figures["seconds of faults"] = round(last_fault - began)
        found.figures["provider's reports"] = f"{reporter.posts}, {reporter.repeats} repeated"
        return found

    def _provider(self) -> int:
        command = [sys.executable, "-m", "tests.support.sendgrid_sink", "--store", str(self.store), *FAULTS]
        command += ["--seed", str(self._options.seed), "--delay-ms", str(self._options.delay_ms)]
        self._provider_process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._provider_process.stdout is not None
        return int(self._provider_process.stdout.readline())

    def _rage(self, processes: Processes, campaign_id: Any) -> None:
        """Kill, restart, empty: until all of the faults have happened."""
        wanted = self._options.kills
        processes.keep()
        while not _states(campaign_id).get("accepted"):
            time.sleep(0.2)
        others = {wanted * share // 100: fault for share, fault in _others(self._restart).items()}
        while (done := self.kills.total()) < wanted and _states(campaign_id).keys() & OPEN:
            processes.keep()
            if fault := others.pop(done, None):
                fault()
            time.sleep(self._chance.uniform(0.1, 0.9))
            self._kill(processes)
            if done % 20 == 0 and done:
                say(f"{done} killed, {_states(campaign_id)}")

    def _kill(self, processes: Processes) -> None:
        is_master = self._chance.random() < MASTER_SHARE
        victims = processes.masters() if is_master else processes.children()
        if not victims:
            return
        with suppress(ProcessLookupError):
            os.kill(self._chance.choice(victims), 9)
            self.kills["workers" if is_master else "processes"] += 1

    def _drain(self, processes: Processes, campaign_id: Any, reporter: "Reporter", since: float) -> float | None:
        """Seconds until nothing is open any more and every report was read; None when the patience ended first."""
        while time.monotonic() - since < DRAIN_SECONDS:
            processes.keep()
            states = _states(campaign_id)
            is_told = reporter.is_done and not _unread_posts()
            if states and not states.keys() & OPEN and _status(campaign_id) == "sent" and is_told:
                return time.monotonic() - since
            time.sleep(1)
        return None

    def _reckon(self, drained: float | None) -> Found:
        from core.common.tenancy import all_organizations
        from core.delivery.models import Message, SendAttempt
        from tests.delivery.invariants import broken_invariants

        calls = [orjson.loads(line) for line in self.store.read_bytes().splitlines()]
        taken = Counter(message for call in calls if call["taken"] for message in call["messages"])
        with all_organizations(reason="the reckoning"):
            ledger = {pk.hex: state for pk, state in Message.objects.values_list("pk", "send_state")}
            dead = [
                (ids, result)
                for ids, result in SendAttempt.objects.values_list("message_ids", "result")
                if result.get("lease_expired")
            ]
        unanswered = {
            message for call in calls if call["fault"] not in ("", "too_many") for message in call["messages"]
        }
        killed = {pk.hex for ids, _result in dead for pk in ids}
        unresolved = {pk for pk, state in ledger.items() if state == "unresolved"}
        found = Found({"recipients": len(ledger), "states": dict(Counter(ledger.values())), "calls": len(calls)})
        found.figures |= {f"killed {name}": count for name, count in self.kills.items()}
        faults = Counter(call["fault"] or "answers" for call in calls)
        found.figures |= {f"provider's {name}": count for name, count in faults.items()}
        found.figures["seconds to drain"] = None if drained is None else round(drained)
        found.expect("mailed twice", sum(count > 1 for count in taken.values()))
        found.expect("lost", sum(state not in ("accepted", "unresolved") for state in ledger.values()))
        accepted = {pk for pk, state in ledger.items() if state == "accepted"}
        found.expect("accepted, but not at the provider", len(accepted - taken.keys()))
        found.expect("at the provider, but not said", sum(ledger[pk] != "accepted" for pk in taken))
        found.expect("calls killed in flight", len(dead), self.kills.total() + MASTERS * CHILDREN * 2)
        found.expect("unresolved of killed calls", len((unresolved & killed) - unanswered), len(dead))
        found.expect("unresolved without a reason", len(unresolved - killed - unanswered))
        found.expect("kills too few", self._options.kills - self.kills.total())
        found.expect("people missing", self._options.recipients - len(ledger))
        broken = broken_invariants()
        found.expect("invariants broken", len(broken))
        if broken:
            found.figures["broken"] = broken
        if drained is None:
            found.problems.append(f"not drained within {DRAIN_SECONDS} seconds")
        return found


def _others(restart: Callable[[bool], None]) -> dict[int, Callable[[], None]]:
    """The faults besides kills, by how many percent of the kills came before."""
    return {
        15: empty_valkey,
        30: lambda: restart(False),
        45: empty_valkey,
        60: lambda: restart(True),
        75: empty_valkey,
    }


def empty_valkey() -> None:
    import redis

    say("FLUSHALL")
    redis.Redis.from_url(os.environ["REDIS_URL"]).flushall()


def _campaign(recipients: int, port: int) -> tuple[Any, str, "EventSigner"]:
    """A client, its people and a campaign for which *Send now* was confirmed; nothing is prepared yet. With the path
    that the provider reports to, and what it signs with."""
    from core.campaigns.services import campaign_send_now
    from core.common.tenancy import organization_scope
    from core.contacts.models import Contact
    from core.delivery.models import Connection
    from core.tracking.models import WebhookEndpoint
    from core.tracking.webhooks.links import webhook_url
    from tests.support import factories
    from tests.support.sendgrid_events import EventSigner

    organization = factories.make_organization("Storm")
    with organization_scope(organization):
        Connection.objects.filter(organization=organization).update(
            kind="sendgrid", host="127.0.0.1", port=port, security="none", password="SG.stand-in.key", batch_size=BATCH
        )
        contacts = [
            Contact(organization=organization, email=f"p{n}@people.example", email_key=f"p{n}@people.example")
            for n in range(recipients)
        ]
        Contact.objects.bulk_create(contacts)
        group = factories.make_group(organization, "Everybody", contacts)
        connection = Connection.objects.get(organization=organization)
        signer = EventSigner()
        WebhookEndpoint.objects.create(organization=organization, connection=connection, key=signer.public)
        campaign = campaign_send_now(campaign_id=factories.make_campaign(organization, group=group).pk)
        return campaign.pk, urlsplit(webhook_url(connection.pk)).path, signer


def _states(campaign_id: Any) -> dict[str, int]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT send_state, count(*) FROM delivery_message WHERE campaign_id = %s GROUP BY 1", [campaign_id]
        )
        return dict(cursor.fetchall())


def _unread_posts() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM tracking_webhookpost WHERE state <> 'done'")
        return int(cursor.fetchone()[0])


def _status(campaign_id: Any) -> str:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT status FROM campaigns_campaign WHERE id = %s", [campaign_id])
        return str(cursor.fetchone()[0])


def say(line: str) -> None:
    sys.stderr.write(line + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.concurrency.storm")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--recipients", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--delay-ms", type=float, default=300.0, help="how long the provider takes over a call")
    parser.add_argument("--keep", type=Path, help="a directory for logs and data that stays")
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storm-", dir="/tmp")))
        restart = _services(stack, directory)
        _migrated()
        found = Storm(options, directory, restart).run()
    for name, value in found.figures.items():
        sys.stdout.write(f"{name:40} {value}\n")
    verdict = [f"BROKEN  {line}" for line in found.problems] or ["All is well."]
    sys.stdout.write("\n".join(["", *verdict, ""]))
    return 1 if found.problems else 0


def _services(stack: ExitStack, directory: Path) -> Callable[[bool], None]:
    """PostgreSQL and Valkey of our own, and what restarts PostgreSQL: orderly, or at once as after a crash."""
    from core.common.embedded.locations import database_url, redis_url
    from core.common.embedded.services import embedded_services

    os.environ["ENGAGEX_DATA_DIR"] = str(directory / "data")
    services_directory = directory / "services"
    services = stack.enter_context(embedded_services(services_directory))
    os.environ |= {"DATABASE_URL": database_url(services_directory), "REDIS_URL": redis_url(services_directory)}
    os.environ |= {"DJANGO_SETTINGS_MODULE": "core.settings.test", **TIMES}
    postgres = next(child for child in services.children if child.spec.name == "postgres")

    def restart(hurry: bool) -> None:
        from django.db import connection

        say("PostgreSQL crashes" if hurry else "PostgreSQL restarts")
        connection.close()
        postgres.stop(hurry=lambda: hurry)
        time.sleep(2)
        postgres.start()
        _wait_for_postgres()

    return restart


def _wait_for_postgres() -> None:
    from django.db import OperationalError, connection

    for _ in range(600):
        try:
            connection.ensure_connection()
        except OperationalError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("PostgreSQL did not come back.")


def _migrated() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    call_command("sync_schedule", stdout=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())
