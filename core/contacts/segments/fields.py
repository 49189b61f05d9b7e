"""What a segment's conditions can be about, and what can be asked of each: one table for parsing, words and builder."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from core.contacts.choices import ConsentBasis, ContactStatus, FieldKind

ATTRIBUTE = "attribute."
"""What stands before the key of a custom field."""


class Kind(enum.StrEnum):
    """Types of fields. Each has its operators; the names of custom fields' types are those of FieldKind."""

    ADDRESS = "address"
    WORD = "word"
    CHOSEN = "chosen"
    MOMENT = "moment"
    FLAG = "flag"
    TAGS = "tags"
    GROUPS = "groups"
    BEHAVIOUR = "behaviour"
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"
    CHOICE = "choice"


class Takes(enum.StrEnum):
    """What an operator wants as `value`."""

    NOTHING = "nothing"
    TEXT = "text"
    TEXTS = "texts"
    NUMBER = "number"
    RANGE = "range"
    DATE = "date"
    DAYS = "days"
    YES_NO = "yes_no"
    IDS = "ids"
    CAMPAIGNS = "campaigns"


@dataclass(frozen=True, slots=True)
class Operator:
    """`label` is what the builder offers and the sentence says; the value follows it."""

    label: str
    takes: Takes


@dataclass(frozen=True, slots=True)
class Field:
    """`options` are the allowed values of a CHOSEN or CHOICE field with their words; `section` heads it in the list."""

    key: str
    label: str
    section: str
    kind: Kind
    options: tuple[tuple[str, str], ...] = ()


_IS = {"is": Operator("is", Takes.TEXT), "is_not": Operator("is not", Takes.TEXT)}
_PARTS = {
    "contains": Operator("contains", Takes.TEXT),
    "not_contains": Operator("does not contain", Takes.TEXT),
    "begins": Operator("begins with", Takes.TEXT),
    "ends": Operator("ends with", Takes.TEXT),
}
_LIST = {
    "in_list": Operator("is one of", Takes.TEXTS),
    "not_in_list": Operator("is none of", Takes.TEXTS),
}
_EMPTY = {
    "empty": Operator("is empty", Takes.NOTHING),
    "not_empty": Operator("is not empty", Takes.NOTHING),
}
_TIMES = {
    "in_last": Operator("is in the last", Takes.DAYS),
    "not_in_last": Operator("is not in the last", Takes.DAYS),
    "before": Operator("is before", Takes.DATE),
    "after": Operator("is after", Takes.DATE),
}
_YES_NO = {"is": Operator("is", Takes.YES_NO)}
_NUMBERS = {
    "is": Operator("is", Takes.NUMBER),
    "is_not": Operator("is not", Takes.NUMBER),
    "greater": Operator("is more than", Takes.NUMBER),
    "less": Operator("is less than", Takes.NUMBER),
    "between": Operator("is between", Takes.RANGE),
}

OPERATORS: Mapping[Kind, Mapping[str, Operator]] = {
    Kind.ADDRESS: {**_IS, **_PARTS, **_LIST},
    Kind.WORD: {**_IS, **_PARTS, **_LIST, **_EMPTY},
    Kind.CHOSEN: {**_IS, **_LIST, **_EMPTY},
    Kind.MOMENT: {
        **_TIMES,
        "empty": Operator("is unknown", Takes.NOTHING),
        "not_empty": Operator("is known", Takes.NOTHING),
    },
    Kind.FLAG: _YES_NO,
    Kind.TAGS: {
        "any_of": Operator("any of", Takes.TEXTS),
        "all_of": Operator("all of", Takes.TEXTS),
        "none_of": Operator("none of", Takes.TEXTS),
        "empty": Operator("no tag at all", Takes.NOTHING),
        "not_empty": Operator("any tag", Takes.NOTHING),
    },
    Kind.GROUPS: {
        "any_of": Operator("in any of", Takes.IDS),
        "all_of": Operator("in all of", Takes.IDS),
        "none_of": Operator("in none of", Takes.IDS),
    },
    Kind.BEHAVIOUR: {"did": Operator("yes", Takes.CAMPAIGNS), "did_not": Operator("no", Takes.CAMPAIGNS)},
    Kind.TEXT: {**_IS, **_PARTS, **_LIST, **_EMPTY},
    Kind.NUMBER: {**_NUMBERS, **_EMPTY},
    Kind.DATE: {**_TIMES, **_EMPTY},
    Kind.BOOLEAN: {**_YES_NO, **_EMPTY},
    Kind.CHOICE: {**_IS, **_LIST, **_EMPTY},
}

CONTACT, ENGAGEMENT, CAMPAIGNS, CONSENT, CUSTOM = "Contact", "Engagement", "Campaigns", "Consent", "Custom fields"

FIELDS: Mapping[str, Field] = {
    field.key: field
    for field in (
        Field("sent", "Was sent", CAMPAIGNS, Kind.BEHAVIOUR),
        Field("opened", "Opened", CAMPAIGNS, Kind.BEHAVIOUR),
        Field("clicked", "Clicked", CAMPAIGNS, Kind.BEHAVIOUR),
        Field("last_opened_at", "Last open", ENGAGEMENT, Kind.MOMENT),
        Field("last_clicked_at", "Last click", ENGAGEMENT, Kind.MOMENT),
        Field("tags", "Tags", CONTACT, Kind.TAGS),
        Field("groups", "Groups", CONTACT, Kind.GROUPS),
        Field("status", "Status", CONTACT, Kind.CHOSEN, tuple(ContactStatus.choices)),
        Field("email", "Email address", CONTACT, Kind.ADDRESS),
        Field("first_name", "First name", CONTACT, Kind.WORD),
        Field("last_name", "Last name", CONTACT, Kind.WORD),
        Field("company", "Company", CONTACT, Kind.WORD),
        Field("phone", "Phone", CONTACT, Kind.WORD),
        Field("language", "Language", CONTACT, Kind.WORD),
        Field("time_zone", "Time zone", CONTACT, Kind.WORD),
        Field("source", "Source", CONTACT, Kind.WORD),
        Field("created_at", "Added", CONTACT, Kind.MOMENT),
        Field("is_role_address", "Role address", CONTACT, Kind.FLAG),
        Field("is_disposable_address", "Disposable address", CONTACT, Kind.FLAG),
        Field("consent_basis", "Legal basis", CONSENT, Kind.CHOSEN, tuple(ConsentBasis.choices)),
        Field("consent_at", "Consent given", CONSENT, Kind.MOMENT),
    )
}

CUSTOM_KINDS: Mapping[str, Kind] = {kind.value: Kind(kind.value) for kind in FieldKind}


def operators_of(key: str) -> Mapping[str, Operator]:
    """What may be asked of a field. A custom field's type is not in its key: any that some type has, the checks against
    the client's own fields narrow it (`rules.check_rule`). Empty for an unknown field."""
    if key in FIELDS:
        return OPERATORS[FIELDS[key].kind]
    if not key.startswith(ATTRIBUTE):
        return {}
    return {name: operator for kind in CUSTOM_KINDS.values() for name, operator in OPERATORS[kind].items()}
