"""Secrets of an installation that was never configured: made once, readable by their owner alone."""

import json
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet

FILE_NAME = "development_secrets.json"


def development_secrets(data_dir: Path) -> dict[str, str]:
    """The secrets by name (those of `_fresh`), making the file (mode 0600) when it is not there or lacks some."""
    path = data_dir / FILE_NAME
    if not path.exists():
        _create(path, _fresh())
    stored = json.loads(path.read_text())
    fresh = _fresh()
    if fresh.keys() - stored.keys():
        _replace(path, fresh | stored)
        stored = json.loads(path.read_text())
    return stored


def _fresh() -> dict[str, str]:
    return {
        "secret_key": secrets.token_urlsafe(50),
        "token_key": secrets.token_urlsafe(40),
        "encryption_key": Fernet.generate_key().decode(),
        "address_hash_key": secrets.token_urlsafe(40),
    }


def _create(path: Path, values: dict[str, str]) -> None:
    """Written aside and linked into place: of two processes starting at once, one wins and both read its file."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = _draft(path, values)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # the other process was first
    finally:
        draft.unlink()


def _replace(path: Path, values: dict[str, str]) -> None:
    """A file of an older version gets what it lacks; what it has stays, as mails and rows depend on it."""
    os.replace(_draft(path, values), path)


def _draft(path: Path, values: dict[str, str]) -> Path:
    draft = path.with_suffix(f".{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(values, file)
    return draft
