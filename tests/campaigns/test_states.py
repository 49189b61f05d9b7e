"""Whatever is called in whatever order, a campaign only makes legal moves, one version each."""

from collections.abc import Callable

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.accounts.models import AuditEvent, Organization
from core.campaigns import services
from core.campaigns.errors import ChangedMeanwhile, IllegalTransition
from core.campaigns.models import Campaign, CampaignSnapshot
from core.campaigns.states import EDITABLE, TRANSITIONS, CampaignStatus, PauseReason, is_legal
from core.subscriptions import usage
from core.subscriptions.choices import Metric
from tests.support import factories

ACTIONS: dict[str, Callable[..., object]] = {
    "send_now": services.campaign_send_now,
    "pause": services.campaign_pause,
    "resume": services.campaign_resume,
    "cancel": services.campaign_cancel,
    "begin": services.campaign_begin,
    "started": services.campaign_started,
    "completed": services.campaign_completed,
    "halted": lambda campaign_id: services.campaign_halted(
        campaign_id=campaign_id, reason=PauseReason.AUTO, problem="Too many bounces."
    ),
    "failed": lambda campaign_id: services.campaign_failed(campaign_id=campaign_id, problem="No connection."),
    "cancelled": services.campaign_cancelled,
}
NOTHING_MAILED = {CampaignStatus.DRAFT, CampaignStatus.CANCELLED, CampaignStatus.FAILED}


class _Undo(Exception):
    pass


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.sampled_from(sorted(ACTIONS)), max_size=14))
def test_actions_in_any_order_only_make_legal_moves(in_florist: Organization, names: list[str]) -> None:
    with pytest.raises(_Undo), transaction.atomic():
        campaign = factories.make_campaign(in_florist)
        for name in names:
            _check_one(campaign.pk, name, in_florist)
        raise _Undo


def _check_one(campaign_id: object, name: str, organization: Organization) -> None:
    before = Campaign.objects.get(pk=campaign_id)
    events = AuditEvent.objects.count()
    try:
        with transaction.atomic():
            ACTIONS[name](campaign_id=campaign_id)
        refused = False
    except (IllegalTransition, ChangedMeanwhile):
        refused = True
    after = Campaign.objects.get(pk=campaign_id)
    if refused or after.status == before.status:
        assert (after.status, after.version) == (before.status, before.version)
        assert AuditEvent.objects.count() == events
        assert refused or name == "begin"
    else:
        assert is_legal(before.status, after.status)
        assert after.version == before.version + 1
        assert AuditEvent.objects.count() == events + 1
    was_frozen = CampaignSnapshot.objects.filter(campaign_id=campaign_id).exists()
    has_begun = after.status not in EDITABLE | {CampaignStatus.SCHEDULED} | NOTHING_MAILED
    assert was_frozen or not has_begun
    used = usage.used(organization_id=organization.pk, metric=Metric.EMAILS)
    assert used == after.emails_reserved
    assert used == 0 or after.status != CampaignStatus.DRAFT


def test_transitions_name_every_state_and_end_somewhere() -> None:
    assert set(TRANSITIONS) == set(CampaignStatus)
    ends = {status for status, targets in TRANSITIONS.items() if not targets}
    assert ends == {CampaignStatus.SENT, CampaignStatus.CANCELLED}
    assert all(not is_legal(state, state) for state in CampaignStatus)
