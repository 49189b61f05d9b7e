"""Each invariant finds what it is there to find: a sound ledger is broken by hand, and the right one says so."""

import datetime
from collections.abc import Iterator

import pytest
from django.db import connection
from django.utils import timezone

from core.accounts.models import Organization
from core.campaigns.models import Campaign, CampaignSnapshot
from core.common.ids import new_id
from core.common.tenancy import OrganizationMismatch, organization_scope
from core.contacts.models import ContactGroup, ContactGroupMembership
from core.delivery.invariants import ALL, broken_in_campaign
from core.delivery.materialise import materialise_campaign
from core.delivery.models import DeliveryBatch, Message, MessageValues, SendAttempt
from tests.delivery.invariants import broken_invariants
from tests.delivery.ledger import batches_of, due_campaign, run_sweep, run_work
from tests.support import factories

PEOPLE = 6


@pytest.fixture
def sent(florist: Organization) -> Iterator[Campaign]:
    """A campaign in three batches, all accepted; its people were in the group long before."""
    with organization_scope(florist):
        batches_of(2, florist)
        campaign = due_campaign(florist, PEOPLE)
        long_ago = timezone.now() - datetime.timedelta(days=3)
        ContactGroupMembership.objects.update(added_at=long_ago)
        materialise_campaign(campaign_id=campaign.pk)
        run_work()
        run_sweep()
        campaign.refresh_from_db()
        yield campaign


def execute(sql: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def break_one_mail_each() -> None:
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute("ALTER TABLE delivery_message DROP CONSTRAINT delivery_message_once")
    message = Message.objects.earliest("id")
    message.pk, message._state.adding = new_id(), True
    message.save(force_insert=True)


def break_everybody_has_a_row() -> None:
    message = Message.objects.earliest("id")
    group = ContactGroup.objects.get()
    contact = factories.make_contact(message.organization, "forgotten@people.example")
    membership = ContactGroupMembership.objects.create(organization=group.organization, group=group, contact=contact)
    ContactGroupMembership.objects.filter(pk=membership.pk).update(added_at=timezone.now() - datetime.timedelta(days=1))


def break_own_batch() -> None:
    Message.objects.filter(pk=Message.objects.earliest("id").pk).update(batch=None)


def break_counts() -> None:
    DeliveryBatch.objects.filter(number=1).update(accepted_count=1)


def break_settled() -> None:
    Message.objects.filter(pk=Message.objects.earliest("id").pk).update(send_state="ready", accepted_at=None)


def break_states() -> None:
    Message.objects.filter(pk=Message.objects.earliest("id").pk).update(send_state="accepted", accepted_at=None)


def break_attempts_closed() -> None:
    SendAttempt.objects.filter(pk=SendAttempt.objects.earliest("id").pk).update(finished_at=None)


def break_leases() -> None:
    long_ago = timezone.now() - datetime.timedelta(hours=1)
    DeliveryBatch.objects.filter(number=1).update(state="leased", lease_until=long_ago)


def break_accepted_by_an_attempt() -> None:
    SendAttempt.objects.filter(pk=SendAttempt.objects.earliest("id").pk).delete()


def break_attempts_counted() -> None:
    Message.objects.filter(pk=Message.objects.earliest("id").pk).update(attempts=2)


def break_skipped_not_sent() -> None:
    message = Message.objects.earliest("id")
    Message.objects.filter(pk=message.pk).update(send_state="suppressed", reason="unsubscribed", accepted_at=None)
    SendAttempt.objects.filter(batch=message.batch).update(finished_at=None)


def break_values_kept() -> None:
    MessageValues.objects.filter(pk=Message.objects.earliest("id").pk).delete()


def break_own_version() -> None:
    other = CampaignSnapshot.objects.get()
    other.pk, other.variant = None, 3
    other._state.adding = True
    other.pk = new_id()
    other.save(force_insert=True)
    MessageValues.objects.filter(pk=Message.objects.earliest("id").pk).update(snapshot=other)


def break_frozen_content() -> None:
    DeliveryBatch.objects.filter(number=1).update(variant=2)


def break_finished() -> None:
    Message.objects.filter(pk=Message.objects.earliest("id").pk).update(
        send_state="retry_wait", accepted_at=None, due_at=timezone.now()
    )


def break_nothing_before_the_start() -> None:
    Campaign.objects.update(started_at=None)


def break_plan() -> None:
    execute("UPDATE subscriptions_usage SET used = used + 1 WHERE metric = 'emails'")


def test_sent_campaign_breaks_nothing(sent: Campaign) -> None:
    assert Message.objects.filter(send_state="accepted").count() == PEOPLE
    assert broken_invariants() == {}


@pytest.mark.parametrize("key", ALL)
def test_invariant_ledger_broken_by_hand_is_found(key: str, sent: Campaign) -> None:
    globals()[f"break_{key}"]()
    broken = broken_invariants()
    assert key in broken, f"found {broken}"
    assert len(broken[key]) >= 1


def test_invariants_of_one_client_do_not_see_another(sent: Campaign, museum: Organization) -> None:
    break_counts()
    with organization_scope(museum):
        assert broken_in_campaign(organization_id=museum.pk, campaign_id=sent.pk) == []
        with pytest.raises(OrganizationMismatch):
            broken_in_campaign(organization_id=sent.organization_id, campaign_id=sent.pk)
