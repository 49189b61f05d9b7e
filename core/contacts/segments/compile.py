"""A rule as one SQL condition over a row of contacts.

Every value is a parameter, keys of custom fields included; only names out of our own tables are written into the text.
No part is ever NULL, so that negation means "everybody else": who has no value *is not* Vigo. Negations are moved down
to the single conditions, because PostgreSQL turns `EXISTS` and `NOT EXISTS` joined by AND into semi and anti joins, and
can do nothing with `NOT (… OR EXISTS …)`.
"""

import datetime
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import timezone

from core.accounts.models import Organization
from core.common.tenancy import as_organization_id, require
from core.contacts.behaviour import Asked, Behaviour, Rows, any_of, source
from core.contacts.models import ImportedChunk
from core.contacts.segments.fields import ATTRIBUTE, FIELDS, Kind
from core.contacts.segments.rules import Condition, Group, parse_rule

Sql = tuple[str, list[Any]]

_OPPOSITES = {
    "is_not": "is",
    "not_contains": "contains",
    "not_in_list": "in_list",
    "not_in_last": "in_last",
    "not_empty": "empty",
    "none_of": "any_of",
    "did_not": "did",
}
_SEARCHED = frozenset({"email", "first_name", "last_name", "company", "phone"})
_SHORTEST_TRIGRAM = 3
NOBODY: Sql = ("FALSE", [])


def rule_sql(
    organization_id: UUID, rule: Group | dict[str, Any], alias: str = "contact", *, through_search: bool = False
) -> Sql:
    """SQL that is true for the contacts of the rule, over the row `alias` of contacts_contact, with its positional
    parameters. The caller limits the organization and leaves deleted contacts out.

    An empty document is a rule nobody fits. `through_search` lets "contains" use the search index, which imports fill a
    moment after the contacts: right for a list, not for deciding who gets a mail. Raises BadRule for a document that is
    no rule, OrganizationMismatch outside the scope.
    """
    organization_id = as_organization_id(organization_id)
    require(organization_id)
    if rule == {}:
        return NOBODY
    return _Compiler(organization_id, alias, through_search).node(_read(rule))


def people_sql(organization_id: UUID, rule: Group | dict[str, Any], *, through_search: bool = False) -> Sql:
    """SELECT of the ids, each once, of all the contacts of the rule who are not deleted: for counting and bulk work.

    The same people as by `rule_sql`, found without going through every contact where the rule begins with the rows of
    a campaign or a group. Raises as `rule_sql` does.
    """
    organization_id = as_organization_id(organization_id)
    require(organization_id)
    if rule == {}:
        return "SELECT NULL::uuid AS id WHERE FALSE", []
    compiler, rule = _Compiler(organization_id, "own", through_search), _read(rule)
    ids, parameters = compiler.ids(rule)
    distinct = "" if compiler.is_unique(rule) else "DISTINCT "
    sql = f"""SELECT {distinct}person.id FROM ({ids}) AS person WHERE NOT EXISTS (
        SELECT 1 FROM contacts_contact AS gone
         WHERE gone.organization_id = %s AND gone.deleted_at IS NOT NULL AND gone.id = person.id)"""  # noqa: S608
    return sql, [*parameters, organization_id]


def _read(rule: Group | dict[str, Any]) -> Group:
    return rule if isinstance(rule, Group) else parse_rule(rule)


@dataclass
class _Compiler:
    organization_id: UUID
    alias: str
    through_search: bool

    @cached_property
    def now(self) -> datetime.datetime:
        return timezone.now()

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(Organization.objects.values_list("time_zone", flat=True).get(pk=self.organization_id))

    @cached_property
    def search_is_complete(self) -> bool:
        """Whether everything that was imported has reached the search index."""
        if not self.through_search:
            return False
        waiting = ImportedChunk.objects.filter(organization_id=self.organization_id, is_searchable=False)
        return not waiting.exists()

    def over(self, alias: str) -> "_Compiler":
        """The same over another row."""
        return self if alias == self.alias else replace(self, alias=alias)

    def node(self, node: Group | Condition, *, negated: bool = False) -> Sql:
        """The condition over the row `alias`."""
        if isinstance(node, Condition):
            return self._condition(node, negated=negated)
        parts, is_and, inner = _meaning(node, negated)
        if not is_and and any(self._rows(part, negated=inner) for part in parts):
            sql, parameters = self.ids(node, negated=negated)
            return f"EXISTS (SELECT 1 FROM ({sql}) AS one_of WHERE one_of.id = {self.alias}.id)", parameters  # noqa: S608
        return _joined([self.node(part, negated=inner) for part in parts], " AND " if is_and else " OR ")

    def ids(self, node: Group | Condition, *, negated: bool = False) -> Sql:
        """SELECT of the ids of the contacts, not yet without the deleted ones; one may come up several times.

        Begins with rows of messages and groups wherever there are some: these are fewer than the client's contacts.
        """
        parts, is_and, inner = _meaning(node, negated)
        if is_and:
            return self._ids_of_all(parts, inner)
        having_rows = [part for part in parts if self._has_rows(part, negated=inner)]
        others = [part for part in parts if part not in having_rows]
        selects = [self.ids(part, negated=inner) for part in having_rows]
        if others:
            condition = _joined([self.over("own").node(part, negated=inner) for part in others], " OR ")
            selects.append(self._ids_of_contacts(condition))
        return " UNION ALL ".join(sql for sql, _ in selects), [one for _, values in selects for one in values]

    def is_unique(self, node: Group | Condition, *, negated: bool = False) -> bool:
        """Whether `ids` gives each contact once."""
        parts, is_and, inner = _meaning(node, negated)
        if not is_and:
            return len(parts) == 1 and self.is_unique(parts[0], negated=inner)
        first = self._first_rows(parts, inner)
        return first is None or first[1].is_unique

    def _ids_of_all(self, parts: tuple[Group | Condition, ...], negated: bool) -> Sql:
        first = self._first_rows(parts, negated)
        if first is None:
            return self._ids_of_contacts(
                _joined([self.over("own").node(one, negated=negated) for one in parts], " AND ")
            )
        index, rows = first
        sql = f"SELECT first.id FROM (SELECT {rows.column} AS id {rows.sql}) AS first"  # noqa: S608 - our own text
        rest = [one for place, one in enumerate(parts) if place != index]
        if not rest:
            return sql, rows.parameters
        parameters, alias, where = list(rows.parameters), "first", ""
        if not all(self._needs_only_id(one, negated=negated) for one in rest):
            sql += " JOIN contacts_contact AS own ON own.id = first.id"
            alias, where = "own", "own.organization_id = %s AND "
            parameters.append(self.organization_id)
        condition, values = _joined([self.over(alias).node(one, negated=negated) for one in rest], " AND ")
        return f"{sql} WHERE {where}{condition}", parameters + values

    def _ids_of_contacts(self, condition: Sql) -> Sql:
        sql = f"SELECT own.id FROM contacts_contact AS own WHERE own.organization_id = %s AND {condition[0]}"  # noqa: S608
        return sql, [self.organization_id, *condition[1]]

    def _first_rows(self, parts: tuple[Group | Condition, ...], negated: bool) -> tuple[int, Rows] | None:
        """What to begin with: rows of which a contact has one, before others. Those others only where no contact need
        be read: to tell them apart in the end costs more than a semi join from the contacts."""
        found = [(index, rows) for index, part in enumerate(parts) if (rows := self._rows(part, negated=negated))]
        first = min(found, key=lambda pair: not pair[1].is_unique, default=None)
        if first is None or first[1].is_unique or all(self._needs_only_id(part, negated=negated) for part in parts):
            return first
        return None

    def _rows(self, node: Group | Condition, *, negated: bool) -> Rows | None:
        """The rows that a single condition asks for; None when it asks for something else, or for none of them."""
        if isinstance(node, Group) or negated != (node.operator in _OPPOSITES):
            return None
        found = self._asks(node)
        return found if isinstance(found, Rows) else None

    def _has_rows(self, node: Group | Condition, *, negated: bool) -> bool:
        """Whether `ids` can begin with rows, so that contacts need not be read from the start."""
        parts, is_and, inner = _meaning(node, negated)
        if isinstance(node, Condition):
            return self._rows(node, negated=negated) is not None
        return (any if is_and else all)(self._has_rows(part, negated=inner) for part in parts)

    def _needs_only_id(self, node: Group | Condition, *, negated: bool) -> bool:
        if isinstance(node, Condition):
            return isinstance(self._asks(node), Rows)
        return all(self._needs_only_id(item, negated=negated) for item in node.items)

    def _condition(self, condition: Condition, *, negated: bool) -> Sql:
        found = self._asks(condition)
        if isinstance(found, Rows):
            found = _exists(found, self.alias)
        is_opposite = condition.operator in _OPPOSITES
        return (f"NOT {found[0]}" if negated != is_opposite else found[0]), found[1]

    def _asks(self, condition: Condition) -> Rows | Sql:
        """What the condition, or the one it is the opposite of, asks: rows, or something NOT can stand before."""
        operator = _OPPOSITES.get(condition.operator, condition.operator)
        value: Any = condition.value
        if isinstance(value, Behaviour):
            return source().condition(Asked(self.organization_id, condition.field, value, self.alias, self.now))
        if condition.field.startswith(ATTRIBUTE):
            return _attribute(self, condition.field.removeprefix(ATTRIBUTE), operator, value)
        return _KINDS[FIELDS[condition.field].kind](self, condition.field, operator, value)

    def midnight(self, day: datetime.date) -> datetime.datetime:
        """When the day begins where the client is."""
        return datetime.datetime.combine(day, datetime.time(), self.zone)


def _meaning(node: Group | Condition, negated: bool) -> tuple[tuple[Group | Condition, ...], bool, bool]:
    """A node as the parts it is made of, whether they all must hold (or any), and whether each is negated."""
    if isinstance(node, Condition):
        return (node,), True, negated
    if node.how == "none":
        return node.items, not negated, not negated
    return node.items, (node.how == "all") != negated, negated


def _joined(parts: list[Sql], word: str) -> Sql:
    return f"({word.join(sql for sql, _ in parts)})", [value for _, values in parts for value in values]


def _like(text: str, operator: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return {"contains": f"%{escaped}%", "begins": f"{escaped}%", "ends": f"%{escaped}"}[operator]


def _text(compiler: _Compiler, column: str, operator: str, value: Any) -> Sql:
    """Over a text expression that is never NULL. Upper and lower case are the same."""
    if operator == "empty":
        return f"({column} = '')", []
    if operator == "is":
        return f"(lower({column}) = lower(%s))", [value]
    if operator == "in_list":
        return f"(lower({column}) = ANY(ARRAY(SELECT lower(one) FROM unnest(%s::text[]) AS one)))", [list(value)]  # noqa: S608
    return f"(lower({column}) LIKE lower(%s))", [_like(value, operator)]


def _word(compiler: _Compiler, field: str, operator: str, value: Any) -> Sql:
    sql, parameters = _text(compiler, f"{compiler.alias}.{field}", operator, value)
    return _through_search(compiler, field, operator, value, (sql, parameters))


def _address(compiler: _Compiler, field: str, operator: str, value: Any) -> Sql:
    """Over email_key, which is casefolded, and has the index that a list of addresses needs."""
    column = f"{compiler.alias}.email_key"
    if operator == "is":
        return f"({column} = %s)", [value.casefold()]
    if operator == "in_list":
        return f"({column} = ANY(%s::text[]))", [[one.casefold() for one in value]]
    return _through_search(
        compiler, field, operator, value, (f"({column} LIKE %s)", [_like(value.casefold(), operator)])
    )


def _through_search(compiler: _Compiler, field: str, operator: str, value: Any, exact: Sql) -> Sql:
    """The trigram index finds the few contacts in which the text stands anywhere; the exact condition decides."""
    usable = operator in ("contains", "begins", "ends") and field in _SEARCHED and len(value) >= _SHORTEST_TRIGRAM
    if not usable or not compiler.search_is_complete:
        return exact
    sql = f"""(EXISTS (SELECT 1 FROM contacts_contactsearch AS found
        WHERE found.contact_id = {compiler.alias}.id AND found.organization_id = %s AND found.text LIKE lower(%s))
        AND {exact[0]})"""  # noqa: S608 - the alias and the constants above
    return sql, [compiler.organization_id, _like(value, "contains"), *exact[1]]


def _chosen(compiler: _Compiler, field: str, operator: str, value: Any) -> Sql:
    column = f"{compiler.alias}.{field}"
    if operator == "empty":
        return f"({column} = '')", []
    values = list(value) if operator == "in_list" else [value]
    return f"({column} = ANY(%s::text[]))", [values]


def _moment(compiler: _Compiler, field: str, operator: str, value: Any) -> Sql:
    column = f"{compiler.alias}.{field}"
    if operator == "empty":
        return f"({column} IS NULL)", []
    if operator == "in_last":
        since = compiler.now - datetime.timedelta(days=value)
        return f"({column} IS NOT NULL AND {column} >= %s AND {column} <= %s)", [since, compiler.now]
    if operator == "before":
        return f"({column} IS NOT NULL AND {column} < %s)", [compiler.midnight(value)]
    next_day = value + datetime.timedelta(days=1)
    return f"({column} IS NOT NULL AND {column} >= %s)", [compiler.midnight(next_day)]


def _flag(compiler: _Compiler, field: str, operator: str, value: Any) -> Sql:
    return f"({compiler.alias}.{field} = %s)", [value]


def _tags(compiler: _Compiler, field: str, operator: str, value: Any) -> Sql:
    column = f"{compiler.alias}.tags"
    if operator == "empty":
        return f"({column} = '{{}}')", []
    return f"({column} {'@>' if operator == 'all_of' else '&&'} %s::varchar[])", [list(value)]


def _groups(compiler: _Compiler, field: str, operator: str, value: Any) -> Rows | Sql:
    if operator == "all_of" and len(value) > 1:
        rows = [_groups(compiler, field, "any_of", (one,)) for one in value]
        return _joined([_exists(one, compiler.alias) for one in rows if isinstance(one, Rows)], " AND ")
    condition, ids = any_of("belongs.group_id", list(value))
    sql = f"FROM contacts_contactgroupmembership AS belongs WHERE belongs.organization_id = %s AND {condition}"
    return Rows(sql, [compiler.organization_id, *ids], "belongs.contact_id", is_unique=len(value) == 1)


def _exists(rows: Rows, alias: str) -> Sql:
    return f"EXISTS (SELECT 1 {rows.sql} AND {rows.column} = {alias}.id)", rows.parameters


def _attribute(compiler: _Compiler, key: str, operator: str, value: Any) -> Sql:
    """Custom fields: equality by containment, for which there is an index; texts are compared letter by letter there.

    The rest reads the value where it has the type that the comparison is about, and is false where it has not.
    """
    column = f"{compiler.alias}.attributes"
    if operator == "empty":
        return f"(coalesce({column} ->> %s::text, '') = '')", [key]
    if operator in ("is", "in_list"):
        values = value if operator == "in_list" else (value,)
        sql = " OR ".join([f"{column} @> %s::jsonb"] * len(values))
        return f"({sql})", [json.dumps({key: one}, ensure_ascii=False) for one in values]
    if operator in ("greater", "less", "between"):
        return _attribute_number(column, key, operator, value)
    if operator in ("in_last", "before", "after"):
        return _attribute_date(compiler, column, key, operator, value)
    text, parameters = _text(compiler, f"coalesce({column} ->> %s::text, '')", operator, value)
    return text, [key, *parameters]


def _attribute_number(column: str, key: str, operator: str, value: Any) -> Sql:
    comparison = {"greater": "> %s", "less": "< %s", "between": "BETWEEN %s AND %s"}[operator]
    sql = f"""(CASE WHEN jsonb_typeof({column} -> %s::text) = 'number'
        THEN ({column} ->> %s::text)::numeric {comparison} ELSE FALSE END)"""
    return sql, [key, key, *(value if operator == "between" else (value,))]


def _attribute_date(compiler: _Compiler, column: str, key: str, operator: str, value: Any) -> Sql:
    """Dates are ISO 8601 texts, whose order as texts is that of the calendar."""
    day = f'left({column} ->> %s::text, 10) COLLATE "C"'
    if operator == "in_last":
        today = compiler.now.astimezone(compiler.zone).date()
        comparison, days = "BETWEEN %s AND %s", [today - datetime.timedelta(days=value), today]
    else:
        comparison, days = ("< %s" if operator == "before" else "> %s"), [value]
    sql = rf"""(CASE WHEN {column} ->> %s::text ~ '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}'
        THEN {day} {comparison} ELSE FALSE END)"""
    return sql, [key, key, *(one.isoformat() for one in days)]


_KINDS: dict[Kind, Callable[[_Compiler, str, str, Any], Rows | Sql]] = {
    Kind.ADDRESS: _address,
    Kind.WORD: _word,
    Kind.CHOSEN: _chosen,
    Kind.MOMENT: _moment,
    Kind.FLAG: _flag,
    Kind.TAGS: _tags,
    Kind.GROUPS: _groups,
}
