"""What the first page knows about clients: read once for all of them, from counters and rollups only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, Sum

from core.accounts.models import Organization
from core.campaigns.models import Campaign
from core.campaigns.states import RUNNING, STATUS_COLORS, CampaignStatus
from core.delivery.models import Connection, DeliveryBatch
from core.domains.choices import DomainStatus
from core.domains.models import SendingDomain
from core.email_templates.models import EmailTemplate
from core.subscriptions.choices import Metric
from core.subscriptions.queries import PlanUsage, UsageOf, plan_usage
from core.tracking.choices import PEOPLE, EventType
from core.tracking.models import CampaignHour

RECENT_CAMPAIGNS = 6
IN_MOTION = RUNNING | {CampaignStatus.SCHEDULED, CampaignStatus.PAUSED, CampaignStatus.CANCELLING}


@dataclass(frozen=True)
class CampaignFigures:
    """Counts of one campaign: mails from its batches, people's first opens and clicks from the rollup."""

    total: int = 0
    accepted: int = 0
    opened: int = 0
    clicked: int = 0

    @property
    def percent_accepted(self) -> int:
        return self.accepted * 100 // self.total if self.total else 0

    @property
    def open_rate(self) -> float | None:
        """Percent of accepted mails that a person opened; None before the first was accepted."""
        return 100 * self.opened / self.accepted if self.accepted else None

    @property
    def click_rate(self) -> float | None:
        return 100 * self.clicked / self.accepted if self.accepted else None


@dataclass(frozen=True)
class CampaignRow:
    campaign: Campaign
    figures: CampaignFigures

    @property
    def color(self) -> str:
        return STATUS_COLORS[CampaignStatus(self.campaign.status)]


@dataclass(frozen=True)
class ClientFacts:
    """One client, as the first page sees it."""

    client: Organization
    usage: PlanUsage
    in_motion: tuple[Campaign, ...]
    draft: Campaign | None
    last: CampaignRow | None
    campaign_count: int
    connection: Connection | None
    broken_domains: tuple[SendingDomain, ...]
    has_template: bool

    @property
    def contacts(self) -> UsageOf:
        return self.usage.metrics[Metric.CONTACTS]

    @property
    def emails(self) -> UsageOf:
        return self.usage.metrics[Metric.EMAILS]

    @property
    def running(self) -> list[Campaign]:
        return [campaign for campaign in self.in_motion if campaign.status in RUNNING]

    @property
    def paused(self) -> list[Campaign]:
        return [campaign for campaign in self.in_motion if campaign.status == CampaignStatus.PAUSED]

    @property
    def scheduled(self) -> list[Campaign]:
        return [campaign for campaign in self.in_motion if campaign.status == CampaignStatus.SCHEDULED]


def client_facts(clients: Sequence[Organization]) -> list[ClientFacts]:
    """The facts of these clients, in their order: ten queries, whatever their number."""
    ids = [client.pk for client in clients]
    usage = plan_usage(ids)
    in_motion: dict[UUID, list[Campaign]] = {pk: [] for pk in ids}
    for campaign in Campaign.objects.filter(organization_id__in=ids, status__in=IN_MOTION).order_by("-id"):
        in_motion[campaign.organization_id].append(campaign)
    drafts = _newest_per_client(ids, Q(status=CampaignStatus.DRAFT))
    last = _newest_per_client(ids, Q(started_at__isnull=False))
    figures = campaign_figures([campaign.pk for campaign in last.values()])
    connections = {
        connection.organization_id: connection
        for connection in Connection.objects.filter(organization_id__in=ids, is_default=True)
    }
    broken: dict[UUID, list[SendingDomain]] = {pk: [] for pk in ids}
    for domain in SendingDomain.objects.filter(organization_id__in=ids, status=DomainStatus.BROKEN).order_by("name"):
        broken[domain.organization_id].append(domain)
    extras = {
        organization.pk: organization
        for organization in Organization.objects.filter(pk__in=ids).annotate(
            has_template=Exists(EmailTemplate.objects.filter(organization_id=OuterRef("pk")))
        )
    }
    counts = _campaign_counts(ids)
    return [
        ClientFacts(
            client=client,
            usage=usage[client.pk],
            in_motion=tuple(in_motion[client.pk]),
            draft=drafts.get(client.pk),
            last=_row(last.get(client.pk), figures),
            campaign_count=counts.get(client.pk, 0),
            connection=connections.get(client.pk),
            broken_domains=tuple(broken[client.pk]),
            has_template=extras[client.pk].has_template,
        )
        for client in clients
    ]


def campaign_rows(client: Organization) -> list[CampaignRow]:
    """The client's newest campaigns with their figures: three queries."""
    campaigns = list(Campaign.objects.filter(organization_id=client.pk).order_by("-id")[:RECENT_CAMPAIGNS])
    figures = campaign_figures([campaign.pk for campaign in campaigns])
    return [CampaignRow(campaign, figures[campaign.pk]) for campaign in campaigns]


def campaign_figures(campaign_ids: Iterable[UUID]) -> dict[UUID, CampaignFigures]:
    """Two queries: batches, and the rollup."""
    ids = list(campaign_ids)
    sent: dict[UUID, Any] = {
        row["campaign_id"]: row
        for row in DeliveryBatch.objects.filter(campaign_id__in=ids)
        .order_by()
        .values("campaign_id")
        .annotate(total=Sum("size"), accepted=Sum("accepted_count"), retried=Sum("retry_count"))
    }
    people = Q(verdict__in=[verdict.value for verdict in PEOPLE])
    seen: dict[UUID, Any] = {
        row["campaign_id"]: row
        for row in CampaignHour.objects.filter(campaign_id__in=ids)
        .order_by()
        .values("campaign_id")
        .annotate(
            opened=Sum("firsts", filter=people & Q(type=EventType.OPENED), default=0),
            clicked=Sum("firsts", filter=people & Q(type=EventType.CLICKED), default=0),
        )
    }
    return {pk: _figures(sent.get(pk, {}), seen.get(pk, {})) for pk in ids}


def _figures(sent: Mapping[str, Any], seen: Mapping[str, Any]) -> CampaignFigures:
    # A mail to be tried again stands in its old batch and later in a new one: it counts once.
    total = max(sent.get("total", 0) - sent.get("retried", 0), sent.get("accepted", 0))
    return CampaignFigures(total, sent.get("accepted", 0), seen.get("opened", 0), seen.get("clicked", 0))


def _row(campaign: Campaign | None, figures: dict[UUID, CampaignFigures]) -> CampaignRow | None:
    return CampaignRow(campaign, figures[campaign.pk]) if campaign else None


def _newest_per_client(ids: list[UUID], condition: Q) -> dict[UUID, Campaign]:
    found = (
        Campaign.objects.filter(condition, organization_id__in=ids)
        .order_by("organization_id", "-id")
        .distinct("organization_id")
    )
    return {campaign.organization_id: campaign for campaign in found}


def _campaign_counts(ids: list[UUID]) -> dict[UUID, int]:
    rows = Campaign.objects.filter(organization_id__in=ids).order_by().values("organization_id").annotate(n=Count("id"))
    return {row["organization_id"]: row["n"] for row in rows}
