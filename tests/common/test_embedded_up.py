"""`manage.py up` and `manage.py services` as a person at a terminal meets them."""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError

from core.common.embedded.errors import EmbeddedServicesError
from core.common.management.commands import up

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """An environment without services: those of the test run are not for these commands.

    One directory for this file: the first command makes the database, the later ones find it.
    """
    with tempfile.TemporaryDirectory(prefix="engagex-up-", dir="/tmp") as directory:
        kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        yield kept | {"ENGAGEX_DATA_DIR": f"{directory}/data", "DJANGO_SETTINGS_MODULE": "core.settings.dev"}


@pytest.fixture
def taken_port() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


def manage(*arguments: str) -> list[str]:
    return [sys.executable, "manage.py", *arguments]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_then_signal_stops_everything_and_exits_with_zero(environment: dict[str, str], number: int) -> None:
    command = manage("up", "--port", str(free_port()), "--workers", "1")
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout
        said: list[str] = []
        for line in process.stdout:
            said.append(line)
            if "EngageX is ready: http://127.0.0.1:" in line:
                process.send_signal(number)
        assert process.wait() == 0, "".join(said)
    assert "".join(said).count("EngageX is ready") == 1
    assert not list((Path(environment["ENGAGEX_DATA_DIR"]) / "pids").iterdir())


def test_up_on_taken_port_names_it_and_another(environment: dict[str, str], taken_port: int) -> None:
    command = manage("up", "--port", str(taken_port))
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"Port {taken_port} on 127.0.0.1 is taken" in done.stderr
    assert "manage.py up --port " in done.stderr


def test_services_around_command_gives_it_the_database_and_its_exit_code(environment: dict[str, str]) -> None:
    query = manage("services", "--", "psql", "-Atc", "SELECT current_database()")
    done = subprocess.run(query, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("engagex\n", 0), done.stderr

    failing = manage("services", "--", "sh", "-c", "exit 7")
    assert (
        subprocess.run(failing, cwd=REPOSITORY, env=environment, check=False, stderr=subprocess.DEVNULL).returncode == 7
    )


def test_part_names_of_known_parts_are_taken() -> None:
    assert up.part_names("web, worker") == ("web", "worker")


@pytest.mark.parametrize("text", ["web,wrong", "", ","])
def test_part_names_of_unknown_or_no_parts_are_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="choose from web, worker, beat"):
        up.part_names(text)


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http"])
def test_port_number_outside_the_range_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is not a port number"):
        up.port_number(text)


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_bind_to_this_machine_is_allowed(bind: str) -> None:
    up.refuse_unsafe_bind(bind)


@pytest.mark.parametrize("bind", ["0.0.0.0", "::", "192.0.2.7", "host.example"])
def test_public_bind_without_own_secret_is_refused(bind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    with pytest.raises(CommandError, match="set SECRET_KEY"):
        up.refuse_unsafe_bind(bind)


def test_public_bind_with_debug_pages_is_refused(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setenv("SECRET_KEY", "a secret of our own")
    up.refuse_unsafe_bind("0.0.0.0")
    settings.DEBUG = True
    with pytest.raises(CommandError, match="unset ENGAGEX_DEBUG"):
        up.refuse_unsafe_bind("0.0.0.0")


@pytest.mark.parametrize(
    ("bind", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("host.example", "http://host.example:80"),
    ],
)
def test_web_address_can_be_opened(bind: str, address: str) -> None:
    assert up.web_address(bind, 80) == address


def test_demo_logins_are_shown_as_a_table(tmp_path: Path) -> None:
    path = tmp_path / up.DEMO_LOGINS
    path.write_text(
        '[{"role": "owner", "email": "a@b.example", "password": "p", "what": "all"},'
        ' {"role": "account manager", "email": "long@b.example", "password": "longer", "what": "reports"}]'
    )
    assert up.demo_login_lines(path) == [
        "  owner            a@b.example     p       all",
        "  account manager  long@b.example  longer  reports",
    ]


def test_demo_logins_that_are_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedServicesError, match=up.DEMO_LOGINS):
        up.demo_login_lines(tmp_path / up.DEMO_LOGINS)
