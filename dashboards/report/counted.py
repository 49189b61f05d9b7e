"""What a campaign's report is made of, each part read once and only when a page or a download asks for it."""

import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from core.campaigns.versions import all_versions
from core.delivery.queries import CampaignProgress, accepted_per_hour, campaign_progress
from core.tracking.choices import EventType, Part
from core.tracking.queries import (
    Count,
    Counted,
    LinkRow,
    Moment,
    PartRow,
    TopDomains,
    campaign_figures,
    campaign_links,
    campaign_parts,
    campaign_timeline,
    campaigns_before,
    figures_by_campaign,
    less,
    most_mailed_domains,
    summed,
    top_domains,
)
from dashboards.keeping import kept

USUAL_OF = 8
"""So many earlier campaigns of the client say what is usual."""
FEWEST_FOR_USUAL = 2
TOP_DOMAINS = 12
TOLD_DAYS = 30


class Report:
    """A campaign with its figures. `counted` says whose opens and clicks the shares are made of; the zone is the
    client's."""

    def __init__(self, campaign: Any, counted: Counted = Counted.PEOPLE) -> None:
        self.campaign = campaign
        self.counted = counted
        self.zone = ZoneInfo(campaign.organization.time_zone)

    @cached_property
    def progress(self) -> CampaignProgress:
        return campaign_progress(self.campaign.pk)

    @cached_property
    def figures(self) -> PartRow:
        """The whole campaign."""
        return campaign_figures(self.campaign.pk)

    @property
    def accepted(self) -> int:
        """The base of the shares: what servers took, from the ledger's batches."""
        return self.progress.accepted

    def of(self, event_type: EventType) -> int:
        """Mails with such an event, each once."""
        return self.once(self.figures.of(event_type), event_type)

    def once(self, count: Count, event_type: EventType) -> int:
        """Only opens and clicks are made by machines as well."""
        is_reaction = event_type in (EventType.OPENED, EventType.CLICKED)
        return count.once(self.counted if is_reaction else Counted.EVERYBODY)

    @cached_property
    def parts(self) -> dict[Part, list[PartRow]]:
        return campaign_parts(self.campaign.pk, (Part.PROVIDER, Part.DEVICE, Part.GROUP, Part.BOUNCE))

    @cached_property
    def domains(self) -> TopDomains:
        """Which domains they are is looked up again only when more mails have been accepted."""
        pk = self.campaign.pk
        key = f"report-domains:{pk}:{self.figures.sent}"
        names = kept(key, lambda: most_mailed_domains(pk, TOP_DOMAINS))
        return top_domains(pk, names or [], self.figures)

    @property
    def told_until(self) -> datetime.datetime | None:
        """The end of the story that is told by the hour and day; what comes later is one sum."""
        started_at = self.campaign.started_at
        return started_at + datetime.timedelta(days=TOLD_DAYS) if started_at else None

    @cached_property
    def moments(self) -> list[Moment]:
        """Of the first TOLD_DAYS days."""
        return campaign_timeline(self.campaign.pk, until=self.told_until)

    @cached_property
    def later(self) -> Moment | None:
        """What happened after that, as one sum; None where nothing did."""
        later = {
            event_type.value: less(
                self.figures.of(event_type), summed(getattr(one, event_type) for one in self.moments)
            )
            for event_type in (EventType.OPENED, EventType.CLICKED, EventType.UNSUBSCRIBED)
        }
        is_something = any(count.events(Counted.EVERYBODY) > 0 for count in later.values())
        return Moment(self.told_until, **later) if self.told_until and is_something else None

    @cached_property
    def accepted_by_hour(self) -> dict[Any, int]:
        return {row.hour: row.accepted for row in accepted_per_hour(self.campaign.pk) if row.accepted}

    @cached_property
    def links(self) -> list[LinkRow]:
        return campaign_links(self.campaign.pk)

    @cached_property
    def versions(self) -> list[Any]:
        """Frozen contents that went out, all variants."""
        return all_versions(self.campaign)

    @cached_property
    def usual(self) -> list[PartRow]:
        """The figures of the client's campaigns before this one; none where they are too few to say what is usual."""
        earlier = campaigns_before(self.campaign, limit=USUAL_OF)
        found = [row for row in figures_by_campaign(earlier).values() if row.sent]
        return found if len(found) >= FEWEST_FOR_USUAL else []

    @property
    def is_young(self) -> bool:
        """Too young to be compared: most opens and clicks come within a day."""
        started_at = self.campaign.started_at
        return started_at is None or started_at > timezone.now() - datetime.timedelta(days=1)

    @property
    def whose(self) -> str:
        """For titles and notes."""
        return self.counted.value
