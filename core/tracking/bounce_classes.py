"""Which class a bounce belongs to: from its enhanced status code (RFC 3463, RFC 5248), its words, and what the provider
makes of it. What speaks of a person's address counts only when it says so for good."""

import re

from core.delivery.bounces import HARD, BounceClass

_CODE = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_TEMPORARY = re.compile(r"try (it )?again|temporar|later\b", re.IGNORECASE)

# Exchange Online says so of addresses that are not in its directory, with a code about routing (5.4.1).
_NOT_IN_DIRECTORY = re.compile(r"5\.4\.1 .{0,40}recipient address rejected: access denied", re.IGNORECASE)

_BY_CODE = {
    **dict.fromkeys(("1.1", "1.6", "1.10", "1.3"), BounceClass.INVALID_ADDRESS),
    **dict.fromkeys(("1.2",), BounceClass.DOMAIN_INVALID),
    **dict.fromkeys(("2.1",), BounceClass.MAILBOX_DISABLED),
    **dict.fromkeys(("2.2",), BounceClass.MAILBOX_FULL),
    **dict.fromkeys(("2.3", "3.4"), BounceClass.TOO_BIG),
    **dict.fromkeys(("4.7",), BounceClass.EXPIRED),
    # Gmail's and Microsoft's codes for missing authentication; 7.20 to 7.26 are of RFC 7372.
    **dict.fromkeys(
        ("7.20", "7.21", "7.22", "7.23", "7.24", "7.25", "7.26", "7.27", "7.29", "7.30", "7.32", "7.509", "7.515"),
        BounceClass.AUTH,
    ),
    **dict.fromkeys(("7.28",), BounceClass.RATE),
}
_BY_SUBJECT = {"4": BounceClass.NETWORK, "7": BounceClass.POLICY}

# In this order: words that blame the sender first, so that "user unknown" in a block's text harms nobody.
_BY_WORDS = (
    (BounceClass.AUTH, r"\bspf\b|\bdkim\b|\bdmarc\b|unauthenticated|not authenticated"),
    (
        BounceClass.REPUTATION,
        r"reputation|block ?list|black ?list|spamhaus|spamcop|barracuda|proofpoint|blocked|banned",
    ),
    (BounceClass.CONTENT, r"\bspam\b|content|junk|unsolicited|virus|phish"),
    (BounceClass.RATE, r"rate limit|too many|too fast|throttl|frequency|exceeded the .{0,30}limit"),
    (BounceClass.MAILBOX_FULL, r"mailbox (is )?full|over ?quota|quota exceeded|out of storage|insufficient storage"),
    (BounceClass.EXPIRED, r"expired|delivery time|retry time"),
    (BounceClass.MAILBOX_DISABLED, r"(mailbox|account|user) (is |has been )?(disabled|inactive|suspended|closed)"),
    (
        BounceClass.INVALID_ADDRESS,
        r"user unknown|unknown user|no such (user|recipient|mailbox|address)|does ?n.t exist|does not exist"
        r"|(recipient|mailbox|user|address) (was )?not found|invalid (recipient|mailbox|address)|unknown recipient",
    ),
    (BounceClass.DOMAIN_INVALID, r"(host|domain) (name )?(not found|does not exist)|nxdomain|no mx"),
    (BounceClass.NETWORK, r"timed? ?out|connection|unreachable|could not connect|\bdns\b|tls"),
)
_WORDS = tuple((bounce, re.compile(pattern, re.IGNORECASE)) for bounce, pattern in _BY_WORDS)


def classify(*, status: str, words: str, hint: BounceClass | None = None, is_block: bool = False) -> BounceClass:
    """The class of a mail that came back.

    `status` may be empty or one like "5.0.0" that says nothing; then the code in the words decides, then the words,
    then `hint`, what the provider made of it. A block (`is_block`) and what is to be tried later are never HARD.
    """
    found = _from_code(status, words) or _from_words(words) or hint or BounceClass.UNDETERMINED
    if found in HARD and (is_block or not _is_for_good(status, words)):
        return BounceClass.UNDETERMINED
    return found


def _codes(status: str, words: str) -> list[tuple[str, str, str]]:
    return [*_CODE.findall(status), *_CODE.findall(words)]


def _from_code(status: str, words: str) -> BounceClass | None:
    if _NOT_IN_DIRECTORY.search(words):
        return BounceClass.INVALID_ADDRESS
    for _kind, subject, detail in _codes(status, words):
        if (subject, detail) == ("7", "1") or (subject, detail) == ("7", "0"):
            # "Delivery not authorized": used for everything, so that the words know more.
            return _of_sender(words)
        if found := _BY_CODE.get(f"{subject}.{detail}"):
            return found
        if found := _BY_SUBJECT.get(subject):
            told = _from_words(words) if subject == "4" else None
            return told if told in (BounceClass.EXPIRED, BounceClass.DOMAIN_INVALID) else found
    return None


def _of_sender(words: str) -> BounceClass:
    about_sender = (BounceClass.AUTH, BounceClass.REPUTATION, BounceClass.CONTENT, BounceClass.RATE)
    found = _from_words(words)
    return found if found in about_sender else BounceClass.POLICY


def _from_words(words: str) -> BounceClass | None:
    return next((bounce for bounce, pattern in _WORDS if pattern.search(words)), None)


def _is_for_good(status: str, words: str) -> bool:
    """A permanent code or none at all, and no word of trying again."""
    codes = _codes(status, words)
    return all(kind == "5" for kind, _, _ in codes) and not _TEMPORARY.search(words)
