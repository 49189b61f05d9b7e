import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from core.accounts import audit
from core.accounts.models import AuditEvent, Organization
from core.common.request_context import request_context
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
