"""Hints about a subject and a preheader: length, shouting, tricks, words that filters look for. None is a stop."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from core.email_templates.merge_tags import mask_tags

PHONE_CHARACTERS = 40
"""About what a phone held upright shows of a subject."""
DESKTOP_CHARACTERS = 70
PREHEADER_SHORT, PREHEADER_SHOWN = 30, 100
MANY_EMOJI = 2
_SHOUTED_LETTERS = 8

_REPLY = re.compile(r"\s*(?:re|aw|fw|fwd|wg|rv|tr)\s*:", re.IGNORECASE)
_MARKS = re.compile(r"[!?]{2,}|![^!]*!|\$\$|€€|%%%")
SPAM_WORDS = (
    "100% free",
    "act now",
    "best price",
    "buy now",
    "cash bonus",
    "click here",
    "congratulations",
    "double your",
    "earn money",
    "extra cash",
    "free gift",
    "free money",
    "guaranteed",
    "limited time",
    "lose weight",
    "make money",
    "miracle",
    "no obligation",
    "no risk",
    "once in a lifetime",
    "order now",
    "risk-free",
    "special promotion",
    "this is not spam",
    "urgent",
    "winner",
    "you have been selected",
)
_SPAM = re.compile(rf"(?<!\w)(?:{'|'.join(re.escape(word) for word in SPAM_WORDS)})(?!\w)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Hint:
    """One remark on a `field` ("subject" or "preheader"). `code` is stable."""

    field: str
    code: str
    message: str


def hints(subject: str, preheader: str) -> list[Hint]:
    """What could be better about the two lines that an inbox shows. Merge tags count as a first name's length."""
    return [*_subject_hints(subject), *_preheader_hints(subject, preheader)]


def shown_length(text: str) -> int:
    """Characters as a reader counts them: a merge tag as about six, an emoji as one, joiners as none."""
    plain = mask_tags(text, lambda tag: "Amelia" if not tag.strip("{} ").startswith(("if", "else", "end")) else "")
    return sum(1 for character in plain if unicodedata.category(character) not in ("Mn", "Me", "Cf", "Sk"))


def spam_words(text: str) -> list[str]:
    """The words of SPAM_WORDS in a text, each once, in order."""
    return list(dict.fromkeys(match.group().lower() for match in _SPAM.finditer(text)))


def is_shouted(text: str) -> bool:
    """Mostly capital letters, and enough of them to be more than a name."""
    letters = [
        letter for letter in mask_tags(text, lambda _tag: " ") if letter.isalpha() and letter.lower() != letter.upper()
    ]
    capitals = sum(letter.isupper() for letter in letters)
    return len(letters) >= _SHOUTED_LETTERS and capitals > 0.8 * len(letters)


def emoji_count(text: str) -> int:
    return sum(unicodedata.category(character) == "So" for character in text)


def _subject_hints(subject: str) -> Iterator[Hint]:
    length = shown_length(subject)
    if length > DESKTOP_CHARACTERS:
        message = f"The subject has {length} characters. Most inboxes cut it off after about {DESKTOP_CHARACTERS}"
        yield Hint("subject", "subject_long", f"{message}, phones after {PHONE_CHARACTERS}: say the point first.")
    if _REPLY.match(subject):
        message = "The subject looks like a reply or a forwarded mail. People feel tricked, and filters look for it."
        yield Hint("subject", "subject_reply", f"{message} Leave it out.")
    if is_shouted(subject):
        yield Hint("subject", "subject_capitals", "The subject is in capitals, which reads as shouting.")
    if _MARKS.search(subject):
        message = "The subject has several exclamation or question marks. One is enough."
        yield Hint("subject", "subject_marks", message)
    if emoji_count(subject) > MANY_EMOJI:
        yield Hint("subject", "subject_emoji", "The subject has many emoji. One or two are seen sooner than a row.")
    if words := spam_words(subject):
        named = ", ".join(f"“{word}”" for word in words)
        message = f"Filters look twice at {named} in a subject."
        yield Hint("subject", "subject_spam", f"{message} Say it in your own words if you can.")


def _preheader_hints(subject: str, preheader: str) -> Iterator[Hint]:
    length = shown_length(preheader)
    if not preheader.strip():
        message = "Without a preheader, inboxes show the mail's first words, often “View in browser”."
        yield Hint("preheader", "preheader_missing", f"{message} Write one.")
    elif preheader.strip().casefold() == subject.strip().casefold():
        yield Hint("preheader", "preheader_same", "The preheader repeats the subject. Say what comes next.")
    elif length < PREHEADER_SHORT:
        message = f"The preheader has {length} characters. There is room for about {PREHEADER_SHOWN}."
        yield Hint("preheader", "preheader_short", message)
    elif length > PREHEADER_SHOWN:
        message = f"The preheader has {length} characters. Most inboxes show about {PREHEADER_SHOWN} at most."
        yield Hint("preheader", "preheader_long", message)
