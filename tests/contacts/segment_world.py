"""A small client with messy contacts, what a rule means in plain Python, and random rules."""

import datetime
import itertools
import random
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.utils import timezone
from hypothesis import strategies as st

from core.accounts.models import Organization
from core.campaigns.models import Campaign
from core.campaigns.states import CampaignStatus
from core.contacts.choices import ConsentBasis, ContactStatus, FieldKind
from core.contacts.models import Contact, ContactField
from core.contacts.segments.fields import FIELDS, OPERATORS, Kind, Takes
from core.delivery.models import Message
from core.delivery.states import SendState
from tests.support import factories

WORDS = ("Ana", "ana maría", "JOSÉ", "O'Neil", "100%_\\", "Vigo", "vi")
TAGS = ("vip", "VIP", "new", "o'k\"")
CUSTOM = {
    "city": FieldKind.TEXT,
    "points": FieldKind.NUMBER,
    "birthday": FieldKind.DATE,
    "member": FieldKind.BOOLEAN,
    "size": FieldKind.CHOICE,
}
PEOPLE = 60


@dataclass
class World:
    """`sent` maps (contact id, campaign id) to the times of its message; `campaigns` are the newest first."""

    organization: Organization
    people: list[Contact]
    groups: dict[str, set[UUID]]
    campaigns: list[str]
    sent: dict[tuple[UUID, str], dict[str, datetime.datetime | None]] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.organization.time_zone)


def make_world(organization: Organization, seed: int = 7) -> World:
    pick = random.Random(seed)
    for key, kind in CUSTOM.items():
        ContactField.objects.create(organization=organization, key=key, label=key.title(), kind=kind)
    people = [_person(organization, pick, number) for number in range(PEOPLE)]
    groups = {}
    for name in ("Readers", "Buyers"):
        members = pick.sample(people, PEOPLE // 3)
        groups[str(factories.make_group(organization, name, members).pk)] = {one.pk for one in members}
    world = World(organization, people, groups, [])
    template = factories.make_template(organization)
    for number in range(3):
        _campaign(world, template, pick, number)
    return world


def _person(organization: Organization, pick: random.Random, number: int) -> Contact:
    attributes: dict[str, Any] = {}
    if pick.random() < 0.6:
        attributes["city"] = pick.choice(WORDS)
    if pick.random() < 0.6:
        attributes["points"] = pick.choice([0, 5, 5.5, -3, 1000])
    if pick.random() < 0.6:
        attributes["birthday"] = _day(pick.randint(-5, 400)).isoformat()
    if pick.random() < 0.6:
        attributes["member"] = pick.random() < 0.5
    if pick.random() < 0.6:
        attributes["size"] = pick.choice(["S", "M", ""])
    if pick.random() < 0.1:
        attributes["city"] = None
    contact = factories.make_contact(
        organization,
        f"{pick.choice(['ana', 'Jose', 'x_y', 'info'])}{number}@{pick.choice(['A.example', 'b.example'])}",
        first_name=pick.choice(["", *WORDS]),
        last_name=pick.choice(["", *WORDS]),
        company=pick.choice(["", *WORDS]),
        phone=pick.choice(["", "+34 600 100", "600_100"]),
        language=pick.choice(["", "en", "ES"]),
        time_zone=pick.choice(["", "Europe/Madrid"]),
        source=pick.choice(["", "import", "Form"]),
        status=pick.choice(ContactStatus.values),
        tags=pick.sample(TAGS, pick.randint(0, 2)),
        attributes=attributes,
        consent_basis=pick.choice(["", *ConsentBasis.values]),
        consent_at=_moment(pick),
        last_opened_at=_moment(pick),
        last_clicked_at=_moment(pick),
        is_role_address=pick.random() < 0.3,
        is_disposable_address=pick.random() < 0.3,
    )
    created_at = timezone.now() - datetime.timedelta(hours=pick.randint(1, 24 * 200))
    Contact.objects.filter(pk=contact.pk).update(created_at=created_at)
    contact.created_at = created_at
    return contact


def _day(ago: int) -> datetime.date:
    return timezone.now().date() - datetime.timedelta(days=ago)


def _moment(pick: random.Random) -> datetime.datetime | None:
    hours = pick.randint(1, 24 * 200)
    return timezone.now() - datetime.timedelta(hours=hours) if pick.random() < 0.6 else None


def _campaign(world: World, template: Any, pick: random.Random, number: int) -> None:
    started_at = timezone.now() - datetime.timedelta(days=20 * (number + 1))
    campaign = Campaign.objects.create(
        organization=world.organization,
        name=f"Campaign {number}",
        template=template,
        from_name="F",
        from_email="f@florist.example",
        status=CampaignStatus.SENT,
        started_at=started_at,
    )
    world.campaigns.append(str(campaign.pk))
    for person in pick.sample(world.people, PEOPLE // 2):
        accepted_at = started_at + datetime.timedelta(hours=1) if pick.random() < 0.8 else None
        opened_at = accepted_at + datetime.timedelta(hours=pick.randint(1, 300)) if accepted_at else None
        times = {
            "sent": accepted_at,
            "opened": opened_at if pick.random() < 0.6 else None,
            "clicked": opened_at if pick.random() < 0.3 else None,
        }
        Message.objects.create(
            organization=world.organization,
            campaign=campaign,
            contact=person,
            send_state=SendState.ACCEPTED if accepted_at else SendState.SUPPRESSED,
            accepted_at=accepted_at,
            opened_at=times["opened"],
            clicked_at=times["clicked"],
        )
        world.sent[person.pk, str(campaign.pk)] = times


# What a rule means


def fits(node: dict[str, Any], person: Contact, world: World) -> bool:
    """The rule, read slowly: item by item, person by person."""
    for how, decide in (("all", all), ("any", any), ("none", lambda found: not any(found))):
        if how in node:
            return decide([fits(item, person, world) for item in node[how]])
    operator, opposite = node["is"], OPPOSITES.get(node["is"])
    held = _holds({**node, "is": opposite or operator}, person, world)
    return not held if opposite else held


OPPOSITES = {
    "is_not": "is",
    "not_contains": "contains",
    "not_in_list": "in_list",
    "not_in_last": "in_last",
    "not_empty": "empty",
    "none_of": "any_of",
    "did_not": "did",
}


def _holds(node: dict[str, Any], person: Contact, world: World) -> bool:
    key, value = node["field"], node.get("value")
    if key in ("sent", "opened", "clicked"):
        return _did(node, person, world)
    if key == "tags":
        return _set_holds(node["is"], set(value or ()), set(person.tags))
    if key == "groups":
        return _set_holds(node["is"], set(value), {pk for pk, members in world.groups.items() if person.pk in members})
    if key.startswith("attribute."):
        return _attribute_holds(node["is"], value, person.attributes.get(key.removeprefix("attribute.")), world)
    stored = getattr(person, "email_key" if key == "email" else key)
    if FIELDS[key].kind == Kind.MOMENT:
        return _moment_holds(node["is"], value, stored, world)
    if FIELDS[key].kind in (Kind.FLAG, Kind.CHOSEN):
        return stored in value if node["is"] == "in_list" else stored == ("" if node["is"] == "empty" else value)
    return _text_holds(node["is"], value, stored)


def _did(node: dict[str, Any], person: Contact, world: World) -> bool:
    since = timezone.now() - datetime.timedelta(days=node["days"]) if "days" in node else None
    on_contact = {"opened": person.last_opened_at, "clicked": person.last_clicked_at}
    if node["campaign"] == "any" and node["field"] in on_contact:
        times = [on_contact[node["field"]]]
    else:
        wanted = {"any": world.campaigns, "last": world.campaigns[: node.get("last")]}
        campaigns = wanted.get(node["campaign"], [node["campaign"]])
        times = [world.sent.get((person.pk, pk), {}).get(node["field"]) for pk in campaigns]
    return any(at is not None and (since is None or at >= since) for at in times)


def _set_holds(operator: str, wanted: set[str], held: set[str]) -> bool:
    if operator == "empty":
        return not held
    return wanted <= held if operator == "all_of" else bool(wanted & held)


def _text_holds(operator: str, value: Any, stored: str) -> bool:
    text = stored.lower()
    if operator == "empty":
        return text == ""
    if operator == "in_list":
        return text in [one.lower() for one in value]
    needle = value.lower()
    return {
        "is": text == needle,
        "contains": needle in text,
        "begins": text.startswith(needle),
        "ends": text.endswith(needle),
    }[operator]


def _moment_holds(operator: str, value: Any, stored: datetime.datetime | None, world: World) -> bool:
    if operator == "empty" or stored is None:
        return operator == "empty" and stored is None
    if operator == "in_last":
        return stored >= timezone.now() - datetime.timedelta(days=value)
    day = stored.astimezone(world.zone).date().isoformat()
    return day < value if operator == "before" else day > value


def _attribute_holds(operator: str, value: Any, stored: Any, world: World) -> bool:
    if operator == "empty":
        return stored in (None, "")
    if operator == "is":
        return stored == value and isinstance(stored, bool) == isinstance(value, bool)
    if operator == "in_list":
        return stored in value
    if operator in ("greater", "less", "between"):
        if isinstance(stored, bool) or not isinstance(stored, (int, float)):
            return False
        low, high = value if operator == "between" else (value, value)
        return {"greater": stored > low, "less": stored < low, "between": low <= stored <= high}[operator]
    if operator in ("in_last", "before", "after"):
        if not isinstance(stored, str) or not stored:
            return False
        today = timezone.now().astimezone(world.zone).date()
        if operator == "in_last":
            return (today - datetime.timedelta(days=value)).isoformat() <= stored <= today.isoformat()
        return stored < value if operator == "before" else stored > value
    return _text_holds(operator, value, "" if stored is None else str(stored))


# Random rules

_texts = st.sampled_from([*WORDS, "a", "%", "_", "\\", "example", "nobody"])
_VALUES = {
    Takes.NOTHING: st.none(),
    Takes.TEXT: _texts,
    Takes.TEXTS: st.lists(_texts, min_size=1, max_size=3, unique=True),
    Takes.NUMBER: st.sampled_from([0, 5, 5.5, -3, 7]),
    Takes.RANGE: st.sampled_from([[0, 5], [-3, 5.5], [6, 7]]),
    Takes.DATE: st.integers(-3, 220).map(lambda ago: _day(ago).isoformat()),
    Takes.DAYS: st.integers(1, 220),
    Takes.YES_NO: st.booleans(),
}


def condition_documents(world: World) -> st.SearchStrategy[dict[str, Any]]:
    fields = [(key, about.kind, dict(about.options)) for key, about in FIELDS.items()]
    fields += [(f"attribute.{key}", Kind(kind.value), {}) for key, kind in CUSTOM.items()]
    every = [
        _documents(key, name, operator.takes, kind, options, world)
        for key, kind, options in fields
        for name, operator in OPERATORS[kind].items()
    ]
    return st.one_of(every)


def _documents(
    key: str, name: str, takes: Takes, kind: Kind, options: dict[str, str], world: World
) -> st.SearchStrategy[dict[str, Any]]:
    if takes == Takes.CAMPAIGNS:
        return _behaviour_documents(key, name, world)
    values = _VALUES.get(takes, st.none())
    if kind == Kind.TAGS and takes == Takes.TEXTS:
        values = st.lists(st.sampled_from(TAGS), min_size=1, max_size=2, unique=True)
    if kind == Kind.GROUPS:
        values = st.lists(st.sampled_from(sorted(world.groups)), min_size=1, max_size=2, unique=True)
    if options and takes in (Takes.TEXT, Takes.TEXTS):
        one = st.sampled_from(sorted(options))
        values = one if takes == Takes.TEXT else st.lists(one, min_size=1, max_size=3, unique=True)
    base = {"field": key, "is": name}
    return values.map(lambda value: base if takes == Takes.NOTHING else {**base, "value": value})


def _behaviour_documents(key: str, name: str, world: World) -> st.SearchStrategy[dict[str, Any]]:
    which = st.one_of(
        st.just({"campaign": "any"}),
        st.integers(1, 3).map(lambda last: {"campaign": "last", "last": last}),
        st.sampled_from([*world.campaigns, str(uuid4())]).map(lambda pk: {"campaign": pk}),
    )
    days = st.one_of(st.just({}), st.integers(1, 100).map(lambda number: {"days": number}))
    return st.tuples(which, days).map(lambda parts: {"field": key, "is": name, **parts[0], **parts[1]})


def rule_documents(world: World) -> st.SearchStrategy[dict[str, Any]]:
    def grouped(items: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
        lists = st.lists(items, min_size=1, max_size=3)
        return st.tuples(st.sampled_from(["all", "any", "none"]), lists).map(lambda pair: {pair[0]: pair[1]})

    leaves = condition_documents(world)
    return grouped(st.one_of(leaves, grouped(st.one_of(leaves, grouped(leaves)))))


def everything(world: World) -> list[dict[str, Any]]:
    """One condition for every operator of every field."""
    fields = [(key, about.kind) for key, about in FIELDS.items()]
    fields += [(f"attribute.{key}", Kind(kind.value)) for key, kind in CUSTOM.items()]
    samples: dict[Takes, Any] = {
        Takes.TEXT: "subscribed",
        Takes.TEXTS: ["bounced", "subscribed"],
        Takes.NUMBER: 5,
        Takes.RANGE: [1, 5],
        Takes.DATE: "2026-05-31",
        Takes.DAYS: 30,
        Takes.YES_NO: True,
        Takes.IDS: list(itertools.islice(world.groups, 2)),
    }
    found = []
    for key, kind in fields:
        for name, operator in OPERATORS[kind].items():
            document: dict[str, Any] = {"field": key, "is": name}
            if operator.takes == Takes.CAMPAIGNS:
                document |= {"campaign": world.campaigns[0], "days": 90}
            elif operator.takes != Takes.NOTHING:
                document["value"] = samples[operator.takes]
            if key == "consent_basis" and "value" in document:
                document["value"] = ["contract"] if operator.takes == Takes.TEXTS else "contract"
            found.append(document)
    return found
