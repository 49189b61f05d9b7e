"""Which organizations the running code may touch, and the refusal of everything else.

Three places open a scope: the middleware, the task base classes and management commands (a webhook opens one
per event, after it was verified). Everything else works inside. The scope is read when a query is *compiled*,
so that `exists()`, `bulk_create()`, subqueries and forms made at import time obey it as well.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID


class OrganizationScopeMissing(RuntimeError):
    """Tenant data was asked for outside of any scope: always a mistake in our code."""


class OrganizationMismatch(RuntimeError):
    """A row of an organization outside the scope was about to be written."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The organizations in reach; `organization_ids` is None for all of them, with the reason why."""

    organization_ids: frozenset[UUID] | None
    reason: str = ""

    def covers(self, organization_id: UUID | None) -> bool:
        return self.organization_ids is None or organization_id in self.organization_ids


_scope: ContextVar[Scope | None] = ContextVar("organization_scope", default=None)


def current_scope() -> Scope:
    """The open scope. Raises OrganizationScopeMissing when there is none."""
    scope = _scope.get()
    if scope is None:
        raise OrganizationScopeMissing(
            "Tenant data was used outside a scope: open organization_scope(...) or all_organizations(reason=...)."
        )
    return scope


def require(organization_id: UUID) -> None:
    """Guard for raw SQL, which no manager filters. Raises OrganizationMismatch for an organization out of reach."""
    if not current_scope().covers(organization_id):
        raise OrganizationMismatch(f"Organization {organization_id} is outside the open scope.")


@contextmanager
def _opened(scope: Scope) -> Iterator[Scope]:
    token = _scope.set(scope)
    try:
        yield scope
    finally:
        _scope.reset(token)


def organization_scope(*organizations: Any) -> Any:
    """Open the scope of these organizations (instances or ids). None at all means: nothing is in reach."""
    ids = frozenset(as_organization_id(organization) for organization in organizations)
    return _opened(Scope(ids))


def all_organizations(*, reason: str) -> Any:
    """Open the scope of every organization. The reason is for the reader of the code and of the log."""
    return _opened(Scope(None, reason))


def as_organization_id(organization: Any) -> UUID:
    """The id of an organization given as instance, UUID or text."""
    value = getattr(organization, "pk", organization)
    return value if isinstance(value, UUID) else UUID(str(value))


def refuse_foreign_rows(rows: Iterable[Any], attribute: str) -> None:
    """Raise OrganizationMismatch when a row to be written belongs to an organization outside the scope."""
    scope = current_scope()
    for row in rows:
        organization_id = getattr(row, attribute)
        if not scope.covers(organization_id):
            raise OrganizationMismatch(f"{row._meta.label} of organization {organization_id} is outside the scope.")
