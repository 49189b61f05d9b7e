"""Domains from which nothing may go out, and the campaigns that are about to send from them."""

import logging
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from core.campaigns.models import Campaign, CampaignSnapshot
from core.campaigns.services import campaign_halted
from core.campaigns.states import RUNNING, PauseReason
from core.common.errors import DomainError
from core.delivery.models import DeliveryBatch
from core.delivery.states import BatchState
from core.domains.queries import stopped_domains

logger = logging.getLogger(__name__)


def halt_campaigns_of_stopped_domains() -> int:
    """Pause the running campaigns of domains that were stopped or are broken for sure; how many."""
    return sum(
        _halted(campaign, why)
        for organization_id, name, why in stopped_domains()
        for campaign in _sending_from(organization_id, name)
    )


def _sending_from(organization_id: UUID, name: str) -> QuerySet[Campaign]:
    """The running campaigns with mails to go out from this domain. A variant of an A/B test may have a sender of its
    own: it counts while mails of it, or such as wait for the winner, are not settled."""
    open_batches = DeliveryBatch.objects.exclude(state=BatchState.SETTLED).filter(
        campaign=OuterRef("campaign"), variant__in=[0, OuterRef("variant")]
    )
    variants = CampaignSnapshot.objects.filter(Exists(open_batches), from_email__iendswith=f"@{name}", variant__gt=0)
    running = Campaign.objects.filter(organization_id=organization_id, status__in=RUNNING)
    return running.filter(Q(from_email__iendswith=f"@{name}") | Exists(variants.filter(campaign=OuterRef("pk"))))


def _halted(campaign: Campaign, why: str) -> bool:
    try:
        campaign_halted(campaign_id=campaign.pk, reason=PauseReason.DOMAIN, problem=why)
    except DomainError as error:
        logger.info("Campaign %s was not paused: %s", campaign.pk, error)
        return False
    return True
