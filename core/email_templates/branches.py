"""Whether the branches of conditions hold whole elements, so that a document stays whole without one of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.email_templates.markup import Token, TokenKind, names, tokens_of

VOID_ELEMENTS = names("area base br col embed hr img input link meta param source track wbr")

_CONDITIONAL_OPENINGS = ("<!--[if ", "<![if ")
_CONDITIONAL_CLOSING = "[endif]"
_CONDITIONAL = "#conditional"


@dataclass(frozen=True, slots=True)
class Mark:
    """A tag of a condition that stands between elements: its span and its word ("if", "else" or "end")."""

    start: int
    end: int
    word: str


@dataclass(frozen=True, slots=True)
class Tear:
    """A branch that would tear the document. `mark` is the tag in front of it, `message` a sentence."""

    mark: Mark
    message: str


@dataclass(frozen=True, slots=True)
class _Opened:
    """An element, or the branch that a mark begins (`mark`)."""

    name: str
    mark: Mark | None = None


def torn_branches(masked: str, marks: Sequence[Mark]) -> Iterator[Tear]:
    """The branches that open an element which they do not close, or close one that they did not open.

    `masked` is the source with every merge tag replaced by letters of the same length; `marks` are in order, and every
    `if` has its `end`. What only Outlook reads is looked at for itself: MJML opens its tables in one conditional
    comment and closes them in another.
    """
    opened: list[_Opened] = []
    for_outlook: list[_Opened] = []
    is_for_outlook = False
    remaining = iter(marks)
    mark = next(remaining, None)
    for token in tokens_of(masked):
        while mark is not None and mark.start < token.end:
            yield from _at_mark(opened, mark)
            yield from _at_mark(for_outlook, mark)
            mark = next(remaining, None)
        if token.kind is TokenKind.COMMENT:
            is_for_outlook = _opens_hidden(masked, token)
        yield from _at_token(masked, for_outlook if is_for_outlook and token.name else opened, token)
        if mark is None and not any(one.mark for one in opened):
            return


def _opens_hidden(masked: str, token: Token) -> bool:
    """Whether a comment is the beginning of a conditional one, whose inside only Outlook reads."""
    return masked.startswith("<!--[if ", token.start) and masked.endswith("]>", token.start, token.end)


def _at_mark(opened: list[_Opened], mark: Mark) -> Iterator[Tear]:
    if mark.word != "if":
        place = max(index for index, one in enumerate(opened) if one.mark is not None)
        branch, left_open = opened[place], opened[place + 1 :]
        del opened[place:]
        if left_open and branch.mark is not None:
            shown = _shown(left_open[-1].name)
            yield Tear(branch.mark, f"opens {shown} and does not close it before the next part of the condition.")
    if mark.word != "end":
        opened.append(_Opened("", mark))


def _at_token(masked: str, opened: list[_Opened], token: Token) -> Iterator[Tear]:
    name, opens = _element(masked, token)
    if not name:
        return
    if opens:
        opened.append(_Opened(name))
        return
    for place in range(len(opened) - 1, -1, -1):
        mark = opened[place].mark
        if mark is not None:
            yield Tear(mark, f"closes {_shown(name)}, which was opened before the condition.")
            return
        if opened[place].name == name:
            del opened[place:]
            return


def _element(masked: str, token: Token) -> tuple[str, bool]:
    """The element that a token opens (True) or closes; "" for tokens that do neither."""
    if token.kind is TokenKind.COMMENT:
        text = masked[token.start : token.end]
        if text.startswith(_CONDITIONAL_OPENINGS):
            return _CONDITIONAL, True
        return (_CONDITIONAL, False) if _CONDITIONAL_CLOSING in text else ("", False)
    if token.kind not in (TokenKind.START_TAG, TokenKind.END_TAG) or token.name in VOID_ELEMENTS:
        return "", False
    # Outlook's own elements close themselves as in XML.
    if ":" in token.name and masked.endswith("/>", token.start, token.end):
        return "", False
    return token.name, token.kind is TokenKind.START_TAG


def _shown(name: str) -> str:
    return "<!--[if …]>" if name == _CONDITIONAL else f"<{name}>"
