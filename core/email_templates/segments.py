"""A parsed source: literal text, the places of values, and choices between two branches."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from core.email_templates.conditions import Condition
from core.email_templates.escapes import ESCAPERS, Escape

Renderer: TypeAlias = Callable[[Mapping[str, str]], str]
"""Makes the text for one recipient of her values."""


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one value. `key` such as "contact.first_name", "contact.attributes.city" or "link.3"."""

    key: str
    fallback: str
    escape: Escape

    def render(self, values: Mapping[str, str]) -> str:
        """The value, or the fallback where it is missing or blank, escaped for where it lands."""
        value = values.get(self.key)
        return ESCAPERS[self.escape](self.fallback if not value or value.isspace() else value)

    def renderer(self) -> "Renderer":
        """`render` with everything looked up that does not change from mail to mail, for those who render thousands."""
        key, escape, fallback = self.key, ESCAPERS[self.escape], ESCAPERS[self.escape](self.fallback)

        def render(values: Mapping[str, str]) -> str:
            value = values.get(key)
            return fallback if not value or value.isspace() else escape(value)

        return render


@dataclass(frozen=True, slots=True)
class Choice:
    """Two branches, of which each recipient gets one: `then` where the condition holds, else `otherwise`."""

    condition: Condition
    then: "tuple[Segment, ...]"
    otherwise: "tuple[Segment, ...]" = ()

    def chosen(self, values: Mapping[str, str]) -> "tuple[Segment, ...]":
        """The branch for one recipient."""
        return self.then if self.condition.holds(values) else self.otherwise

    def render(self, values: Mapping[str, str]) -> str:
        """The chosen branch with its values, each escaped for where it lands."""
        return _rendered(self.chosen(values), values)

    def renderer(self) -> "Renderer":
        """As `Slot.renderer`."""
        return self.render


Segment: TypeAlias = str | Slot | Choice


def _rendered(segments: Iterable[Segment], values: Mapping[str, str]) -> str:
    return "".join([segment if isinstance(segment, str) else segment.render(values) for segment in segments])


@dataclass(frozen=True, slots=True)
class MergeTemplate:
    """A parsed source: literal text, slots and choices in order. Values are flat strings by key."""

    segments: tuple[Segment, ...]

    @property
    def keys(self) -> frozenset[str]:
        """The keys whose values `render` looks at, those of conditions among them."""
        asked = {choice.condition.key for choice in self.choices()}
        return frozenset(asked | {slot.key for slot in self.slots()})

    def slots(self) -> Iterator[Slot]:
        """Every place of a value, in order, also in branches that some recipients do not get."""
        return (segment for segment in _walk(self.segments) if isinstance(segment, Slot))

    def choices(self) -> Iterator[Choice]:
        """Every choice in order, outer ones before those inside them."""
        return (segment for segment in _walk(self.segments) if isinstance(segment, Choice))

    def render(self, values: Mapping[str, str]) -> str:
        """The text for one recipient."""
        return _rendered(self.segments, values)


def _walk(segments: Iterable[Segment]) -> Iterator[Segment]:
    for segment in segments:
        yield segment
        if isinstance(segment, Choice):
            yield from _walk(segment.then)
            yield from _walk(segment.otherwise)
