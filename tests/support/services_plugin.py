"""Start PostgreSQL and Valkey for the test run, before Django reads its settings; loaded with ``-p``.

The data live in a temporary directory and are gone afterwards. With DATABASE_URL or REDIS_URL set, those are used.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from core.common.embedded.services import embedded_services

# Started once per process; closing it twice does nothing.
_running = ExitStack()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """Start the services. A wrapper, because pytest-django loads the settings in the same hook with tryfirst."""
    arguments = early_config.known_args_namespace
    is_worker = "PYTEST_XDIST_WORKER" in os.environ  # it inherits the controller's services by its environment
    if not (is_worker or arguments.help or arguments.version):
        start_services()
    return (yield)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the services after the last test."""
    _running.close()


def start_services() -> None:
    """Start what the environment does not name, and put its addresses into the environment.

    A killed run leaves no process behind (PR_SET_PDEATHSIG); its directory stays in the temporary directory.
    """
    postgres, valkey = (not os.environ.get(name) for name in ("DATABASE_URL", "REDIS_URL"))
    # /tmp by its short name: the sockets lie inside.
    directory = Path(tempfile.mkdtemp(prefix="engagex-tests-", dir="/tmp"))
    atexit.register(_running.close)
    _running.callback(shutil.rmtree, directory, ignore_errors=True)
    # Without this, tests would see the keys and files of the developer's own instance.
    os.environ.setdefault("ENGAGEX_DATA_DIR", str(directory / "data"))
    services = _running.enter_context(
        embedded_services(directory / "services", fsync=False, postgres=postgres, valkey=valkey)
    )
    if postgres:
        os.environ["DATABASE_URL"] = services.database_url
    if valkey:
        os.environ["REDIS_URL"] = services.redis_url
