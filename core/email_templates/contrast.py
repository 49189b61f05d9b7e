"""Text that is hard to read on what is behind it, as far as a mail's own HTML says which colours both have."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from core.email_templates.branches import VOID_ELEMENTS
from core.email_templates.colors import Color, contrast, read_color
from core.email_templates.markup import Token, TokenKind, tokens_of, unescape_attribute
from core.email_templates.merge_tags import mask_tags

NEEDED = 4.5
NEEDED_LARGE = 3.0
SMALLEST_SEEN = 4.0
LARGE_PIXELS = 24.0
LARGE_BOLD_PIXELS = 18.66
_LINE_ATTRIBUTE = "data-ex-line"
_WRITTEN_LINE = re.compile(rf' {_LINE_ATTRIBUTE}="([0-9]+)"')

_WHITE, _BLACK = Color(255, 255, 255), Color(0, 0, 0)
_SIZES = {"h1": 2.0, "h2": 1.5, "h3": 1.17, "h4": 1.0, "h5": 0.83, "h6": 0.67, "small": 0.83, "big": 1.2}
_BOLD = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "b", "strong", "th"})
_UNITS = {"px": 1.0, "pt": 4 / 3}
_SIZE = re.compile(r"([0-9.]+)(px|pt|em|rem|%)")
_DECLARATION = re.compile(r"([a-z-]+)\s*:\s*((?:[^;\"'(]|\"[^\"]*\"|'[^']*'|\([^)]*\))*)", re.IGNORECASE)
_START = re.compile(r"<[A-Za-z][^\s/>]*")
_INVISIBLE = re.compile(r"(?:&#?\w+;|[\s\u00a0\u00ad\u034f\u200b-\u200f\u2060\ufeff])+")
_IMAGE_VALUE = re.compile(r"url\(|gradient\(", re.IGNORECASE)
_MSO_ONLY = re.compile(r"<!--\[if [^\]<>]*\]>")


@dataclass(frozen=True, slots=True)
class PoorContrast:
    """One pair of colours. `line` from 1 (0: unknown) and `words` are those of the first place, `places` counts all."""

    text: Color
    background: Color
    ratio: float
    needed: float
    line: int
    words: str
    places: int = 1


class _Look(NamedTuple):
    """How text looks inside an element; None for a colour that nobody can know from the HTML."""

    name: str = ""
    color: Color | None = _BLACK
    background: Color | None = _WHITE
    pixels: float = 16.0
    is_bold: bool = False
    is_hidden: bool = False


def with_lines(html: str) -> str:
    """An author's HTML whose start tags carry their line through the inliner, for `poor_contrasts`."""
    pieces: list[str] = []
    position = line_position = 0
    line = 1
    for token in tokens_of(mask_tags(html)):
        if token.kind is not TokenKind.START_TAG:
            continue
        opening = _START.match(html, token.start)
        if opening is None:
            continue
        line += html.count("\n", line_position, token.start)
        line_position = token.start
        pieces += (html[position : opening.end()], f' {_LINE_ATTRIBUTE}="{line}"')
        position = opening.end()
    pieces.append(html[position:])
    return "".join(pieces)


def without_lines(document: str) -> str:
    """What `prepare_html` would have made of the HTML without its lines."""
    return _WRITTEN_LINE.sub("", document)


def poor_contrasts(prepared: str) -> list[PoorContrast]:
    """The pairs of colours below WCAG's 4.5 to 1 (3 to 1 for large text), in order of appearance.

    `prepared` is what `prepare_html` makes of `with_lines`. Text over pictures, in colours of merge tags, and links
    that leave their colour to the mail program are left out: their colours are not known.
    """
    found: dict[tuple[Color, Color, float], PoorContrast] = {}
    judged: dict[_Look, _Pair | None] = {}
    for look, line, words in _texts(prepared):
        pair = judged[look] if look in judged else judged.setdefault(look, _judged(look))
        if pair is None:
            continue
        key = (pair.text, pair.background, pair.needed)
        first = found.get(key)
        found[key] = replace(first, places=first.places + 1) if first else PoorContrast(*pair, line, words)
    return list(found.values())


class _Pair(NamedTuple):
    text: Color
    background: Color
    ratio: float
    needed: float


def _judged(look: _Look) -> _Pair | None:
    # Nothing of no size is seen, but a cell of none may hold text with a size of its own, as in all that MJML writes.
    if look.is_hidden or look.pixels < SMALLEST_SEEN or look.color is None or look.background is None:
        return None
    color = look.color.over(look.background)
    ratio = contrast(color, look.background)
    is_large = look.pixels >= LARGE_PIXELS or (look.is_bold and look.pixels >= LARGE_BOLD_PIXELS)
    needed = NEEDED_LARGE if is_large else NEEDED
    # Rounded as it is shown: 4.5 is never called too little.
    return None if round(ratio, 1) >= needed else _Pair(color, look.background, ratio, needed)


def _texts(prepared: str) -> Iterator[tuple[_Look, int, str]]:
    """Every visible run of text with its look and line."""
    masked = mask_tags(prepared)
    places = [(_Look(), 0)]
    is_for_outlook = False
    known: dict[tuple[_Look, str], _Look] = {}
    for token in tokens_of(masked):
        if token.kind is TokenKind.COMMENT:
            is_for_outlook = _MSO_ONLY.fullmatch(prepared, token.start, token.end) is not None
        elif is_for_outlook or token.kind is TokenKind.RAW_TEXT:
            continue
        elif token.kind is TokenKind.START_TAG:
            if token.name not in VOID_ELEMENTS:
                places.append(_entered(places[-1], masked, token, known))
        elif token.kind is TokenKind.END_TAG:
            _close(places, token.name)
        elif not token.name:
            words = _INVISIBLE.sub(" ", prepared[token.start : token.end]).strip()
            if words:
                yield *places[-1], words


def _entered(
    place: tuple[_Look, int], masked: str, token: Token, known: dict[tuple[_Look, str], _Look]
) -> tuple[_Look, int]:
    """The look and the line inside a start tag. `known` holds those tags that were inside the same look before."""
    outer, line = place
    written = masked[token.start : token.end]
    if own_line := _WRITTEN_LINE.search(written):
        line = int(own_line[1])
        written = written[: own_line.start()] + written[own_line.end() :]
    look = known.get((outer, written))
    if look is None:
        look = known[outer, written] = _inside(outer, masked, token)
    return look, line


def _close(places: list[tuple[_Look, int]], name: str) -> None:
    for number in range(len(places) - 1, 0, -1):
        if places[number][0].name == name:
            del places[number:]
            return


def _inside(outer: _Look, masked: str, token: Token) -> _Look:
    attributes = {
        item.name: unescape_attribute(masked[item.value_start : item.value_end]) for item in reversed(token.attributes)
    }
    style = {name.lower(): value.strip() for name, value in _DECLARATION.findall(attributes.get("style", ""))}
    pixels = _pixels(style.get("font-size", ""), outer.pixels * _SIZES.get(token.name, 1.0), outer.pixels)
    return _Look(
        name=token.name,
        color=_text_color(outer, token.name, attributes, style),
        background=_background(outer, attributes, style),
        pixels=pixels,
        is_bold=_is_bold(style.get("font-weight", ""), token.name in _BOLD or outer.is_bold),
        is_hidden=outer.is_hidden or _is_hidden(attributes, style),
    )


def _text_color(outer: _Look, name: str, attributes: dict[str, str], style: dict[str, str]) -> Color | None:
    written = style.get("color") or (attributes.get("color", "") if name == "font" else "")
    if written and _plain(written) != "inherit":
        return read_color(_plain(written))
    if name == "a" and not written:
        return None
    return outer.color if "opacity" not in style else None


def _background(outer: _Look, attributes: dict[str, str], style: dict[str, str]) -> Color | None:
    written = [style[name] for name in ("background", "background-color") if name in style]
    if attributes.get("background") or any(_IMAGE_VALUE.search(value) for value in written):
        return None
    if "background-image" in style and _plain(style["background-image"]) != "none":
        return None
    written = written or ([attributes["bgcolor"]] if attributes.get("bgcolor") else [])
    if not written or _plain(written[-1]) in ("none", "inherit", "transparent"):
        return outer.background
    color = read_color(_plain(written[-1]))
    if color is None or color.alpha == 1.0:
        return color
    return color.over(outer.background) if outer.background is not None else None


def _plain(value: str) -> str:
    return value.lower().replace("!important", "").strip()


def _pixels(written: str, unsaid: float, outer: float) -> float:
    match = _SIZE.fullmatch(_plain(written))
    if match is None or match[1].count(".") > 1 or match[1] == ".":
        return unsaid
    number, unit = float(match[1]), match[2]
    if unit == "rem":
        return number * 16
    return number * _UNITS[unit] if unit in _UNITS else number * outer * (0.01 if unit == "%" else 1.0)


def _is_bold(written: str, unsaid: bool) -> bool:
    weight = _plain(written)
    if weight.isdecimal():
        return int(weight) >= 700
    return {"bold": True, "bolder": True, "normal": False}.get(weight, unsaid)


def _is_hidden(attributes: dict[str, str], style: dict[str, str]) -> bool:
    is_without_place = _plain(style.get("display", "")) == "none" or _plain(style.get("visibility", "")) == "hidden"
    return is_without_place or "hidden" in attributes or "opacity" in style
