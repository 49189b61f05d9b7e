"""Mails over SMTP: one kept session, commands pipelined (RFC 2920), and never a guess about what was taken.

Which of three things a lost connection means depends on how far the mail had come:

1. Before its end-of-data (".") began to be written, the server cannot have it: RETRY.
2. From then on until the reply, it may have it: UNKNOWN.
3. After the reply, the reply counts.
"""

import re
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from core.delivery.mime import MimeSkeleton, wire_address
from core.delivery.retry_policy import classify, refusal
from core.delivery.return_addresses import bounce_address
from core.delivery.transports.base import ErrorClass, MailContent, Outcome, OutcomeKind, Recipient, Transport
from core.delivery.transports.errors import ConnectionProblem, MailProblem
from core.delivery.transports.smtp_session import CLOSING, Reply, SessionLost, SmtpSession, SmtpSettings

END_OF_DATA = b".\r\n"  # the mail before it ends with CRLF
START_MAIL_INPUT = 354
TOO_BIG = 552
TOO_SLOW = "server_too_slow"

_QUEUE_ID = re.compile(r"(?:queued as|\bid=)\s*<?([A-Za-z0-9][\w.@+-]{2,127})", re.IGNORECASE)


class _Mail(NamedTuple):
    """One mail ready for the wire. `body` ends with CRLF and has no line that begins with a dot (RFC 5321 4.5.2)."""

    place: int
    recipient: Recipient
    sender: str
    address: str
    body: bytes


class _Outbox:
    """The mails of a call in order, built while the server works on those before them. True while one is left."""

    def __init__(self, skeleton: MimeSkeleton, recipients: Sequence[Recipient], outcomes: dict[int, Outcome]) -> None:
        self._skeleton = skeleton
        self._date = datetime.now(UTC)
        self._recipients = iter(enumerate(recipients))
        self._outcomes = outcomes
        self._built: deque[_Mail] = deque()
        self.answered = 0  # mails that left it

    def __bool__(self) -> bool:
        return self._have(1)

    @property
    def front(self) -> _Mail:
        return self._built[0]

    @property
    def following(self) -> _Mail | None:
        return self._built[1] if self._have(2) else None

    def build_ahead(self) -> None:
        """Build what follows the following one: now is the time, the server is busy."""
        self._have(3)

    def pop(self) -> _Mail:
        """Take the mail in front out: it has its outcome."""
        self.answered += 1
        return self._built.popleft()

    def _sender(self, recipient: Recipient) -> str:
        """Where a bounce of this mail comes back to."""
        host = self._skeleton.content.bounce_host
        return bounce_address(recipient.message_id, host) if host and recipient.in_ledger else self._skeleton.sender

    def _have(self, count: int) -> bool:
        """Build until so many are ready. Who cannot be written to gets the outcome on the way."""
        while len(self._built) < count:
            index, recipient = next(self._recipients, (-1, None))
            if recipient is None:
                return False
            try:
                body = self._skeleton.build(recipient, date=self._date)
                sender = self._sender(recipient)
                self._built.append(_Mail(index, recipient, sender, wire_address(recipient.address), body))
            except MailProblem as problem:
                self._outcomes[index] = refusal(recipient.message_id, problem.code, str(problem))
        return True


class SmtpTransport(Transport):
    """Sends through one SMTP server over a connection that is kept between calls."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self.slice_size = settings.slice_size
        self._session: SmtpSession | None = None
        self._skeleton: MimeSkeleton | None = None
        self._pipelining_trusted = True

    def send(self, content: MailContent, recipients: Sequence[Recipient]) -> list[Outcome]:
        """See `Transport.send`. Stops at the first sign of a sick server: the rest is RETRY, so that at most one mail
        of a call ends in doubt."""
        if self._skeleton is None or self._skeleton.content is not content:
            self._skeleton = MimeSkeleton(content)
        skeleton = self._skeleton
        outcomes: dict[int, Outcome] = {}
        mails = _Outbox(skeleton, recipients, outcomes)
        deadline = time.monotonic() + self._settings.call_seconds
        self._drop_dead_session()
        while mails:
            try:
                self._deliver(mails, outcomes, deadline)
            except SessionLost as lost:
                if not self._may_go_on(lost):
                    _retry_all(mails, outcomes, lost.code, lost.words)
            except ConnectionProblem as problem:
                self._abandon_session()
                if not mails.answered:
                    raise
                _retry_all(mails, outcomes, problem.code, problem.fields["words"])
            except BaseException:
                # Cut off by a time limit or a signal: nobody knows which replies are still on their way.
                self._abandon_session()
                raise
        return [outcomes[index] for index in range(len(recipients))]

    def close(self) -> None:
        """Take leave of the server."""
        if self._session is not None:
            self._session.quit()
            self._session = None

    def _drop_dead_session(self) -> None:
        """A server ends an idle connection whenever it likes; find out before a mail depends on it."""
        if self._session is not None and not self._session.is_idle():
            self._abandon_session()

    def _abandon_session(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def _may_go_on(self, lost: SessionLost) -> bool:
        """After a loss in which no mail was put in doubt: whether a new connection may try the same mail.

        Only where the old one had carried mails (servers end connections after so many, or when idle), and never
        after a timeout: a call must not last longer than the lease of its batch.
        """
        session = self._session
        self._abandon_session()
        if session is None:
            return False
        if lost.code == TOO_SLOW:
            return False
        if lost.code == "timeout":
            # Some servers offer PIPELINING and lose what came early; next time each command waits for its reply.
            self._pipelining_trusted = self._pipelining_trusted and not session.pipelining
            return False
        return session.mails_carried > 0

    def _deliver(self, mails: _Outbox, outcomes: dict[int, Outcome], deadline: float) -> None:
        """Send from the front until the queue is empty. A mail leaves it together with its outcome.

        Raises `SessionLost` and `ConnectionProblem`, both only while the mail in front is free of doubt.
        """
        if self._session is None:
            self._session = SmtpSession(self._settings)
        session = self._session
        conversation = _Conversation(session, pipelined=session.pipelining and self._pipelining_trusted)
        conversation.announce(mails.front)
        while mails:
            mail = mails.front
            refused = conversation.refusal(mail)
            if refused is None:
                outcome = _hand_over(conversation, mail, mails)
            else:
                outcome = refusal(mail.recipient.message_id, refused.full_code, refused.words)
            outcomes[mails.pop().place] = outcome
            if outcome.kind is OutcomeKind.UNKNOWN:
                self._abandon_session()
                words = "the connection was lost with the mail before this one"
                _retry_all(mails, outcomes, "connection_lost", words, ErrorClass.NOT_TRIED)
                return
            if outcome.code.startswith(str(CLOSING)):
                raise SessionLost(outcome.code, outcome.words)
            session.mails_carried += 1
            if mails and time.monotonic() > deadline:
                raise SessionLost(TOO_SLOW, "the server took too long for the mails before this one")
            if refused is not None and mails:
                conversation.announce(mails.front)


class _Conversation:
    """The commands of one call on one session, and which of their replies are still to come."""

    def __init__(self, session: SmtpSession, *, pipelined: bool) -> None:
        self.session = session
        self._pipelined = pipelined
        self._resetting = False

    def announce(self, mail: _Mail) -> None:
        """Begin a mail, after a refused one (of this call or the last) with RSET. Its replies are read by `refusal`."""
        self._resetting = self.session.needs_reset
        self.session.needs_reset = False
        if self._pipelined:
            self.session.write(self._announcement(mail))

    def finish(self, mail: _Mail, following: _Mail | None) -> None:
        """Write the body and its end, and begin the following mail in the same breath."""
        self._resetting = False
        announcement = self._announcement(following) if following is not None and self._pipelined else b""
        self.session.write(mail.body + END_OF_DATA + announcement)

    def refusal(self, mail: _Mail) -> Reply | None:
        """Why the server does not want this mail, or None: then it waits for the body.

        Raises `ConnectionProblem` when MAIL is refused for good and not because of the size: everybody else would
        meet the same.
        """
        if self._resetting:
            self._reply_to("RSET")
        if self._pipelined and self.session.has_read_envelope_taken():
            self.session.needs_reset = False
            return None
        refusal: Reply | None = None
        for command in self._envelope(mail):
            if refusal is not None and (refusal.code == CLOSING or not self._pipelined):
                break
            reply = self._reply_to(command)
            wanted = reply.code == START_MAIL_INPUT if command == "DATA" else 200 <= reply.code < 300
            if refusal is None and not wanted:
                refusal = reply
                if command.startswith("MAIL") and reply.code >= 500 and reply.code != TOO_BIG:
                    raise _sender_refused(reply)
            elif refusal is not None and reply.code == START_MAIL_INPUT:
                # RFC 2920 3.1: the server waits for a mail to nobody; give it an empty one, which it has to refuse.
                self.session.write(END_OF_DATA)
                self.session.read_reply()
        self.session.needs_reset = refusal is not None
        return refusal

    def _reply_to(self, command: str) -> Reply:
        return self.session.read_reply() if self._pipelined else self.session.command(command)

    def _announcement(self, mail: _Mail) -> bytes:
        commands = ["RSET"] if self._resetting else []
        return "".join(f"{command}\r\n" for command in (*commands, *self._envelope(mail))).encode("ascii")

    def _envelope(self, mail: _Mail) -> tuple[str, str, str]:
        return f"MAIL FROM:<{mail.sender}>", f"RCPT TO:<{mail.address}>", "DATA"


def _hand_over(conversation: _Conversation, mail: _Mail, mails: _Outbox) -> Outcome:
    """Send the body. Raises `SessionLost` only where no byte of the end-of-data left, so that nobody has the mail."""
    message_id = mail.recipient.message_id
    try:
        conversation.finish(mail, mails.following)
    except SessionLost as lost:
        if lost.written <= len(mail.body):
            raise
        return Outcome(message_id, OutcomeKind.UNKNOWN, f"{lost.code}_after_body", lost.words)
    mails.build_ahead()
    try:
        reply = conversation.session.read_reply(final=True)
    except SessionLost as lost:
        return Outcome(message_id, OutcomeKind.UNKNOWN, f"{lost.code}_after_body", lost.words)
    if reply.code >= 400:
        return refusal(message_id, reply.full_code, reply.words)
    if reply.code >= 300:
        return Outcome(message_id, OutcomeKind.UNKNOWN, "bad_reply_after_body", f"{reply.code} {reply.words}")
    queue_id = _QUEUE_ID.search(reply.words)
    found = queue_id[1] if queue_id else ""
    return Outcome(message_id, OutcomeKind.ACCEPTED, reply.full_code, reply.words, provider_message_id=found)


def _retry_all(
    mails: _Outbox, outcomes: dict[int, Outcome], code: str, words: str, error: ErrorClass | None = None
) -> None:
    """Nothing of these mails was sent."""
    error = error or classify(code, words)
    while mails:
        mail = mails.pop()
        outcomes[mail.place] = Outcome(mail.recipient.message_id, OutcomeKind.RETRY, code, words, error=error)


def _sender_refused(reply: Reply) -> ConnectionProblem:
    return ConnectionProblem(
        f"The mail server refused the sender: {reply.words}", code=reply.full_code, words=reply.words
    )
