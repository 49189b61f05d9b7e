"""Constraints that keep rows of different organizations apart inside the database itself."""

from collections.abc import Iterator, Sequence
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


class SameOrganizationInBulk(BaseConstraint):
    """What `SameOrganization` says of several fields, for a table that takes rows by the million.

    A foreign key looks up each row by itself, as often as there are keys; that costs more than the rows. Here a trigger
    compares all rows of a statement in one join for each field, and raises foreign_key_violation. The other way round a
    trigger of each target refuses to delete what rows still name, and another one lets no row move to other owners,
    except by those of the fields that are `changing`. `through` names fields of which the first one's target has the
    others itself, with keys of its own: rows that say the same as it does need no look at these.
    Checked with the statement, not at the end of the transaction: what is named has to be there first. Rows written
    to a partition by its own name need the trigger there, see `sql_for_partition`.
    """

    def __init__(
        self,
        *,
        fields: Sequence[str],
        name: str,
        changing: Sequence[str] = (),
        through: Sequence[str] = (),
        violation_error_message: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, violation_error_message=violation_error_message, **kwargs)
        self.fields, self.changing, self.through = tuple(fields), tuple(changing), tuple(through)

    def constraint_sql(self, model: Any, schema_editor: Any) -> Any:
        """A new table gets its triggers once it is there."""
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))

    def create_sql(self, model: Any, schema_editor: Any) -> Any:
        parts = [self._compared(model), self.sql_for_partition(model._meta.db_table), self._fixed(model)]
        return ";\n".join([*parts, *self._kept(model)])

    def remove_sql(self, model: Any, schema_editor: Any) -> Any:
        drops = [f"DROP FUNCTION {self.name}() CASCADE", f"DROP FUNCTION {self.name}_fixed() CASCADE"]
        return "; ".join([*drops, *(f"DROP FUNCTION {self.name}_{field}() CASCADE" for field in self.fields)])

    def replace_sql(self, model: Any, schema_editor: Any) -> str:
        """Check new rows as this one does, where another of this name did before."""
        return self._compared(model).replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)

    def sql_for_partition(self, table: str) -> str:
        """The trigger that checks what is written to this table by its own name."""
        inserted = (
            f"CREATE TRIGGER {self.name} AFTER INSERT ON {table} REFERENCING NEW TABLE AS arrived "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {self.name}()"
        )
        if not self.changing:
            return inserted
        return f"{inserted}; {inserted.replace(f'{self.name} AFTER INSERT', f'{self.name}_changed AFTER UPDATE')}"

    def _targets(self, model: Any) -> Iterator[tuple[str, str, Any]]:
        for name in self.fields:
            field = model._meta.get_field(name)
            yield name, field.column, field.remote_field.model._meta

    def _compared(self, model: Any) -> str:
        targets = {target[0]: target for target in self._targets(model)}
        checks = {name: self._check([target]) for name, target in targets.items()}
        if self.through:
            each = "\n".join(checks.pop(name) for name in self.through)
            checks["through"] = self._check([targets[name] for name in self.through], otherwise=each)
        return self._function("", "\n".join(checks.values()))

    def _check(self, targets: Sequence[tuple[str, str, Any]], *, otherwise: str = "") -> str:
        """That each row names the first target, of its own organization, and names the others as that does."""
        (name, column, target), *others = targets
        columns = ", ".join(["organization_id", f"{column} AS id", *(column for _, column, _ in others)])
        named = f"{columns} FROM arrived" if others else f"DISTINCT {columns} FROM arrived WHERE {column} IS NOT NULL"
        same = "".join(f" AND target.{column} = named.{column}" for _, column, _ in others)
        refuse = f"""RAISE foreign_key_violation USING
                    CONSTRAINT = '{self.name}', MESSAGE = 'a row names a {name} of another organization, or none';"""
        return f"""IF EXISTS (
                SELECT FROM (SELECT {named}) AS named
                 WHERE NOT EXISTS (SELECT FROM {target.db_table} AS target
                                    WHERE target.id = named.id AND target.organization_id = named.organization_id{same})
            ) THEN
                {otherwise or refuse}
            END IF;"""  # noqa: S608 - names of our own tables

    def _fixed(self, model: Any) -> str:
        kept = (column for name, column, _ in self._targets(model) if name not in self.changing)
        columns = ["organization_id", *kept]
        old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
        refuse = f"RAISE foreign_key_violation USING CONSTRAINT = '{self.name}', MESSAGE = 'rows keep their owners';"
        return (
            f"{self._function('_fixed', refuse)}; CREATE TRIGGER {self.name}_fixed "
            f"BEFORE UPDATE OF {', '.join(columns)} ON {model._meta.db_table} FOR EACH ROW "
            f"WHEN (({old}) IS DISTINCT FROM ({new})) EXECUTE FUNCTION {self.name}_fixed()"
        )

    def _kept(self, model: Any) -> Iterator[str]:
        for name, column, target in self._targets(model):
            check = f"""IF EXISTS (SELECT FROM gone JOIN {model._meta.db_table} AS row
                        ON row.{column} = gone.id AND row.organization_id = gone.organization_id) THEN
                RAISE foreign_key_violation USING
                    CONSTRAINT = '{self.name}', MESSAGE = 'rows still name what is to be deleted: {name}';
            END IF;"""
            yield self._function(f"_{name}", check)
            yield (
                f"CREATE TRIGGER {self.name} AFTER DELETE ON {target.db_table} REFERENCING OLD TABLE AS gone "
                f"FOR EACH STATEMENT EXECUTE FUNCTION {self.name}_{name}()"
            )

    def _function(self, suffix: str, body: str) -> str:
        return (
            f"CREATE FUNCTION {self.name}{suffix}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$body$BEGIN {body} RETURN NULL; END$body$"
        )

    def validate(self, model: Any, instance: Any, exclude: Any = None, using: str = "default") -> None:
        """Forms offer only rows in scope; the database has the last word."""

    def deconstruct(self) -> tuple[str, tuple, dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        changing = {"changing": self.changing} if self.changing else {}
        through = {"through": self.through} if self.through else {}
        return path, tuple(args), {**kwargs, "fields": self.fields, **changing, **through}

    def __eq__(self, other: object) -> bool:
        if isinstance(other, SameOrganizationInBulk):
            return self.deconstruct() == other.deconstruct()
        return NotImplemented

    def __hash__(self) -> int:
        return hash((self.name, self.fields))
