"""A segment's rule as data: JSON from outside is hostile until `parse_rule` has read it.

    rule      = {"all" | "any" | "none": [rule or condition, …]}
    condition = {"field": key, "is": operator, "value": …}
              | {"field": "sent" | "opened" | "clicked", "is": "did" | "did_not",
                 "campaign": "any" | "last" | id, "last": n, "days": n}

Fields and operators stand in `fields.py`. `last` belongs to campaign "last" and is how many of them; `days` may be left
out. Values: text, lists of texts, numbers, [from, to], "2026-05-31", whole days, true or false, lists of group ids.
"""

import datetime
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.contacts.behaviour import ANY, LAST, Behaviour, source
from core.contacts.errors import BadRule, RuleProblem
from core.contacts.models import ContactField, ContactGroup
from core.contacts.models.fields import validate_field_key
from core.contacts.segments.fields import ATTRIBUTE, CUSTOM_KINDS, FIELDS, OPERATORS, Kind, Takes, operators_of

GROUPS = ("all", "any", "none")
MAX_DEPTH = 5
MAX_CONDITIONS = 50
MAX_LIST = 500
MAX_TEXT = 320
MAX_DAYS = 3650
MAX_LAST = 50
MAX_NUMBER = 10**15

Value = None | str | bool | int | float | datetime.date | tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    field: str
    operator: str
    value: Value | Behaviour = None


@dataclass(frozen=True, slots=True)
class Group:
    """`how` is "all", "any" or "none" of the items."""

    how: str
    items: tuple["Group | Condition", ...]


class _Refused(Exception):
    """One condition cannot be read; the text says why."""


def parse_rule(document: Any) -> Group:
    """The rule of a JSON document. Raises BadRule with every problem and where it stands: "0.2" is the third item of
    the first item."""
    problems: list[RuleProblem] = []
    left = [MAX_CONDITIONS]
    rule = _group(document, (), problems, left)
    if problems or rule is None:
        raise BadRule(tuple(problems))
    return rule


def rule_json(node: Group | Condition) -> dict[str, Any]:
    """The document that `parse_rule` reads back to the same rule."""
    if isinstance(node, Group):
        return {node.how: [rule_json(item) for item in node.items]}
    document: dict[str, Any] = {"field": node.field, "is": node.operator}
    if isinstance(node.value, Behaviour):
        document["campaign"] = node.value.campaign
        limits = {"last": node.value.last, "days": node.value.days}
        return document | {name: limit for name, limit in limits.items() if limit is not None}
    if node.value is not None:
        document["value"] = _value_json(node.value)
    return document


def conditions(node: Group | Condition, path: str = "") -> Iterator[tuple[str, Condition]]:
    """Every condition with where it stands."""
    if isinstance(node, Condition):
        yield path, node
        return
    for index, item in enumerate(node.items):
        yield from conditions(item, f"{path}.{index}" if path else str(index))


def _value_json(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return value.isoformat() if isinstance(value, datetime.date) else value


def _group(document: Any, path: tuple[int, ...], problems: list[RuleProblem], left: list[int]) -> Group | None:
    def refuse(message: str) -> None:
        problems.append(RuleProblem(".".join(map(str, path)), message))

    how = next(iter(document)) if isinstance(document, dict) and len(document) == 1 else None
    if how not in GROUPS or not isinstance(document[how], list):
        refuse("A rule is a list of conditions under all, any or none.")
        return None
    if len(path) >= MAX_DEPTH:
        refuse(f"Groups go {MAX_DEPTH} levels deep at most. Move these conditions further out.")
        return None
    if not document[how]:
        refuse("This group holds no condition. Add one or remove the group.")
    if len(document[how]) > MAX_CONDITIONS:
        refuse(f"A rule has {MAX_CONDITIONS} conditions at most. Take some out.")
        return None
    items = [_item(item, (*path, index), problems, left) for index, item in enumerate(document[how])]
    return Group(how, tuple(item for item in items if item is not None))


def _item(item: Any, path: tuple[int, ...], problems: list[RuleProblem], left: list[int]) -> Group | Condition | None:
    if not isinstance(item, dict) or "field" not in item:
        return _group(item, path, problems, left)
    left[0] -= 1
    try:
        if left[0] < 0:
            raise _Refused(f"A rule has {MAX_CONDITIONS} conditions at most. Take some out.")
        return _condition(item)
    except _Refused as problem:
        problems.append(RuleProblem(".".join(map(str, path)), str(problem)))
        return None


def _condition(item: dict[str, Any]) -> Condition:
    key, operator = item["field"], item.get("is")
    if not isinstance(key, str) or not _is_known(key):
        raise _Refused("Choose what the condition is about.")
    if not isinstance(operator, str) or operator not in operators_of(key):
        raise _Refused("Choose how to compare.")
    if key in FIELDS and FIELDS[key].kind == Kind.BEHAVIOUR:
        _only(item, {"field", "is", "campaign", "last", "days"})
        return Condition(key, operator, _behaviour(item))
    _only(item, {"field", "is", "value"})
    return Condition(key, operator, _value(key, operator, item.get("value")))


def _is_known(key: str) -> bool:
    return key in FIELDS or (
        key.startswith(ATTRIBUTE) and re.fullmatch(validate_field_key.regex, key.removeprefix(ATTRIBUTE)) is not None
    )


def _only(item: dict[str, Any], names: set[str]) -> None:
    if set(item) - names:
        raise _Refused("This condition holds something that no condition has. Make it anew.")


def _value(key: str, operator: str, value: Any) -> Value:
    """Custom fields share operators: there the value's own type decides which of the readings it is."""
    if key in FIELDS:
        options = dict(FIELDS[key].options)
        parsed = _READ[operators_of(key)[operator].takes](value)
        if options and any(one not in options for one in _as_tuple(parsed)):
            raise _Refused("Choose one of the values that the list offers.")
        return parsed
    if operator in ("is", "is_not") and isinstance(value, bool):
        return value
    if operator in ("is", "is_not") and isinstance(value, (int, float)):
        return _number(value)
    takes = Takes.TEXT if operator in ("is", "is_not") else operators_of(key)[operator].takes
    return _READ[takes](value)


def _as_tuple(value: Value | Behaviour) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else () if value is None else (value,)


def _behaviour(item: dict[str, Any]) -> Behaviour:
    campaign = item.get("campaign")
    days = None if item.get("days") is None else _days(item["days"])
    if campaign == LAST:
        return Behaviour(LAST, _whole(item.get("last"), MAX_LAST, "campaigns"), days)
    if item.get("last") is not None:
        raise _Refused("A number of campaigns goes with “any of the last campaigns” only.")
    return Behaviour(ANY if campaign == ANY else _id(campaign, "Choose a campaign."), None, days)


def _nothing(value: Any) -> None:
    if value is not None:
        raise _Refused("This comparison takes no value.")


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Refused("Write what to compare with.")
    text = value.strip()
    if len(text) > MAX_TEXT:
        raise _Refused(f"Write {MAX_TEXT} characters at most.")
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise _Refused("The text holds a character that no contact can have.")
    return text


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_text(one) for one in _list(value, "Write at least one value.")))


def _list(value: Any, missing: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise _Refused(missing)
    if len(value) > MAX_LIST:
        raise _Refused(f"A list has {MAX_LIST} values at most. Put these people into a group instead.")
    return value


def _ids(value: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_id(one, "Choose a group.") for one in _list(value, "Choose at least one group.")))


def _id(value: Any, missing: str) -> str:
    try:
        return str(UUID(value)) if isinstance(value, str) and len(value) == 36 else _missing(missing)
    except ValueError:
        return _missing(missing)


def _missing(message: str) -> str:
    raise _Refused(message)


def _number(value: Any) -> int | float:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or (isinstance(value, float) and not math.isfinite(value))
    ):
        raise _Refused("Write a number.")
    if abs(value) > MAX_NUMBER:
        raise _Refused("Write a smaller number.")
    return value


def _range(value: Any) -> tuple[int | float, int | float]:
    if not isinstance(value, list) or len(value) != 2:
        raise _Refused("Write two numbers.")
    low, high = _number(value[0]), _number(value[1])
    if low > high:
        raise _Refused("The first number is the smaller one.")
    return low, high


def _date(value: Any) -> datetime.date:
    try:
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
            found = datetime.date.fromisoformat(value)
            if 1900 <= found.year <= 2200:
                return found
    except ValueError:
        pass
    raise _Refused("Choose a date.")


def _days(value: Any) -> int:
    return _whole(value, MAX_DAYS, "days")


def _whole(value: Any, most: int, unit: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise _Refused(f"Write a whole number of {unit} from 1 to {most:,}.")
    return value


def _yes_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Refused("Choose yes or no.")
    return value


_READ: dict[Takes, Callable[[Any], Any]] = {
    Takes.NOTHING: _nothing,
    Takes.TEXT: _text,
    Takes.TEXTS: _texts,
    Takes.NUMBER: _number,
    Takes.RANGE: _range,
    Takes.DATE: _date,
    Takes.DAYS: _days,
    Takes.YES_NO: _yes_no,
    Takes.IDS: _ids,
}


def check_rule(organization_id: UUID, rule: Group) -> None:
    """Whether everything the rule names is the client's own: groups, campaigns and custom fields with fitting types.

    Raises BadRule with every problem. Another client's ids are answered like ids of nothing.
    """
    known = _Known(organization_id, rule)
    problems = [
        RuleProblem(path, problem) for path, condition in conditions(rule) if (problem := known.problem_of(condition))
    ]
    if problems:
        raise BadRule(tuple(problems))


class _Known:
    """What of the rule's ids and keys the client has."""

    def __init__(self, organization_id: UUID, rule: Group) -> None:
        found = [condition for _, condition in conditions(rule)]
        groups = {one for condition in found if condition.field == "groups" for one in _as_tuple(condition.value)}
        campaigns = {one.value.campaign for one in found if isinstance(one.value, Behaviour)} - {ANY, LAST}
        keys = {one.field.removeprefix(ATTRIBUTE) for one in found if one.field.startswith(ATTRIBUTE)}
        own_groups = ContactGroup.objects.filter(organization_id=organization_id, pk__in=groups)
        self.groups = {str(pk) for pk in own_groups.values_list("pk", flat=True)} if groups else set()
        self.campaigns = source().campaign_names(organization_id, campaigns) if campaigns else {}
        own_fields = ContactField.objects.filter(organization_id=organization_id, key__in=keys)
        self.fields = {one.key: one for one in own_fields} if keys else {}

    def problem_of(self, condition: Condition) -> str:
        """What is wrong with a condition, in a sentence; "" when nothing is."""
        value: Any = condition.value
        if isinstance(value, Behaviour):
            is_known = value.campaign in (ANY, LAST) or value.campaign in self.campaigns
            return "" if is_known else "This campaign is gone. Choose another one."
        if condition.field == "groups":
            return "" if set(value) <= self.groups else "A group of this condition is gone. Choose again."
        if condition.field.startswith(ATTRIBUTE):
            return self._attribute_problem(condition, value)
        return ""

    def _attribute_problem(self, condition: Condition, value: Any) -> str:
        field = self.fields.get(condition.field.removeprefix(ATTRIBUTE))
        if field is None:
            return "This custom field is gone. Choose another one."
        operator = OPERATORS[CUSTOM_KINDS[field.kind]].get(condition.operator)
        if operator is None:
            return f"“{field.label}” cannot be compared this way. Choose another comparison."
        if not _fits(operator.takes, value):
            return f"“{field.label}” is of the type {field.get_kind_display().lower()}. Choose the value anew."
        return ""


def _fits(takes: Takes, value: Any) -> bool:
    """Values that operators of several types share are told apart by their own type."""
    if takes == Takes.TEXT:
        return isinstance(value, str)
    if takes == Takes.NUMBER:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return takes != Takes.YES_NO or isinstance(value, bool)
