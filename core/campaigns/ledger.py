"""What the ledger knows about a campaign: asked by the campaign's pages, kept by the package above.

That package registers its source when the application starts (`AppConfig.ready`).
"""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from core.campaigns.models import Campaign


@dataclass(frozen=True, slots=True)
class Standing:
    """Who had a campaign: people by what is known of their mail. They add up to the audience."""

    had: int = 0
    in_doubt: int = 0
    waiting: int = 0
    skipped: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class VersionUse:
    """How many people had one version, and when the first and the last mail of it were handed over."""

    people: int = 0
    first_at: datetime.datetime | None = None
    last_at: datetime.datetime | None = None


@dataclass(frozen=True, slots=True)
class VariantResult:
    """The sample of one variant: mails accepted, and how many of their people opened and clicked (no machines)."""

    variant: int
    accepted: int = 0
    opened: int = 0
    clicked: int = 0


@dataclass(frozen=True, slots=True)
class SampleState:
    """How far the sample of an A/B test is. `out_since` is when nine tenths of it were out and nobody was due; None
    before that. `held` are the people who wait for the winner; `now` is the database's clock, as all times here."""

    sample: int
    accepted: int
    held: int
    out_since: datetime.datetime | None
    now: datetime.datetime


@dataclass(frozen=True, slots=True)
class StopExample:
    """One of the mails that an automatic stop was made for: what the provider said, without addresses."""

    message_id: UUID
    words: str
    is_complaint: bool


@dataclass(frozen=True, slots=True)
class AutomaticStop:
    """Why too many bad answers stopped a campaign. `words` are (what was said, how often); `domain` is the one whose
    whole stream was stopped, "" when it was this campaign alone."""

    stopped_at: datetime.datetime
    looked_at: int
    bounced: int
    complained: int
    domain: str
    words: tuple[tuple[str, int], ...]
    examples: tuple[StopExample, ...]


@dataclass(frozen=True)
class LedgerSource:
    """`release` gives everybody who waits for the winner a variant and makes them due, inside the caller's
    transaction; it returns how many batches. `results` of mails accepted up to a time (None: all) raises TookTooLong
    past so many seconds (None: no limit). `stop` is the last automatic one of a campaign or of its domain.
    """

    standing: Callable[[Campaign], Standing]
    versions: Callable[[Campaign], dict[UUID, VersionUse]]
    sample: Callable[[Campaign], SampleState]
    results: Callable[[Campaign, datetime.datetime | None, float | None], list[VariantResult]]
    next_due_at: Callable[[Campaign], datetime.datetime | None]
    release: Callable[[Campaign, int], int]
    stop: Callable[[Campaign], AutomaticStop | None]


_sources: list[LedgerSource] = []


def register_ledger(source: LedgerSource) -> None:
    """Called once, by the package that keeps the ledger."""
    _sources[:] = [source]


def ledger() -> LedgerSource:
    """The registered source. Without one nothing can be asked: a mistake in our wiring."""
    if not _sources:
        raise LookupError("No package has registered the ledger: AppConfig.ready calls register_ledger.")
    return _sources[0]
