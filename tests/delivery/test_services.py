"""What people decide: resends, marks, connections."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from core.accounts.models import AuditEvent, Organization
from core.campaigns.models import Campaign
from core.campaigns.services import campaign_cancel
from core.campaigns.states import CampaignStatus, PauseReason
from core.common.tenancy import organization_scope
from core.delivery.dispatch import dispatch
from core.delivery.errors import CampaignCalledOff, ConnectionNotWorking, NotUnresolved
from core.delivery.models import Connection, Message
from core.delivery.services import (
    connection_make_default,
    connection_paused,
    connection_test,
    message_mark_sent,
    message_send_again,
)
from core.delivery.states import SendState
from core.subscriptions import usage
from core.subscriptions.choices import Metric
from tests.delivery.ledger import claimed, run_sweep, run_work, sending_campaign, states, use_smtp
from tests.support.smtp_server import SmtpServer

pytestmark = pytest.mark.usefixtures("ledger")


def unresolved(organization: Organization, smtp: SmtpServer) -> Campaign:
    """A finished campaign to one person whose server took the mail and never said so."""
    healthy = smtp.faults
    smtp.faults = replace(healthy, drop_taken="*")
    use_smtp(organization, smtp.port)
    campaign = sending_campaign(organization, 1)
    run_work()
    Message.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    run_sweep()
    smtp.faults = healthy
    assert states(campaign) == {"unresolved": 1}
    return campaign


def test_message_send_again_sends_once_more_with_the_same_id(in_florist: Organization, smtp: SmtpServer) -> None:
    campaign = unresolved(in_florist, smtp)
    message = Message.objects.get()
    message_send_again(message_id=message.pk)
    run_work()
    message.refresh_from_db()
    assert (message.send_state, message.resends, message.attempts) == (SendState.ACCEPTED, 1, 2)
    assert len({mail.message_id for mail in smtp.accepted}) == 1
    assert len(smtp.accepted) == 2
    assert Campaign.objects.get(pk=campaign.pk).status == CampaignStatus.SENT
    assert AuditEvent.objects.filter(action="message.sent_again", object_id=str(message.pk)).count() == 1
    assert usage.used(organization_id=in_florist.pk, metric=Metric.EMAILS) == 1


def test_message_send_again_twice_is_refused_the_second_time(in_florist: Organization, smtp: SmtpServer) -> None:
    unresolved(in_florist, smtp)
    message = Message.objects.get()
    message_send_again(message_id=message.pk)
    with pytest.raises(NotUnresolved) as refused:
        message_send_again(message_id=message.pk)
    assert "nothing to decide" in str(refused.value)
    assert Message.objects.get().resends == 1


def test_message_send_again_of_an_accepted_mail_is_refused(in_florist: Organization) -> None:
    sending_campaign(in_florist, 1)
    run_work()
    with pytest.raises(NotUnresolved):
        message_send_again(message_id=Message.objects.get().pk)
    run_work()
    assert Message.objects.get().attempts == 1


def test_message_send_again_of_another_client_is_not_found(
    florist: Organization, museum: Organization, smtp: SmtpServer
) -> None:
    with organization_scope(museum):
        unresolved(museum, smtp)
        message = Message.objects.get()
    with organization_scope(florist), pytest.raises(Message.DoesNotExist):
        message_send_again(message_id=message.pk)


def test_message_send_again_of_a_cancelled_campaign_is_refused(in_florist: Organization, smtp: SmtpServer) -> None:
    smtp.faults = replace(smtp.faults, drop_taken="spring-offer-0@*")
    use_smtp(in_florist, smtp.port, batch_size=1)
    campaign = sending_campaign(in_florist, 2)
    dispatch(claimed())
    campaign_cancel(campaign_id=campaign.pk)
    Message.objects.filter(send_state=SendState.UNCERTAIN).update(due_at=timezone.now() - timedelta(seconds=1))
    run_sweep()
    assert states(campaign) == {"suppressed": 1, "unresolved": 1}
    with pytest.raises(CampaignCalledOff):
        message_send_again(message_id=Message.objects.get(send_state=SendState.UNRESOLVED).pk)


def test_message_mark_sent_settles_without_sending(in_florist: Organization, smtp: SmtpServer) -> None:
    campaign = unresolved(in_florist, smtp)
    message = Message.objects.get()
    message_mark_sent(message_id=message.pk)
    run_work()
    assert states(campaign) == {"accepted": 1}
    assert len(smtp.accepted) == 1
    with pytest.raises(NotUnresolved):
        message_mark_sent(message_id=message.pk)
    assert AuditEvent.objects.filter(action="message.marked_sent").count() == 1


def test_connection_paused_stops_its_campaigns_and_nobody_elses(
    in_florist: Organization, everywhere: None, museum: Organization
) -> None:
    mine, other = sending_campaign(in_florist, 2), sending_campaign(museum, 2, name="Other")
    connection = Connection.objects.get(organization=in_florist)
    assert connection_paused(connection=connection, problem="535 Wrong password") == 1
    assert connection_paused(connection=connection, problem="535 Wrong password") == 0
    mine.refresh_from_db()
    other.refresh_from_db()
    assert (mine.status, mine.pause_reason) == (CampaignStatus.PAUSED, PauseReason.CONNECTION)
    assert other.status == CampaignStatus.SENDING
    run_work()
    assert (states(mine), states(other)) == ({"ready": 2}, {"accepted": 2})
    assert AuditEvent.objects.filter(action="connection.paused").count() == 1


def test_connection_test_works_lifts_the_pause(in_florist: Organization, smtp: SmtpServer) -> None:
    connection = use_smtp(in_florist, smtp.port)
    connection_paused(connection=connection, problem="535 Wrong password")
    connection.refresh_from_db()
    connection_test(connection=connection)
    connection.refresh_from_db()
    assert (connection.paused_at, connection.problem) == (None, "")
    assert smtp.accepted == []


def test_connection_test_refused_tells_the_servers_words_and_keeps_the_pause(
    in_florist: Organization, smtp: SmtpServer
) -> None:
    smtp.faults = replace(smtp.faults, login=("mailer", "right"))
    connection = use_smtp(in_florist, smtp.port, username="mailer", password="wrong")
    connection_paused(connection=connection, problem="535 Wrong password")
    with pytest.raises(ConnectionNotWorking, match="Authentication credentials invalid"):
        connection_test(connection=connection)
    connection.refresh_from_db()
    assert connection.paused_at is not None


def test_connection_test_nobody_there_says_which_server(in_florist: Organization, smtp: SmtpServer) -> None:
    connection = use_smtp(in_florist, smtp.port)
    smtp.stop()
    with pytest.raises(ConnectionNotWorking, match=r"127\.0\.0\.1"):
        connection_test(connection=connection)


def test_connection_make_default_twice_leaves_one_and_one_audit_row(in_florist: Organization) -> None:
    second = Connection.objects.create(organization=in_florist, name="Second")
    connection_make_default(connection=second)
    connection_make_default(connection=second)
    assert Connection.objects.get(is_default=True) == second
    assert AuditEvent.objects.filter(action="connection.made_default").count() == 1
