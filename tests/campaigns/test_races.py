"""Two people at the same moment, on real connections."""

import threading
from collections.abc import Callable
from uuid import UUID

import pytest
from django.db import connection

from core.accounts.models import AuditEvent, Organization
from core.campaigns.errors import ChangedMeanwhile, IllegalTransition
from core.campaigns.models import Campaign, CampaignSnapshot
from core.campaigns.services import campaign_begin, campaign_hold_draft, campaign_send_now
from core.campaigns.states import CampaignStatus
from core.common.errors import DomainError
from core.common.tenancy import organization_scope
from core.subscriptions import usage
from core.subscriptions.choices import Metric
from core.subscriptions.models import Subscription
from tests.support import factories

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(organization: Organization, *calls: Callable[[], object]) -> list[Exception]:
    """Run the calls on a connection each, as nearly at once as a barrier makes it; what they raised."""
    barrier = threading.Barrier(len(calls))
    raised: list[Exception] = []

    def run(call: Callable[[], object]) -> None:
        try:
            with organization_scope(organization):
                connection.ensure_connection()
                barrier.wait(timeout=10)
                call()
        except Exception as error:  # noqa: BLE001 - the test looks at whatever it was
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert not any(thread.is_alive() for thread in threads)
    return raised


def draft(organization: Organization, people: int = 3) -> UUID:
    contacts = [factories.make_contact(organization) for _ in range(people)]
    group = factories.make_group(organization, f"Group {Campaign.objects.count()}", contacts)
    return factories.make_campaign(organization, group=group, name=f"Campaign {Campaign.objects.count()}").pk


def used(organization: Organization, metric: Metric = Metric.EMAILS) -> int:
    return usage.used(organization_id=organization.pk, metric=metric)


def test_send_now_by_two_at_once_sends_and_counts_once(florist: Organization) -> None:
    with organization_scope(florist):
        campaign_id = draft(florist)

        raised = at_once(florist, *[lambda: campaign_send_now(campaign_id=campaign_id)] * 2)

        assert [type(error) in (ChangedMeanwhile, IllegalTransition) for error in raised] == [True], raised
        assert (used(florist), used(florist, Metric.CAMPAIGNS)) == (3, 1)
        assert Campaign.objects.get(pk=campaign_id).version == 1
        assert AuditEvent.objects.filter(action="campaign.scheduled").count() == 1


def test_send_now_of_two_campaigns_at_once_cannot_both_slip_under_the_limit(florist: Organization) -> None:
    with organization_scope(florist):
        Subscription.objects.update(plan=factories.make_plan(max_emails=5))
        first, second = draft(florist), draft(florist)

        raised = at_once(
            florist, lambda: campaign_send_now(campaign_id=first), lambda: campaign_send_now(campaign_id=second)
        )

        assert [getattr(error, "code", "") for error in raised] == ["limit_reached"]
        assert used(florist) == 3
        assert sorted(Campaign.objects.values_list("status", flat=True)) == ["draft", "scheduled"]


def test_send_now_while_the_draft_is_edited_never_mixes_the_two(florist: Organization) -> None:
    with organization_scope(florist):
        campaign_id = draft(florist)

        raised = at_once(
            florist,
            lambda: campaign_send_now(campaign_id=campaign_id, version=0),
            lambda: campaign_hold_draft(campaign_id=campaign_id, version=0),
        )

        assert len(raised) == 1 and isinstance(raised[0], DomainError), raised
        campaign = Campaign.objects.get(pk=campaign_id)
        assert campaign.version == 1
        assert used(florist) == (3 if campaign.status == CampaignStatus.SCHEDULED else 0)


def test_begin_by_two_at_once_freezes_once(florist: Organization) -> None:
    with organization_scope(florist):
        campaign_id = draft(florist)
        campaign_send_now(campaign_id=campaign_id)

        raised = at_once(florist, *[lambda: campaign_begin(campaign_id=campaign_id)] * 2)

        assert all(isinstance(error, ChangedMeanwhile) for error in raised), raised
        assert CampaignSnapshot.objects.count() == 1
        assert Campaign.objects.get(pk=campaign_id).version == 2
