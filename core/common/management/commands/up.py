"""`manage.py up`: everything that EngageX needs, from one command, until Ctrl-C."""

import argparse
import http.client
import ipaddress
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from core.common.embedded.errors import EmbeddedServicesError
from core.common.embedded.locations import data_directory
from core.common.embedded.processes import Child, ProcessSpec
from core.common.embedded.services import EmbeddedServices, embedded_services
from core.common.embedded.supervisor import Supervisor

PARTS = ("web", "worker", "beat")  # started in this order, stopped in the reverse one
WEB_PROCESSES = 2
WORKER_PROCESSES = 2
HEALTH_SECONDS = 120.0
WORKER_GRACE_SECONDS = 25.0
DEMO_LOGINS = "demo_logins.json"  # written by load_demo
PORTS_TO_TRY = 20
ALIVE = {200, 301, 400}  # fine, go to HTTPS, not this host name: each comes from a running application
# Running as root is allowed here, and whitenoise serves from the packages when nothing was collected.
EXPECTED_WARNINGS = ("You're running the worker with superuser privileges", "No directory at")


class Command(BaseCommand):
    """Start services, prepare the database, run web server, worker and beat, stop all of it in order."""

    help = "Run EngageX: embedded services (unless DATABASE_URL / REDIS_URL are set), web server, worker and beat."
    # They need the database, which is not there yet; migrate runs them.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--demo", action="store_true", help="load the demo agency and show its logins")
        parser.add_argument("--bind", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
        parser.add_argument("--port", type=port_number, default=8000, help="port to listen on (default: 8000)")
        parser.add_argument(
            "--workers", type=int, default=WORKER_PROCESSES, help="processes of the worker (default: 2)"
        )
        parser.add_argument("--only", type=part_names, default=PARTS, help="some of web,worker,beat (default: all)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until Ctrl-C or SIGTERM and return normally; raise CommandError with the reason otherwise."""
        parts: tuple[str, ...] = options["only"]
        bind, port = options["bind"], options["port"]
        if "web" in parts:
            refuse_unsafe_bind(bind)
        supervisor = Supervisor(self._say)
        try:
            with supervisor.counting_signals(), ExitStack() as stack:
                with supervisor.interruptible():
                    services = stack.enter_context(self._services(supervisor))
                    children = self._children(services, part_specs(parts, bind, port, options["workers"]))
                    if "web" in parts:
                        refuse_taken_port(bind, port)
                    # Mails that the demo has sent lead to the port that was asked for, as later ones do.
                    settings.PUBLIC_URL = children[0].spec.env["PUBLIC_URL"].rstrip("/")
                    self._prepare(demo=options["demo"])
                self._run(supervisor, services, children, options)
        except KeyboardInterrupt:
            self._say("Stopped before everything was up.")
        except EmbeddedServicesError as error:
            raise CommandError(str(error)) from error

    @contextmanager
    def _services(self, supervisor: Supervisor) -> Iterator[EmbeddedServices]:
        """Run the embedded services that the environment does not replace, under the supervisor's eyes."""
        own_database, own_redis = (bool(os.environ.get(name)) for name in ("DATABASE_URL", "REDIS_URL"))
        with embedded_services(
            data_directory(),
            postgres=not own_database,
            valkey=not own_redis,
            announce=self._say,
            hurry=supervisor.hurry,
        ) as services:
            for child in services.children:
                supervisor.watch(child)
            self._say(f"Database: {'DATABASE_URL' if own_database else f'embedded, in {services.data_dir}'}")
            yield services

    def _prepare(self, *, demo: bool) -> None:
        self._say("Preparing the database")
        call_command("migrate", interactive=False, verbosity=0, stdout=self.stdout, stderr=self.stderr)
        for command in ("sync_schedule", "load_defaults", *(("load_demo",) if demo else ())):
            call_command(command, stdout=self.stdout, stderr=self.stderr)
        connections.close_all()

    def _children(self, services: EmbeddedServices, specs: list[ProcessSpec]) -> list[Child]:
        """Return the parts, not yet started; what a killed run left of them is stopped, so that its port is free."""
        record_dir = services.data_dir / "pids"
        children = [Child(spec, record_dir=record_dir, announce=self._prefixed(spec.name)) for spec in specs]
        for child in children:
            child.end_orphan()
        return children

    def _run(
        self, supervisor: Supervisor, services: EmbeddedServices, children: list[Child], options: dict[str, Any]
    ) -> None:
        """Start the parts, say when they are there, wait for the end; the exit stack stops them, last started first."""
        with ExitStack() as stack:
            for child in children:
                stack.callback(child.stop, hurry=supervisor.hurry)
                child.start()
                supervisor.watch(child)
            if "web" in options["only"]:
                self._await_web(supervisor, options["bind"], options["port"])
            address = web_address(options["bind"], options["port"]) if "web" in options["only"] else "no web server"
            services.lock.describe(address)
            if not supervisor.stop_requested:
                self._welcome(address, services.data_dir, demo=options["demo"])
            supervisor.run()
            self._say("Stopping (Ctrl-C again: at once)")

    def _await_web(self, supervisor: Supervisor, bind: str, port: int) -> None:
        healthy = supervisor.run(until=lambda: is_healthy(bind, port), seconds=HEALTH_SECONDS)
        if not healthy and not supervisor.stop_requested:
            raise EmbeddedServicesError(
                f"The web server did not answer {web_address(bind, port)}/health within {HEALTH_SECONDS:.0f} s. "
                "Its last lines are above."
            )

    def _welcome(self, address: str, data_dir: Path, *, demo: bool) -> None:
        lines = ["", f"  EngageX is ready: {address}", ""]
        if demo:
            lines += [*demo_login_lines(data_dir / DEMO_LOGINS), ""]
        elif not get_user_model().objects.exists():
            lines += ["  Nobody can sign in yet. In a second terminal: .venv/bin/python manage.py createsuperuser", ""]
        lines += ["  Ctrl-C stops everything. Data stay in " + str(data_dir), ""]
        connections.close_all()
        self._say("\n".join(lines))

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _prefixed(self, name: str) -> Callable[[str], None]:
        return lambda line: self._say(f"{name:<6} | {line}")


def part_specs(parts: tuple[str, ...], bind: str, port: int, workers: int) -> list[ProcessSpec]:
    """Return how each of the chosen parts is run, in starting order."""
    level = os.environ.get("LOG_LEVEL", "WARNING")
    python, celery = sys.executable, ("-m", "celery", "--quiet", "-A", "core.celery")
    arguments: dict[str, tuple[str, ...]] = {
        "web": (
            *("-m", "granian", "--interface", "asgi", "--host", bind, "--port", str(port), "--no-ws"),
            *("--workers", str(WEB_PROCESSES), "--respawn-failed-workers"),
            *("--workers-kill-timeout", "10", "--log-level", "warning", "core.asgi:application"),
        ),
        "worker": (
            *(*celery, "worker", "--pool", "prefork", "--concurrency", str(workers)),
            *("--without-gossip", "--without-mingle", "--loglevel", level),
        ),
        "beat": (
            *(*celery, "beat", "--scheduler", "django_celery_beat.schedulers:DatabaseScheduler"),
            *("--pidfile=", "--loglevel", level),
        ),
    }
    grace = {"worker": WORKER_GRACE_SECONDS}
    # Without its broker beat does not listen to SIGTERM; it has nothing to lose.
    death = {"beat": signal.SIGKILL}
    environment = {
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": os.environ["DJANGO_SETTINGS_MODULE"],
        # Links in mails lead to the port that was asked for.
        "PUBLIC_URL": os.environ.get("PUBLIC_URL") or web_address(bind, port),
        "PYTHONWARNINGS": ",".join(f"ignore:{beginning}" for beginning in EXPECTED_WARNINGS),
    }
    return [
        ProcessSpec(
            name=name,
            argv=(python, *arguments[name]),
            grace_seconds=grace.get(name, 15.0),
            death_signal=death.get(name),
            cwd=Path(settings.BASE_DIR),
            env=environment,
        )
        for name in PARTS
        if name in parts
    ]


def part_names(text: str) -> tuple[str, ...]:
    """Parse `web,worker` into part names; raise argparse.ArgumentTypeError for unknown ones."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in PARTS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"choose from {', '.join(PARTS)}, separated by commas")
    return names


def port_number(text: str) -> int:
    """Parse a TCP port; raise argparse.ArgumentTypeError outside 1-65535."""
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port number (1-65535)")
    return int(text)


def is_loopback(bind: str) -> bool:
    """Return whether only this machine reaches the address; a name other than localhost counts as public."""
    try:
        return ipaddress.ip_address(bind).is_loopback
    except ValueError:
        return bind == "localhost"


def refuse_unsafe_bind(bind: str) -> None:
    """Raise CommandError when others could reach a server that shows its insides or signs with a key made here."""
    if is_loopback(bind):
        return
    if settings.DEBUG:
        raise CommandError(f"Debug pages show settings and code, so {bind} is refused: unset ENGAGEX_DEBUG first.")
    if not os.environ.get("SECRET_KEY"):
        raise CommandError(
            f"{bind} can be reached by others: set SECRET_KEY, ENCRYPTION_KEYS and ALLOWED_HOSTS first "
            "(docs/operations.md), or stay on 127.0.0.1."
        )


def refuse_taken_port(bind: str, port: int) -> None:
    """Raise CommandError naming a free port when another program listens on this one."""
    if port_is_free(bind, port):
        return
    free = next((other for other in range(port + 1, port + PORTS_TO_TRY) if port_is_free(bind, other)), port + 1)
    raise CommandError(
        f"Port {port} on {bind} is taken by another program. Choose another: manage.py up --port {free}, "
        f"or make demo PORT={free}."
    )


def port_is_free(bind: str, port: int) -> bool:
    """Return whether we could listen there; raise CommandError when the address is not one of this machine."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(bind, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise CommandError(f"{bind} is not an address of this machine: {error}.") from error
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except PermissionError as error:
            raise CommandError(f"Port {port} needs special rights; choose one from 1024 up with --port.") from error
        except OSError:
            return False
    return True


def reachable_host(bind: str) -> str:
    """Return the host under which this machine reaches the server: a wildcard address is no destination."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104 - a destination, no bind


def web_address(bind: str, port: int) -> str:
    """Return the address to open in a browser."""
    host = reachable_host(bind)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_healthy(bind: str, port: int) -> bool:
    """Return whether GET /health is answered by the running application."""
    connection = http.client.HTTPConnection(reachable_host(bind), port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status in ALIVE
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def demo_login_lines(path: Path) -> list[str]:
    """Return a table of the demo logins; raise EmbeddedServicesError when load_demo left none."""
    try:
        logins = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise EmbeddedServicesError(f"The demo logins in {path} cannot be read: {error}.") from error
    rows = [[login[key] for key in ("role", "email", "password", "what")] for login in logins]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return [
        "  " + "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]])
        for row in rows
    ]
