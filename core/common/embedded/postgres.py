"""The embedded PostgreSQL: create the cluster once, recover what a killed run left, start, wait until it answers."""

import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from core.common.embedded.binaries import PostgresBinaries, find_postgres
from core.common.embedded.directories import private_directory
from core.common.embedded.errors import EmbeddedServicesError
from core.common.embedded.locations import DATABASE_NAME, DATABASE_USER, POSTGRES_PORT, socket_directory
from core.common.embedded.privileges import choose_privileges
from core.common.embedded.processes import (
    Announce,
    Child,
    ProcessSpec,
    command_line,
    end_process,
    log_tail,
    process_identity,
    ticks,
)

READY_SECONDS = 120.0  # crash recovery replays up to max_wal_size
FIRST_BUILTIN_LOCALE_MAJOR = 17
FIRST_IO_METHOD_MAJOR = 18
# Backends of a killed postmaster let go of its shared memory within moments.
SHARED_MEMORY_HELD = "pre-existing shared memory block"
SHARED_MEMORY_ATTEMPTS = 20

SETTINGS = {
    "listen_addresses": "",
    "port": str(POSTGRES_PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "temp_buffers": "64MB",  # a block of events with all that is known about it
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "client_connection_check_interval": "500ms",  # a killed worker lets go of its locks, also in a long statement
    "wal_level": "minimal",  # one server, no replicas: bulk loads may skip the log
    "max_wal_senders": "0",
    "random_page_cost": "1.1",
    "jit": "off",  # costs more than it gives on the short queries of an admin
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}
# Read in the process that asks: what mostly lies in the system's cache only gains a detour by I/O workers, which on a
# small machine nearly doubles the time of a scan.
OWN_READS = {"io_method": "sync"}
# For data that are thrown away anyway: a crash of the machine may destroy them.
UNSAFE_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB"}


class EmbeddedPostgres:
    """One cluster in ``data_dir/postgres`` with the database ``engagex``; only its own user can open its socket."""

    def __init__(self, data_dir: Path, *, fsync: bool = True, announce: Announce) -> None:
        self.cluster = data_dir / "postgres"
        self.log_file = data_dir / "logs" / "postgres.log"
        self.binaries = find_postgres(required_major=self._major_of_data())
        self.privileges = choose_privileges(data_dir, self.binaries.directory / "postgres")
        self._sockets = socket_directory(data_dir)
        self._announce = announce
        settings = SETTINGS | ({} if fsync else UNSAFE_SETTINGS) | {"unix_socket_directories": str(self._sockets)}
        settings |= OWN_READS if self.binaries.major >= FIRST_IO_METHOD_MAJOR else {}
        self.child = Child(
            ProcessSpec(
                name="postgres",
                argv=self._command("postgres", "-D", str(self.cluster), *options(settings)),
                stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint
                hurry_signal=signal.SIGQUIT,  # "immediate": the next start replays the log
                grace_seconds=30,
                log_file=self.log_file,
                account=self.privileges.account,
            ),
            record_dir=data_dir / "pids",
            announce=announce,
            prepare=self.remove_stale_pid_file,
        )

    def start(self) -> None:
        """Create the cluster if needed, start the server and wait until it takes connections.

        Raises EmbeddedServicesError with the end of the server's log when it does not come up.
        """
        private_directory(self._sockets, account=self.privileges.account)
        if not self.cluster.exists():
            self._announce("Creating the database (once)")
            self._create_cluster()
        for attempt in range(1, SHARED_MEMORY_ATTEMPTS + 1):
            log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
            self.child.start()
            if self._wait_ready():
                return
            self.child.stop()
            tail = log_tail(self.log_file, since=log_start)
            if SHARED_MEMORY_HELD not in tail or attempt == SHARED_MEMORY_ATTEMPTS:
                raise EmbeddedServicesError(f"PostgreSQL did not start. Its log ({self.log_file}) ends with:\n{tail}")
            any(False for _ in ticks(0.5))

    def _wait_ready(self) -> bool:
        return any(
            self._accepts_connections() for _ in ticks(READY_SECONDS, until=lambda: self.child.exit_code() is not None)
        )

    def _accepts_connections(self) -> bool:
        """Read postmaster.pid as pg_ctl does: line 1 is the process, line 8 its state."""
        lines = self._pid_file_lines()
        return len(lines) >= 8 and lines[0] == str(self.child.pid) and lines[7] == "ready"

    def _major_of_data(self) -> int | None:
        version = self.cluster / "PG_VERSION"
        return int(version.read_text().split(".")[0]) if version.exists() else None

    def _create_cluster(self) -> None:
        """Build the cluster beside its place and move it there: a run killed meanwhile leaves nothing half-made."""
        unfinished = self.cluster.with_name("postgres.unfinished")
        if unfinished.exists():
            shutil.rmtree(unfinished)
        private_directory(unfinished, account=self.privileges.account)
        where = ("-D", str(unfinished))
        auth = ("-U", DATABASE_USER, "--auth=trust", "--encoding=UTF8", *locale_options(self.binaries))
        self._run_once(self._command("initdb", *where, *auth))
        single = self._command("postgres", "--single", *where, "postgres")
        self._run_once(single, stdin=f"CREATE DATABASE {DATABASE_NAME};\n")
        unfinished.rename(self.cluster)

    def _command(self, program: str, *arguments: str) -> list[str]:
        return [*self.privileges.prefix, self.binaries.program(program), *arguments]

    def _run_once(self, argv: list[str], *, stdin: str = "") -> None:
        account = self.privileges.account
        done = subprocess.run(
            argv,
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            cwd="/",
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        if done.returncode != 0 or "ERROR" in done.stderr or "FATAL" in done.stderr:
            raise EmbeddedServicesError(
                f"The database could not be created:\n{done.stderr.strip() or done.stdout.strip()}"
            )

    def remove_stale_pid_file(self) -> None:
        """Deal with the pid and lock files of a killed run; PostgreSQL itself trusts any living number in them.

        1. The process is gone, or a zombie: remove the files.
        2. The number belongs to another program by now: remove the files.
        3. It is our own server, outliving its supervisor: stop it and wait.

        Raises EmbeddedServicesError when that server does not stop.
        """
        lines = self._pid_file_lines()
        pid = int(lines[0]) if lines and lines[0].isdigit() else 0
        if pid and process_identity(pid) and str(self.cluster) in command_line(pid):
            self._announce(f"PostgreSQL of an earlier run (process {pid}) is still there: stopping it")
            end_process(pid, name="PostgreSQL", signals=(signal.SIGINT, signal.SIGQUIT), wait_seconds=30)
        for leftover in (self.cluster / "postmaster.pid", self._sockets / f".s.PGSQL.{POSTGRES_PORT}.lock"):
            leftover.unlink(missing_ok=True)

    def _pid_file_lines(self) -> list[str]:
        try:
            return [line.strip() for line in (self.cluster / "postmaster.pid").read_text().splitlines()]
        except FileNotFoundError:
            return []


def options(settings: dict[str, str]) -> Sequence[str]:
    """Return ``-c name=value`` for every setting."""
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def locale_options(binaries: PostgresBinaries) -> Sequence[str]:
    """Return initdb's options for the same order of strings on every machine: by code point."""
    if binaries.major >= FIRST_BUILTIN_LOCALE_MAJOR:
        return ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    return ("--locale=C",)
