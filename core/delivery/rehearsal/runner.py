"""The worker's part: chunk after chunk through the audience, each a commit with its checkpoint.

Everything is as in a real send up to the transport: the same audience SQL, values, merge tags, links signed, MIME,
DKIM. No ledger row is written and nothing is handed over; a few mails are kept in the sandbox inbox.
"""

import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from core.campaigns.models import Campaign
from core.common.db import advisory_lock
from core.common.errors import DomainError
from core.common.ids import new_id
from core.contacts.audience import audience_counts
from core.contacts.queries import ContactValues, contact_merge_values
from core.delivery.mime import single_line
from core.delivery.models import Rehearsal, SandboxMail
from core.delivery.models.rehearsals import REHEARSAL_UNDER_WAY, RehearsalState
from core.delivery.rehearsal.plays import Mail, Play, Player, play_of
from core.delivery.rehearsal.tally import Tally
from core.delivery.transports.base import Recipient
from core.delivery.transports.errors import MailProblem

CHUNK = 1_000
SAMPLES = 20
SAMPLE_MARK = "[Rehearsal] "
_LONGEST_PROBLEM = 500


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


def _prepared(rehearsal: Rehearsal) -> Play:
    return play_of(Campaign.objects.select_related("template", "organization").get(pk=rehearsal.campaign_id))


def _run(rehearsal: Rehearsal, play: Play, deadline: float) -> dict[str, Any]:
    if rehearsal.people_total is None:
        rehearsal.people_total = audience_counts(play.audience).total
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
def _chunk(rehearsal: Rehearsal, play: Play) -> int | None:
    """Build the mails of the next people and commit; how many people, None when somebody stopped it."""
    tally = Tally.read(rehearsal.tally)
    people = play.people_after(rehearsal.last_contact, CHUNK, rehearsal.people_done // CHUNK)
    wanted = [player for player in people if not player.skip_reason]
    for player in people:
        if player.skip_reason:
            tally.note("skipped", player.skip_reason, player.contact_id)
    ids = [player.contact_id for player in wanted]
    values = contact_merge_values(organization_id=rehearsal.organization_id, contact_ids=ids)
    begun = time.perf_counter()
    kept = [
        mail
        for player in wanted
        if (person := values.get(player.contact_id)) and (mail := _build(rehearsal, play, tally, player, person))
    ]
    tally.seconds += time.perf_counter() - begun
    SandboxMail.objects.bulk_create(kept)
    changed = {
        "state": RehearsalState.RUNNING,
        "people_total": rehearsal.people_total,
        "people_done": rehearsal.people_done + len(people),
        "last_contact": people[-1].contact_id if people else rehearsal.last_contact,
        "tally": tally.as_json(),
        "heartbeat_at": timezone.now(),
    }
    if not Rehearsal.objects.filter(pk=rehearsal.pk, state__in=REHEARSAL_UNDER_WAY).update(**changed):
        transaction.set_rollback(True)
        return None
    for name, value in changed.items():
        setattr(rehearsal, name, value)
    return len(people)


def _build(rehearsal: Rehearsal, play: Play, tally: Tally, player: Player, person: ContactValues) -> SandboxMail | None:
    """Count one mail, for its variant as well; the first few of each are returned to be kept."""
    mail = player.mail
    own = tally.of_variant(mail.letter)
    for key in mail.keys:
        if not person.values.get(key, "").strip():
            for one in (tally, *own):
                one.note("missing", key, player.contact_id)
    message_id = new_id()
    kept = mail.mail.kept_values(person.name, person.values)
    recipient = mail.mail.recipient(message_id, player.contact_id, person.address, kept)
    try:
        raw = mail.skeleton.build(recipient, date=datetime.now(UTC))
    except MailProblem as problem:
        for one in (tally, *own):
            one.note("unbuilt", str(problem), player.contact_id)
        return None
    for one in (tally, *own):
        one.built(len(raw), person.values.get("contact.time_zone", ""), is_waiting=player.is_waiting)
    if (own or (tally,))[0].samples >= max(SAMPLES // len(play.mails), 1):
        return None
    for one in (tally, *own):
        one.samples += 1
    sample = mail.mail.recipient(message_id, player.contact_id, person.address, kept, links=mail.inert)
    return _sample(rehearsal, mail, sample)


def _sample(rehearsal: Rehearsal, mail: Mail, recipient: Recipient) -> SandboxMail:
    """A mail to look at. Its own links lead nowhere: there is no message behind them."""
    mark = SAMPLE_MARK + (f"[Variant {mail.letter}] " if mail.letter else "")
    return SandboxMail(
        organization_id=rehearsal.organization_id,
        rehearsal=rehearsal,
        recipient=recipient.address,
        sender=mail.skeleton.content.from_email,
        subject=mark + single_line(mail.skeleton.content.subject.render(recipient.values))[:900],
        raw=mail.skeleton.build(recipient, date=datetime.now(UTC)),
    )


def _finish(rehearsal: Rehearsal, state: RehearsalState, problem: str) -> None:
    open_one = Rehearsal.objects.filter(pk=rehearsal.pk, state__in=REHEARSAL_UNDER_WAY)
    open_one.update(state=state, problem=problem[:_LONGEST_PROBLEM], finished_at=timezone.now())
