"""What a refusal means, and what follows from it: one table for every provider.

`classify` reads a provider's answer (SMTP with enhanced codes after RFC 3463 and RFC 5321, or a status of HTTP) and its
words. Providers are careless with codes ("550 5.7.1" is said of spam, of rate limits and of unknown people alike), so
words that leave no doubt go before codes that leave some. `CONSEQUENCES` says for each class what becomes of the mail.
"""

import random
import re
from dataclasses import dataclass
from uuid import UUID

from core.delivery.states import SkipReason
from core.delivery.transports.base import ErrorClass, Outcome, OutcomeKind

MAX_ATTEMPTS = 10
LONGEST_WISH_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Consequence:
    """What a class of refusals leads to.

    `after_temporary` and `after_permanent` are for answers that call themselves so (4yz, 429, 503 and 5yz, 4xx).
    Tries are spaced from `first_delay` on, doubling up to `longest_delay` seconds. `reason` stands at a mail that
    failed. Only `is_hard_bounce` says something about the address, and counts for the automatic stop.
    """

    after_temporary: OutcomeKind
    after_permanent: OutcomeKind
    first_delay: float
    longest_delay: float
    reason: SkipReason
    is_hard_bounce: bool = False


_RETRY, _FAILED = OutcomeKind.RETRY, OutcomeKind.FAILED
_MINUTE, _HOUR = 60.0, 3600.0

CONSEQUENCES: dict[ErrorClass, Consequence] = {
    ErrorClass.RATE_LIMITED: Consequence(_RETRY, _RETRY, 2 * _MINUTE, _HOUR, SkipReason.REFUSED),
    ErrorClass.TEMPORARY: Consequence(_RETRY, _RETRY, _MINUTE, _HOUR, SkipReason.REFUSED),
    ErrorClass.MAILBOX_FULL: Consequence(_RETRY, _FAILED, _HOUR, 6 * _HOUR, SkipReason.MAILBOX_FULL),
    ErrorClass.BAD_ADDRESS: Consequence(_FAILED, _FAILED, _MINUTE, _HOUR, SkipReason.BAD_ADDRESS, True),
    ErrorClass.POLICY: Consequence(_RETRY, _FAILED, 15 * _MINUTE, 4 * _HOUR, SkipReason.POLICY),
    ErrorClass.AUTHENTICATION: Consequence(_RETRY, _FAILED, 15 * _MINUTE, 4 * _HOUR, SkipReason.POLICY),
    ErrorClass.CONTENT: Consequence(_FAILED, _FAILED, _MINUTE, _HOUR, SkipReason.CONTENT),
    ErrorClass.SIZE: Consequence(_FAILED, _FAILED, _MINUTE, _HOUR, SkipReason.TOO_BIG),
    ErrorClass.CONNECTION: Consequence(_RETRY, _RETRY, _MINUTE, _HOUR, SkipReason.REFUSED),
    ErrorClass.NOT_TRIED: Consequence(_RETRY, _RETRY, 5.0, _MINUTE, SkipReason.REFUSED),
    ErrorClass.OUR_ADDRESS: Consequence(_FAILED, _FAILED, _MINUTE, _HOUR, SkipReason.UNSENDABLE_ADDRESS),
    ErrorClass.UNKNOWN: Consequence(_RETRY, _FAILED, _MINUTE, _HOUR, SkipReason.REFUSED),
}

# Words of receivers and relays as they are in the wild, the surest first.
_WORDS: tuple[tuple[ErrorClass, re.Pattern[str]], ...] = tuple(
    (error, re.compile(pattern, re.IGNORECASE))
    for error, pattern in (
        (
            ErrorClass.RATE_LIMITED,
            r"rate.?limit|too (?:many|fast)|throttl|slow down|try(?:ing)? (?:again )?(?:more )?slowly|unusual rate|"
            r"exceeded the .{0,40}(?:rate|messages|recipients|quota of)|maximum (?:send(?:ing)?|message) rate|"
            r"daily (?:user )?sending (?:quota|limit)|receiving mail at a rate|"
            r"deferred due to user complaints|TS0[1-4]",
        ),
        (
            ErrorClass.AUTHENTICATION,
            r"dmarc|\bspf\b.{0,60}(?:fail|pass|check|reject)|dkim.{0,40}(?:fail|pass|check|invalid)|unauthenticated|"
            r"(?:sender|message|email) .{0,40}(?:not|un)\s?-?authenticat|is not authenticated",
        ),
        (
            ErrorClass.MAILBOX_FULL,
            r"mailbox (?:is )?full|over ?quota|out of (?:storage|space)|quota (?:is )?(?:exceeded|full)|"
            r"exceed(?:ed|s) (?:the )?(?:storage|mailbox|disk)|insufficient (?:disk|storage|system storage)|"
            r"storage allocation|user has exhausted",
        ),
        (
            ErrorClass.SIZE,
            r"(?:message|size|mail) .{0,40}(?:too (?:big|large)|exceeds .{0,30}(?:size|maximum|limit))|"
            r"too large|maximum message size|message size exceeds",
        ),
        (
            ErrorClass.POLICY,
            r"block ?list|black ?list|spamhaus|\brbl\b|\bdnsbl\b|barracuda|reputation|poor sender|"
            r"blocked (?:using|by|for)|"
            r"\bbanned\b|access denied|part of their network is on our|client host .{0,60}(?:blocked|rejected)|"
            r"\[?(?:CS01|S3150|BL\d+|IPR?\d+|FC-\d+)\]?|grey ?list",
        ),
        (
            ErrorClass.BAD_ADDRESS,
            r"user (?:is )?(?:unknown|not found|doesn'?t exist|does not exist)|"
            r"unknown (?:user|recipient|mailbox|local part)|"
            r"no such (?:user|mailbox|recipient|person|address)|(?:account|address|mailbox|recipient|user|inbox)"
            r"[^.;]{0,80}(?:does not exist|doesn'?t exist|not exist|not found|unknown|invalid|"
            r"unavailable|disabled|inactive)|"
            r"does ?n[o']t have an? .{0,30}account|recipient (?:address )?rejected: (?:user|unknown|undeliverable)|"
            r"(?:domain|host) (?:name )?(?:not found|does not exist)|nxdomain|bad destination|"
            r"mailbox has been disabled|"
            r"not our customer|nomail|hardbounce|inactive ?recipient|no mail-?box",
        ),
        (
            ErrorClass.CONTENT,
            r"\bspam\b|\bvirus\b|malware|phish|"
            r"(?:message|content|mail) .{0,30}(?:rejected|refused|blocked) .{0,30}content|"
            r"unsolicited|bulk mail|suspicious (?:link|url|content)|prohibited content",
        ),
    )
)

_ENHANCED = re.compile(r"\b([245])\.([0-9]{1,3})\.([0-9]{1,3})\b")

# RFC 3463 and the registry of enhanced codes. Keys: "subject.detail", or "subject." for what is not named by itself.
_BY_ENHANCED: dict[str, ErrorClass] = {
    "1.1": ErrorClass.BAD_ADDRESS,
    "1.2": ErrorClass.BAD_ADDRESS,
    "1.3": ErrorClass.BAD_ADDRESS,
    "1.6": ErrorClass.BAD_ADDRESS,
    "1.10": ErrorClass.BAD_ADDRESS,
    "1.7": ErrorClass.POLICY,
    "1.8": ErrorClass.POLICY,
    "2.1": ErrorClass.BAD_ADDRESS,
    "2.2": ErrorClass.MAILBOX_FULL,
    "2.3": ErrorClass.SIZE,
    "3.1": ErrorClass.MAILBOX_FULL,
    "3.2": ErrorClass.TEMPORARY,
    "3.4": ErrorClass.SIZE,
    "3.": ErrorClass.TEMPORARY,
    "4.4": ErrorClass.BAD_ADDRESS,
    "4.": ErrorClass.TEMPORARY,
    "5.3": ErrorClass.RATE_LIMITED,
    "6.": ErrorClass.CONTENT,
    "7.8": ErrorClass.AUTHENTICATION,
    "7.20": ErrorClass.AUTHENTICATION,
    "7.23": ErrorClass.AUTHENTICATION,
    "7.24": ErrorClass.AUTHENTICATION,
    "7.25": ErrorClass.POLICY,
    "7.26": ErrorClass.AUTHENTICATION,
    "7.27": ErrorClass.AUTHENTICATION,
    "7.28": ErrorClass.RATE_LIMITED,
    "7.": ErrorClass.POLICY,
}

_BY_CODE: dict[str, ErrorClass] = {
    "421": ErrorClass.TEMPORARY,
    "450": ErrorClass.TEMPORARY,
    "451": ErrorClass.TEMPORARY,
    "452": ErrorClass.MAILBOX_FULL,
    "454": ErrorClass.TEMPORARY,
    "552": ErrorClass.MAILBOX_FULL,
    "553": ErrorClass.BAD_ADDRESS,
}
_BY_STATUS: dict[str, ErrorClass] = {
    "401": ErrorClass.CONNECTION,
    "403": ErrorClass.CONNECTION,
    "408": ErrorClass.TEMPORARY,
    "413": ErrorClass.SIZE,
    "429": ErrorClass.RATE_LIMITED,
    "502": ErrorClass.TEMPORARY,
    "503": ErrorClass.TEMPORARY,
    "504": ErrorClass.TEMPORARY,
}
# What transports say where no server said anything.
_BY_NAME: dict[str, ErrorClass] = {
    "invalid_address": ErrorClass.OUR_ADDRESS,
    "smtputf8": ErrorClass.OUR_ADDRESS,
    "invalid_header": ErrorClass.CONTENT,
    "server_too_slow": ErrorClass.NOT_TRIED,
    "not_tried": ErrorClass.NOT_TRIED,
}
_SURE_STATUSES = frozenset({"401", "403", "413", "429", "503"})
HTTP = frozenset({"sendgrid", "anymail"})


def classify(code: str, words: str = "", provider: str = "smtp") -> ErrorClass:
    """Which class of refusal this is. `code` is an outcome's ("550 5.1.1", "429", "timeout"), `provider` the kind of
    the connection: the numbers of SMTP and of HTTP mean different things."""
    number = code.split(" ")[0]
    if not number.isdecimal():
        return _BY_NAME.get(code, ErrorClass.CONNECTION)
    if provider in HTTP and number in _SURE_STATUSES:
        return _BY_STATUS[number]
    return _by_words(words, code, provider) or _by_code(code, words, provider)


def _by_words(words: str, code: str, provider: str) -> ErrorClass | None:
    """What the words alone say. A bad address that is refused for now is none: the server could not look it up."""
    for error, pattern in _WORDS:
        if pattern.search(words):
            is_unsure = error is ErrorClass.BAD_ADDRESS and is_temporary(code, provider)
            return ErrorClass.TEMPORARY if is_unsure else error
    return None


def _by_code(code: str, words: str, provider: str) -> ErrorClass:
    number = code.split(" ")[0]
    if provider in HTTP:
        return _BY_STATUS.get(number, ErrorClass.UNKNOWN)
    enhanced = _ENHANCED.search(code) or _ENHANCED.match(words)
    if enhanced is not None:
        _kind, subject, detail = enhanced.groups()
        found = _BY_ENHANCED.get(f"{subject}.{detail}") or _BY_ENHANCED.get(f"{subject}.")
        if found is ErrorClass.BAD_ADDRESS and is_temporary(code, provider):
            return ErrorClass.TEMPORARY
        if found is not None:
            return found
    return _BY_CODE.get(number, ErrorClass.UNKNOWN)


def refused(code: str, words: str = "", provider: str = "smtp") -> tuple[OutcomeKind, ErrorClass]:
    """What becomes of a mail that was definitely not taken, and why."""
    error = classify(code, words, provider)
    consequence = CONSEQUENCES[error]
    temporary = is_temporary(code, provider)
    return (consequence.after_temporary if temporary else consequence.after_permanent), error


def refusal(
    message_id: UUID, code: str, words: str, provider: str = "smtp", *, retry_after_seconds: int | None = None
) -> Outcome:
    """The outcome of a mail that was definitely not taken."""
    kind, error = refused(code, words, provider)
    return Outcome(message_id, kind, code, words, retry_after_seconds=retry_after_seconds, error=error)


def is_temporary(code: str, provider: str = "smtp") -> bool:
    """Whether the answer calls itself temporary: 4yz of SMTP, 429 and 5xx of HTTP, anything without a number."""
    number = code.split(" ")[0]
    if provider in HTTP and number.isdecimal():
        return number in ("408", "429") or number.startswith("5")
    return not number.startswith("5")


def retry_delay_seconds(
    *, attempts: int, retry_after_seconds: int | None = None, error: ErrorClass = ErrorClass.UNKNOWN
) -> float | None:
    """Seconds until the next attempt after `attempts` made, None when it was tried often enough.

    Exponential with full jitter, so that those refused together do not come back together; never before the moment the
    provider asked for (a day at most).
    """
    if attempts >= MAX_ATTEMPTS:
        return None
    consequence = CONSEQUENCES[error]
    ceiling = min(consequence.first_delay * 2 ** max(attempts - 1, 0), consequence.longest_delay)
    return max(random.uniform(1, ceiling), min(retry_after_seconds or 0, LONGEST_WISH_SECONDS))  # noqa: S311
