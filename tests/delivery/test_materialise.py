"""From an audience to the ledger."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.accounts.models import Organization
from core.campaigns.models import Campaign
from core.campaigns.services import campaign_cancel, campaign_pause, campaign_resume
from core.campaigns.states import CampaignStatus, PauseReason
from core.contacts.choices import ContactStatus
from core.contacts.models import Contact, ContactGroup, ContactGroupMembership
from core.delivery import materialise
from core.delivery.materialise import materialise_campaign
from core.delivery.models import Connection, DeliveryBatch, Message, SandboxMail
from core.delivery.states import BatchState, SendState, SkipReason
from core.email_templates.models import EmailTemplate
from core.subscriptions import usage
from core.subscriptions.choices import Metric
from core.subscriptions.models import Subscription
from tests.delivery.ledger import batches_of, due_campaign, run_sweep, run_work, sending_campaign, states
from tests.support import factories

pytestmark = pytest.mark.usefixtures("ledger")


def emails_used(organization: Organization) -> int:
    return usage.used(organization_id=organization.pk, metric=Metric.EMAILS)


def join_more(organization: Organization, campaign: Campaign, count: int) -> None:
    """Put more people into the campaign's group after it was confirmed."""
    group = ContactGroup.objects.get(campaign_groups__campaign=campaign)
    for number in range(count):
        contact = factories.make_contact(organization, f"late-{number}@people.example")
        ContactGroupMembership.objects.create(organization=organization, group=group, contact=contact)


def test_materialise_writes_a_row_for_everybody_in_numbered_batches(in_florist: Organization) -> None:
    batches_of(2, in_florist)
    campaign = sending_campaign(in_florist, 5)
    batches = list(DeliveryBatch.objects.order_by("number"))
    assert [(batch.number, batch.size, batch.state) for batch in batches] == [
        (1, 2, "ready"),
        (2, 2, "ready"),
        (3, 1, "ready"),
    ]
    rows = list(Message.objects.order_by("id").values_list("contact_id", "batch__number"))
    assert [number for _, number in rows] == [1, 1, 2, 2, 3]
    assert [contact for contact, _ in rows] == sorted(contact for contact, _ in rows)
    assert campaign.status == CampaignStatus.SENDING


def test_materialise_in_chunks_writes_the_same(in_florist: Organization, monkeypatch: Any) -> None:
    monkeypatch.setattr(materialise, "CHUNK", 4)
    batches_of(2, in_florist)
    sending_campaign(in_florist, 9)
    assert [batch.size for batch in DeliveryBatch.objects.order_by("number")] == [2, 2, 2, 2, 1]


def test_materialise_skipped_people_have_a_row_and_a_reason(in_florist: Organization) -> None:
    batches_of(2, in_florist)
    campaign = due_campaign(in_florist, 4)
    people = list(Contact.objects.order_by("id"))
    Contact.objects.filter(pk__in=[people[0].pk, people[1].pk]).update(status=ContactStatus.UNSUBSCRIBED)
    Contact.objects.filter(pk=people[2].pk).update(deleted_at=timezone.now())
    materialise_campaign(campaign_id=campaign.pk)
    reasons = dict(Message.objects.values_list("contact_id", "reason"))
    assert [reasons[person.pk] for person in people] == ["unsubscribed", "unsubscribed", "deleted", ""]
    first, second = DeliveryBatch.objects.order_by("number")
    assert (first.state, first.suppressed_count) == (BatchState.SETTLED, 2)
    assert first.settled_at is not None
    assert (second.state, second.suppressed_count) == (BatchState.READY, 1)
    assert emails_used(in_florist) == 1


def test_materialise_twice_changes_nothing(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist, 3)
    again = materialise_campaign(campaign_id=campaign.pk)
    assert (again.status, again.rows) == (CampaignStatus.SENDING, 0)
    assert Message.objects.count() == 3


def test_materialise_nobody_sendable_completes_cleanly(in_florist: Organization) -> None:
    campaign = due_campaign(in_florist, 2)
    Contact.objects.update(status=ContactStatus.UNSUBSCRIBED)
    materialise_campaign(campaign_id=campaign.pk)
    run_sweep()
    assert Campaign.objects.get(pk=campaign.pk).status == CampaignStatus.SENT
    assert states(campaign) == {"suppressed": 2}
    assert emails_used(in_florist) == 0


def test_materialise_more_people_than_reserved_reserves_the_difference(in_florist: Organization) -> None:
    campaign = due_campaign(in_florist, 2)
    join_more(in_florist, campaign, 3)
    materialise_campaign(campaign_id=campaign.pk)
    assert emails_used(in_florist) == 5


def test_materialise_past_the_plan_pauses_before_any_mail_and_resumes_on_a_larger_plan(
    in_florist: Organization,
) -> None:
    subscription = Subscription.objects.get()
    subscription.plan = factories.make_plan(max_emails=3)
    subscription.save()
    campaign = due_campaign(in_florist, 2)
    join_more(in_florist, campaign, 3)
    materialise_campaign(campaign_id=campaign.pk)
    halted = Campaign.objects.get(pk=campaign.pk)
    assert (halted.status, halted.pause_reason) == (CampaignStatus.PAUSED, PauseReason.QUOTA)
    assert "plan" in halted.problem
    assert run_work() == {}
    assert not SandboxMail.objects.exists()

    subscription.plan = factories.make_plan()
    subscription.save()
    campaign_resume(campaign_id=campaign.pk)
    materialise_campaign(campaign_id=campaign.pk)
    run_work()
    assert states(campaign) == {"accepted": 5}
    assert emails_used(in_florist) == 5


def test_materialise_without_a_connection_fails_and_gives_everything_back(in_florist: Organization) -> None:
    campaign = due_campaign(in_florist, 2)
    Connection.objects.update(is_default=False)
    assert materialise_campaign(campaign_id=campaign.pk).status == CampaignStatus.FAILED
    assert "Connections" in Campaign.objects.get(pk=campaign.pk).problem
    assert emails_used(in_florist) == 0
    assert not Message.objects.exists()


def test_materialise_of_a_template_edited_after_send_now_looks_at_it_again(in_florist: Organization) -> None:
    campaign = due_campaign(in_florist, 3)
    EmailTemplate.objects.update(html="<p>Hello, with no way out</p>")
    assert materialise_campaign(campaign_id=campaign.pk).status == CampaignStatus.FAILED
    campaign.refresh_from_db()
    assert "no unsubscribe link" in campaign.problem
    assert (Message.objects.count(), emails_used(in_florist)) == (0, 0)


def test_materialise_paused_between_chunks_stops_and_goes_on_later(in_florist: Organization, monkeypatch: Any) -> None:
    monkeypatch.setattr(materialise, "CHUNK", 2)
    batches_of(2, in_florist)
    campaign = due_campaign(in_florist, 6)
    write_chunk = materialise._write_chunk

    def pause_after_first(*arguments: Any) -> Any:
        written = write_chunk(*arguments)
        if Campaign.objects.get(pk=campaign.pk).status == CampaignStatus.MATERIALISING:
            campaign_pause(campaign_id=campaign.pk)
        return written

    monkeypatch.setattr(materialise, "_write_chunk", pause_after_first)
    assert materialise_campaign(campaign_id=campaign.pk).status == CampaignStatus.PAUSED
    assert states(campaign) == {"ready": 2}
    monkeypatch.setattr(materialise, "_write_chunk", write_chunk)
    campaign_resume(campaign_id=campaign.pk)
    assert materialise_campaign(campaign_id=campaign.pk).status == CampaignStatus.SENDING
    assert states(campaign) == {"ready": 6}


def test_cancel_while_preparing_gives_the_whole_reservation_back(in_florist: Organization, monkeypatch: Any) -> None:
    monkeypatch.setattr(materialise, "CHUNK", 2)
    batches_of(2, in_florist)
    campaign = due_campaign(in_florist, 6)
    write_chunk = materialise._write_chunk

    def cancel_after_first(*arguments: Any) -> Any:
        written = write_chunk(*arguments)
        if Campaign.objects.get(pk=campaign.pk).status == CampaignStatus.MATERIALISING:
            campaign_cancel(campaign_id=campaign.pk)
        return written

    monkeypatch.setattr(materialise, "_write_chunk", cancel_after_first)
    materialise_campaign(campaign_id=campaign.pk)
    run_sweep()
    assert Campaign.objects.get(pk=campaign.pk).status == CampaignStatus.CANCELLED
    assert Message.objects.filter(send_state=SendState.SUPPRESSED, reason=SkipReason.CANCELLED).count() == 2
    assert emails_used(in_florist) == 0


def test_cancel_after_the_plan_was_full_gives_back_no_more_than_was_reserved(in_florist: Organization) -> None:
    subscription = Subscription.objects.get()
    subscription.plan = factories.make_plan(max_emails=6)
    subscription.save()
    sending_campaign(in_florist, 4, name="Other")
    campaign = due_campaign(in_florist, 2)
    join_more(in_florist, campaign, 3)
    assert materialise_campaign(campaign_id=campaign.pk).status == CampaignStatus.PAUSED
    campaign_cancel(campaign_id=campaign.pk)
    run_sweep()
    assert states(campaign) == {"suppressed": 5}
    assert emails_used(in_florist) == 4


def test_sweep_names_due_campaigns_only(in_florist: Organization, everywhere: None) -> None:
    due = due_campaign(in_florist, 1, name="Now")
    later = due_campaign(in_florist, 1, name="Later")
    Campaign.objects.filter(pk=later.pk).update(scheduled_at=timezone.now() + timedelta(hours=1))
    assert run_sweep().campaigns_due == [(in_florist.pk, due.pk)]


def test_materialise_of_a_paused_campaign_by_a_late_job_does_not_lift_the_pause(in_florist: Organization) -> None:
    campaign = sending_campaign(in_florist, 2)
    campaign_pause(campaign_id=campaign.pk)
    assert materialise_campaign(campaign_id=campaign.pk).status == CampaignStatus.PAUSED
