"""Looking at the DNS of all domains, now and then."""

import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Q
from django.utils import timezone

from core.common.tasks import agency_task, enqueue, organization_task
from core.domains.choices import DomainStatus
from core.domains.models import SendingDomain
from core.domains.queries import BROKEN_FOR_SURE
from core.domains.services import domain_check

CHECKED_EVERY = datetime.timedelta(hours=6)
AT_ONCE = 200


@organization_task(name="domains.check_domain")
def check_domain(*, organization_id: str, domain_id: str) -> dict[str, Any]:
    """Check one domain. Safe to run twice, also at once."""
    return {"status": domain_check(domain_id=UUID(domain_id)).status}


@agency_task(name="domains.check_domains")
def check_domains() -> dict[str, Any]:
    """Hand out the domains that were not looked at for CHECKED_EVERY; made-up ones are left as they are."""
    # What was found broken once is looked at again soon: its campaigns stop only when it is so for sure.
    doubtful = Q(status=DomainStatus.BROKEN, broken_checks__lt=BROKEN_FOR_SURE)
    is_due = Q(checked_at=None) | Q(checked_at__lt=timezone.now() - CHECKED_EVERY) | doubtful
    due = SendingDomain.objects.filter(is_due, organization__is_demo=False)
    rows = list(due.order_by(F("checked_at").asc(nulls_first=True)).values_list("organization_id", "pk")[:AT_ONCE])
    for organization_id, pk in rows:
        enqueue(check_domain, organization_id=organization_id, domain_id=pk)
    return {"handed_out": len(rows)}
