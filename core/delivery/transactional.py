"""Sending the confirmation mails that are due. Requests are handed over by rows: `contacts` makes them due, and claims,
outcomes and doubts are written by core.contacts.services.signups.

A confirmation is one mail that one person has just asked for: it goes out over the client's default connection, counts
against no plan and is not tracked. What a refusal means is as with campaigns: for now → again later with backoff, for
good → failed with the provider's words, of us as a sender → the connection is paused and the mails wait. When a server
took the whole mail and did not answer, the mail counts as sent: the person can ask again.
"""

import datetime
import logging
from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from django.utils import timezone

from core.accounts.models import Organization
from core.contacts.address_standing import address_refusals
from core.contacts.choices import SignupState
from core.contacts.models import SignupForm, SignupRequest
from core.contacts.services.signups import (
    signup_mail_outcome,
    signup_requests_claim,
    signup_requests_postpone,
)
from core.delivery.confirmation_mail import confirmation_content, confirmation_recipient
from core.delivery.models import Connection
from core.delivery.retry_policy import retry_delay_seconds
from core.delivery.services import connection_paused
from core.delivery.transports.base import Outcome, OutcomeKind
from core.delivery.transports.errors import ConnectionProblem, TransportError
from core.delivery.transports.registry import transports

logger = logging.getLogger(__name__)

AT_ONCE = 10
"""Requests in one worker's hands: what its death leaves to be sent once more."""
LEASE = datetime.timedelta(minutes=20)
"""Longer than the slowest call lasts (SmtpSettings: about a quarter of an hour)."""
MOST_A_RUN = 500
NEXT_TRY = datetime.timedelta(minutes=10)
NO_ANSWER = "The mail server did not say whether it took the mail."


def due_organizations() -> list[UUID]:
    """Clients with confirmations to send and a connection that can carry them. Needs the scope of all organizations."""
    due = SignupRequest.objects.filter(state=SignupState.WAITING, due_at__lte=timezone.now())
    ids = due.order_by().values_list("organization_id", flat=True).distinct()
    return [organization.pk for organization in Organization.objects.filter(pk__in=ids) if _may_send(organization)]


def confirmation_problem(organization: Organization) -> str:
    """What keeps this client's confirmation mails from leaving, in words for staff; "" when nothing does."""
    connection = Connection.objects.filter(organization_id=organization.pk, is_default=True).first()
    if connection is None:
        return "No confirmation mail can be sent: this client has no connection yet. Add one under Connections."
    if connection.paused_at is not None:
        return (
            f"No confirmation mail is sent at the moment: the connection {connection} is paused "
            f"({connection.problem or 'no reason was given'}). Test it under Connections."
        )
    if not organization.default_from_email:
        return "No confirmation mail can be sent: write a sender address under Settings and brand."
    return ""


def _may_send(organization: Organization) -> bool:
    return not confirmation_problem(organization)


def send_confirmations(*, organization_id: UUID) -> Counter[str]:
    """Send what is due of one client, in its scope; how many of each outcome. Safe to run twice, also at once."""
    tally: Counter[str] = Counter()
    organization = Organization.objects.get(pk=organization_id)
    while tally.total() < MOST_A_RUN and _may_send(organization):
        requests = signup_requests_claim(organization_id=organization_id, limit=AT_ONCE, lease=LEASE)
        if not requests:
            break
        tally += _send(organization, requests)
    return tally


def _send(organization: Organization, requests: list[SignupRequest]) -> Counter[str]:
    refusals = address_refusals(organization_id=organization.pk, email_keys=[request.email_key for request in requests])
    tally: Counter[str] = Counter()
    for request in requests:
        if request.email_key in refusals:
            problem = f"No mail was sent. {refusals[request.email_key]}"
            signup_mail_outcome(request_id=request.pk, state=SignupState.FAILED, problem=problem)
            tally["refused"] += 1
    open_requests = [request for request in requests if request.email_key not in refusals]
    for form, of_form in _by_form(open_requests):
        form.organization = organization
        tally += _send_form(organization, form, of_form)
    return tally


def _by_form(requests: Iterable[SignupRequest]) -> Iterable[tuple[SignupForm, list[SignupRequest]]]:
    forms = {request.form_id: request.form for request in requests}
    return [(form, [request for request in requests if request.form_id == pk]) for pk, form in forms.items()]


def _send_form(organization: Organization, form: SignupForm, requests: list[SignupRequest]) -> Counter[str]:
    """The mails of one form in one call."""
    connection = Connection.objects.get(organization_id=organization.pk, is_default=True)
    transport = transports.get(connection.pk, connection.updated_at)
    try:
        answers = transport.send(confirmation_content(form), [confirmation_recipient(request) for request in requests])
    except TransportError as problem:
        _stand_still(connection, requests, problem)
        return Counter(postponed=len(requests))
    for request, answer in zip(requests, answers, strict=True):
        _write(request, answer)
    return Counter(answer.kind.value for answer in answers)


def _stand_still(connection: Connection, requests: list[SignupRequest], problem: TransportError) -> None:
    """Nothing was sent. A connection that refuses us is paused; requests wait, and nobody is charged with it."""
    logger.warning("Confirmations of %s stand still (%s).", connection.organization_id, problem.code)
    if isinstance(problem, ConnectionProblem):
        transports.forget(connection.pk)
        connection_paused(connection=connection, problem=str(problem))
    signup_requests_postpone(
        request_ids=[request.pk for request in requests], problem=str(problem), due_at=timezone.now() + NEXT_TRY
    )


def _write(request: SignupRequest, answer: Outcome) -> None:
    """What the provider said, as the state of the request."""
    words = f"{answer.code} {answer.words}".strip()
    if answer.kind is OutcomeKind.ACCEPTED:
        signup_mail_outcome(request_id=request.pk, state=SignupState.SENT)
    elif answer.kind is OutcomeKind.UNKNOWN:
        signup_mail_outcome(request_id=request.pk, state=SignupState.SENT, problem=NO_ANSWER)
    elif answer.kind is OutcomeKind.FAILED:
        signup_mail_outcome(request_id=request.pk, state=SignupState.FAILED, problem=words)
    else:
        _write_retry(request, answer, words)


def _write_retry(request: SignupRequest, answer: Outcome, words: str) -> None:
    delay = retry_delay_seconds(attempts=request.attempts, retry_after_seconds=answer.retry_after_seconds)
    if delay is None:
        problem = f"Tried {request.attempts} times. {words}"
        signup_mail_outcome(request_id=request.pk, state=SignupState.FAILED, problem=problem)
        return
    due_at = timezone.now() + datetime.timedelta(seconds=delay)
    signup_mail_outcome(request_id=request.pk, state=SignupState.WAITING, problem=words, due_at=due_at)
