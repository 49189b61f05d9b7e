"""Abstract bases of the models. No business noun lives here."""

from typing import Any, ClassVar

from django.db import models

from core.common.ids import new_id
from core.common.scoped_queries import ScopedManager
from core.common.tenancy import refuse_foreign_rows


class UUIDModel(models.Model):
    """A primary key that sorts by time of creation and cannot be guessed from a neighbour's."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True


class TimeStamped(models.Model):
    created_at = models.DateTimeField("created", auto_now_add=True)
    updated_at = models.DateTimeField("changed", auto_now=True)

    class Meta:
        abstract = True


class ScopedModel(models.Model):
    """Rows that only the open scope may reach; `organization_attribute` names the column that decides."""

    organization_attribute: ClassVar[str] = "organization_id"

    objects = ScopedManager()

    class Meta:
        abstract = True
        # Django follows foreign keys, refreshes and saves through the base manager: it is closed as well.
        base_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        refuse_foreign_rows([self], self.organization_attribute)
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        refuse_foreign_rows([self], self.organization_attribute)
        return super().delete(*args, **kwargs)


class OrganizationOwned(ScopedModel):
    """A row of one client. Queries without an open scope raise; rows of other clients are refused."""

    # Every table has an index of its own that begins with the organization (a tenant key or a uniqueness).
    organization = models.ForeignKey(
        "accounts.Organization", on_delete=models.CASCADE, related_name="+", db_index=False
    )

    class Meta(ScopedModel.Meta):
        abstract = True
