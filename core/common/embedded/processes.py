"""Child processes: start, log, recognise, stop. Linux has the full safety net, other systems most of it."""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from core.common.embedded.errors import EmbeddedServicesError

PR_SET_PDEATHSIG = 1  # prctl(2)
POLL_SECONDS = 0.02
LONGEST_LOG_BYTES = 10_000_000
KILL_WAIT_SECONDS = 10.0

Announce = Callable[[str], None]


def silent(line: str) -> None:
    """Announce nothing."""


@dataclass(frozen=True)
class Account:
    """The unprivileged account that a program runs as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class ProcessSpec:
    """How one program is run and stopped.

    ``stop_signal`` asks for an orderly end, ``hurry_signal`` follows when ``grace_seconds`` are over or the person
    presses Ctrl-C again. The kernel sends ``death_signal`` (by default the stop signal) when the supervisor dies.
    Without ``log_file`` the output goes line by line to the ``Announce`` of the child.
    """

    name: str
    argv: Sequence[str]
    stop_signal: signal.Signals = signal.SIGTERM
    hurry_signal: signal.Signals = signal.SIGKILL
    death_signal: signal.Signals | None = None
    grace_seconds: float = 10.0
    log_file: Path | None = None
    account: Account | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None


class Child:
    """One supervised program. Start it from the main thread: PR_SET_PDEATHSIG follows the *thread* that forked."""

    def __init__(
        self,
        spec: ProcessSpec,
        *,
        record_dir: Path,
        announce: Announce = silent,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        self.spec = spec
        self._record = record_dir / f"{spec.name}.json"
        self._announce = announce
        self._prepare = prepare
        self._process: subprocess.Popen[str] | None = None
        self._pump: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """The process id, or None before the first start and after a stop."""
        return self._process.pid if self._process else None

    def exit_code(self) -> int | None:
        """Return the exit code (negative: the signal), or None while it runs or was never started."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """End what a killed run left behind, then start the program in a session of its own.

        Raises EmbeddedServicesError when the program cannot be executed.
        """
        self.end_orphan()
        if self._prepare:
            self._prepare()
        output = open_log(self.spec.log_file) if self.spec.log_file else subprocess.PIPE
        try:
            self._process = self._spawn(output)
        except OSError as error:
            raise EmbeddedServicesError(f"{self.spec.argv[0]} cannot be started: {error}.") from error
        finally:
            if not isinstance(output, int):
                output.close()
        write_record(self._record, self._process.pid)
        if self.spec.log_file is None:
            self._pump = threading.Thread(target=self._copy_lines, args=(self._process.stdout,), daemon=True)
            self._pump.start()

    def end_orphan(self) -> None:
        """Stop the process that a killed run left behind; see the function of the same name."""
        end_orphan(self._record, self.spec)

    def _spawn(self, output: IO[bytes] | int) -> subprocess.Popen[str]:
        account = self.spec.account
        return subprocess.Popen(
            list(self.spec.argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=self.spec.cwd,
            env={**os.environ, **self.spec.env},
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C reaches the supervisor only, which stops its children in order
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            preexec_fn=die_with_parent(self.spec.death_signal or self.spec.stop_signal),
        )

    def _copy_lines(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._announce(line.rstrip("\n"))

    def stop(self, *, hurry: Callable[[], bool] = lambda: False) -> None:
        """Stop in order; the hurry signal after the grace or as soon as ``hurry()``; at last SIGKILL to its session."""
        if self._process is None:
            return
        process = self._process
        if process.poll() is None:
            process.send_signal(self.spec.stop_signal)
            if not any(process.poll() is not None for _ in ticks(self.spec.grace_seconds, until=hurry)):
                process.send_signal(self.spec.hurry_signal)
                any(process.poll() is not None for _ in ticks(KILL_WAIT_SECONDS))
        kill_session(process.pid)
        process.wait()
        if self._pump:
            self._pump.join(timeout=1)
        self._record.unlink(missing_ok=True)
        self._process = None

    def restart(self) -> None:
        """Start again after a death; what is left of the old session is killed first."""
        if self._process:
            kill_session(self._process.pid)
        self.start()


def ticks(seconds: float, until: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Yield at once and then every POLL_SECONDS until ``seconds`` have passed or ``until()`` is true.

    Plain sleeps on purpose: a signal handler that sets a threading.Event on which the main thread waits deadlocks.
    """
    deadline = time.monotonic() + seconds
    while True:
        yield
        if time.monotonic() >= deadline or until():
            return
        time.sleep(POLL_SECONDS)


def die_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    """Return a preexec function that has the kernel send ``death_signal`` when the parent dies (Linux; else None)."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl: nobody is left to send the signal
            os._exit(1)

    return ask_kernel


def kill_session(pid: int) -> None:
    """SIGKILL every process left in the session that ``pid`` led."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def process_identity(pid: int) -> str | None:
    """Return a text that only this process has (its start time), or None when it is gone or a zombie."""
    if not Path("/proc/self/stat").exists():
        return _ps(pid, "lstart=")
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def command_line(pid: int) -> list[str]:
    """Return the arguments of a living process, or an empty list."""
    if not Path("/proc/self/stat").exists():
        return (_ps(pid, "command=") or "").split()
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def _ps(pid: int, column: str) -> str | None:
    ps = shutil.which("ps") or "/bin/ps"
    found = subprocess.run([ps, "-o", column, "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


def write_record(path: Path, pid: int) -> None:
    """Note the process, so that the next run can recognise it if this one is killed."""
    path.write_text(json.dumps({"pid": pid, "identity": process_identity(pid)}))


def end_orphan(record: Path, spec: ProcessSpec) -> None:
    """Stop the process that a killed run left behind, and forget its record.

    Raises EmbeddedServicesError when it does not go away.
    """
    try:
        noted = json.loads(record.read_text())
        pid, identity = int(noted["pid"]), noted["identity"]
    except (OSError, ValueError, KeyError, TypeError):  # no record, or cut short by the kill: nothing to recognise
        return
    if identity and process_identity(pid) == identity:
        end_process(pid, name=spec.name, signals=(spec.stop_signal, spec.hurry_signal), wait_seconds=10)
        kill_session(pid)
    record.unlink(missing_ok=True)


def end_process(pid: int, *, name: str, signals: Sequence[signal.Signals], wait_seconds: float) -> None:
    """Send each signal in turn to a process that is not our child, until it is gone.

    Raises EmbeddedServicesError when it survives all of them.
    """
    for number in signals:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        if any(process_identity(pid) is None for _ in ticks(wait_seconds)):
            return
    raise EmbeddedServicesError(
        f"{name} of an earlier run (process {pid}) does not stop. End it by hand and try again."
    )


def open_log(path: Path) -> IO[bytes]:
    """Open a log for appending; one past LONGEST_LOG_BYTES is put aside as ``*.old.log`` first."""
    if path.exists() and path.stat().st_size > LONGEST_LOG_BYTES:
        path.replace(path.with_suffix(".old.log"))
    return path.open("ab")


def log_tail(path: Path, *, since: int = 0, lines: int = 8) -> str:
    """Return the last lines that were written to ``path`` after the byte ``since``, indented for a message."""
    try:
        with path.open("rb") as log:
            log.seek(since)
            text = log.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
