"""Looking whether the ledger holds: begun each night or by a person, carried out campaign by campaign.

Every campaign is one step with a commit of its own, so a check that was cut short goes on behind the last one. A
campaign too large to be looked at in time is named, never passed over in silence.
"""

import datetime
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now, TruncMonth

from core.accounts import audit
from core.accounts.models import Organization
from core.campaigns.models import Campaign
from core.campaigns.states import FROZEN
from core.common.errors import DomainError
from core.common.tasks import wake
from core.common.tenancy import organization_scope
from core.contacts.errors import TookTooLong
from core.contacts.segments.people import time_limit
from core.delivery.invariants import OFFENDERS_SHOWN, Broken, broken_for_client, broken_in_campaign
from core.delivery.models import LedgerCheck

NIGHTLY = datetime.timedelta(hours=24)
RECENT = datetime.timedelta(days=30)
SECONDS_PER_STATEMENT = 300.0


class CheckRunning(DomainError):
    """A check is under way already."""

    code = "delivery.check_running"


@dataclass(frozen=True)
class Checked:
    """What a run did. `is_finished` False: there is more to do."""

    campaigns: int
    broken: int
    is_finished: bool


def ledger_check_begin(*, asked_by_id: UUID | None = None, covers_all: bool) -> LedgerCheck:
    """Begin a check and wake a worker. Raises CheckRunning while another one is unfinished."""
    try:
        with transaction.atomic():
            check = LedgerCheck.objects.create(started_at=Now(), asked_by_id=asked_by_id, covers_all=covers_all)
            check.refresh_from_db()
            if asked_by_id is not None:
                audit.record(action="ledger_check.asked_for", obj=check)
            wake("delivery.check_ledger")
    except IntegrityError as error:
        raise CheckRunning("A check is under way already. Its result appears here.") from error
    return check


def ledger_check_begin_nightly() -> LedgerCheck | None:
    """Begin one when the last began a day ago; the first of a month looks at everything. None: it is not time yet."""
    if LedgerCheck.objects.filter(started_at__gt=Now() - NIGHTLY).exists():
        return None
    is_first = not LedgerCheck.objects.filter(started_at__gte=TruncMonth(Now()), covers_all=True).exists()
    try:
        return ledger_check_begin(covers_all=is_first)
    except CheckRunning:
        return None


def ledger_check_continue(*, seconds: float) -> Checked:
    """Go on with the unfinished check for a while. Needs the scope of all organizations."""
    check = LedgerCheck.objects.filter(finished_at=None).first()
    if check is None:
        return Checked(0, 0, is_finished=True)
    deadline = time.monotonic() + seconds
    done = 0
    while time.monotonic() < deadline:
        campaign = _remaining(check).first()
        if campaign is None:
            _finish(check)
            return Checked(done, len(check.findings), is_finished=True)
        _check_campaign(check, campaign)
        done += 1
    return Checked(done, len(check.findings), is_finished=False)


def _remaining(check: LedgerCheck) -> QuerySet[Campaign]:
    """Those that are or were on their way, behind the last one that was looked at."""
    campaigns = Campaign.objects.filter(status__in=FROZEN).order_by("pk")
    if not check.covers_all:
        campaigns = campaigns.filter(Q(finished_at=None) | Q(finished_at__gt=Now() - RECENT))
    return campaigns.filter(pk__gt=check.last_campaign) if check.last_campaign else campaigns


def _check_campaign(check: LedgerCheck, campaign: Campaign) -> None:
    ids = {"organization_id": campaign.organization_id, "campaign_id": campaign.pk}
    try:
        with organization_scope(campaign.organization_id), time_limit(SECONDS_PER_STATEMENT):
            broken = broken_in_campaign(**ids)
    except TookTooLong:
        check.too_large.append(str(campaign.pk))
        broken = []
    _add(check, broken, campaign.pk)
    check.campaigns += 1
    check.last_campaign = campaign.pk
    check.save()


def _finish(check: LedgerCheck) -> None:
    """At the end the clients' plans, which stand over all of their campaigns."""
    for organization_id in Organization.objects.order_by("pk").values_list("pk", flat=True):
        with organization_scope(organization_id):
            _add(check, broken_for_client(organization_id=organization_id), None)
    check.save()
    LedgerCheck.objects.filter(pk=check.pk).update(finished_at=Now())


def _add(check: LedgerCheck, broken: list[Broken], campaign_id: UUID | None) -> None:
    for each in broken:
        found: dict[str, Any] = check.findings.setdefault(each.invariant.key, {"count": 0, "offenders": []})
        found["count"] += each.count
        room = OFFENDERS_SHOWN - len(found["offenders"])
        found["offenders"] += [
            [str(pk), detail, str(campaign_id) if campaign_id else ""] for pk, detail in each.offenders[: max(room, 0)]
        ]
