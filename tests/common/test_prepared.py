"""Statements that are planned once."""

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from core.accounts.models import Organization
from core.common.prepared import pipelined_transaction, prepared

_NAMES = """
    SELECT name FROM accounts_organization
     WHERE id = %(id)s
"""


def found(organization: Organization) -> list[str]:
    with prepared(_NAMES, {"id": organization.pk}) as cursor:
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.django_db
def test_prepared_is_planned_once_for_all_parameters(florist: Organization, museum: Organization) -> None:
    assert (found(florist), found(museum)) == (["Florist"], ["Museum"])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements"
            " WHERE statement LIKE '%%SELECT name FROM accounts_organization WHERE id%%'"
        )
        assert cursor.fetchall() == [(2, 0)]


@pytest.mark.django_db(transaction=True)
def test_prepared_after_a_rollback_is_planned_once_all_the_same(florist: Organization) -> None:
    connection.close()
    with pytest.raises(RuntimeError), transaction.atomic():
        found(florist)
        raise RuntimeError
    found(florist)
    with connection.cursor() as cursor:
        cursor.execute("SHOW plan_cache_mode")
        assert cursor.fetchone() == ("force_generic_plan",)


@pytest.mark.django_db(transaction=True)
def test_pipelined_transaction_commits_all_or_nothing(florist: Organization) -> None:
    rename = "UPDATE accounts_organization SET name = %(name)s WHERE id = %(id)s"
    with pipelined_transaction(), prepared(rename, {"name": "First", "id": florist.pk}):
        pass
    assert connection.connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert found(florist) == ["First"]
    with pytest.raises(IntegrityError), pipelined_transaction():
        for name in ("Second", None):
            with prepared(rename, {"name": name, "id": florist.pk}):
                pass
    with pytest.raises(RuntimeError, match="in between"), pipelined_transaction():
        with prepared(rename, {"name": "Third", "id": florist.pk}):
            pass
        raise RuntimeError("in between")
    assert found(florist) == ["First"]


@pytest.mark.django_db(transaction=True)
def test_pipelined_transaction_inside_another_leaves_the_commit_to_it(florist: Organization) -> None:
    rename = "UPDATE accounts_organization SET name = %(name)s WHERE id = %(id)s"
    with pytest.raises(RuntimeError, match="outside"), transaction.atomic():
        with pipelined_transaction(), prepared(rename, {"name": "Inner", "id": florist.pk}):
            pass
        raise RuntimeError("outside")
    assert found(florist) == ["Florist"]
