"""Everybody against the ledger: counted anew, named where nobody can be sure."""

import datetime

from django.utils import timezone

from core.accounts.models import Organization
from core.contacts.models import ContactGroup, ContactGroupMembership
from core.delivery.models import Message
from core.delivery.reconcile import open_questions, reconcile
from core.delivery.states import SendState
from tests.delivery.ledger import run_sweep, run_work, sending_campaign
from tests.support import factories


def test_reconcile_sent_campaign_accounts_for_everybody(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist, 4)
    run_work()
    run_sweep()
    found = reconcile(organization_id=in_florist.pk, campaign_id=campaign.pk)
    assert found is not None
    assert [(line.state, line.count) for line in found.lines] == [(SendState.ACCEPTED, 4)]
    assert (found.accounted, found.unaccounted, found.open_questions) == (4, 0, 0)
    assert list(open_questions(organization_id=in_florist.pk, campaign_id=campaign.pk)) == []


def test_reconcile_person_without_a_row_is_named(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist, 2)
    forgotten = factories.make_contact(in_florist, "forgotten@people.example")
    member = ContactGroupMembership.objects.create(
        organization=in_florist, group=ContactGroup.objects.get(), contact=forgotten
    )
    ContactGroupMembership.objects.filter(pk=member.pk).update(added_at=timezone.now() - datetime.timedelta(days=1))
    found = reconcile(organization_id=in_florist.pk, campaign_id=campaign.pk)
    assert found is not None
    assert found.unaccounted == 1
    (named,) = open_questions(organization_id=in_florist.pk, campaign_id=campaign.pk)
    assert (named.email, named.state) == ("forgotten@people.example", "Unaccounted for")


def test_reconcile_who_joined_later_is_not_missed(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist, 2)
    late = factories.make_contact(in_florist, "late@people.example")
    ContactGroupMembership.objects.create(organization=in_florist, group=ContactGroup.objects.get(), contact=late)
    found = reconcile(organization_id=in_florist.pk, campaign_id=campaign.pk)
    assert found is not None
    assert found.unaccounted == 0


def test_reconcile_doubts_are_counted_and_named(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist, 3)
    doubted = Message.objects.earliest("id")
    Message.objects.filter(pk=doubted.pk).update(send_state="uncertain", reason="no_answer", words="Lost")
    found = reconcile(organization_id=in_florist.pk, campaign_id=campaign.pk)
    assert found is not None
    assert found.open_questions == 1
    (named,) = open_questions(organization_id=in_florist.pk, campaign_id=campaign.pk)
    assert (named.email, named.state, named.words) == (doubted.contact.email, "In doubt", "Lost")
