from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.test import Client
from django.urls import reverse

from core.accounts import audit
from core.accounts.choices import Role
from core.accounts.models import AuditEvent, Organization
from core.common.request_context import request_context
from core.common.tenancy import organization_scope
from tests.support import factories


def test_record_keeps_actor_values_and_origin(in_florist: Organization) -> None:
    user = factories.make_user()
    contact = factories.make_contact(in_florist)
    with request_context(request_id="r-1", actor_id=user.pk, actor_label=user.email, ip_address="192.0.2.7"):
        audit.record(action="contact.changed", obj=contact, changes={"company": ["", "Acme"]})
    event = AuditEvent.objects.get()
    assert (event.actor_id, event.actor_label, event.ip_address) == (user.pk, user.email, "192.0.2.7")
    assert (event.object_id, event.changes, event.request_id) == (str(contact.pk), {"company": ["", "Acme"]}, "r-1")
    assert event.organization_id == in_florist.pk


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditevent SET actor_label = 'nobody'",
        "DELETE FROM accounts_auditevent",
        "SET LOCAL engagex.allow_truncate = 'off'; TRUNCATE accounts_auditevent",
    ],
)
def test_change_of_the_audit_log_is_refused_by_the_database(in_florist: Organization, statement: str) -> None:
    audit.record(action="contact.added", obj=factories.make_contact(in_florist))
    refused = pytest.raises(DatabaseError, match="append-only")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert AuditEvent.objects.count() == 1


def test_secrets_are_masked(in_florist: Organization) -> None:
    from core.delivery.models import Connection

    stored = Connection.objects.create(organization=in_florist, name="SMTP", password="hunter2")
    assert audit.field_values(stored, ["name", "password"]) == {"name": "SMTP", "password": audit.SECRET}


def test_secret_that_is_replaced_by_another_is_noted_without_its_value(in_florist: Organization) -> None:
    from core.delivery.models import Connection

    before = Connection(organization=in_florist, name="SMTP", password="hunter2")
    after = Connection(organization=in_florist, name="SMTP", password="hunter3")
    assert audit.changed_secrets(before, after, ["name", "password"]) == {"password": [audit.SECRET, audit.SECRET]}
    assert audit.changed_secrets(before, before, ["name", "password"]) == {}


def test_replacing_a_password_in_the_admin_appears_in_the_history(
    florist: Organization, member: Callable[..., Any], signed_in: Callable[..., Client]
) -> None:
    from core.delivery.models import Connection

    client = signed_in(member(Role.ADMIN))
    form = {"name": "Own", "kind": "smtp", "host": "smtp.example", "port": "587", "security": "starttls"}
    form |= {"username": "mailer", "batch_size": "100"}
    client.post(reverse("admin:delivery_connection_add"), {**form, "password": "hunter two"})
    with organization_scope(florist):
        connection_id = Connection.objects.get(name="Own").pk
    client.post(reverse("admin:delivery_connection_change", args=[connection_id]), {**form, "password": "hunter three"})
    with organization_scope(florist):
        newest = AuditEvent.objects.filter(object_id=str(connection_id)).first()
    assert newest is not None
    assert (newest.action, newest.changes) == ("connection.changed", {"password": [audit.SECRET, audit.SECRET]})
