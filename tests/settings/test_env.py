"""A value that cannot be used stops the start and names its variable."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from core.settings import env

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "core.settings.prod",
    "SECRET_KEY": "x7Yq2-long-and-random-0123456789-abcdefghijklmnopqrstuvwxyz",
    "TOKEN_KEYS": "1:0123456789abcdefghijklmnopqrstuvwxyz",
    "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    "ADDRESS_HASH_KEY": "k" * 40,
    "ALLOWED_HOSTS": "mail.agency.example",
    "DATABASE_URL": "postgres://engagex:pw@127.0.0.1:5432/engagex",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "PUBLIC_URL": "https://mail.agency.example",
    "METRICS_TOKEN": "a-token",
}


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("maybe", lambda: env.flag("PROBE")),
        ("-1", lambda: env.integer("PROBE")),
        ("many", lambda: env.integer("PROBE")),
        ("gopher", lambda: env.choice("PROBE", choices=("https", "http"))),
        ("ftp://x", lambda: env.url("PROBE", schemes=("https",))),
        ("1:short", lambda: env.numbered_keys("PROBE")),
        ("x:0123456789abcdefghijklmnopqrstuvwxyz", lambda: env.numbered_keys("PROBE")),
        ("", lambda: env.text("PROBE")),
    ],
)
def test_read_of_unusable_value_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, value: str, read: Callable[[], object]
) -> None:
    monkeypatch.setenv("PROBE", value)
    with pytest.raises(ImproperlyConfigured, match="PROBE"):
        read()


def test_read_of_usable_values_gives_them_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBE", " yes ")
    assert env.flag("PROBE") is True
    monkeypatch.setenv("PROBE", "12")
    assert env.integer("PROBE") == 12
    monkeypatch.setenv("PROBE", "a, b,,c")
    assert env.words("PROBE") == ["a", "b", "c"]
    monkeypatch.delenv("PROBE")
    assert env.integer("PROBE", 7) == 7


def _check_deploy(**changes: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **PRODUCTION, **changes}
    environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)  # the browser tests need it, production must not have it
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_check_deploy_under_production_settings_has_no_warning() -> None:
    done = _check_deploy()
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    "name",
    [
        "SECRET_KEY",
        "TOKEN_KEYS",
        "ENCRYPTION_KEYS",
        "ADDRESS_HASH_KEY",
        "DATABASE_URL",
        "REDIS_URL",
        "PUBLIC_URL",
    ],
)
def test_start_without_a_required_variable_names_it(name: str) -> None:
    done = _check_deploy(**{name: ""})
    assert done.returncode != 0
    assert name in done.stderr
