"""What the first page knows about clients: read once for all of them, from counters and small tables only."""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, Sum
from django.utils import timezone

from core.accounts.models import Organization
from core.campaigns.models import Campaign
from core.campaigns.states import RUNNING, CampaignStatus
from core.delivery.models import Connection, DeliveryBatch
from core.domains.choices import DomainStatus
from core.domains.models import SendingDomain
from core.email_templates.models import EmailTemplate
from core.subscriptions.choices import Metric
from core.subscriptions.queries import PlanUsage, UsageOf, plan_usage
from core.tracking.queries.alerts import OpenAlert, open_alerts
from core.tracking.queries.clients import StartedCampaign, newest_campaigns

S = CampaignStatus
STANDING = frozenset({S.PAUSED, S.FAILED})
WATCHED = RUNNING | STANDING | {S.SCHEDULED, S.CANCELLING, S.IN_REVIEW, S.APPROVED}
"""Everything between a draft and the archive: few at a time, however long a client's history."""
LEDGER_ASKED = datetime.timedelta(hours=48)
"""So long after its start a campaign's mails are read from its batches as well: counters follow its first events."""
MOST_ALERTS = 500
"""Over all clients. With more open ones the newest days are what a person can work on."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Mails of a campaign on its way: `total` to send, `accepted` so far."""

    total: int = 0
    accepted: int = 0

    @property
    def percent(self) -> int:
        return min(self.accepted * 100 // self.total, 100) if self.total else 0


@dataclass(frozen=True)
class ClientFacts:
    """One client, as the first page sees it. `recent` are its newest started campaigns, the last started first.

    `uncounted` are mails that the ledger knows as accepted and the counters do not yet.
    """

    client: Organization
    usage: PlanUsage
    watched: tuple[Campaign, ...]
    recent: tuple[StartedCampaign, ...]
    draft: Campaign | None
    connection: Connection | None
    troubled_domains: tuple[SendingDomain, ...]
    has_template: bool
    alerts: tuple[OpenAlert, ...] = ()
    uncounted: int = 0
    progress: Mapping[UUID, Progress] = field(default_factory=dict)

    @property
    def contacts(self) -> UsageOf:
        return self.usage.metrics[Metric.CONTACTS]

    @property
    def emails(self) -> UsageOf:
        return self.usage.metrics[Metric.EMAILS]

    @property
    def last(self) -> StartedCampaign | None:
        return self.recent[0] if self.recent else None

    @property
    def running(self) -> list[Campaign]:
        return [campaign for campaign in self.watched if campaign.status in RUNNING]

    @property
    def paused(self) -> list[Campaign]:
        return self._in(S.PAUSED)

    @property
    def failed(self) -> list[Campaign]:
        return self._in(S.FAILED)

    @property
    def in_review(self) -> list[Campaign]:
        return self._in(S.IN_REVIEW)

    @property
    def approved(self) -> list[Campaign]:
        return self._in(S.APPROVED)

    @property
    def scheduled(self) -> list[Campaign]:
        """Planned campaigns, the next one first."""
        return sorted(self._in(S.SCHEDULED), key=lambda campaign: campaign.scheduled_at or _FAR)

    def _in(self, status: CampaignStatus) -> list[Campaign]:
        return [campaign for campaign in self.watched if campaign.status == status]


_FAR = datetime.datetime.max.replace(tzinfo=datetime.UTC)


def client_facts(
    clients: Sequence[Organization], *, counted_since: datetime.datetime | None = None
) -> list[ClientFacts]:
    """The facts of these clients, in their order: ten queries, whatever their number.

    `counted_since`: campaigns that started earlier and are over have no figures until `fully_counted`.
    """
    ids = [client.pk for client in clients]
    by_pk = {client.pk: client for client in clients}
    usage = plan_usage(ids)
    recent = newest_campaigns(ids, counted_since=counted_since)
    watched = _watched(ids, by_pk)
    progress = _progress([*_under_way(watched), *_just_started(recent)])
    drafts = _newest_drafts(ids)
    connections = {
        connection.organization_id: connection
        for connection in Connection.objects.filter(organization_id__in=ids, is_default=True)
    }
    domains = _troubled_domains(ids)
    with_template = _with_template(ids)
    alerts: dict[UUID, list[OpenAlert]] = defaultdict(list)
    for alert in open_alerts(ids, most=MOST_ALERTS):
        alerts[alert.organization_id].append(alert)
    return [
        ClientFacts(
            client=client,
            usage=usage[client.pk],
            watched=tuple(watched[client.pk]),
            recent=tuple(_by_ledger(campaign, progress) for campaign in recent[client.pk]),
            draft=drafts.get(client.pk),
            connection=connections.get(client.pk),
            troubled_domains=tuple(domains[client.pk]),
            has_template=client.pk in with_template,
            alerts=tuple(alerts[client.pk]),
            uncounted=sum(_by_ledger(campaign, progress).sent - campaign.sent for campaign in recent[client.pk]),
            progress=progress,
        )
        for client in clients
    ]


def fully_counted(facts: Sequence[ClientFacts]) -> list[ClientFacts]:
    """The same with the figures of all their recent campaigns (1 query)."""
    recent = newest_campaigns([one.client.pk for one in facts])
    return [
        replace(one, recent=tuple(_by_ledger(campaign, one.progress) for campaign in recent[one.client.pk]))
        for one in facts
    ]


def _watched(ids: list[UUID], by_pk: Mapping[UUID, Organization]) -> dict[UUID, list[Campaign]]:
    """Each with its client set: words about times ask for the zone."""
    found: dict[UUID, list[Campaign]] = defaultdict(list)
    for campaign in Campaign.objects.filter(organization_id__in=ids, status__in=WATCHED).order_by("-id"):
        campaign.organization = by_pk[campaign.organization_id]
        found[campaign.organization_id].append(campaign)
    return found


def _under_way(watched: Mapping[UUID, Sequence[Campaign]]) -> Iterator[UUID]:
    for campaigns in watched.values():
        yield from (campaign.pk for campaign in campaigns if campaign.status in RUNNING | {S.PAUSED, S.CANCELLING})


def _just_started(recent: Mapping[UUID, Sequence[StartedCampaign]]) -> Iterator[UUID]:
    since = timezone.now() - LEDGER_ASKED
    for campaigns in recent.values():
        yield from (campaign.pk for campaign in campaigns if campaign.started_at > since)


def _by_ledger(campaign: StartedCampaign, progress: Mapping[UUID, Progress]) -> StartedCampaign:
    """With the mails the ledger has seen accepted, where the counters have not caught up."""
    accepted = progress.get(campaign.pk, Progress()).accepted
    return replace(campaign, sent=accepted) if accepted > campaign.sent else campaign


def _progress(campaign_ids: Iterable[UUID]) -> dict[UUID, Progress]:
    rows = DeliveryBatch.objects.filter(campaign_id__in=list(campaign_ids)).order_by().values_list("campaign_id")
    sums = rows.annotate(Sum("size"), Sum("accepted_count"), Sum("retry_count"))
    # A mail to be tried again stands in its old batch and later in a new one: it counts once.
    return {
        campaign_id: Progress(max(size - retried, accepted), accepted) for campaign_id, size, accepted, retried in sums
    }


def _troubled_domains(ids: list[UUID]) -> dict[UUID, list[SendingDomain]]:
    """Domains found broken, and those stopped by a person."""
    troubled = Q(status=DomainStatus.BROKEN) | Q(paused_at__isnull=False)
    found: dict[UUID, list[SendingDomain]] = defaultdict(list)
    for domain in SendingDomain.objects.filter(troubled, organization_id__in=ids).order_by("name"):
        found[domain.organization_id].append(domain)
    return found


def _newest_drafts(ids: list[UUID]) -> dict[UUID, Campaign]:
    found = (
        Campaign.objects.filter(organization_id__in=ids, status=S.DRAFT)
        .order_by("organization_id", "-id")
        .distinct("organization_id")
    )
    return {campaign.organization_id: campaign for campaign in found}


def _with_template(ids: list[UUID]) -> set[UUID]:
    templates = EmailTemplate.objects.filter(organization_id=OuterRef("pk"))
    return set(Organization.objects.filter(Exists(templates), pk__in=ids).values_list("pk", flat=True))
