"""The one answer to "who gets a campaign, and who not, and why".

A person is in the audience when an included group holds her or an included rule fits her, and no excluded group or rule
does. Of those, some must not be written to: the reason is one of BlockReason, whose values the ledger of messages uses
as well.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection

from core.common.prepared import prepared
from core.common.tenancy import as_organization_id, require
from core.contacts.choices import BlockReason, ContactStatus, MailFrequency, SuppressionKind
from core.contacts.recent_mail import recent_mail_sql
from core.contacts.segments import rule_sql
from core.contacts.suppression_keys import key_sql, keys_sql

HELD_REASONS = frozenset({BlockReason.NOT_CONFIRMED, BlockReason.PAUSED, BlockReason.FREQUENCY})
"""Reasons that pass by themselves or at the person's next step; the others stay until somebody lifts them."""

FREQUENCY_DAYS = {MailFrequency.WEEKLY: 7, MailFrequency.MONTHLY: 30}

# EXISTS instead of a join: each contact once, however many groups hold it, and a caller's condition on contact_id
# reaches the index.
_IN_GROUPS = """
    EXISTS (SELECT 1 FROM contacts_contactgroupmembership AS membership
             WHERE membership.contact_id = contact.id
               AND membership.organization_id = contact.organization_id
               AND membership.group_id = ANY(%s))
"""

_OTHER_KINDS = tuple(kind for kind in SuppressionKind if kind != SuppressionKind.ADDRESS)

# A plain ANY(%s) looks the cheaper the fewer groups there are, and then PostgreSQL plans a prepared statement anew each
# time, which takes longer than carrying it out.
_ANY_OF = "ANY(ARRAY(SELECT unnest(%s::uuid[])))"

_NOT_GONE = "contact.deleted_at IS NULL AND contact.erased_at IS NULL"


@dataclass(frozen=True)
class AudienceDefinition:
    """Groups by id and rules as segments keep them (segments/rules.py). Included ones add up; excluded ones win."""

    organization_id: UUID
    include_group_ids: Sequence[UUID] = ()
    exclude_group_ids: Sequence[UUID] = ()
    include_rules: Sequence[dict[str, Any]] = ()
    exclude_rules: Sequence[dict[str, Any]] = ()

    @property
    def is_empty(self) -> bool:
        return not self.include_group_ids and not self.include_rules


@dataclass(frozen=True)
class AudienceCounts:
    """`total` people in the audience: `sendable` of them get the mail, `skipped` counts the others by reason.

    `excluded` are people who were included, and left out by an excluded group or rule; they are not in `total`.
    """

    total: int
    sendable: int
    skipped: dict[str, int] = field(default_factory=dict)
    excluded: int = 0

    @property
    def held(self) -> int:
        """How many of the skipped may get a later mail by themselves (HELD_REASONS)."""
        return sum(count for reason, count in self.skipped.items() if reason in HELD_REASONS)

    @property
    def suppressed(self) -> int:
        """How many of the skipped get no mail until somebody lifts the reason."""
        return sum(self.skipped.values()) - self.held


@dataclass(frozen=True, slots=True)
class _Sql:
    """A piece of SQL with its positional parameters."""

    text: str
    parameters: Sequence[Any] = ()


def audience_sql(definition: AudienceDefinition) -> tuple[str, list[Any]]:
    """SQL and parameters of the audience: one row (contact_id, skip_reason) a person; '' means sendable.

    Meant to be wrapped: `SELECT … FROM (sql) AS audience WHERE contact_id > %s ORDER BY contact_id LIMIT n`. Groups of
    other organizations hold nobody. One small query says which kinds of suppressions there are, so that the statement
    looks for no others; the last-moment check looks for all. Raises OrganizationMismatch outside the scope.
    """
    organization_id = as_organization_id(definition.organization_id)
    require(organization_id)
    kinds = _kinds_in_use(definition)
    reason = _reason(
        own=_any_joined("own", kinds.own),
        agency=_any_joined("agency", kinds.agency),
        topics=_left_topics(definition, kinds.topics),
    )
    joins = _joins("own", "contacts_suppression", kinds.own)
    joins += " " + _joins("agency", "contacts_agencysuppression", kinds.agency)
    members = _members(definition)
    text = f"""
        SELECT contact.id AS contact_id, {reason.text} AS skip_reason FROM contacts_contact AS contact {joins}
         WHERE contact.organization_id = %s AND {members.text}
    """  # noqa: S608 - made of the constants above
    return text, [*reason.parameters, organization_id, *members.parameters]


def audience_counts(definition: AudienceDefinition) -> AudienceCounts:
    """How many people the audience has now, how many are skipped for which reason, how many are left out. 2 queries."""
    sql, parameters = audience_sql(definition)
    counting = f"SELECT skip_reason, count(*) FROM ({sql}) AS audience GROUP BY skip_reason"  # noqa: S608
    if definition.exclude_group_ids or definition.exclude_rules:
        included = _included(definition)
        counting += f"""
            UNION ALL SELECT NULL, count(*) FROM contacts_contact AS contact
             WHERE contact.organization_id = %s AND {included.text}
        """  # noqa: S608 - made of the constants above
        parameters += [definition.organization_id, *included.parameters]
    with connection.cursor() as cursor:
        cursor.execute(counting, parameters)
        by_reason = dict(cursor.fetchall())
    sendable, included_count = by_reason.pop("", 0), by_reason.pop(None, None)
    total = sendable + sum(by_reason.values())
    excluded = 0 if included_count is None else included_count - total
    return AudienceCounts(total=total, sendable=sendable, skipped=by_reason, excluded=excluded)


def blocked_contacts(
    *, organization_id: UUID, contact_ids: Collection[UUID], definition: AudienceDefinition | None = None
) -> dict[UUID, str]:
    """Those of the contacts who must not be written to at this moment, with the reason. One query.

    With the `definition` of a campaign's audience, people who left all topics that lead to them are among them. A
    contact that is not there (any more), or is another organization's, counts as deleted.
    """
    organization_id = as_organization_id(organization_id)
    require(organization_id)
    reason, parameters = last_moment_sql(organization_id, definition)
    sql = f"""
        SELECT contact.id, {reason} FROM contacts_contact AS contact
         WHERE contact.organization_id = %s AND contact.id = ANY(%s)
    """  # noqa: S608 - made of the constants of this module
    with prepared(sql, [*parameters, organization_id, list(contact_ids)]) as cursor:
        reasons = dict(cursor.fetchall())
    found = {contact_id: reasons.get(contact_id, BlockReason.DELETED.value) for contact_id in contact_ids}
    return {contact_id: reason for contact_id, reason in found.items() if reason}


def last_moment_sql(organization_id: UUID, definition: AudienceDefinition | None) -> tuple[str, list[Any]]:
    """An expression over the alias `contact`, with its parameters: why this person must not be written to at this
    moment, '' where nothing speaks against it.

    Its text is the same for every slice of a campaign, so that a statement with it is planned once, whatever comes onto
    the lists meanwhile. Call within the organization's scope.
    """
    require(organization_id)
    topics = _topics_at_last(organization_id, definition)
    reason = _reason(own=_Sql(_OWN, [organization_id]), agency=_Sql(_AGENCY), topics=topics)
    return reason.text, list(reason.parameters)


# Who


def _included(definition: AudienceDefinition) -> _Sql:
    """Groups as they are; rules fit only people who are still there."""
    groups = [_Sql(_IN_GROUPS, [list(definition.include_group_ids)])] if definition.include_group_ids else []
    rules = _any_of([_rule(definition, rule) for rule in definition.include_rules])
    people = [_Sql(f"({_NOT_GONE} AND {rules.text})", rules.parameters)] if definition.include_rules else []
    return _any_of([*groups, *people])


def _members(definition: AudienceDefinition) -> _Sql:
    """Included and not excluded."""
    included = _included(definition)
    text, parameters = included.text, list(included.parameters)
    if definition.exclude_group_ids:
        text += f" AND NOT {_IN_GROUPS}"
        parameters.append(list(definition.exclude_group_ids))
    for rule in definition.exclude_rules:
        excluded = _rule(definition, rule)
        text += f" AND NOT {excluded.text}"
        parameters += excluded.parameters
    return _Sql(text, parameters)


def _rule(definition: AudienceDefinition, rule: dict[str, Any]) -> _Sql:
    return _Sql(*rule_sql(definition.organization_id, rule, alias="contact"))


def _any_of(conditions: Sequence[_Sql]) -> _Sql:
    if not conditions:
        return _Sql("FALSE")
    if len(conditions) == 1:
        return conditions[0]
    text = " OR ".join(f"({condition.text})" for condition in conditions)
    return _Sql(f"({text})", [parameter for condition in conditions for parameter in condition.parameters])


# Why not


def _reason(*, own: _Sql, agency: _Sql, topics: _Sql) -> _Sql:
    """The CASE that names the reason.

    In order: what is said of somebody to whom several apply. An unsubscribed person's address is on the suppression
    list too, and "unsubscribed" says more.
    """
    whens = [
        (BlockReason.DELETED, _Sql("contact.deleted_at IS NOT NULL OR contact.erased_at IS NOT NULL")),
        (BlockReason.UNSUBSCRIBED, _status(ContactStatus.UNSUBSCRIBED)),
        (BlockReason.COMPLAINED, _status(ContactStatus.COMPLAINED)),
        (BlockReason.BOUNCED, _status(ContactStatus.BOUNCED)),
        (BlockReason.SUPPRESSION_LIST, own),
        (BlockReason.AGENCY_SUPPRESSION, agency),
        (BlockReason.TOPIC, topics),
        (BlockReason.NOT_CONFIRMED, _status(ContactStatus.PENDING)),
        (BlockReason.PAUSED, _Sql("contact.paused_until > now()")),
        (BlockReason.FREQUENCY, _had_enough()),
    ]
    text = "\n".join(f"WHEN {condition.text} THEN '{reason}'" for reason, condition in whens)
    return _Sql(
        f"CASE {text} ELSE '' END", [parameter for _reason, condition in whens for parameter in condition.parameters]
    )


def _status(status: ContactStatus) -> _Sql:
    return _Sql(f"contact.status = '{status}'")


def _had_enough() -> _Sql:
    """Asked only of people who named a frequency: inside a CASE, AND goes from left to right."""
    days = " ".join(f"WHEN '{frequency}' THEN interval '{days} days'" for frequency, days in FREQUENCY_DAYS.items())
    since = f"now() - CASE contact.mail_frequency {days} END"
    return _Sql(f"contact.mail_frequency <> '' AND {recent_mail_sql(contact='contact', since=since)}")


@dataclass(frozen=True, slots=True)
class _KindsInUse:
    """Kinds of suppressions that a client, the agency, and the topics of an audience have any of."""

    own: Sequence[SuppressionKind]
    agency: Sequence[SuppressionKind]
    topics: Sequence[SuppressionKind]


# "address:" … "address;" holds every key of a kind: the semicolon stands right behind the colon in ASCII.
_KINDS = """
    SELECT wanted.prefix,
           EXISTS (SELECT 1 FROM contacts_suppression
                    WHERE organization_id = %(organization_id)s
                      AND key >= wanted.prefix || ':' AND key < wanted.prefix || ';'),
           EXISTS (SELECT 1 FROM contacts_agencysuppression
                    WHERE key >= wanted.prefix || ':' AND key < wanted.prefix || ';'),
           EXISTS (SELECT 1 FROM contacts_suppression
                    WHERE organization_id = %(organization_id)s AND group_id = ANY(%(group_ids)s)
                      AND key >= wanted.prefix || ':' AND key < wanted.prefix || ';')
      FROM unnest(%(kinds)s::text[]) AS wanted (prefix)
"""


def _kinds_in_use(definition: AudienceDefinition) -> _KindsInUse:
    parameters: dict[str, Any] = {
        "organization_id": definition.organization_id,
        "group_ids": list(definition.include_group_ids),
        "kinds": list(SuppressionKind),
    }
    with connection.cursor() as cursor:
        cursor.execute(_KINDS, parameters)
        rows = cursor.fetchall()
    own, agency, topics = ([SuppressionKind(row[0]) for row in rows if row[column]] for column in (1, 2, 3))
    return _KindsInUse(own, agency, topics)


def _joins(scope: str, table: str, kinds: Sequence[SuppressionKind]) -> str:
    """One join a kind, so that the planner hashes the list for a count and probes its index for a page."""
    of_client = "AND {0}.organization_id = contact.organization_id AND {0}.group_id IS NULL" if scope == "own" else ""
    return " ".join(
        f"LEFT JOIN {table} AS {scope}_{kind} "
        f"ON {scope}_{kind}.key = {key_sql(kind, 'contact')} AND {scope}_{kind}.kind = '{kind}' "
        + of_client.format(f"{scope}_{kind}")
        for kind in kinds
    )


def _any_joined(scope: str, kinds: Sequence[SuppressionKind]) -> _Sql:
    return _Sql(" OR ".join(f"{scope}_{kind}.id IS NOT NULL" for kind in kinds) or "FALSE")


def _left_topics(definition: AudienceDefinition, kinds: Sequence[SuppressionKind]) -> _Sql:
    """Left one of the included groups, and neither another of them nor a rule leads to this person."""
    if not definition.include_group_ids or not kinds:
        return _Sql("FALSE")
    left = f"""EXISTS (SELECT 1 FROM contacts_suppression AS topic
                        WHERE topic.organization_id = contact.organization_id AND topic.group_id = {{group}}
                          AND topic.key = ANY({keys_sql("contact", kinds)}))"""  # noqa: S608
    group_ids = list(definition.include_group_ids)
    rules = _any_of([_rule(definition, rule) for rule in definition.include_rules])
    text = f"""
        {left.format(group=_ANY_OF)} AND NOT {rules.text}
        AND NOT EXISTS (SELECT 1 FROM contacts_contactgroupmembership AS other
                         WHERE other.contact_id = contact.id AND other.organization_id = contact.organization_id
                           AND other.group_id = {_ANY_OF} AND NOT {left.format(group="other.group_id")})
    """  # noqa: S608 - made of the constants above
    return _Sql(text, [group_ids, *rules.parameters, group_ids])


# Most clients have addresses on their lists and nothing else, and most groups have nobody who left. One probe for the
# whole slice finds that out, in place of four for each person. The keys of addresses come first in the alphabet.
_OWN = f"""
    EXISTS (SELECT 1 FROM contacts_suppression AS own
             WHERE own.organization_id = contact.organization_id AND own.group_id IS NULL
               AND own.key = {key_sql(SuppressionKind.ADDRESS, "contact")})
    OR (SELECT EXISTS (SELECT 1 FROM contacts_suppression WHERE organization_id = %s AND key >= 'address;'))
   AND EXISTS (SELECT 1 FROM contacts_suppression AS own
                WHERE own.organization_id = contact.organization_id AND own.group_id IS NULL
                  AND own.key = ANY({keys_sql("contact", _OTHER_KINDS)}))
"""  # noqa: S608 - made of the constants above
_AGENCY = f"""
    EXISTS (SELECT 1 FROM contacts_agencysuppression AS agency
             WHERE agency.key = {key_sql(SuppressionKind.ADDRESS, "contact")})
    OR (SELECT EXISTS (SELECT 1 FROM contacts_agencysuppression WHERE key >= 'address;'))
   AND EXISTS (SELECT 1 FROM contacts_agencysuppression AS agency
                WHERE agency.key = ANY({keys_sql("contact", _OTHER_KINDS)}))
"""  # noqa: S608 - made of the constants above
_ANY_LEFT = f"""
    (SELECT EXISTS (SELECT 1 FROM contacts_suppression WHERE organization_id = %s AND group_id = {_ANY_OF}))
"""  # noqa: S608 - made of the constants above


def _topics_at_last(organization_id: UUID, definition: AudienceDefinition | None) -> _Sql:
    if definition is None or not definition.include_group_ids:
        return _Sql("FALSE")
    left = _left_topics(definition, tuple(SuppressionKind))
    gate = [organization_id, list(definition.include_group_ids)]
    return _Sql(f"{_ANY_LEFT} AND {left.text}", [*gate, *left.parameters])
