"""Where the embedded services keep their data and can be reached.

Pure functions of the environment and the file layout: settings call them while loading, before anything runs.
"""

import hashlib
import os
from pathlib import Path
from urllib.parse import quote

DATABASE_NAME = "engagex"
DATABASE_USER = "postgres"
POSTGRES_PORT = 5432  # only a part of the socket's file name: nothing listens on TCP
CACHE_DB = 0
BROKER_DB = 1

# sockaddr_un holds 108 bytes on Linux and 104 on macOS, the closing zero included.
LONGEST_SOCKET_PATH = 100
# Not $TMPDIR: every process has to come to the same answer, whatever its environment.
SHORT_ROOT = Path("/tmp")  # noqa: S108 - private_directory refuses what somebody else put there


def data_directory() -> Path:
    """Return the absolute directory of everything the embedded services keep.

    ``ENGAGEX_DATA_DIR`` or ``.engagex`` beside manage.py. Nothing is created.
    """
    chosen = os.environ.get("ENGAGEX_DATA_DIR")
    default = Path(__file__).resolve().parents[3] / ".engagex"
    return Path(chosen).expanduser().resolve() if chosen else default


def socket_directory(data_dir: Path | None = None) -> Path:
    """Return the directory of the sockets: ``run`` inside the data directory, or a short one when that is too long."""
    data_dir = data_dir or data_directory()
    inside = data_dir / "run"
    longest_name = inside / f".s.PGSQL.{POSTGRES_PORT}.lock"
    if len(os.fsencode(longest_name)) <= LONGEST_SOCKET_PATH:
        return inside
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    return SHORT_ROOT / f"engagex-{os.getuid()}-{digest}"


def valkey_socket(data_dir: Path | None = None) -> Path:
    """Return the path of the Redis-protocol server's socket."""
    return socket_directory(data_dir) / "valkey.sock"


def database_url(data_dir: Path | None = None) -> str:
    """Return the ``postgres://`` URL of the embedded database, as dj_database_url and libpq read it."""
    host = quote(str(socket_directory(data_dir)), safe="")
    return f"postgres://{DATABASE_USER}@{host}:{POSTGRES_PORT}/{DATABASE_NAME}"


def redis_url(data_dir: Path | None = None) -> str:
    """Return the ``unix://`` URL of the embedded Redis-protocol server, as redis-py reads it."""
    return f"unix://{quote(str(valkey_socket(data_dir)))}?db={CACHE_DB}"


def celery_broker_url(url: str | None = None) -> str:
    """Return Celery's spelling of a ``unix://`` Redis URL (``redis+socket://``); other URLs stay as they are.

    The broker has a database of its own, so that emptying the cache leaves queued work alone.
    """
    url = url or redis_url()
    if not url.startswith("unix://"):
        return url
    path = url.removeprefix("unix://").partition("?")[0]
    return f"redis+socket://{path}?virtual_host={BROKER_DB}"
