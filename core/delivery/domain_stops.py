"""Domains from which nothing may go out, and the campaigns that are about to send from them."""

import logging

from core.campaigns.models import Campaign
from core.campaigns.services import campaign_halted
from core.campaigns.states import RUNNING, PauseReason
from core.common.errors import DomainError
from core.domains.queries import stopped_domains

logger = logging.getLogger(__name__)


def halt_campaigns_of_stopped_domains() -> int:
    """Pause the running campaigns of domains that were stopped or are broken for sure; how many."""
    return sum(
        _halted(campaign, why)
        for organization_id, name, why in stopped_domains()
        for campaign in Campaign.objects.filter(
            organization_id=organization_id, status__in=RUNNING, from_email__iendswith=f"@{name}"
        )
    )


def _halted(campaign: Campaign, why: str) -> bool:
    try:
        campaign_halted(campaign_id=campaign.pk, reason=PauseReason.DOMAIN, problem=why)
    except DomainError as error:
        logger.info("Campaign %s was not paused: %s", campaign.pk, error)
        return False
    return True
