"""A rule as an English sentence: "People who opened any of the last 3 campaigns and who are not tagged “vip”."."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from core.contacts.behaviour import ANY, LAST, Behaviour, source
from core.contacts.errors import BadRule
from core.contacts.models import ContactField, ContactGroup, Segment
from core.contacts.segments.fields import ATTRIBUTE, FIELDS, Kind
from core.contacts.segments.rules import Condition, Group, conditions, parse_rule

SHOWN_VALUES = 5
GONE = "one that is gone"
NO_CONDITION = "Nobody: there is no condition yet."
UNREADABLE = "The rule cannot be read any more. Open the segment and build it anew."


@dataclass(frozen=True, slots=True)
class Names:
    """What ids and keys are called. Those that are missing here are gone."""

    groups: Mapping[str, str] = field(default_factory=dict)
    campaigns: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)


def names_of(organization_id: UUID, *rules: Group) -> Names:
    """The names of everything these rules of one client mention: three queries at most."""
    found = [condition for rule in rules for _, condition in conditions(rule)]
    group_ids = {one for condition in found if condition.field == "groups" for one in _values(condition.value)}
    campaign_ids = {
        condition.value.campaign
        for condition in found
        if isinstance(condition.value, Behaviour) and condition.value.campaign not in (ANY, LAST)
    }
    keys = {condition.field.removeprefix(ATTRIBUTE) for condition in found if condition.field.startswith(ATTRIBUTE)}
    groups = ContactGroup.objects.filter(organization_id=organization_id, pk__in=group_ids) if group_ids else ()
    fields = ContactField.objects.filter(organization_id=organization_id, key__in=keys) if keys else ()
    return Names(
        {str(group.pk): group.name for group in groups},
        source().campaign_names(organization_id, campaign_ids) if campaign_ids else {},
        {found.key: found.label for found in fields},
    )


def rule_sentence(organization_id: UUID, rule: Group | dict[str, Any]) -> str:
    """The sentence of one rule, with the names as they are now. Raises BadRule for a document that is no rule."""
    if rule == {}:
        return NO_CONDITION
    parsed = rule if isinstance(rule, Group) else parse_rule(rule)
    return sentence(parsed, names_of(organization_id, parsed))


def segment_sentences(segments: Sequence[Segment]) -> dict[UUID, str]:
    """The sentences of saved segments by their ids, names read for all of them together: three queries a client."""
    found: dict[UUID, str] = {}
    for organization_id in dict.fromkeys(segment.organization_id for segment in segments):
        own = [segment for segment in segments if segment.organization_id == organization_id and segment.rule]
        rules = {segment.pk: rule for segment in own if (rule := _stored_rule(segment))}
        names = names_of(organization_id, *rules.values())
        found |= {segment.pk: UNREADABLE for segment in own}
        found |= {pk: sentence(rule, names) for pk, rule in rules.items()}
    return {segment.pk: found.get(segment.pk, NO_CONDITION) for segment in segments}


def _stored_rule(segment: Segment) -> Group | None:
    """None for a rule of an older version that is none any more: the list says so and stays open."""
    try:
        return parse_rule(segment.rule)
    except BadRule:
        return None


def sentence(rule: Group, names: Names) -> str:
    if rule.how == "none":
        return f"Everybody except people {_list(rule, names, ' or ')}."
    return f"People {_list(rule, names, ' and ' if rule.how == 'all' else ' or ')}."


def _list(group: Group, names: Names, word: str) -> str:
    return word.join(_part(item, names) for item in group.items)


def _part(item: Group | Condition, names: Names) -> str:
    if isinstance(item, Condition):
        return condition_words(item, names)
    inner = _list(item, names, " and " if item.how == "all" else " or ")
    if item.how == "none":
        return f"not ({inner})"
    return f"({inner})" if len(item.items) > 1 else inner


def condition_words(condition: Condition, names: Names) -> str:
    """One condition as a clause about people: "who …" or "whose …"."""
    value = condition.value
    if isinstance(value, Behaviour):
        return _behaviour_words(condition, value, names)
    if condition.field.startswith(ATTRIBUTE):
        key = condition.field.removeprefix(ATTRIBUTE)
        return f"whose {names.attributes.get(key, key)} {_comparison(condition.operator, value, {})}"
    about = FIELDS[condition.field]
    if about.kind == Kind.TAGS:
        return _TAG_WORDS[condition.operator].format(_names_list(value))
    if about.kind == Kind.GROUPS:
        groups = [names.groups.get(one, GONE) for one in _values(value)]
        return _GROUP_WORDS[condition.operator].format(_names_list(groups))
    if about.kind == Kind.FLAG:
        return f"whose address is {'' if value else 'not '}a {about.label.lower()}"
    if about.kind == Kind.MOMENT:
        return _moment_words(condition)
    label = about.label[0].lower() + about.label[1:]
    return f"whose {label} {_comparison(condition.operator, value, dict(about.options))}"


_TAG_WORDS = {
    "any_of": "who are tagged {}",
    "all_of": "who have all the tags {}",
    "none_of": "who are not tagged {}",
    "empty": "who have no tag",
    "not_empty": "who have a tag",
}
_GROUP_WORDS = {
    "any_of": "who are in the group {}",
    "all_of": "who are in all the groups {}",
    "none_of": "who are not in the group {}",
}
_MOMENT_VERBS = {
    "created_at": ("were added", "were not added"),
    "last_opened_at": ("last opened a mail", "have not opened a mail"),
    "last_clicked_at": ("last clicked in a mail", "have not clicked in a mail"),
    "consent_at": ("gave consent", "did not give consent"),
}
_EVER = {
    "created_at": ("have no date of being added", "have a date of being added"),
    "last_opened_at": ("never opened a mail", "have ever opened a mail"),
    "last_clicked_at": ("never clicked in a mail", "have ever clicked in a mail"),
    "consent_at": ("have no date of consent", "have a date of consent"),
}


def _moment_words(condition: Condition) -> str:
    did, did_not = _MOMENT_VERBS[condition.field]
    if condition.operator in ("empty", "not_empty"):
        return f"who {_EVER[condition.field][condition.operator == 'not_empty']}"
    if condition.operator == "not_in_last":
        return f"who {did_not} in the last {_days(condition.value)}"
    if condition.operator == "in_last":
        return f"who {did} in the last {_days(condition.value)}"
    return f"who {did} {condition.operator} {_text(condition.value)}"


_DONE = {
    "sent": ("were sent", "were not sent"),
    "opened": ("opened", "did not open"),
    "clicked": ("clicked in", "did not click in"),
}


def _behaviour_words(condition: Condition, behaviour: Behaviour, names: Names) -> str:
    verb = _DONE[condition.field][condition.operator == "did_not"]
    if behaviour.campaign == ANY:
        which = "any campaign"
    elif behaviour.campaign == LAST:
        which = f"any of the last {behaviour.last} campaigns" if behaviour.last != 1 else "the last campaign"
    else:
        name = names.campaigns.get(behaviour.campaign)
        which = f"“{name}”" if name else "a campaign that is gone"
    when = f" in the last {_days(behaviour.days)}" if behaviour.days else ""
    return f"who {verb} {which}{when}"


_COMPARISONS = {
    "is": "is {}",
    "is_not": "is not {}",
    "contains": "contains {}",
    "not_contains": "does not contain {}",
    "begins": "begins with {}",
    "ends": "ends with {}",
    "in_list": "is {}",
    "not_in_list": "is not {}",
    "empty": "is empty",
    "not_empty": "is not empty",
    "greater": "is more than {}",
    "less": "is less than {}",
    "before": "is before {}",
    "after": "is after {}",
}


def _comparison(operator: str, value: Any, options: Mapping[str, str]) -> str:
    if operator == "between":
        return f"is between {_text(value[0])} and {_text(value[1])}"
    if operator in ("in_last", "not_in_last"):
        return f"is {'not ' if operator == 'not_in_last' else ''}in the last {_days(value)}"
    return _COMPARISONS[operator].format(_names_list([options.get(one, one) for one in _values(value)]))


def _values(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else () if value is None else (value,)


def _names_list(values: Any) -> str:
    """“a”, “b” or “c”; a long list is cut with the number of the rest."""
    shown = [_text(value) for value in _values(values)]
    if len(shown) > SHOWN_VALUES:
        shown = [*shown[:SHOWN_VALUES], f"{len(shown) - SHOWN_VALUES:,} more"]
    return f"{', '.join(shown[:-1])} or {shown[-1]}" if len(shown) > 1 else "".join(shown)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime.date):
        return f"{value.day} {value:%B %Y}"
    if isinstance(value, (int, float)):
        return f"{value:,}"
    return f"“{value}”"


def _days(number: Any) -> str:
    return "day" if number == 1 else f"{number:,} days"
