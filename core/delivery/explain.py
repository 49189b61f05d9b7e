"""Why somebody got a campaign, or did not: the reason down to the rule and the minute."""

import datetime
import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from core.campaigns.models import Campaign, CampaignSegment, CampaignSnapshot
from core.campaigns.queries import drafted_audience, frozen_audience
from core.campaigns.states import CampaignStatus
from core.contacts.audience import HELD_REASONS, AudienceDefinition, blocked_contacts
from core.contacts.block_evidence import block_evidence, moment_words
from core.contacts.choices import BlockReason
from core.contacts.models import Contact, ContactGroup, ContactGroupMembership
from core.contacts.segments import parse_rule, rule_sql
from core.contacts.segments.rules import Group
from core.contacts.segments.sentence import names_of, sentence
from core.delivery.models import Message
from core.delivery.states import SendState

_NOT_YET = frozenset(
    {CampaignStatus.DRAFT, CampaignStatus.IN_REVIEW, CampaignStatus.APPROVED, CampaignStatus.SCHEDULED}
)


class Verdict(enum.StrEnum):
    SENT = "sent"
    WAITING = "waiting"
    HELD = "held"
    SKIPPED = "skipped"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    OUTSIDE = "outside"
    """Not in the audience."""
    WOULD_GET = "would_get"


VERDICT_LABELS = {
    Verdict.SENT: "Sent",
    Verdict.WAITING: "Waiting",
    Verdict.HELD: "Held back",
    Verdict.SKIPPED: "Skipped",
    Verdict.FAILED: "Failed",
    Verdict.IN_DOUBT: "In doubt",
    Verdict.OUTSIDE: "Not in the audience",
    Verdict.WOULD_GET: "Would get it",
}
VERDICT_COLORS = {
    Verdict.SENT: "success",
    Verdict.WAITING: "info",
    Verdict.HELD: "warning",
    Verdict.SKIPPED: "info",
    Verdict.FAILED: "danger",
    Verdict.IN_DOUBT: "warning",
    Verdict.OUTSIDE: "info",
    Verdict.WOULD_GET: "success",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was looked at. `holds` is whether it speaks for the mail; None for a plain fact."""

    words: str
    holds: bool | None = None
    at: datetime.datetime | None = None


@dataclass(frozen=True)
class Explanation:
    """`headline` answers the question in one sentence; `steps` show what it rests on, in order."""

    campaign: Campaign
    verdict: Verdict
    headline: str
    steps: tuple[Step, ...] = ()
    message_id: UUID | None = None

    @property
    def label(self) -> str:
        return VERDICT_LABELS[self.verdict]

    @property
    def color(self) -> str:
        return VERDICT_COLORS[self.verdict]


def explain(*, contact: Contact, campaign: Campaign) -> Explanation:
    """Why this person got this campaign of the same client, or did not, or would now. About ten queries.

    Somebody with a row in the ledger is explained by that row; everybody else by what can be seen today.
    """
    message = (
        Message.objects.filter(campaign=campaign, contact=contact).select_related("batch__connection", "values").first()
    )
    if message is not None:
        return _by_ledger(campaign, contact, message)
    if campaign.status in _NOT_YET:
        return _by_forecast(campaign, contact)
    return _by_absence(campaign, contact)


# Somebody the ledger knows


def _by_ledger(campaign: Campaign, contact: Contact, message: Message) -> Explanation:
    state = SendState(message.send_state)
    verdict, headline, steps = _LEDGER[state](campaign, contact, message)
    prepared = Step("The audience was written down", at=_made_at(message.pk))
    return Explanation(campaign, verdict, headline, (prepared, *steps), message.pk)


def _accepted(campaign: Campaign, contact: Contact, message: Message) -> Any:
    through = f" through “{message.batch.connection}”" if message.batch else ""
    address = message.values.address if hasattr(message, "values") else contact.email
    when = f" on {moment_words(message.accepted_at)}" if message.accepted_at else ""
    steps = [Step(f"Accepted by the provider{through}", True, message.accepted_at)]
    if message.words:
        steps.append(Step(f"The provider said: {message.words}"))
    times = (
        ("First opened", message.opened_at),
        ("First clicked", message.clicked_at),
        ("Bounced", message.bounced_at),
        ("Reported as spam", message.complained_at),
        ("Unsubscribed", message.unsubscribed_at),
    )
    steps += sorted((Step(words, at=at) for words, at in times if at), key=lambda step: str(step.at))
    return Verdict.SENT, f"Sent to {address}{when}{through}.", steps


def _ready(campaign: Campaign, contact: Contact, message: Message) -> Any:
    words = {
        CampaignStatus.PAUSED: "the campaign is paused",
        CampaignStatus.SENDING: "it is on its way",
        CampaignStatus.MATERIALISING: "the campaign is being prepared",
    }.get(CampaignStatus(campaign.status), f"the campaign is {campaign.get_status_display().lower()}")
    steps = [Step(campaign.get_pause_reason_display(), False)] if campaign.pause_reason else []
    if campaign.problem:
        steps.append(Step(campaign.problem))
    return Verdict.WAITING, f"Not sent yet: {words}.", steps


def _retry(campaign: Campaign, contact: Contact, message: Message) -> Any:
    when = f" on {moment_words(message.due_at)}" if message.due_at else ""
    steps = [Step(f"Attempt {message.attempts}: {message.words or message.get_reason_display()}", False)]
    return Verdict.WAITING, f"Not sent yet: it is tried again{when}.", steps


def _suppressed(campaign: Campaign, contact: Contact, message: Message) -> Any:
    if message.reason not in BlockReason.values:
        return Verdict.SKIPPED, f"{message.get_reason_display()}.", []
    evidence = block_evidence(contact, message.reason, topic_ids=_group_ids(campaign))
    skipped = Step(f"Skipped: {message.get_reason_display().lower()}", False)
    steps = [skipped, Step(evidence.sentence, at=evidence.since)]
    return _verdict_of(message.reason), evidence.sentence, steps


def _failed(campaign: Campaign, contact: Contact, message: Message) -> Any:
    words = f": “{message.words}”" if message.words else ""
    headline = f"{message.get_reason_display() or 'Refused by the provider'}{words}."
    return Verdict.FAILED, headline, [Step(f"Tried {message.attempts} times", False)]


def _in_doubt(campaign: Campaign, contact: Contact, message: Message) -> Any:
    headline = f"Nobody knows whether it arrived: {message.get_reason_display().lower() or 'no answer came'}."
    steps = [Step("It is not sent again by itself, so that nobody gets it twice")]
    return Verdict.IN_DOUBT, headline, steps


_LEDGER = {
    SendState.ACCEPTED: _accepted,
    SendState.READY: _ready,
    SendState.RETRY_WAIT: _retry,
    SendState.SUPPRESSED: _suppressed,
    SendState.FAILED: _failed,
    SendState.UNCERTAIN: _in_doubt,
    SendState.UNRESOLVED: _in_doubt,
}


def _verdict_of(reason: str) -> Verdict:
    return Verdict.HELD if reason in HELD_REASONS else Verdict.SKIPPED


def _made_at(key: UUID) -> datetime.datetime:
    """When a row was made: the first 48 bits of its key are milliseconds (UUID version 7, RFC 9562)."""
    return datetime.datetime.fromtimestamp((key.int >> 80) / 1000, datetime.UTC)


# Somebody it does not know


def _by_forecast(campaign: Campaign, contact: Contact) -> Explanation:
    """What would happen if the campaign went out now."""
    definition = drafted_audience(campaign)
    path = _path(definition, contact, _segment_names(campaign))
    if not path.is_member:
        return Explanation(campaign, Verdict.OUTSIDE, path.headline, path.steps)
    reason = _block_reason(definition, contact)
    if reason:
        evidence = _blocked_because(definition, contact, reason)
        steps = (*path.steps, Step(evidence, False))
        return Explanation(campaign, _verdict_of(reason), evidence, steps)
    steps = (*path.steps, Step("Nothing on the suppression lists, and no pause", True))
    return Explanation(campaign, Verdict.WOULD_GET, "Would get it if the campaign went out now.", steps)


def _by_absence(campaign: Campaign, contact: Contact) -> Explanation:
    """The audience was frozen without this person: as far as can be told today, why."""
    snapshot = CampaignSnapshot.objects.filter(campaign=campaign).first()
    if snapshot is None or campaign.status == CampaignStatus.FAILED:
        headline = f"Nobody got it: the campaign is {campaign.get_status_display().lower()}."
        return Explanation(campaign, Verdict.SKIPPED, headline, (Step(campaign.problem),) if campaign.problem else ())
    if campaign.status == CampaignStatus.MATERIALISING:
        headline = "The campaign is being prepared: its audience is still being written down."
        return Explanation(campaign, Verdict.WAITING, headline)
    path = _path(frozen_audience(snapshot), contact, _frozen_segment_names(snapshot))
    frozen = Step("The audience was frozen", at=snapshot.created_at)
    headline = path.headline
    if path.is_member:
        headline = "Was not in the audience when it was frozen, and would be in it today."
    late = contact.created_at > snapshot.created_at
    if late:
        headline = f"Became a contact only on {moment_words(contact.created_at)}, after the audience was frozen."
    return Explanation(campaign, Verdict.OUTSIDE, headline, (frozen, *path.steps))


def _block_reason(definition: AudienceDefinition, contact: Contact) -> str:
    blocked = blocked_contacts(organization_id=contact.organization_id, contact_ids=[contact.pk], definition=definition)
    return blocked.get(contact.pk, "")


def _blocked_because(definition: AudienceDefinition, contact: Contact, reason: str) -> str:
    if reason != BlockReason.FREQUENCY:
        return block_evidence(contact, reason, topic_ids=definition.include_group_ids).sentence
    last = Message.objects.filter(contact=contact, accepted_at__isnull=False).order_by("-accepted_at").first()
    wish = contact.get_mail_frequency_display().lower()
    had = f", and the last was on {moment_words(last.accepted_at)}" if last and last.accepted_at else ""
    return f"Wants {wish}{had}."


def _group_ids(campaign: Campaign) -> Sequence[UUID]:
    snapshot = CampaignSnapshot.objects.filter(campaign=campaign).first()
    return frozen_audience(snapshot).include_group_ids if snapshot else ()


# The way into an audience


@dataclass(frozen=True, slots=True)
class _Path:
    is_member: bool
    headline: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class _SegmentNames:
    """Names in the order of the definition's rules."""

    included: Sequence[str]
    excluded: Sequence[str]


def _segment_names(campaign: Campaign) -> _SegmentNames:
    rows = list(CampaignSegment.objects.filter(campaign=campaign).select_related("segment").order_by("segment_id"))
    return _SegmentNames(
        [row.segment.name for row in rows if not row.is_excluded], [row.segment.name for row in rows if row.is_excluded]
    )


def _frozen_segment_names(snapshot: CampaignSnapshot) -> _SegmentNames:
    audience = snapshot.audience
    return _SegmentNames(
        [segment["name"] for segment in audience.get("included_segments", [])],
        [segment["name"] for segment in audience.get("excluded_segments", [])],
    )


def _path(definition: AudienceDefinition, contact: Contact, names: _SegmentNames) -> _Path:
    """Which group or segment leads to this person, and which keeps her out. Groups by their names of today."""
    joined = dict(
        ContactGroupMembership.objects.filter(
            contact=contact, group_id__in=[*definition.include_group_ids, *definition.exclude_group_ids]
        ).values_list("group_id", "added_at")
    )
    group_names = dict(
        ContactGroup.objects.filter(pk__in=[*definition.include_group_ids, *definition.exclude_group_ids]).values_list(
            "pk", "name"
        )
    )
    included = [_group_step(pk, group_names, joined) for pk in definition.include_group_ids]
    for name, rule in zip(names.included, definition.include_rules, strict=True):
        included += _rule_steps(name, rule, contact)
    excluding = [
        Step(f"In the excluded group “{group_names.get(pk, '?')}”", False, joined[pk])
        for pk in definition.exclude_group_ids
        if pk in joined
    ]
    for name, rule in zip(names.excluded, definition.exclude_rules, strict=True):
        if _fits(rule, contact):
            excluding.append(Step(f"In the excluded segment “{name}”", False))
    is_included = any(pk in joined for pk in definition.include_group_ids) or any(
        _fits(rule, contact) for rule in definition.include_rules
    )
    if excluding:
        return _Path(False, f"{excluding[0].words}.", (*included, *excluding))
    if not is_included:
        return _Path(False, _outside_words(definition, included), tuple(included))
    return _Path(True, "", tuple(included))


def _outside_words(definition: AudienceDefinition, steps: Sequence[Step]) -> str:
    if definition.is_empty:
        return "No group and no segment is chosen yet."
    if not definition.include_rules:
        return "Not in any chosen group."
    missing = next((step.words for step in steps if step.holds is False and "needs" in step.words), "")
    return f"Not in any chosen group or segment{': ' + missing if missing else ''}."


def _group_step(pk: UUID, names: dict[UUID, str], joined: dict[UUID, datetime.datetime]) -> Step:
    name = names.get(pk, "a group that is gone")
    if pk in joined:
        return Step(f"In the group “{name}”", True, joined[pk])
    return Step(f"Not in the group “{name}”", False)


def _rule_steps(name: str, rule: dict[str, Any], contact: Contact) -> list[Step]:
    """The segment itself, and, where it does not fit, each of its conditions that fails."""
    if not rule:
        return [Step(f"The segment “{name}” has no condition yet", False)]
    if _fits(rule, contact):
        return [Step(f"In the segment “{name}”", True)]
    parsed = parse_rule(rule)
    words = names_of(contact.organization_id, parsed)
    parts = [Group(parsed.how, (item,)) for item in parsed.items] if parsed.how in ("all", "none") else [parsed]
    failing = [part for part in parts if not _fits(part, contact)]
    return [
        Step(f"The segment “{name}” needs: {_clause(sentence(part, words))}{_known(part, contact)}", False)
        for part in failing
    ]


def _clause(text: str) -> str:
    """ "People who …." as a part of a sentence."""
    return text[:1].lower() + text[1:].removesuffix(".")


def _known(part: Group, contact: Contact) -> str:
    """What there is instead, for conditions about engagement."""
    moments = {
        "opened": ("last open", contact.last_opened_at),
        "last_opened_at": ("last open", contact.last_opened_at),
        "clicked": ("last click", contact.last_clicked_at),
        "last_clicked_at": ("last click", contact.last_clicked_at),
    }
    said = [moments[field] for field in dict.fromkeys(_fields(part)) if field in moments]
    facts = [f"the {words} was on {moment_words(at)}" if at else f"there was no {words}" for words, at in said]
    return f"; {' and '.join(facts)}" if facts else ""


def _fields(node: Any) -> list[str]:
    if isinstance(node, Group):
        return [field for item in node.items for field in _fields(item)]
    return [node.field]


def _fits(rule: Group | dict[str, Any], contact: Contact) -> bool:
    sql, parameters = rule_sql(contact.organization_id, rule, alias="contact")
    statement = f"SELECT {sql} FROM contacts_contact AS contact WHERE organization_id = %s AND id = %s"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, [*parameters, contact.organization_id, contact.pk])
        row = cursor.fetchone()
    return bool(row and row[0])
