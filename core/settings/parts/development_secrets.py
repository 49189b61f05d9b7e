"""Secrets of an installation that was never configured: made once, readable by their owner alone."""

import json
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet

FILE_NAME = "development_secrets.json"


def development_secrets(data_dir: Path) -> dict[str, str]:
    """Return secret_key, token_key and encryption_key, making the file (mode 0600) when it is not there."""
    path = data_dir / FILE_NAME
    if not path.exists():
        _create(path)
    return json.loads(path.read_text())


def _create(path: Path) -> None:
    """Written aside and linked into place: of two processes starting at once, one wins and both read its file."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    values = {
        "secret_key": secrets.token_urlsafe(50),
        "token_key": secrets.token_urlsafe(40),
        "encryption_key": Fernet.generate_key().decode(),
    }
    draft = path.with_suffix(f".{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(values, file)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # the other process was first
    finally:
        draft.unlink()
