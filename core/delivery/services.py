"""What people decide about mails and connections."""

import logging
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from core.accounts import audit
from core.campaigns.models import Campaign
from core.campaigns.services import campaign_halted
from core.campaigns.states import CampaignStatus, PauseReason
from core.common.errors import DomainError
from core.common.tasks import wake
from core.delivery import outcomes
from core.delivery.batches import new_batch
from core.delivery.errors import CampaignCalledOff, ConnectionNotWorking, NoConnection, NotUnresolved
from core.delivery.models import Connection, DeliveryBatch, Message
from core.delivery.models.connections import ConnectionKind
from core.delivery.outcomes import Move
from core.delivery.states import BatchState, SendState
from core.delivery.transports.anymail import key_problem
from core.delivery.transports.errors import ConnectionProblem
from core.delivery.transports.registry import account_of, anymail_settings, sendgrid_settings, smtp_settings
from core.delivery.transports.sendgrid import missing_right
from core.delivery.transports.smtp_session import SessionLost, SmtpSession

logger = logging.getLogger(__name__)


@transaction.atomic
def message_send_again(*, message_id: UUID) -> Message:
    """Send a mail of unknown outcome once more, because a person says so; it goes out in a batch of its own.

    Raises NotUnresolved when somebody decided before, CampaignCalledOff, NoConnection when nothing can carry it.
    """
    message = _message(message_id)
    if message.campaign.status in outcomes.CALLED_OFF:
        raise CampaignCalledOff(f"“{message.campaign}” was cancelled, so nothing of it is sent any more.")
    batch_id = new_batch(
        organization_id=message.organization_id,
        campaign_id=message.campaign_id,
        connection_id=_connection_for(message).pk,
        variant=message.batch.variant if message.batch else 0,
    )
    move = Move(message.pk, SendState.READY, resends=1, batch_id=batch_id)
    _decide(message, move, action="message.sent_again")
    wake("delivery.sweep")
    return message


@transaction.atomic
def message_mark_sent(*, message_id: UUID) -> Message:
    """Say of a mail of unknown outcome that it arrived. Raises NotUnresolved when somebody decided before."""
    message = _message(message_id)
    _decide(message, Move(message.pk, SendState.ACCEPTED, words=""), action="message.marked_sent")
    return message


@transaction.atomic
def connection_paused(*, connection: Connection, problem: str) -> int:
    """Stop a connection that the provider refuses, and every campaign that goes out over it; how many campaigns.

    Nobody is charged with it: their mails wait.
    """
    problem = problem[:500]
    changed = Connection.objects.filter(pk=connection.pk, paused_at=None).update(
        paused_at=timezone.now(), problem=problem
    )
    if changed:
        audit.record(action="connection.paused", obj=connection, changes={"problem": ["", problem]})
    open_batches = DeliveryBatch.objects.filter(connection=connection).exclude(state=BatchState.SETTLED)
    campaigns = Campaign.objects.filter(
        status=CampaignStatus.SENDING, pk__in=open_batches.values_list("campaign_id", flat=True).distinct()
    )
    return sum(_halted(campaign, problem) for campaign in campaigns)


def connection_test(*, connection: Connection) -> None:
    """Log in to the provider as a campaign would; on success a paused connection may be used again.

    Sends no mail. Takes as long as the server does. Raises ConnectionNotWorking with the provider's words.
    """
    kind = account_of(connection).kind
    if kind == ConnectionKind.SMTP:
        _log_in(connection)
    elif kind == ConnectionKind.SENDGRID:
        _check_key(connection)
    elif kind == ConnectionKind.ANYMAIL and (words := key_problem(anymail_settings(connection))):
        raise ConnectionNotWorking(f"The provider did not let us in: {words}", words=words)
    with transaction.atomic():
        resumed = Connection.objects.filter(pk=connection.pk, paused_at__isnull=False).update(
            paused_at=None, problem=""
        )
        if resumed:
            audit.record(action="connection.resumed", obj=connection, changes={"problem": [connection.problem, ""]})


@transaction.atomic
def connection_make_default(*, connection: Connection) -> None:
    """Let this connection carry the client's campaigns from now on. What is in batches already goes the old way."""
    others = Connection.objects.select_for_update().filter(organization_id=connection.organization_id, is_default=True)
    before = next((other for other in others if other.pk != connection.pk), None)
    if before is not None:
        Connection.objects.filter(pk=before.pk).update(is_default=False)
    if Connection.objects.filter(pk=connection.pk, is_default=False).update(is_default=True):
        changes = {"used for campaigns": [str(before or ""), str(connection)]}
        audit.record(action="connection.made_default", obj=connection, changes=changes)


def _message(message_id: UUID) -> Message:
    return Message.objects.select_related("campaign", "contact", "batch").get(pk=message_id)


def _decide(message: Message, move: Move, *, action: str) -> None:
    """Move an unresolved mail; of two decisions at once the second finds it decided."""
    if message.send_state != SendState.UNRESOLVED:
        raise _decided_before(message)
    moved = outcomes.write(organization_id=message.organization_id, campaign_id=message.campaign_id, moves=[move])
    if not moved:
        raise _decided_before(message)
    audit.record(action=action, obj=message, changes={"send_state": [SendState.UNRESOLVED.value, move.to.value]})
    message.send_state = move.to


def _decided_before(message: Message) -> NotUnresolved:
    current = Message.objects.get(pk=message.pk)
    return NotUnresolved(
        f"“{message}” is {current.get_send_state_display().lower()}, so there is nothing to decide any more.",
        message_id=message.pk,
    )


def _connection_for(message: Message) -> Connection:
    if message.batch is not None:
        return message.batch.connection
    default = Connection.objects.filter(organization_id=message.organization_id, is_default=True).first()
    if default is None:
        raise NoConnection("No connection is used for campaigns of this client. Choose one under Connections.")
    return default


def _halted(campaign: Campaign, problem: str) -> bool:
    try:
        campaign_halted(campaign_id=campaign.pk, reason=PauseReason.CONNECTION, problem=problem)
    except DomainError as error:
        logger.info("Campaign %s was not paused: %s", campaign.pk, error)
        return False
    return True


def _log_in(connection: Connection) -> None:
    try:
        SmtpSession(smtp_settings(connection)).quit()
    except ConnectionProblem as problem:
        raise ConnectionNotWorking(str(problem), words=problem.fields["words"]) from problem
    except SessionLost as lost:
        raise ConnectionNotWorking(
            f"{account_of(connection).host} did not let us in: {lost.words or lost.code}. "
            "Check server, port and encryption.",
            words=lost.words,
        ) from lost


def _check_key(connection: Connection) -> None:
    if words := missing_right(sendgrid_settings(connection)):
        raise ConnectionNotWorking(f"SendGrid did not let us in: {words}", words=words)
