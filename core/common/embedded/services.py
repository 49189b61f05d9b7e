"""Both services together, as a context manager: for `manage.py up`, `manage.py services` and the test run."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.common.embedded.binaries import find_postgres
from core.common.embedded.directories import PASSAGE, PRIVATE, private_directory
from core.common.embedded.locations import (
    DATABASE_NAME,
    DATABASE_USER,
    POSTGRES_PORT,
    database_url,
    redis_url,
    socket_directory,
)
from core.common.embedded.lock import DataLock, exclusive_lock
from core.common.embedded.postgres import EmbeddedPostgres
from core.common.embedded.processes import Announce, Child, silent
from core.common.embedded.valkey import EmbeddedValkey


@dataclass(frozen=True)
class EmbeddedServices:
    """The running services; ``children`` in the order they were started."""

    data_dir: Path
    children: tuple[Child, ...]
    lock: DataLock

    @property
    def database_url(self) -> str:
        """The URL of the embedded database."""
        return database_url(self.data_dir)

    @property
    def redis_url(self) -> str:
        """The URL of the embedded Redis-protocol server."""
        return redis_url(self.data_dir)


def client_environment(data_dir: Path) -> dict[str, str]:
    """Return the environment in which Django, psql and pg_dump reach the embedded services by themselves."""
    binaries = find_postgres()
    return {
        "DATABASE_URL": database_url(data_dir),
        "REDIS_URL": redis_url(data_dir),
        "PGHOST": str(socket_directory(data_dir)),
        "PGPORT": str(POSTGRES_PORT),
        "PGUSER": DATABASE_USER,
        "PGDATABASE": DATABASE_NAME,
        "PATH": f"{binaries.directory}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }


@contextmanager
def embedded_services(
    data_dir: Path,
    *,
    fsync: bool = True,
    postgres: bool = True,
    valkey: bool = True,
    announce: Announce = silent,
    hurry: Callable[[], bool] = lambda: False,
) -> Iterator[EmbeddedServices]:
    """Run the services in ``data_dir`` until the block ends; stop Valkey first, then PostgreSQL.

    ``fsync=False`` is for data that are thrown away. ``hurry`` is asked while stopping: True ends the waiting.
    Raises AlreadyRunning when another process holds the directory, EmbeddedServicesError when a service does not start.
    """
    private_directory(data_dir)
    with exclusive_lock(data_dir) as lock, ExitStack() as stack:
        for name in ("logs", "pids"):
            private_directory(data_dir / name)
        children: list[Child] = []
        account = None
        if postgres:
            database = EmbeddedPostgres(data_dir, fsync=fsync, announce=announce)
            account = database.privileges.account
            private_directory(data_dir, mode=PASSAGE if account else PRIVATE)
            stack.callback(database.child.stop, hurry=hurry)
            database.start()
            children.append(database.child)
        if valkey:
            store = EmbeddedValkey(data_dir, fsync=fsync, announce=announce, account=account)
            stack.callback(store.child.stop, hurry=hurry)
            store.start()
            children.append(store.child)
        lock.describe(f"sockets in {socket_directory(data_dir)}")
        yield EmbeddedServices(data_dir, tuple(children), lock)
