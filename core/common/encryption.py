"""Secrets at rest: authenticated encryption with keys that live outside the database."""

from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models


class DecryptionFailed(RuntimeError):
    """A stored secret does not open with any of ENCRYPTION_KEYS: a key is missing, or the value was tampered with."""


def _cipher() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])


def encrypt(text: str) -> str:
    """Encrypt with the first of ENCRYPTION_KEYS."""
    return _cipher().encrypt(text.encode()).decode()


def decrypt(stored: str) -> str:
    """Open with any of ENCRYPTION_KEYS. Raises DecryptionFailed."""
    try:
        return _cipher().decrypt(stored.encode()).decode()
    except InvalidToken as error:
        raise DecryptionFailed("A stored secret cannot be decrypted: is a key missing in ENCRYPTION_KEYS?") from error


class EncryptedTextField(models.TextField):
    """Text that is ciphertext in the database and in every dump of it. Not searchable, by design."""

    def get_prep_value(self, value: Any) -> Any:
        return encrypt(value) if value else value

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return decrypt(value) if value else value
