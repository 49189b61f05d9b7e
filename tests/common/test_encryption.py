import pytest
from cryptography.fernet import Fernet
from django.db import connection

from core.accounts.models import Organization
from core.common.encryption import DecryptionFailed, decrypt, encrypt
from core.delivery.models import Connection


def test_decrypt_of_encrypted_text_returns_it() -> None:
    assert decrypt(encrypt("geheim")) == "geheim"


def test_decrypt_after_rotation_opens_with_the_older_key(settings: object) -> None:
    older, newer = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [older]
    stored = encrypt("geheim")
    settings.ENCRYPTION_KEYS = [newer, older]
    assert decrypt(stored) == "geheim"


def test_decrypt_without_the_key_is_loud(settings: object) -> None:
    stored = encrypt("geheim")
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(DecryptionFailed):
        decrypt(stored)


def test_encrypted_field_is_ciphertext_in_the_database(in_florist: Organization) -> None:
    Connection.objects.create(organization=in_florist, name="SMTP", password="hunter2-hunter2")
    with connection.cursor() as cursor:
        cursor.execute("SELECT password FROM delivery_connection WHERE name = 'SMTP'")
        assert "hunter2" not in cursor.fetchone()[0]
    assert Connection.objects.get(name="SMTP").password == "hunter2-hunter2"
