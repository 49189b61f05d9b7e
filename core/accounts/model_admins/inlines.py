from typing import Any

from django.http import HttpRequest
from unfold.admin import TabularInline

from core.accounts.model_admins.rights import MatrixRights


class OrganizationTabularInline(MatrixRights, TabularInline):
    """Rows of the same client, edited inside the page of the object they hang on."""

    extra = 0
    exclude: Any = ("organization",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, self.add_permission, obj)
