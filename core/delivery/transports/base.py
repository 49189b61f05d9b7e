"""What the send pipeline knows of a provider: content and recipients in, one outcome per recipient out.

Nothing here presupposes MIME: a provider that takes one content with a thousand sets of values gets exactly that.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Self
from uuid import UUID

from core.domains.dkim import DkimKey
from core.email_templates.merge_tags import MergeTemplate

WORDS_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Recipient:
    """One mail of the slice. `values` maps each merge key to its raw value (unescaped).

    `message_id` is the ledger's, but for a mail of no campaign (`in_ledger` False), which has an id of its own.
    """

    message_id: UUID
    address: str
    name: str
    values: Mapping[str, str]
    in_ledger: bool = True


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that every mail of the content carries. `name` is ASCII without spaces or quotes."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class MailContent:
    """What all mails of a campaign share; frozen with the campaign. Compared by identity when prepared work is kept.

    `dkim` signs the mails that we write ourselves; an API signs with a key of its own. Where there is a `reply_host`,
    replies come back to it instead of `reply_to`; bounces of SMTP come back to the `bounce_host`.
    """

    subject: MergeTemplate
    html: MergeTemplate
    text: MergeTemplate
    from_name: str
    from_email: str
    reply_to: str
    message_id_domain: str
    headers: Mapping[str, MergeTemplate | str] = field(default_factory=dict)
    dkim: DkimKey | None = None
    reply_host: str = ""
    bounce_host: str = ""
    attachments: tuple[Attachment, ...] = ()


class OutcomeKind(StrEnum):
    """What is known about one mail after a call."""

    ACCEPTED = "accepted"  # the provider said it took the mail
    RETRY = "retry"  # definitely not taken, may be tried again later
    FAILED = "failed"  # definitely not taken, and never will be
    UNKNOWN = "unknown"  # may or may not have been taken: never to be sent again by itself


class ErrorClass(StrEnum):
    """Why a mail was not taken, whatever provider said so. What follows from each stands in `retry_policy`."""

    RATE_LIMITED = "rate_limited"  # too many mails in too short a time
    TEMPORARY = "temporary"  # the server cannot just now
    MAILBOX_FULL = "mailbox_full"
    BAD_ADDRESS = "bad_address"  # nobody there: a hard bounce
    POLICY = "policy"  # blocked for who we are: reputation, block lists
    AUTHENTICATION = "authentication"  # SPF, DKIM or DMARC did not pass
    CONTENT = "content"
    SIZE = "size"
    CONNECTION = "connection"  # the provider was not there, or refuses us
    NOT_TRIED = "not_tried"  # never presented to the provider: no attempt
    OUR_ADDRESS = "our_address"  # the address cannot be written down
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer for one recipient.

    `code` is short and stable ("250 2.0.0", "550 5.1.1", "timeout_after_body"); `words` are the provider's own,
    see `one_line`. `error` says why a mail was not taken.
    """

    message_id: UUID
    kind: OutcomeKind
    code: str
    words: str = ""
    provider_message_id: str = ""
    retry_after_seconds: int | None = None
    error: ErrorClass = ErrorClass.UNKNOWN


class Transport(ABC):
    """A connection to one provider, used by one thread at a time and kept over many calls."""

    # How many mails one committed intent may cover: what a killed worker leaves in doubt.
    slice_size: int

    @abstractmethod
    def send(self, content: MailContent, recipients: Sequence[Recipient]) -> list[Outcome]:
        """Hand the mails over and return one outcome per recipient, in the same order.

        A provider's fault is an outcome, never an exception. Raises `TransportError` only while nothing of this call
        was sent: `ConnectionProblem` when the provider refuses us as a sender, `MailProblem` when the content itself
        cannot be made into a mail.
        """

    @abstractmethod
    def close(self) -> None:
        """Give the connection back. Never raises; the transport may be used again afterwards."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def one_line(words: str) -> str:
    """`words` as one printable line of at most 500 characters: safe for a log, a table cell and a header."""
    if not words.isprintable():
        words = "".join(character if character.isprintable() else " " for character in words)
    return " ".join(words.split())[:WORDS_LIMIT]
