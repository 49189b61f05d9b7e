"""Where in an HTML source a merge tag stands, and so how its value has to be escaped there."""

import enum
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from core.email_templates.escapes import Escape
from core.email_templates.markup import Attribute, Token, TokenKind, tokens_of, unescape_attribute

URL_ATTRIBUTES = frozenset(
    {"href", "src", "background", "cite", "longdesc", "poster", "action", "formaction", "xlink:href"}
)
LINKABLE_SCHEMES = frozenset({"http", "https", "mailto", "tel", "sms"})

_CODE_ATTRIBUTES = frozenset({"srcdoc", "srcset", "http-equiv", "content"})
_AFTER_SCHEME = re.compile(r"[/?#]")
_IGNORED_IN_URLS = re.compile(r"[\x00-\x20]")


class RefusedPlace(enum.Enum):
    """A place where no escaping makes a value safe; the text finishes the sentence "{{ tag }} …"."""

    CODE = "stands inside <script> or its like, where merge tags do not work. Move it into the text."
    STYLE = "stands inside <style>, where only the brand's colours and font work. Move it into the text."
    TAG = "stands inside the name of a tag or an attribute. Move it into the text or into a quoted attribute."
    UNQUOTED = "stands in an attribute without quotes. Put quotes around the attribute's value."
    STYLE_ATTRIBUTE = (
        "stands in a style attribute, where only the brand's colours and font work. Move it into the text."
    )
    CODE_ATTRIBUTE = "stands in an attribute that holds code, such as onclick. Move it into the text."
    SCHEME = "stands in an address that is neither http, https, mailto, tel nor sms. Change the address."
    ADDRESS_START = "stands at the beginning of an address. Put the condition around the whole link instead."


BETWEEN_ELEMENTS = -1
"""The scope of a tag in the text of the document, where branches hold whole elements."""


@dataclass(frozen=True, slots=True)
class Placed:
    """How a value is escaped where a tag stands, and in which attribute or title (its position) or BETWEEN_ELEMENTS."""

    place: Escape | RefusedPlace
    scope: int = BETWEEN_ELEMENTS


def place_tags(masked: str, positions: Sequence[int], conditions: frozenset[int]) -> list[Placed | None]:
    """The place of each of the ascending `positions` in an HTML source; None in a comment, where text stays literal.

    `masked` is the source with every merge tag replaced by letters of the same length. At `conditions` stands no value
    but a tag of a condition.
    """
    tokens = tokens_of(masked)
    return [_place(masked, token, position, position in conditions) for token, position in _pair(tokens, positions)]


def url_scheme(url: str) -> str:
    """What stands before the colon of an attribute's URL, in lower case; "" for a relative one.

    Characters that browsers skip are left out, and anything in front of the colon counts, well-formed or not.
    """
    beginning = _AFTER_SCHEME.split(_IGNORED_IN_URLS.sub("", url), maxsplit=1)[0]
    scheme, colon, _ = beginning.partition(":")
    return scheme.lower() if colon else ""


def _pair(tokens: Iterable[Token], positions: Sequence[int]) -> Iterator[tuple[Token, int]]:
    remaining = iter(positions)
    position = next(remaining, None)
    for token in tokens:
        while position is not None and position < token.end:
            yield token, position
            position = next(remaining, None)
        if position is None:
            return


def _place(masked: str, token: Token, position: int, is_condition: bool) -> Placed | None:
    if token.kind is TokenKind.COMMENT:
        return None
    if token.kind is TokenKind.TEXT:
        return Placed(Escape.HTML, token.start if token.name else BETWEEN_ELEMENTS)
    if token.kind is TokenKind.RAW_TEXT:
        return Placed(RefusedPlace.STYLE if token.name == "style" else RefusedPlace.CODE, token.start)
    for attribute in token.attributes:
        if token.kind is TokenKind.START_TAG and attribute.value_start <= position < attribute.value_end:
            return Placed(_place_in_attribute(masked, attribute, position, is_condition), attribute.value_start)
    return Placed(RefusedPlace.TAG, token.start)


def _place_in_attribute(masked: str, attribute: Attribute, position: int, is_condition: bool) -> Escape | RefusedPlace:
    if not attribute.quote:
        return RefusedPlace.UNQUOTED
    if attribute.name == "style":
        return RefusedPlace.STYLE_ATTRIBUTE
    if attribute.name in _CODE_ATTRIBUTES or attribute.name.startswith("on"):
        return RefusedPlace.CODE_ATTRIBUTE
    if attribute.name not in URL_ATTRIBUTES:
        return Escape.HTML
    before = unescape_attribute(masked[attribute.value_start : position])
    if url_scheme(before) not in LINKABLE_SCHEMES | {""}:
        return RefusedPlace.SCHEME
    # What a condition leaves out or puts in must not decide which scheme an address has.
    if is_condition and not url_scheme(before) and not _AFTER_SCHEME.search(before):
        return RefusedPlace.ADDRESS_START
    return Escape.URL if _IGNORED_IN_URLS.sub("", before) else Escape.URL_WHOLE
