"""Who is in the audience of some groups and rules, who of them must not be written to, and why."""

import datetime
import hashlib
import random
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from core.accounts.models import Organization
from core.common.ids import new_id
from core.common.tenancy import OrganizationMismatch, all_organizations
from core.contacts.audience import AudienceDefinition, audience_counts, audience_sql, blocked_contacts
from core.contacts.choices import BlockReason, ContactStatus, MailFrequency, SuppressionKind, SuppressionReason
from core.contacts.models import AgencySuppression, Contact, ContactGroup, Suppression
from core.contacts.services import contact_unsubscribe
from core.contacts.suppression_keys import address_hash, suppression_key
from core.delivery.models import Message
from core.delivery.states import SendState, SkipReason
from tests.support.factories import make_campaign, make_contact, make_group

GERMAN = {"all": [{"field": "language", "is": "is", "value": "de"}]}
SPANISH = {"all": [{"field": "language", "is": "is", "value": "es"}]}
ANNA = "anna@people.example"


def suppressed(organization: Organization, kind: SuppressionKind, value: str, **fields: Any) -> Suppression:
    return Suppression.objects.create(organization=organization, kind=kind, key=suppression_key(kind, value), **fields)


def of_kind(kind: SuppressionKind, address: str) -> str:
    """What a suppression of this kind for this address goes by."""
    return {
        SuppressionKind.ADDRESS: address,
        SuppressionKind.DOMAIN: address.partition("@")[2],
        SuppressionKind.MD5: hashlib.md5(address.encode(), usedforsecurity=False).hexdigest(),
        SuppressionKind.SHA256: hashlib.sha256(address.encode()).hexdigest(),
        SuppressionKind.ERASED: address_hash(address),
    }[kind]


def reason_of(contact: Contact, definition: AudienceDefinition) -> str:
    """The reason of one contact, which the list and the last-moment check must give alike."""
    listed = rows_of(definition)[contact.pk]
    last_moment = blocked_contacts(
        organization_id=contact.organization_id, contact_ids=[contact.pk], definition=definition
    )
    assert last_moment.get(contact.pk, "") == listed
    return listed


def to_groups(*groups: ContactGroup, **more: Any) -> AudienceDefinition:
    ids = [group.pk for group in groups]
    return AudienceDefinition(groups[0].organization_id, include_group_ids=ids, **more)


def rows_of(definition: AudienceDefinition) -> dict:
    sql, parameters = audience_sql(definition)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows = cursor.fetchall()
    assert len(rows) == len(dict(rows)), "somebody is in the audience twice"
    return dict(rows)


def got_mail(contact: Contact, days_ago: float) -> None:
    accepted_at = timezone.now() - datetime.timedelta(days=days_ago)
    campaign = make_campaign(contact.organization, name=f"Sent {new_id().hex[-8:]}")
    Message.objects.create(
        organization=contact.organization,
        campaign=campaign,
        contact=contact,
        send_state=SendState.ACCEPTED,
        accepted_at=accepted_at,
    )


# Who is in it


def test_audience_contact_in_two_included_groups_counts_once(in_florist: Organization) -> None:
    both, first_only = make_contact(in_florist), make_contact(in_florist)
    first = make_group(in_florist, "First", [both, first_only])
    second = make_group(in_florist, "Second", [both])
    assert rows_of(to_groups(first, second)) == {both.pk: "", first_only.pk: ""}


def test_audience_contact_in_excluded_group_is_left_out(in_florist: Organization) -> None:
    wanted, overlap = make_contact(in_florist), make_contact(in_florist)
    newsletter = make_group(in_florist, "Newsletter", [wanted, overlap])
    vips = make_group(in_florist, "Vips", [overlap])
    definition = to_groups(newsletter, exclude_group_ids=[vips.pk])
    assert rows_of(definition) == {wanted.pk: ""}
    assert audience_counts(definition).excluded == 1


def test_audience_without_groups_is_empty(in_florist: Organization) -> None:
    make_group(in_florist, contacts=[make_contact(in_florist)])
    counts = audience_counts(AudienceDefinition(in_florist.pk))
    assert (counts.total, counts.sendable, counts.skipped, counts.excluded) == (0, 0, {}, 0)


def test_audience_of_a_rule_adds_whom_it_fits_and_leaves_out_the_deleted(in_florist: Organization) -> None:
    in_group = make_contact(in_florist, language="en")
    german = make_contact(in_florist, language="de")
    make_contact(in_florist, language="de", deleted_at=timezone.now())
    make_contact(in_florist, language="en")
    group = make_group(in_florist, contacts=[in_group])
    assert rows_of(to_groups(group, include_rules=[GERMAN])) == {in_group.pk: "", german.pk: ""}
    assert rows_of(AudienceDefinition(in_florist.pk, include_rules=[GERMAN])) == {german.pk: ""}


def test_audience_excluded_rule_leaves_out_whom_it_fits(in_florist: Organization) -> None:
    english, german = make_contact(in_florist, language="en"), make_contact(in_florist, language="de")
    group = make_group(in_florist, contacts=[english, german])
    definition = to_groups(group, exclude_rules=[GERMAN])
    assert rows_of(definition) == {english.pk: ""}
    assert audience_counts(definition).excluded == 1


# Why not


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"status": ContactStatus.SUBSCRIBED}, ""),
        ({"status": ContactStatus.UNSUBSCRIBED}, "unsubscribed"),
        ({"status": ContactStatus.PENDING}, "not_confirmed"),
        ({"status": ContactStatus.BOUNCED}, "bounced"),
        ({"status": ContactStatus.COMPLAINED}, "complained"),
        ({"deleted_at": timezone.now(), "status": ContactStatus.UNSUBSCRIBED}, "deleted"),
        ({"erased_at": timezone.now()}, "deleted"),
        ({"paused_until": timezone.now() + datetime.timedelta(days=30)}, "paused"),
        ({"paused_until": timezone.now() - datetime.timedelta(days=1)}, ""),
        ({"mail_frequency": MailFrequency.WEEKLY}, ""),
    ],
)
def test_audience_contact_decides_the_reason(in_florist: Organization, fields: dict[str, Any], reason: str) -> None:
    contact = make_contact(in_florist, **fields)
    group = make_group(in_florist, contacts=[contact])
    assert reason_of(contact, to_groups(group)) == reason


@pytest.mark.parametrize(
    ("frequency", "days_ago", "reason"),
    [
        (MailFrequency.WEEKLY, 6, "frequency"),
        (MailFrequency.WEEKLY, 8, ""),
        (MailFrequency.MONTHLY, 8, "frequency"),
        (MailFrequency.MONTHLY, 31, ""),
        ("", 1, ""),
    ],
)
def test_audience_person_who_wants_fewer_mails_is_held_after_the_last_one(
    in_florist: Organization, frequency: str, days_ago: int, reason: str
) -> None:
    contact = make_contact(in_florist, mail_frequency=frequency)
    group = make_group(in_florist, contacts=[contact])
    got_mail(contact, days_ago)
    assert reason_of(contact, to_groups(group)) == reason


@pytest.mark.parametrize("kind", SuppressionKind)
def test_audience_suppression_of_each_kind_is_found(in_florist: Organization, kind: SuppressionKind) -> None:
    anna, other = make_contact(in_florist, "Anna@people.example"), make_contact(in_florist, "o@sub.people.example")
    group = make_group(in_florist, contacts=[anna, other])
    suppressed(in_florist, kind, of_kind(kind, ANNA))
    assert reason_of(anna, to_groups(group)) == "suppression_list"
    assert reason_of(other, to_groups(group)) == ""


@pytest.mark.parametrize("kind", SuppressionKind)
def test_audience_agency_suppression_of_each_kind_counts_for_every_client(
    in_florist: Organization, kind: SuppressionKind
) -> None:
    anna = make_contact(in_florist, ANNA)
    group = make_group(in_florist, contacts=[anna])
    AgencySuppression.objects.create(kind=kind, key=suppression_key(kind, of_kind(kind, ANNA)))
    assert reason_of(anna, to_groups(group)) == "agency_suppression"


def test_audience_erased_person_who_comes_back_is_still_suppressed(in_florist: Organization) -> None:
    suppressed(in_florist, SuppressionKind.ERASED, address_hash(ANNA), reason=SuppressionReason.ERASED)
    back = make_contact(in_florist, ANNA)
    assert reason_of(back, to_groups(make_group(in_florist, contacts=[back]))) == "suppression_list"


def test_audience_unsubscribed_contact_is_called_unsubscribed_not_suppressed(in_florist: Organization) -> None:
    contact = make_contact(in_florist)
    contact_unsubscribe(contact_id=contact.pk, source="test")
    blocked = blocked_contacts(organization_id=in_florist.pk, contact_ids=[contact.pk])
    assert blocked == {contact.pk: BlockReason.UNSUBSCRIBED}


def test_audience_suppression_of_another_organization_does_not_count(
    in_florist: Organization, museum: Organization
) -> None:
    contact = make_contact(in_florist, ANNA)
    with all_organizations(reason="the museum's list"):
        suppressed(museum, SuppressionKind.ADDRESS, ANNA, reason=SuppressionReason.UNSUBSCRIBED)
        suppressed(museum, SuppressionKind.DOMAIN, "people.example")
    assert reason_of(contact, to_groups(make_group(in_florist, contacts=[contact]))) == ""


# Topics


def test_topic_left_skips_only_people_nothing_else_leads_to(in_florist: Organization) -> None:
    anna = make_contact(in_florist, ANNA, language="de")
    ben = make_contact(in_florist)
    news, offers = make_group(in_florist, "News", [anna, ben]), make_group(in_florist, "Offers", [anna])
    events = make_group(in_florist, "Events", [])
    suppressed(in_florist, SuppressionKind.ADDRESS, ANNA, group=news)
    assert reason_of(anna, to_groups(news)) == "topic"
    assert reason_of(ben, to_groups(news)) == ""
    assert reason_of(anna, to_groups(news, events)) == "topic"
    assert reason_of(anna, to_groups(news, offers)) == ""
    assert reason_of(anna, to_groups(offers)) == ""
    assert reason_of(anna, to_groups(news, include_rules=[GERMAN])) == ""
    assert reason_of(anna, to_groups(news, include_rules=[SPANISH])) == "topic"


def test_topic_all_of_them_left_skips(in_florist: Organization) -> None:
    anna = make_contact(in_florist, ANNA)
    groups = [make_group(in_florist, name, [anna]) for name in ("News", "Offers")]
    for group in groups:
        suppressed(in_florist, SuppressionKind.ADDRESS, ANNA, group=group)
    assert reason_of(anna, to_groups(*groups)) == "topic"


def test_topic_left_after_the_snapshot_blocks_at_the_last_moment(in_florist: Organization) -> None:
    """Also when leaving took her out of the group."""
    anna = make_contact(in_florist, ANNA)
    news = make_group(in_florist, "News")
    suppressed(in_florist, SuppressionKind.ADDRESS, ANNA, group=news)
    ids = {"organization_id": in_florist.pk, "contact_ids": [anna.pk]}
    assert blocked_contacts(**ids, definition=to_groups(news)) == {anna.pk: "topic"}
    assert blocked_contacts(**ids) == {}


# Counting


def test_counts_tell_held_suppressed_and_excluded_apart(in_florist: Organization) -> None:
    soon = timezone.now() + datetime.timedelta(days=30)
    people = [
        make_contact(in_florist),
        make_contact(in_florist, status=ContactStatus.PENDING),
        make_contact(in_florist, paused_until=soon),
        make_contact(in_florist, status=ContactStatus.BOUNCED),
    ]
    left_out = make_contact(in_florist)
    group = make_group(in_florist, contacts=[*people, left_out])
    counts = audience_counts(to_groups(group, exclude_group_ids=[make_group(in_florist, "Staff", [left_out]).pk]))
    assert (counts.total, counts.sendable, counts.held, counts.suppressed, counts.excluded) == (4, 1, 2, 1, 1)


def test_audience_group_of_another_organization_holds_nobody(in_florist: Organization, museum: Organization) -> None:
    with all_organizations(reason="the museum's group"):
        foreign = make_group(museum, contacts=[make_contact(museum)])
    assert rows_of(AudienceDefinition(in_florist.pk, include_group_ids=[foreign.pk])) == {}
    with pytest.raises(OrganizationMismatch):
        audience_sql(to_groups(foreign))


def test_audience_wrapped_by_key_pages_through_everybody(in_florist: Organization) -> None:
    contacts = [make_contact(in_florist) for _ in range(7)]
    group = make_group(in_florist, contacts=contacts)
    sql, parameters = audience_sql(to_groups(group))
    page = f"SELECT contact_id FROM ({sql}) AS audience WHERE contact_id > %s ORDER BY contact_id LIMIT 3"
    seen: list = []
    last = "00000000-0000-0000-0000-000000000000"
    with connection.cursor() as cursor:
        while True:
            cursor.execute(page, [*parameters, last])
            ids = [row[0] for row in cursor.fetchall()]
            if not ids:
                break
            seen, last = seen + ids, ids[-1]
    assert seen == sorted(contact.pk for contact in contacts)


def test_blocked_contacts_unknown_or_foreign_contact_counts_as_deleted(
    in_florist: Organization, museum: Organization
) -> None:
    with all_organizations(reason="the museum's contact"):
        foreign = make_contact(museum)
    missing = new_id()
    blocked = blocked_contacts(organization_id=in_florist.pk, contact_ids=[missing, foreign.pk])
    assert blocked == {missing: "deleted", foreign.pk: "deleted"}


def test_block_reasons_are_those_of_the_ledger() -> None:
    assert set(BlockReason.choices) <= set(SkipReason.choices)


# Against a second opinion


class Naive:
    """The same rules, person by person, in as plain words as possible."""

    def __init__(self, definition: AudienceDefinition) -> None:
        self.definition = definition
        self.own = set(Suppression.objects.filter(group=None).values_list("key", flat=True))
        self.agency = set(AgencySuppression.objects.values_list("key", flat=True))
        self.left = set(Suppression.objects.exclude(group=None).values_list("group_id", "key"))

    def is_member(self, contact: Contact) -> bool:
        groups = set(contact.group_memberships.values_list("group_id", flat=True))
        excluded = groups & set(self.definition.exclude_group_ids) or self._fits(contact, self.definition.exclude_rules)
        return not excluded and self.is_included(contact)

    def is_included(self, contact: Contact) -> bool:
        groups = set(contact.group_memberships.values_list("group_id", flat=True))
        by_rule = contact.deleted_at is None and self._fits(contact, self.definition.include_rules)
        return bool(groups & set(self.definition.include_group_ids)) or by_rule

    def _fits(self, contact: Contact, rules: Any) -> bool:
        return any(contact.language == rule["all"][0]["value"] for rule in rules)

    def reason(self, contact: Contact) -> str:
        keys = {suppression_key(kind, of_kind(kind, contact.email_key)) for kind in SuppressionKind}
        if contact.deleted_at:
            return "deleted"
        if contact.status in ("unsubscribed", "complained", "bounced"):
            return contact.status
        if keys & self.own:
            return "suppression_list"
        if keys & self.agency:
            return "agency_suppression"
        if self._left_all(contact, keys):
            return "topic"
        if contact.status == "pending":
            return "not_confirmed"
        if contact.paused_until and contact.paused_until > timezone.now():
            return "paused"
        days = {"weekly": 7, "monthly": 30}.get(contact.mail_frequency)
        since = timezone.now() - datetime.timedelta(days=days or 0)
        return "frequency" if days and contact.messages.filter(accepted_at__gt=since).exists() else ""

    def _left_all(self, contact: Contact, keys: set[str]) -> bool:
        included = set(self.definition.include_group_ids)
        left = {group_id for group_id, key in self.left if key in keys}
        groups = set(contact.group_memberships.values_list("group_id", flat=True)) & included
        return bool(left & included) and not (groups - left) and not self._fits(contact, self.definition.include_rules)


def random_world(organization: Organization, chance: random.Random) -> AudienceDefinition:
    """Contacts of every sort, in groups, on lists; the definition of an audience of some of them."""
    now = timezone.now()
    pauses = [now + datetime.timedelta(days=9), now - datetime.timedelta(days=9), None, None]
    people = [
        make_contact(
            organization,
            f"p{number}@{chance.choice(['a', 'b', 'c'])}.example",
            language=chance.choice(["de", "es", "en"]),
            status=chance.choice([*ContactStatus.values, *["subscribed"] * 8]),
            deleted_at=chance.choice([now, *[None] * 9]),
            paused_until=chance.choice(pauses),
            mail_frequency=chance.choice(["", "", "weekly", "monthly"]),
        )
        for number in range(60)
    ]
    for contact in chance.sample(people, 12):
        got_mail(contact, chance.choice([3, 10, 40]))
    groups = [
        make_group(organization, f"Group {number}", chance.sample(people, chance.randrange(30))) for number in range(5)
    ]
    for contact in chance.sample(people, 14):
        kind = chance.choice(SuppressionKind.values)
        scope = {"group": chance.choice([None, *groups[:3], *groups[:3]])}
        Suppression.objects.get_or_create(
            organization=organization,
            key=suppression_key(kind, of_kind(kind, contact.email_key)),
            defaults={"kind": kind},
            **scope,
        )
    for contact in chance.sample(people, chance.randrange(3)):
        kind = chance.choice(SuppressionKind.values)
        AgencySuppression.objects.get_or_create(
            key=suppression_key(kind, of_kind(kind, contact.email_key)), defaults={"kind": kind}
        )
    return AudienceDefinition(
        organization.pk,
        include_group_ids=[group.pk for group in chance.sample(groups[:4], chance.randrange(4))],
        exclude_group_ids=[group.pk for group in chance.sample(groups[3:], chance.randrange(3))],
        include_rules=chance.choice([[], [], [GERMAN], [GERMAN, SPANISH]]),
        exclude_rules=chance.choice([[], [], [SPANISH]]),
    )


@pytest.mark.parametrize("seed", range(12))
def test_audience_agrees_with_a_naive_evaluator(in_florist: Organization, seed: int) -> None:
    definition = random_world(in_florist, random.Random(seed))
    naive = Naive(definition)
    everybody = list(Contact.objects.all())
    expected = {contact.pk: naive.reason(contact) for contact in everybody if naive.is_member(contact)}
    assert rows_of(definition) == expected
    blocked = blocked_contacts(organization_id=in_florist.pk, contact_ids=list(expected), definition=definition)
    assert blocked == {pk: reason for pk, reason in expected.items() if reason}
    counts = audience_counts(definition)
    reasons = list(expected.values())
    assert (counts.total, counts.sendable) == (len(reasons), reasons.count(""))
    assert counts.skipped == {reason: reasons.count(reason) for reason in set(reasons) - {""}}
    assert counts.excluded == sum(map(naive.is_included, everybody)) - len(reasons)
