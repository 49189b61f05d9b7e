"""What the builder on the page needs to know: fields and how they compare, the client's own things, starting points."""

from typing import Any
from uuid import UUID

from core.contacts.behaviour import source
from core.contacts.models import ContactField, ContactGroup, ContactTag
from core.contacts.segments.fields import ATTRIBUTE, CUSTOM, CUSTOM_KINDS, FIELDS, OPERATORS, Kind, Operator
from core.contacts.segments.rules import MAX_CONDITIONS, MAX_DEPTH

OFFERED = 500
"""Longer lists of groups and tags are cut: nobody chooses from more in a select."""

READY_MADE: tuple[dict[str, Any], ...] = (
    {
        "name": "Engaged in 30 days",
        "about": "Opened any campaign lately.",
        "rule": {"all": [{"field": "opened", "is": "did", "campaign": "any", "days": 30}]},
    },
    {
        "name": "Never opened in 90 days",
        "about": "Got mail in the last 90 days and opened none of it.",
        "rule": {
            "all": [
                {"field": "sent", "is": "did", "campaign": "any", "days": 90},
                {"field": "opened", "is": "did_not", "campaign": "any", "days": 90},
            ]
        },
    },
    {
        "name": "New this month",
        "about": "Added in the last 30 days.",
        "rule": {"all": [{"field": "created_at", "is": "in_last", "value": 30}]},
    },
    {
        "name": "VIP",
        "about": "Everybody with the tag “vip”.",
        "rule": {"all": [{"field": "tags", "is": "any_of", "value": ["vip"]}]},
    },
)

_BEHAVIOUR_WORDS = {
    "sent": {"did": "was sent", "did_not": "was not sent"},
    "opened": {"did": "opened", "did_not": "did not open"},
    "clicked": {"did": "clicked in", "did_not": "did not click in"},
}


def builder_config(organization_id: UUID) -> dict[str, Any]:
    """As JSON for segments.js. Four queries."""
    groups = ContactGroup.objects.filter(organization_id=organization_id).values_list("pk", "name")[:OFFERED]
    tags = ContactTag.objects.filter(organization_id=organization_id).values_list("name", flat=True)[:OFFERED]
    return {
        "fields": [*_own_fields(), *_custom_fields(organization_id)],
        "groups": [[str(pk), name] for pk, name in groups],
        "tags": list(tags),
        "campaigns": source().campaigns(organization_id),
        "ready": list(READY_MADE),
        "depth": MAX_DEPTH,
        "conditions": MAX_CONDITIONS,
    }


def _own_fields() -> list[dict[str, Any]]:
    return [
        {
            "key": field.key,
            "label": field.label,
            "section": field.section,
            "kind": field.kind.value,
            "options": [list(option) for option in field.options],
            "operators": _operators(OPERATORS[field.kind], _BEHAVIOUR_WORDS.get(field.key, {})),
        }
        for field in FIELDS.values()
    ]


def _custom_fields(organization_id: UUID) -> list[dict[str, Any]]:
    return [
        {
            "key": f"{ATTRIBUTE}{field.key}",
            "label": field.label,
            "section": CUSTOM,
            "kind": field.kind,
            "options": [[choice, choice] for choice in field.choices] if field.kind == Kind.CHOICE else [],
            "operators": _operators(OPERATORS[CUSTOM_KINDS[field.kind]], {}),
        }
        for field in ContactField.objects.filter(organization_id=organization_id)
    ]


def _operators(operators: Any, words: dict[str, str]) -> list[dict[str, str]]:
    found: list[tuple[str, Operator]] = list(operators.items())
    return [
        {"name": name, "label": words.get(name, operator.label), "takes": operator.takes.value}
        for name, operator in found
    ]
