"""Sending the links by which clients approve. Requests are handed over by rows: `campaigns.approvals` makes them due.

One mail to one person whom a colleague named: it goes out over the client's default connection, counts against no plan
and is not tracked. Answers go to the person who asked. What a refusal means is as with confirmations of signups.
"""

import datetime
import logging
import zoneinfo
from collections import Counter
from uuid import UUID

from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.formats import date_format

from core.accounts.models import Organization
from core.accounts.public_pages.frame import brand_colors
from core.campaigns.approvals.links import approval_url
from core.campaigns.approvals.mails import (
    approval_mail_failed,
    approval_mailed,
    approval_mails_claim,
    approval_mails_due,
    approval_mails_postpone,
)
from core.campaigns.approvals.wording import Wording, wording_in
from core.campaigns.models import Approval
from core.delivery.models import Connection
from core.delivery.retry_policy import retry_delay_seconds
from core.delivery.services import connection_paused
from core.delivery.transactional import LEASE, NEXT_TRY, NO_ANSWER, confirmation_problem
from core.delivery.transports.base import MailContent, Outcome, OutcomeKind, Recipient
from core.delivery.transports.errors import ConnectionProblem, TransportError
from core.delivery.transports.registry import transports
from core.domains.queries import signing_key
from core.email_templates.merge_tags import MergeTemplate

logger = logging.getLogger(__name__)

AT_ONCE = 5
MOST_A_RUN = 100
_HEADERS: dict[str, MergeTemplate | str] = {
    "Auto-Submitted": "auto-generated",  # RFC 3834: no vacation notice answers it
    "X-Auto-Response-Suppress": "All",  # the same for Exchange
}


def due_approval_clients() -> list[UUID]:
    """Clients with links to send and a connection that can carry them. Needs the scope of all organizations."""
    found = Organization.objects.filter(pk__in=approval_mails_due())
    return [organization.pk for organization in found if not confirmation_problem(organization)]


def send_approval_mails(*, organization_id: UUID) -> Counter[str]:
    """Send what is due of one client, in its scope; how many of each outcome. Safe to run twice, also at once."""
    tally: Counter[str] = Counter()
    organization = Organization.objects.get(pk=organization_id)
    while tally.total() < MOST_A_RUN and not confirmation_problem(organization):
        asked = approval_mails_claim(organization_id=organization_id, limit=AT_ONCE, lease=LEASE)
        if not asked:
            break
        for approval in asked:
            tally[_send(organization, approval)] += 1
    return tally


def _send(organization: Organization, approval: Approval) -> str:
    connection = Connection.objects.get(organization_id=organization.pk, is_default=True)
    transport = transports.get(connection.pk, connection.updated_at)
    recipient = Recipient(approval.pk, approval.approver_email, approval.approver_name, {}, in_ledger=False)
    try:
        (answer,) = transport.send(approval_mail(organization, approval), [recipient])
    except TransportError as problem:
        logger.warning("A link for approval of %s stands still (%s).", organization.pk, problem.code)
        if isinstance(problem, ConnectionProblem):
            transports.forget(connection.pk)
            connection_paused(connection=connection, problem=str(problem))
        due_at = timezone.now() + NEXT_TRY
        approval_mails_postpone(approval_ids=[approval.pk], problem=str(problem), due_at=due_at)
        return "postponed"
    _write(approval, answer)
    return answer.kind.value


def _write(approval: Approval, answer: Outcome) -> None:
    """What the provider said, as the state of the mail."""
    words = f"{answer.code} {answer.words}".strip()
    if answer.kind is OutcomeKind.ACCEPTED:
        approval_mailed(approval_id=approval.pk)
    elif answer.kind is OutcomeKind.UNKNOWN:
        approval_mailed(approval_id=approval.pk, problem=NO_ANSWER)
    elif answer.kind is OutcomeKind.FAILED:
        approval_mail_failed(approval_id=approval.pk, problem=words)
    else:
        delay = retry_delay_seconds(attempts=approval.mail_attempts, retry_after_seconds=answer.retry_after_seconds)
        due_at = timezone.now() + datetime.timedelta(seconds=delay) if delay is not None else None
        approval_mail_failed(approval_id=approval.pk, problem=words, due_at=due_at)


def approval_mail(client: Organization, approval: Approval) -> MailContent:
    """The mail with the link, in the client's brand and the approver's language."""
    words = _words(client, approval)
    color, text_color = brand_colors(client)
    context = {
        "words": words,
        "client": client,
        "color": color,
        "text_color": text_color,
        "note": approval.note,
        "link": approval_url(approval),
    }
    subject = words.mail_reminder if approval.reminded_at else words.mail_subject
    return MailContent(
        subject=MergeTemplate((subject,)),
        html=MergeTemplate((render_to_string("delivery/approval.html", context),)),
        text=MergeTemplate((render_to_string("delivery/approval.txt", context),)),
        from_name=str(approval.asked_by) if approval.asked_by else client.name,
        from_email=client.default_from_email,
        reply_to=approval.asked_by.email if approval.asked_by else "",
        message_id_domain=client.default_from_email.rpartition("@")[2],
        headers=_HEADERS,
        dkim=signing_key(client.pk, client.default_from_email),
    )


def _words(client: Organization, approval: Approval) -> Wording:
    assert approval.expires_at is not None
    words = wording_in(approval.language)
    words = words.for_correction() if approval.revision else words
    with translation.override(words.language):
        date = date_format(approval.expires_at.astimezone(zoneinfo.ZoneInfo(client.time_zone)), words.date_format)
    asker = str(approval.asked_by) if approval.asked_by else client.name
    return words.filled(client=client.name, asker=asker, campaign=approval.campaign.name, date=date)
