"""A client against itself: how often it mails, whether it has gone quiet, and what is usual for its campaigns."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from core.tracking.queries.clients import StartedCampaign

FEWEST = 3
"""Campaigns that tell a rhythm, or what is usual; with fewer there is nothing to compare with."""
LATE_AFTER = 1.5
SHORTEST_DAYS = 7
DAYS_WITHOUT_RHYTHM = 30
COMPARABLE_AFTER = datetime.timedelta(hours=48)
"""Most opens come within two days. A younger campaign is shown, but not called better or worse."""
NOTABLE_POINTS = 2.0
"""Percentage points; a smaller difference to the median is chance."""

QUIET_RULE = (
    "Quiet is a client that plans and sends nothing, and whose last campaign is longer ago than one and a half times "
    "its own usual pause (the median of the pauses between its last campaigns, seven days at least). With fewer than "
    "three campaigns, thirty days count as the usual pause."
)


@dataclass(frozen=True, slots=True)
class Quiet:
    """Days since the last campaign, and the usual days between two (None: too few to say)."""

    days: int
    usual: int | None

    @property
    def sentence(self) -> str:
        since = f"No campaign for {self.days} days"
        return f"{since}, usually one every {_days(self.usual)}." if self.usual is not None else f"{since}."


@dataclass(frozen=True, slots=True)
class Comparison:
    """The last campaign's open rate beside the median of those before it (None: too few). `is_final` once it is old
    enough to be compared."""

    rate: float | None
    usual: float | None
    is_final: bool

    @property
    def verdict(self) -> str:
        """ "above usual", "below usual" or "as usual"; "" where that cannot be said."""
        if self.rate is None or self.usual is None or not self.is_final:
            return ""
        difference = self.rate - self.usual
        if abs(difference) < NOTABLE_POINTS:
            return "as usual"
        return "above usual" if difference > 0 else "below usual"


def usual_pause(campaigns: Sequence[StartedCampaign]) -> int | None:
    """The median of the days between campaigns, those of one day taken as one; None with fewer than FEWEST."""
    days = sorted({campaign.started_at.date() for campaign in campaigns})
    if len(days) < FEWEST:
        return None
    return max(round(median((later - earlier).days for earlier, later in pairwise(days))), 1)


def quiet(campaigns: Sequence[StartedCampaign], now: datetime.datetime) -> Quiet | None:
    """Whether it is longer than this client's own rhythm that a campaign went out (QUIET_RULE). `campaigns`: the last
    started first. None for one that never sent: that one is new."""
    if not campaigns:
        return None
    days = (now - campaigns[0].started_at).days
    usual = usual_pause(campaigns)
    allowed = DAYS_WITHOUT_RHYTHM if usual is None else max(LATE_AFTER * usual, SHORTEST_DAYS)
    return Quiet(days, usual) if days > allowed else None


def comparison(campaigns: Sequence[StartedCampaign], now: datetime.datetime) -> Comparison | None:
    """The last campaign that has reached somebody against those before it; None when there is none."""
    reached = [campaign for campaign in campaigns if campaign.sent]
    if not reached:
        return None
    last, *others = reached
    rates = [campaign.open_rate or 0.0 for campaign in others]
    usual = median(rates) if len(rates) >= FEWEST else None
    return Comparison(last.open_rate, usual, now - last.started_at > COMPARABLE_AFTER)


def _days(count: int) -> str:
    return "day" if count == 1 else f"{count} days"
