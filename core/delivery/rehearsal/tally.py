"""What a rehearsal counts. Kept as JSON between its pieces; people are named by id and looked up when shown."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self
from uuid import UUID

PEOPLE_NAMED = 10
_MOST_KINDS = 50
_OTHERS = "for other reasons"


@dataclass
class Tally:
    """`mails` were built, `waiting` of them for people who wait for a test's winner, with `bytes` in all and `largest`
    the largest. `skipped` counts by reason, `unbuilt` by what was said, `missing` by merge key, `zones` by time zone
    ("": the client's). `*_people` hold the first few ids.

    `seconds` were spent building, in one process. With an A/B test `variants` holds a tally of each variant's own
    mails, by its letter; skipped people are in none.
    """

    mails: int = 0
    bytes: int = 0
    largest: int = 0
    seconds: float = 0.0
    waiting: int = 0
    samples: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    unbuilt: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    zones: Counter[str] = field(default_factory=Counter)
    skipped_people: dict[str, list[str]] = field(default_factory=dict)
    unbuilt_people: dict[str, list[str]] = field(default_factory=dict)
    missing_people: dict[str, list[str]] = field(default_factory=dict)
    variants: "dict[str, Tally]" = field(default_factory=dict)

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        known = dict(stored)
        for name in ("skipped", "unbuilt", "missing", "zones"):
            known[name] = Counter(known.get(name, {}))
        known["variants"] = {letter: cls.read(own) for letter, own in known.get("variants", {}).items()}
        return cls(**known)

    def as_json(self) -> dict[str, Any]:
        return {one.name: _plain(getattr(self, one.name)) for one in fields(self)}

    def of_variant(self, letter: str) -> "tuple[Tally, ...]":
        """The tally of one variant's own mails; none without a test (letter "")."""
        return (self.variants.setdefault(letter, Tally()),) if letter else ()

    def built(self, size: int, zone: str, *, is_waiting: bool = False) -> None:
        self.mails += 1
        self.waiting += is_waiting
        self.bytes += size
        self.largest = max(self.largest, size)
        self.zones[zone] += 1

    def note(self, kind: str, what: str, contact_id: UUID) -> None:
        """Count one person under `kind` ("skipped", "unbuilt", "missing")."""
        counter: Counter[str] = getattr(self, kind)
        # The provider of an odd address may word it in a thousand ways; the page shows some dozens.
        what = what if what in counter or len(counter) < _MOST_KINDS else _OTHERS
        counter[what] += 1
        people: list[str] = getattr(self, f"{kind}_people").setdefault(what, [])
        if len(people) < PEOPLE_NAMED:
            people.append(str(contact_id))

    @property
    def mails_per_second(self) -> float:
        return self.mails / self.seconds if self.seconds > 0 else 0.0


def _plain(value: Any) -> Any:
    if isinstance(value, Counter):
        return dict(value)
    return {name: _plain(own) for name, own in value.items()} if isinstance(value, dict) else _tally_json(value)


def _tally_json(value: Any) -> Any:
    return value.as_json() if isinstance(value, Tally) else value
