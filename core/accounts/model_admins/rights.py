"""Django's `has_…_permission` hooks, answered by the permission matrix."""

from typing import Any
from uuid import UUID

from django.db import models
from django.http import HttpRequest

from core.accounts.access import Access
from core.accounts.models import Organization
from core.accounts.permissions import Permission


def access_of(request: HttpRequest) -> Access:
    """The access the middleware computed for this request."""
    return request.access  # type: ignore[attr-defined]


def organization_id_of(obj: Any) -> UUID | None:
    """The organization a row belongs to; an Organization belongs to itself."""
    return obj.pk if isinstance(obj, Organization) else getattr(obj, "organization_id", None)


class MatrixRights:
    """Rights of one admin class, each a member of Permission; None means nobody may, superusers included.

    For every permission there is also a `has_<name>_permission` hook (`has_campaigns_send_permission`), so that
    actions name what they need: `@action(permissions=["campaigns_send"])`.
    """

    view_permission: Permission | None = None
    add_permission: Permission | None = None
    change_permission: Permission | None = None
    delete_permission: Permission | None = None

    def _may(self, request: HttpRequest, permission: Permission | None, obj: Any = None) -> bool:
        if permission is None or not hasattr(request, "access"):
            return False
        if isinstance(obj, (str, UUID)):
            is_there, organization_id = self._row_and_client(request, str(obj))
            return is_there and access_of(request).can(permission, organization_id)
        return access_of(request).can(permission, organization_id_of(obj) if obj is not None else None)

    def _row_and_client(self, request: HttpRequest, object_id: str) -> tuple[bool, UUID | None]:
        """Whether this person can reach the row, and whose it is, which never changes. Read once a request: a page with
        twenty actions asks for the right to each."""
        owners: dict[Any, tuple[bool, UUID | None]] = request.__dict__.setdefault("owners_of_rows", {})
        key = (type(self), object_id)
        if key not in owners:
            obj = self.get_object(request, object_id)  # type: ignore[attr-defined]
            owners[key] = (obj is not None, organization_id_of(obj) if obj is not None else None)
        return owners[key]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.view_permission, obj) or self.has_change_permission(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.add_permission)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.change_permission, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.delete_permission, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)


def _right(permission: Permission) -> Any:
    def has_permission(self: MatrixRights, request: HttpRequest, obj: models.Model | str | None = None) -> bool:
        return self._may(request, permission, obj)

    return has_permission


for _permission in Permission:
    setattr(MatrixRights, f"has_{_permission.name.lower()}_permission", _right(_permission))
