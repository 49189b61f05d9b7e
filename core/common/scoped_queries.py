"""Querysets that are filtered by the open scope at the moment they are compiled to SQL.

The filter sits in the query class, because that is the one point every way of reading passes: iteration, count,
`exists()`, aggregates, subqueries, unions, updates and deletes. A filter in the manager would let `exists()` on a
stored queryset and forms made at import time through.
"""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.models import sql
from django.db.models.sql.constants import ROW_COUNT

from core.common.tenancy import current_scope, refuse_foreign_rows


class _ScopedQueryMixin:
    """Adds `organization IN (scope)` while compiling. Works on a clone, so the same query compiles in any scope."""

    def get_compiler(self, using: str | None = None, connection: Any = None, elide_empty: bool = True) -> Any:
        scope = current_scope()
        query: Any = self
        if scope.organization_ids is not None:
            query = self.clone()  # type: ignore[attr-defined]
            query.add_q(models.Q(**_scope_lookup(query.model, scope.organization_ids)))
        return super(_ScopedQueryMixin, query).get_compiler(using, connection, elide_empty)  # type: ignore[misc]

    def chain(self, klass: type | None = None) -> Any:
        """`update()` turns a select into an update query: keep it scoped."""
        return super().chain(_ScopedUpdateQuery if klass is sql.UpdateQuery else klass)  # type: ignore[misc]


def _scope_lookup(model: type[models.Model], ids: frozenset) -> dict[str, Any]:
    attribute = model.organization_attribute  # type: ignore[attr-defined]
    if len(ids) == 1:
        return {attribute: next(iter(ids))}
    return {f"{attribute}__in": ids}


class _ScopedQuery(_ScopedQueryMixin, sql.Query):
    pass


class _ScopedUpdateQuery(_ScopedQueryMixin, sql.UpdateQuery):
    pass


class _ScopedDeleteQuery(_ScopedQueryMixin, sql.DeleteQuery):
    pass


class ScopedQuerySet(models.QuerySet):
    """A queryset of rows of organizations; see the module's text."""

    model: Any

    def __init__(self, model: Any = None, query: Any = None, using: Any = None, hints: Any = None) -> None:
        super().__init__(model, query or _ScopedQuery(model), using, hints)

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        rows = list(objs)
        refuse_foreign_rows(rows, self.model.organization_attribute)
        return super().bulk_create(rows, *args, **kwargs)

    def bulk_update(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> int:
        rows = list(objs)
        refuse_foreign_rows(rows, self.model.organization_attribute)
        return super().bulk_update(rows, *args, **kwargs)

    def update(self, **kwargs: Any) -> int:
        for name in ("organization", "organization_id"):
            if name in kwargs and self.model.organization_attribute == "organization_id":
                refuse_foreign_rows([self.model(**{name: kwargs[name]})], "organization_id")
        return super().update(**kwargs)

    def raw(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("raw() knows no scope: use a cursor, tenancy.require() and an organization_id in the SQL.")

    def _raw_delete(self, using: str | None) -> int:
        """Django assigns its own DeleteQuery class here, which would drop the scope."""
        query = self.query.clone()
        query.__class__ = _ScopedDeleteQuery
        return query.get_compiler(using).execute_sql(ROW_COUNT)


ScopedManager = models.Manager.from_queryset(ScopedQuerySet)
