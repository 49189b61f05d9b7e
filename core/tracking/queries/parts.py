"""A campaign's figures by mailbox provider, domain, device, group and reason of bounces."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import QuerySet

from core.tracking.choices import EventType, Part
from core.tracking.models import CampaignPart
from core.tracking.queries.counts import Count, counts_by, less, summed


@dataclass(frozen=True, slots=True)
class PartRow:
    """The figures of one value of a dimension. `counts` has EventType values as keys; missing ones are zero."""

    value: str
    counts: dict[str, Count] = field(default_factory=dict)

    def of(self, event_type: EventType) -> Count:
        return self.counts.get(event_type.value, Count())

    @property
    def sent(self) -> int:
        """Mails that were accepted: the base of all rates."""
        return self.of(EventType.SENT).people_once


@dataclass(frozen=True, slots=True)
class TopDomains:
    """The recipient domains with the most mails, and everything else in one row."""

    rows: list[PartRow]
    others: PartRow


def figures_by_campaign(campaign_ids: Iterable[UUID]) -> dict[UUID, PartRow]:
    """The whole campaigns' figures (1 query); those for which nothing was counted are missing."""
    rows = CampaignPart.objects.filter(campaign_id__in=list(campaign_ids), part=Part.ALL, value="")
    return {key: PartRow("", counts) for key, counts in counts_by(rows, "campaign_id").items()}


def campaign_figures(campaign_id: UUID) -> PartRow:
    """The whole campaign's figures (1 query)."""
    return figures_by_campaign([campaign_id]).get(campaign_id, PartRow(""))


def campaign_parts(campaign_id: UUID, parts: Iterable[Part]) -> dict[Part, list[PartRow]]:
    """A campaign's figures by these dimensions, the largest value first (1 query).

    A value for which nothing was counted is missing. Domains may be a hundred thousand: see `most_mailed_domains`.
    """
    wanted = list(parts)
    rows = CampaignPart.objects.filter(campaign_id=campaign_id, part__in=wanted)
    found: dict[Part, list[PartRow]] = {part: [] for part in wanted}
    for (part, value), counts in counts_by(rows, "part", "value").items():
        found[Part(part)].append(PartRow(value, counts))
    return {part: _largest_first(values) for part, values in found.items()}


def most_mailed_domains(campaign_id: UUID, limit: int) -> list[str]:
    """The recipient domains with the most mails. Reads every domain of the campaign: keep the answer, which changes
    only with the number of accepted mails (1 query)."""
    domains = CampaignPart.objects.filter(campaign_id=campaign_id, part=Part.DOMAIN, type=EventType.SENT)
    return list(domains.order_by("-total", "value").values_list("value", flat=True)[:limit])


def top_domains(campaign_id: UUID, names: list[str], whole: PartRow) -> TopDomains:
    """The figures of these domains, and what `whole` leaves for the others (1 query)."""
    rows = _counted_for(CampaignPart.objects.filter(campaign_id=campaign_id, part=Part.DOMAIN), names)
    rest = {
        name: less(count, summed(row.counts.get(name, Count()) for row in rows)) for name, count in whole.counts.items()
    }
    return TopDomains(rows, PartRow("", rest))


def _counted_for(domains: QuerySet[CampaignPart], names: list[str]) -> list[PartRow]:
    found = counts_by(domains.filter(value__in=names), "value")
    return [PartRow(name, found[name]) for name in names if name in found]


def _largest_first(rows: list[PartRow]) -> list[PartRow]:
    return sorted(rows, key=lambda row: (-row.sent, -summed(row.counts.values()).people, row.value))
