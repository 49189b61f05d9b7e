"""The worker's part: chunk after chunk through the audience, each a commit with its checkpoint.

Everything is as in a real send up to the transport: the same audience SQL, values, merge tags, links signed, MIME,
DKIM. No ledger row is written and nothing is handed over; a few mails are kept in the sandbox inbox.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from core.campaigns.content import compiled_content
from core.campaigns.missing_values import unguarded_keys
from core.campaigns.models import Campaign
from core.campaigns.snapshot import draft_snapshot, mail_source
from core.common.db import advisory_lock
from core.common.errors import DomainError
from core.common.ids import new_id
from core.common.tenancy import require
from core.contacts.audience import audience_counts, audience_sql
from core.contacts.queries import ContactValues, contact_merge_values
from core.delivery.mime import MimeSkeleton, single_line
from core.delivery.models import Rehearsal, SandboxMail
from core.delivery.models.rehearsals import REHEARSAL_UNDER_WAY, RehearsalState
from core.delivery.rehearsal.tally import Tally
from core.delivery.rendering import CampaignMail, prepare
from core.delivery.transports.base import Recipient
from core.delivery.transports.errors import MailProblem
from core.domains.queries import link_base

CHUNK = 1_000
SAMPLES = 20
SAMPLE_MARK = "[Rehearsal] "
_NOBODY = UUID(int=0)
_LONGEST_PROBLEM = 500

_PEOPLE = """
    SELECT contact_id, skip_reason FROM ({audience}) AS audience
     WHERE contact_id > %s ORDER BY contact_id LIMIT %s
"""


@dataclass(frozen=True)
class _Play:
    """What is rehearsed. `inert` stands in the samples in the place of a person's own links."""

    mail: CampaignMail
    skeleton: MimeSkeleton
    inert: Mapping[str, str]
    keys: tuple[str, ...]
    content_hash: str


def rehearse(*, rehearsal_id: UUID, seconds: float) -> dict[str, Any]:
    """Work on a rehearsal for so long; {"is_over": False} when there is more to do. Two at once: the second does
    nothing. A killed worker's successor goes on behind the last committed chunk."""
    with advisory_lock(f"rehearsal {rehearsal_id}") as acquired:
        rehearsal = Rehearsal.objects.select_related("campaign").filter(pk=rehearsal_id).first()
        if not acquired or rehearsal is None or rehearsal.state not in REHEARSAL_UNDER_WAY:
            return {"is_over": True}
        try:
            play = _prepared(rehearsal)
        except DomainError as error:
            _finish(rehearsal, RehearsalState.FAILED, str(error))
            return {"is_over": True}
        if play.content_hash != rehearsal.content_hash:
            _finish(rehearsal, RehearsalState.STOPPED, "The campaign was edited meanwhile. Rehearse it again.")
            return {"is_over": True}
        return _run(rehearsal, play, time.monotonic() + seconds)


def _prepared(rehearsal: Rehearsal) -> _Play:
    campaign = Campaign.objects.select_related("template", "organization").get(pk=rehearsal.campaign_id)
    snapshot, links = draft_snapshot(campaign)
    snapshot.link_base = link_base(snapshot.organization_id, snapshot.from_email)
    mail = prepare(compiled_content(snapshot), snapshot)
    inert = {f"link.{number}": url for number, url in enumerate(links, start=1)}
    others = {key: "(this person's own link)" for key in mail.link_keys if key not in inert}
    keys = tuple(unguarded_keys(mail_source(campaign)))
    return _Play(mail, MimeSkeleton(mail.content), inert | others, keys, snapshot.content_hash)


def _run(rehearsal: Rehearsal, play: _Play, deadline: float) -> dict[str, Any]:
    if rehearsal.people_total is None:
        rehearsal.people_total = audience_counts(play.mail.audience).total
    while True:
        count = _chunk(rehearsal, play)
        if count is None:
            return {"is_over": True}
        if count < CHUNK:
            _finish(rehearsal, RehearsalState.DONE, "")
            return {"is_over": True, "people": rehearsal.people_done}
        if time.monotonic() > deadline:
            return {"is_over": False, "people": rehearsal.people_done}


@transaction.atomic
def _chunk(rehearsal: Rehearsal, play: _Play) -> int | None:
    """Build the mails of the next people and commit; how many people, None when somebody stopped it."""
    tally = Tally.read(rehearsal.tally)
    people = _next_people(rehearsal, play)
    wanted = [contact_id for contact_id, reason in people if not reason]
    for contact_id, reason in people:
        if reason:
            tally.note("skipped", reason, contact_id)
    values = contact_merge_values(organization_id=rehearsal.organization_id, contact_ids=wanted)
    begun = time.perf_counter()
    kept = [mail for pk in wanted if pk in values and (mail := _build(rehearsal, play, tally, pk, values[pk]))]
    tally.seconds += time.perf_counter() - begun
    SandboxMail.objects.bulk_create(kept)
    changed = {
        "state": RehearsalState.RUNNING,
        "people_total": rehearsal.people_total,
        "people_done": rehearsal.people_done + len(people),
        "last_contact": people[-1][0] if people else rehearsal.last_contact,
        "tally": tally.as_json(),
        "heartbeat_at": timezone.now(),
    }
    if not Rehearsal.objects.filter(pk=rehearsal.pk, state__in=REHEARSAL_UNDER_WAY).update(**changed):
        transaction.set_rollback(True)
        return None
    for name, value in changed.items():
        setattr(rehearsal, name, value)
    return len(people)


def _next_people(rehearsal: Rehearsal, play: _Play) -> list[tuple[UUID, str]]:
    require(rehearsal.organization_id)
    audience, parameters = audience_sql(play.mail.audience)
    with connection.cursor() as cursor:
        cursor.execute(_PEOPLE.format(audience=audience), [*parameters, rehearsal.last_contact or _NOBODY, CHUNK])
        return list(cursor.fetchall())


def _build(
    rehearsal: Rehearsal, play: _Play, tally: Tally, contact_id: UUID, person: ContactValues
) -> SandboxMail | None:
    """Count one mail; the first few are returned to be kept."""
    for key in play.keys:
        if not person.values.get(key, "").strip():
            tally.note("missing", key, contact_id)
    message_id = new_id()
    kept = play.mail.kept_values(person.name, person.values)
    recipient = play.mail.recipient(message_id, contact_id, person.address, kept)
    try:
        raw = play.skeleton.build(recipient, date=datetime.now(UTC))
    except MailProblem as problem:
        tally.note("unbuilt", str(problem), contact_id)
        return None
    tally.built(len(raw), person.values.get("contact.time_zone", ""))
    if tally.samples >= SAMPLES:
        return None
    tally.samples += 1
    sample = play.mail.recipient(message_id, contact_id, person.address, kept, links=play.inert)
    return _sample(rehearsal, play, sample)


def _sample(rehearsal: Rehearsal, play: _Play, recipient: Recipient) -> SandboxMail:
    """A mail to look at. Its own links lead nowhere: there is no message behind them."""
    return SandboxMail(
        organization_id=rehearsal.organization_id,
        rehearsal=rehearsal,
        recipient=recipient.address,
        sender=play.skeleton.content.from_email,
        subject=SAMPLE_MARK + single_line(play.skeleton.content.subject.render(recipient.values))[:900],
        raw=play.skeleton.build(recipient, date=datetime.now(UTC)),
    )


def _finish(rehearsal: Rehearsal, state: RehearsalState, problem: str) -> None:
    open_one = Rehearsal.objects.filter(pk=rehearsal.pk, state__in=REHEARSAL_UNDER_WAY)
    open_one.update(state=state, problem=problem[:_LONGEST_PROBLEM], finished_at=timezone.now())
