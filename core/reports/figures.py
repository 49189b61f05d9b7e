"""What a report says, as plain numbers: collected once, and frozen with the report.

The headline counts campaigns that *started* in the period, with everything that came of their mails until the report
was made, so that the rows of the table add up to it. `slots` count what happened on the days themselves. Of opens and
clicks only each mail's first counts, by people or by machines (choices.PEOPLE of tracking).
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, fields

YOUNG = datetime.timedelta(days=3)
"""A campaign that is younger still collects opens."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Mails by what came of them. `opened` and `clicked` by people; `prefetched` and `scanned` were opened by mail apps
    ahead of reading, or by scanners, `scanned_clicks` followed by machines. All counted once a mail."""

    sent: int = 0
    delivered: int = 0
    opened: int = 0
    clicked: int = 0
    unsubscribed: int = 0
    bounced: int = 0
    complained: int = 0
    replied: int = 0
    prefetched: int = 0
    scanned: int = 0
    scanned_clicks: int = 0


def total(tallies: Iterable[Tally]) -> Tally:
    """The sum, field by field."""
    found = list(tallies)
    return Tally(**{field.name: sum(getattr(tally, field.name) for tally in found) for field in fields(Tally)})


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """`started` is a day of the client's zone."""

    name: str
    started: datetime.date
    is_young: bool
    tally: Tally


@dataclass(frozen=True, slots=True)
class PartRow:
    """A mailbox provider or a kind of device, by its name in tracking."""

    name: str
    tally: Tally


@dataclass(frozen=True, slots=True)
class Slot:
    """What happened from `start` on, for a day, a week or a month, and in the slot of the period before."""

    start: datetime.date
    sent: int = 0
    opened: int = 0
    clicked: int = 0
    sent_before: int = 0
    opened_before: int = 0
    clicked_before: int = 0


@dataclass(frozen=True, slots=True)
class LinkRow:
    """`people`: recipients' mails whose reader followed the link."""

    url: str
    campaign: str
    people: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Mails that came back for one reason; `name` is a bounce class of tracking."""

    name: str
    mails: int


@dataclass(frozen=True, slots=True)
class AudienceSlot:
    start: datetime.date
    joined: int
    left: int


@dataclass(frozen=True, slots=True)
class Audience:
    """How many people could be mailed on the last day and on the day before the first; None where nobody counted."""

    at_end: int
    at_start: int | None
    joined: int
    left: int
    slots: tuple[AudienceSlot, ...] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything, whatever sections a report shows. `hours`: opens by people, Monday to Sunday, 24 hours each.
    `slot_days` is the length of a slot: 1, 7 or 30 for calendar months."""

    client: str
    zone: str
    first: datetime.date
    last: datetime.date
    first_before: datetime.date
    last_before: datetime.date
    made_at: datetime.datetime
    now: Tally
    before: Tally
    campaigns: tuple[CampaignRow, ...]
    campaigns_before: int
    slot_days: int
    slots: tuple[Slot, ...]
    providers: tuple[PartRow, ...]
    devices: tuple[PartRow, ...]
    reasons: tuple[Reason, ...]
    hours: tuple[tuple[int, ...], ...]
    links: tuple[LinkRow, ...]
    audience: Audience | None = None
