"""From a mail that came in to what it means: a bounce, a complaint, a reply, or nothing of ours."""

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from core.tracking.arrivals import Arrival
from core.tracking.bounce_classes import classify
from core.tracking.choices import EventType, Verdict, VerdictReason
from core.tracking.inbound.bounces import Bounce, read_bounce
from core.tracking.inbound.feedback import read_feedback
from core.tracking.inbound.mime import header
from core.tracking.inbound.proof import reply_proof, signed_proof, unsubscribe_proof
from core.tracking.inbound.replies import MOST_SUBJECT, is_automatic, sender_of, written_text

_EARLIEST = datetime.datetime(2010, 1, 1, tzinfo=datetime.UTC)


class MailKind(StrEnum):
    """What a mail turned out to be; counted with the post. UNPROVEN: a report about a mail that nobody can know to be
    ours. OTHER: no report, and no answer to a mail of ours."""

    BOUNCE = "bounces"
    COMPLAINT = "complaints"
    UNSUBSCRIPTION = "unsubscriptions"
    REPLY = "replies"
    AUTOMATIC = "automatic"
    UNPROVEN = "unproven"
    OTHER = "other_mail"


@dataclass(frozen=True, slots=True)
class ReplyText:
    """What somebody wrote. `sender` and `name` as the mail gives them."""

    sender: str
    name: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class ReadMail:
    """A mail that was understood. `arrival` is None where it changes nothing."""

    kind: MailKind
    arrival: Arrival | None = None
    reply: ReplyText | None = None


def understand(mail: Message, envelope_to: Sequence[str], *, received_at: datetime.datetime) -> ReadMail:
    """Reports first: they carry the marks of automatic mail, too. So may a wish to unsubscribe, which programs write on
    a press of a button."""
    feedback = read_feedback(mail)
    if feedback is not None and not feedback.is_complaint:
        return ReadMail(MailKind.OTHER)
    bounce = None if feedback else read_bounce(mail)
    if feedback is not None or bounce is not None:
        proof = signed_proof(mail, envelope_to)
        if proof is None:
            return ReadMail(MailKind.UNPROVEN)
        when = _moment(mail, received_at)
        if bounce is None:
            return ReadMail(MailKind.COMPLAINT, _complaint(proof.message_id, when))
        return ReadMail(MailKind.BOUNCE, _bounced(proof.message_id, bounce, mail, when))
    if wish := unsubscribe_proof(mail):
        return ReadMail(MailKind.UNSUBSCRIPTION, _unsubscribed(wish.message_id, mail, received_at))
    if is_automatic(mail):
        return ReadMail(MailKind.AUTOMATIC)
    answered = reply_proof(mail, envelope_to)
    return _replied(answered.message_id, mail, received_at) if answered else ReadMail(MailKind.OTHER)


def _complaint(message_id: UUID, when: datetime.datetime) -> Arrival:
    seen = {"by": "feedback report", "event": "complaint"}
    return Arrival(message_id, EventType.COMPLAINED, _key("arf", message_id, when.isoformat()), when, seen=seen)


def _bounced(message_id: UUID, bounce: Bounce, mail: Message, when: datetime.datetime) -> Arrival:
    seen = {"by": "bounce mail", "event": bounce.type.value, "status": bounce.status, "words": bounce.words}
    is_back = bounce.type == EventType.BOUNCED
    return Arrival(
        message_id=message_id,
        type=bounce.type,
        event_key=_key("dsn", message_id, bounce.type, bounce.status, bounce.words, header(mail, "Date")),
        occurred_at=when,
        bounce_class=classify(status=bounce.status, words=bounce.words) if is_back else "",
        seen={name: value for name, value in seen.items() if value},
    )


def _unsubscribed(message_id: UUID, mail: Message, received_at: datetime.datetime) -> Arrival:
    """A later mail is a wish of its own: the person may have come back in between."""
    return Arrival(
        message_id=message_id,
        type=EventType.UNSUBSCRIBED,
        event_key=_key("unsub", message_id, header(mail, "Message-ID"), header(mail, "Date")),
        occurred_at=_moment(mail, received_at),
        verdict=Verdict.HUMAN,
        reasons=(VerdictReason.ONE_CLICK,),
        seen={"by": "unsubscribe mail"},
    )


def _replied(message_id: UUID, mail: Message, received_at: datetime.datetime) -> ReadMail:
    name, sender = sender_of(mail)
    subject, text = header(mail, "Subject")[:MOST_SUBJECT], written_text(mail)
    when = _moment(mail, received_at)
    key = _key("reply", message_id, header(mail, "Message-ID"), header(mail, "Date"), subject, text)
    arrival = Arrival(message_id, EventType.REPLIED, key, when, seen={"by": "reply"})
    return ReadMail(MailKind.REPLY, arrival, ReplyText(sender, name, subject, text))


def _key(kind: str, message_id: UUID, *parts: str) -> str:
    """The same mail, delivered twice, is one event."""
    content = "\0".join((message_id.hex, *parts)).encode("utf-8", "replace")
    return f"{kind}:{hashlib.sha256(content).hexdigest()}"


def _moment(mail: Message, received_at: datetime.datetime) -> datetime.datetime:
    """When it was written; a time that cannot be true is the time we heard of it."""
    try:
        moment: Any = parsedate_to_datetime(header(mail, "Date"))
        moment = moment.replace(tzinfo=moment.tzinfo or datetime.UTC).astimezone(datetime.UTC)
    except (ValueError, TypeError, OverflowError, AttributeError, IndexError):
        return received_at
    return moment if _EARLIEST < moment < received_at + datetime.timedelta(minutes=5) else received_at
