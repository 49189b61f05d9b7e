"""How much a custom field is used. No index knows who has a value, so that only the newest contacts are looked at."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from core.common.tenancy import require
from core.contacts.models import ContactField

LOOKED_AT = 50_000
"""Some 100 ms."""
MOST_VALUES = 1_000


@dataclass(frozen=True, slots=True)
class FieldUsage:
    """`count` of the `seen` newest contacts have a value; `is_all` when the client has no more than those.

    `distinct_texts` are their different values as people would type them, 1,000 at most.
    """

    count: int
    seen: int
    is_all: bool
    distinct_texts: Sequence[str]

    @property
    def words(self) -> str:
        contacts = "contact has" if self.count == 1 else "contacts have"
        if self.is_all:
            return f"{self.count:,} {contacts} a value in it."
        return f"{self.count:,} of the {self.seen:,} newest contacts have a value in it; older ones may have one, too."


_USAGE = f"""
    WITH newest AS MATERIALIZED (
        SELECT attributes -> %(key)s AS value FROM contacts_contact
         WHERE organization_id = %(organization)s ORDER BY id DESC LIMIT {LOOKED_AT + 1}
    )
    SELECT (SELECT count(*) FROM newest), count(value), (array_agg(DISTINCT value))[1:{MOST_VALUES}]
      FROM newest WHERE value IS NOT NULL
"""  # noqa: S608 - made of constants


def field_usage(field: ContactField) -> FieldUsage:
    """How many contacts have a value in the field. One query over at most LOOKED_AT contacts."""
    require(field.organization_id)
    with connection.cursor() as cursor:
        cursor.execute(_USAGE, {"organization": field.organization_id, "key": field.key})
        seen, count, values = cursor.fetchone()
    texts = tuple(value_text(json.loads(value)) for value in values or ())
    return FieldUsage(count, min(seen, LOOKED_AT), seen <= LOOKED_AT, texts)


def value_text(value: Any) -> str:
    """A stored value as somebody would type it into the field."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)
