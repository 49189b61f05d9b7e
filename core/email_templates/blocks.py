"""Blocks in a source: `{{ block.footer }}` is replaced by the block's HTML, once, before anything else reads it.

A block is not a value: it is the author's own HTML, and passes the same checks as if it stood there. It may hold other
blocks, MAX_LEVELS deep in all, and none that leads back to itself.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from core.email_templates.html import UnreadableHtmlError
from core.email_templates.markup import TokenKind, tokenize
from core.email_templates.merge_tags import MAX_SOURCE_CHARACTERS, mask_tags

MAX_LEVELS = 3

_BLOCK_TAG = re.compile(r"\{\{[ \t]*block\.([^\s{}<>|]+)[ \t]*\}\}")
_ANY_BLOCK_TAG = re.compile(r"\{\{\s*block\.")


class BlockError(UnreadableHtmlError):
    """A block in a source cannot be put in. Fields: line (from 1, in the source that holds it)."""

    code = "email_templates.blocks"

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message, line=line)
        self.line = line


@dataclass(frozen=True, slots=True)
class Expanded:
    """A source with its blocks put in. `lines[n]` is the line of the source that line n + 1 came from."""

    html: str
    lines: tuple[int, ...]


def uses_blocks(source: str) -> bool:
    """Whether anything in a source is written as a block, known or not."""
    return _ANY_BLOCK_TAG.search(source) is not None


def block_keys(source: str) -> frozenset[str]:
    """The keys of the blocks that a source names itself."""
    return frozenset(_BLOCK_TAG.findall(source))


def block_tag_pattern(key: str) -> str:
    """A regular expression, of PostgreSQL as well, for the tag of this block. `key` is a valid key."""
    return rf"\{{\{{[ \t]*block\.{key}[ \t]*\}}\}}"


def expand_blocks(source: str, blocks: Mapping[str, str]) -> Expanded:
    """Put the blocks (HTML by key) in.

    Raises BlockError for an unknown block (with the nearest name), one inside a tag, one that holds itself, too many
    levels, and a result that is too long.
    """
    expander = _Expander(blocks)
    lines: list[int] = [1]
    pieces: list[str] = []
    line = 1
    for text, is_block in expander.pieces(source, ()):
        pieces.append(text)
        breaks = text.count("\n")
        if not is_block:
            lines += range(line + 1, line + breaks + 1)
            line += breaks
        else:
            lines += [line] * breaks
    return Expanded("".join(pieces), tuple(lines))


@dataclass(slots=True)
class _Expander:
    """Puts blocks into one source. Each block is worked out once, however often it is used."""

    blocks: Mapping[str, str]
    done: dict[str, tuple[str, int]] = field(default_factory=dict)

    def pieces(self, source: str, path: tuple[str, ...]) -> list[tuple[str, bool]]:
        """The source in pieces, each with whether it is a block's."""
        found: list[tuple[str, bool]] = []
        position = length = 0
        for match in self._matches(source):
            html, _levels = self._block(match, path)
            found += ((source[position : match.start()], False), (html, True))
            length += match.start() - position + len(html)
            position = match.end()
            if length > MAX_SOURCE_CHARACTERS:
                message = f"With its blocks the HTML is longer than {MAX_SOURCE_CHARACTERS:,} characters."
                raise BlockError(message, _line(match))
        return [*found, (source[position:], False)]

    def _matches(self, source: str) -> list[re.Match[str]]:
        matches = list(_BLOCK_TAG.finditer(source))
        places = _text_places(source, [match.start() for match in matches])
        for match, place in zip(matches, places, strict=True):
            if place is TokenKind.START_TAG or place is TokenKind.END_TAG or place is TokenKind.RAW_TEXT:
                raise BlockError(
                    f"{match.group()} stands inside a tag or a style. A block stands between elements.", _line(match)
                )
        return [match for match, place in zip(matches, places, strict=True) if place is not TokenKind.COMMENT]

    def _block(self, match: re.Match[str], path: tuple[str, ...]) -> tuple[str, int]:
        key = match.group(1)
        if key in path:
            chain = " → ".join((*path[path.index(key) :], key))
            raise BlockError(f"The block {key} holds itself: {chain}. Take one of them out.", _line(match))
        if key not in self.blocks:
            nearest = difflib.get_close_matches(key[:100], self.blocks, n=1, cutoff=0.6)
            hint = f" Did you mean {{{{ block.{nearest[0]} }}}}?" if nearest else ""
            raise BlockError(f"{match.group()[:80]}: there is no block of this name.{hint}", _line(match))
        if key not in self.done:
            self.done[key] = self._worked_out(match, (*path, key))
        html, levels = self.done[key]
        if len(path) + levels > MAX_LEVELS:
            raise BlockError(f"Blocks can hold one another {MAX_LEVELS} deep, not deeper.", _line(match))
        return html, levels

    def _worked_out(self, match: re.Match[str], path: tuple[str, ...]) -> tuple[str, int]:
        if len(path) > MAX_LEVELS:
            raise BlockError(f"Blocks can hold one another {MAX_LEVELS} deep, not deeper.", _line(match))
        source = self.blocks[path[-1]]
        html = "".join(text for text, _is_block in self.pieces(source, path))
        inner = [self.done[key][1] for key in block_keys(source) if key in self.done]
        return html, 1 + max(inner, default=0)


def _text_places(source: str, positions: list[int]) -> list[TokenKind]:
    """The kind of token that each of the ascending positions stands in."""
    kinds: list[TokenKind] = []
    if positions:
        for token in tokenize(mask_tags(source)):
            while len(kinds) < len(positions) and positions[len(kinds)] < token.end:
                kinds.append(token.kind)
    return kinds


def _line(match: re.Match[str]) -> int:
    return match.string.count("\n", 0, match.start()) + 1
