"""What came back in the stories: answers of readers, refusals that are about the sender, and a provider's reports of
which some fit nothing. All of it comes in by the doors that real mails and reports take, and says that it is made up.
"""

import datetime
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any
from uuid import UUID, uuid5

import orjson
from django.utils import timezone

from core.accounts.models import Organization, User
from core.common.tenancy import all_organizations
from core.delivery.bounces import BounceClass
from core.delivery.models import Connection, Message
from core.delivery.models.connections import ConnectionKind
from core.delivery.return_addresses import reply_address
from core.delivery.transports.sendgrid import MESSAGE_ARGUMENT
from core.tracking.alerts import alert_acknowledge
from core.tracking.arrivals import Arrival
from core.tracking.choices import DeadReason, EventType, WebhookKind
from core.tracking.intake import take
from core.tracking.models import DeadEvent, SendingAlert, WebhookEndpoint
from core.tracking.webhooks.reading import read_waiting
from core.tracking.webhooks.services import post_keep

_MADE_UP = "(Demo data: nobody wrote this.)"
_ANSWERS = (
    ("Dahlia season", "Which of the forty kinds was the dark red one at the entrance?", False),
    ("All Saints", "The chrysanthemums arrived a day early. All is well, they look lovely.", False),
    ("All Saints", "Please send to my new address from now on, I write it below:\nCalle Nueva 4, 3º B.", False),
    ("November letter", "Thank you for the tip about the fleece, my lemon tree will be grateful.", False),
    ("November letter", "I am away until Monday and answer then.", True),
    ("November letter", "Do you plant balconies as well? Ours looks north.\n\nCould you call?", False),
)
"""Campaign, text, and whether a program wrote it, in the order in which they came."""
_REFUSED = "550 5.7.26 Unauthenticated mail from this domain is not accepted (demo data)"
_REFUSED_MAILS = 11
_ACKNOWLEDGED_AFTER = datetime.timedelta(days=14)
_STRANGE = UUID("019a0000-0000-7000-8000-000000000000")
"""The names of mails that nobody sent are made of this."""
_REPORTS_A_POST = 1_000
_ENDPOINT_NAME = "SendGrid (demo)"


def answers_story(organization: Organization) -> None:
    """Readers' replies, once. They come to the client's endpoint for mails that come back."""
    if WebhookEndpoint.objects.filter(kind=WebhookKind.INBOUND_SIGNED).exists():
        return
    endpoint = WebhookEndpoint.objects.create(
        organization=organization,
        connection=Connection.objects.get(is_default=True),
        kind=WebhookKind.INBOUND_SIGNED,
        secret="made up, for the demo",  # noqa: S106 - opens nothing: the demo's address is not reachable
    )
    for mail in _mails(f"reply.{organization.slug}.example"):
        post_keep(endpoint=endpoint, body=mail, signed_at=timezone.now(), content_type="message/rfc822")
    _read()


def refusals_story(organization: Organization, user: User) -> None:
    """Servers refused part of the last mailing for how it was signed: an alert, and older ones somebody has seen."""
    if SendingAlert.objects.filter(kind=BounceClass.AUTH).exists():
        return
    mails = Message.objects.filter(
        campaign__name="Beacon webinar", accepted_at__isnull=False, opened_at=None, bounce_class=""
    )
    take(
        [_refusal(pk, at) for pk, at in mails.values_list("pk", "accepted_at")[:_REFUSED_MAILS] if at],
        organization_id=organization.pk,
    )
    seen_until = timezone.now().date() - _ACKNOWLEDGED_AFTER
    for alert_id in SendingAlert.objects.filter(day__lt=seen_until).values_list("pk", flat=True):
        alert_acknowledge(alert_id=alert_id, user=user)


def reports_story(organization: Organization) -> None:
    """A provider's reports, once: most fit, some are set aside, and one of these would fit by now."""
    if Connection.objects.filter(name=_ENDPOINT_NAME).exists():
        return
    connection = Connection.objects.create(
        organization=organization,
        name=_ENDPOINT_NAME,
        kind=ConnectionKind.SENDGRID,
        password="made up",  # noqa: S106 - opens nothing
    )
    endpoint = WebhookEndpoint.objects.create(organization=organization, connection=connection, key="made up (demo)")
    arrived = Message.objects.filter(accepted_at__isnull=False, bounce_class="").order_by("id")
    early, *reports = [_report("delivered", pk, at) for pk, at in arrived.values_list("pk", "accepted_at") if at]
    reports.append(_report("bounce", "not a mail's id (demo data)", timezone.now()))
    for start in range(0, len(reports), _REPORTS_A_POST):
        body = orjson.dumps(reports[start : start + _REPORTS_A_POST])
        post_keep(endpoint=endpoint, body=body, signed_at=timezone.now())
    _read()
    for number in range(3):
        strange = _report("delivered", uuid5(_STRANGE, str(number)), timezone.now())
        _set_aside(endpoint, strange, "Made up, for the demo.")
    _set_aside(endpoint, early, "It came before its mail was known (demo data).")


def _mails(host: str) -> Iterator[bytes]:
    taken: set[UUID] = set()
    for number, (name, text, is_program) in enumerate(_ANSWERS):
        opened = Message.objects.filter(campaign__name=name, opened_at__isnull=False).exclude(pk__in=taken)
        message = opened.select_related("contact", "campaign").order_by("opened_at", "id")[number]
        taken.add(message.pk)
        yield _mail(message, host, text, is_program=is_program)


def _mail(message: Message, host: str, text: str, *, is_program: bool) -> bytes:
    assert message.opened_at is not None
    mail = EmailMessage(policy=SMTP)
    mail["From"] = f"{message.contact.first_name} {message.contact.last_name} <{message.contact.email}>"
    mail["To"] = reply_address(message.pk, host)
    mail["Subject"] = f"{'Automatic reply' if is_program else 'Re'}: {message.campaign.name}"
    mail["Date"] = format_datetime(message.opened_at + datetime.timedelta(minutes=7))
    mail["Message-ID"] = f"<{message.pk.hex}.answer@{host}>"
    mail.set_content(f"{text}\n\n{_MADE_UP}\n")
    return mail.as_bytes()


def _refusal(message_id: UUID, accepted_at: datetime.datetime) -> Arrival:
    return Arrival(
        message_id=message_id,
        type=EventType.BOUNCED,
        event_key=f"demo:refused:{message_id.hex}",
        occurred_at=accepted_at + datetime.timedelta(minutes=3),
        bounce_class=BounceClass.AUTH,
        seen={"words": _REFUSED},
    )


def _report(event: str, message_id: UUID | str, at: datetime.datetime) -> dict[str, Any]:
    name = message_id.hex if isinstance(message_id, UUID) else message_id
    return {
        "event": event,
        "email": "somebody@people.example",
        "timestamp": int(at.timestamp()) + 20,
        "sg_event_id": f"demo-{name}",
        "response": "250 OK (demo data)",
        MESSAGE_ARGUMENT: name,
    }


def _set_aside(endpoint: WebhookEndpoint, event: dict[str, Any], words: str) -> None:
    """A report of a mail that this client is not known to have sent."""
    event.pop("email")
    DeadEvent.objects.create(
        organization_id=endpoint.organization_id,
        endpoint=endpoint,
        event_key=f"sg:{event['sg_event_id']}",
        reason=DeadReason.NOT_OURS,
        words=words,
        event=event,
    )


def _read() -> None:
    with all_organizations(reason="the demo does the worker's job"):
        read_waiting()
