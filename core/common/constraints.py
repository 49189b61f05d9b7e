"""Constraints that keep rows of different organizations apart inside the database itself."""

from typing import Any

from django.db import models
from django.db.backends.ddl_references import Statement, Table
from django.db.models.constraints import BaseConstraint


def tenant_key(table: str) -> models.UniqueConstraint:
    """UNIQUE (organization, id): what `SameOrganization` of other tables refers to."""
    return models.UniqueConstraint(fields=["organization", "id"], name=f"{table}_tenant_key")


class SameOrganization(BaseConstraint):
    """A composite foreign key: the row that `field` names belongs to this row's organization.

    PostgreSQL then refuses a mix, whatever path wrote it (COPY and raw SQL included). The target's Meta must list
    `tenant_key(...)`. Deferred to the end of the transaction, as Django's own foreign keys are; a NULL passes.
    """

    def __init__(self, *, field: str, name: str, violation_error_message: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, violation_error_message=violation_error_message, **kwargs)
        self.field = field

    def _definition(self, model: Any, schema_editor: Any) -> str:
        quote = schema_editor.quote_name
        field = model._meta.get_field(self.field)
        target = field.remote_field.model._meta
        own = model._meta.get_field("organization")
        return (
            f"FOREIGN KEY ({quote(own.column)}, {quote(field.column)}) "
            f"REFERENCES {quote(target.db_table)} ({quote(own.column)}, {quote(target.pk.column)}) "
            "DEFERRABLE INITIALLY DEFERRED"
        )

    def constraint_sql(self, model: Any, schema_editor: Any) -> str:
        return f"CONSTRAINT {schema_editor.quote_name(self.name)} {self._definition(model, schema_editor)}"

    def create_sql(self, model: Any, schema_editor: Any) -> Any:
        return Statement(
            "ALTER TABLE %(table)s ADD %(constraint)s",
            table=Table(model._meta.db_table, schema_editor.quote_name),
            constraint=self.constraint_sql(model, schema_editor),
        )

    def remove_sql(self, model: Any, schema_editor: Any) -> Any:
        return Statement(
            "ALTER TABLE %(table)s DROP CONSTRAINT %(name)s",
            table=Table(model._meta.db_table, schema_editor.quote_name),
            name=schema_editor.quote_name(self.name),
        )

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: str = "default") -> None:
        """Forms offer only rows in scope; the database has the last word."""

    def deconstruct(self) -> tuple[str, tuple, dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        return path, tuple(args), {**kwargs, "field": self.field}

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SameOrganization):
            return self.name == other.name and self.field == other.field
        return NotImplemented

    def __hash__(self) -> int:
        return hash((self.name, self.field))
