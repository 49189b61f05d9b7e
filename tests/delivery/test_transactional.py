"""Confirmation mails of signups: what leaves, what waits, what fails, and what a killed worker leaves behind."""

import datetime
import re
from collections.abc import Iterator

import pytest
from django.utils import timezone

from core.accounts.models import Organization
from core.common.tenancy import all_organizations, organization_scope
from core.contacts.choices import ContactStatus, SignupState, SuppressionKind, SuppressionReason
from core.contacts.models import AgencySuppression, SignupForm, SignupRequest, Suppression
from core.contacts.services.signups import (
    BEING_SENT,
    signup_mail_outcome,
    signup_requests_claim,
    signup_resend,
)
from core.contacts.suppression_keys import suppression_key
from core.delivery import retry_policy
from core.delivery.models import Connection, SandboxMail
from core.delivery.models.connections import ConnectionKind, SmtpSecurity
from core.delivery.tasks import find_confirmations, send_due_confirmations
from core.delivery.transactional import LEASE, confirmation_problem, due_organizations, send_confirmations
from core.delivery.transports.registry import transports
from tests.contacts import visitors
from tests.contacts.visitors import ask, requests
from tests.support import factories
from tests.support.mail_asserts import assert_well_formed, parsed, parts_of
from tests.support.smtp_server import Faults, SmtpServer

ANA = "ana.ruiz@people.example"


@pytest.fixture
def form(florist: Organization) -> SignupForm:
    with organization_scope(florist):
        return visitors.make_form(florist)


@pytest.fixture
def over_smtp(florist: Organization, smtp: SmtpServer) -> Iterator[Connection]:
    """The florist's mail goes to the loopback server."""
    with organization_scope(florist):
        connection = Connection.objects.get()
        connection.kind, connection.host, connection.port = ConnectionKind.SMTP, smtp.host, smtp.port
        connection.security = SmtpSecurity.NONE
        connection.save()
    yield connection
    transports.close()


def send(organization: Organization) -> dict[str, int]:
    with organization_scope(organization):
        return dict(send_confirmations(organization_id=organization.pk))


def make_due() -> None:
    with all_organizations(reason="test"):
        SignupRequest.objects.filter(state=SignupState.WAITING).update(due_at=timezone.now())


def test_request_is_sent_once_in_the_clients_brand(
    form: SignupForm, florist: Organization, over_smtp: Connection, smtp: SmtpServer
) -> None:
    ask(form, ANA)
    assert send(florist) == {"accepted": 1}
    assert send(florist) == {}
    (mail,) = smtp.accepted
    assert mail.recipients == (ANA,) and mail.sender == "hello@florist.example"
    assert_well_formed(mail.raw)
    message = parsed(mail.raw)
    text, html = parts_of(message)
    assert message["Subject"] == "Please confirm your subscription to Florist"
    assert message["Auto-Submitted"] == "auto-generated" and message["List-Unsubscribe"] is None
    assert "1 Florist Street" in text and "1 Florist Street" in html
    links = set(re.findall(r"http://127\.0\.0\.1:8000/[^\s\"<]+", text + html))
    assert len(links) == 1 and "/confirm/" in links.pop()
    assert "/o/" not in html and "<img" not in html
    (request,) = requests()
    assert (request.state, request.due_at, request.problem, request.attempts) == (SignupState.SENT, None, "", 1)


def test_link_of_the_mail_confirms(
    form: SignupForm, florist: Organization, over_smtp: Connection, smtp: SmtpServer
) -> None:
    ask(form, ANA)
    send(florist)
    text, _html = parts_of(parsed(smtp.accepted[0].raw))
    found = re.search(r"/confirm/\S+", text)
    assert found
    assert "You are subscribed" in visitors.page(visitors.visitor().post(found[0], {"confirm": "yes"}))


def test_mail_of_a_spanish_form_is_spanish_and_takes_no_merge_tags_from_the_clients_words(
    florist: Organization, over_smtp: Connection, smtp: SmtpServer
) -> None:
    with organization_scope(florist):
        florist.name = "Flor & {{ contact.email }} <Nube>"
        florist.save()
        form = visitors.make_form(florist, language="es", title="Noticias <b>")
    ask(form, ANA)
    assert send(florist) == {"accepted": 1}
    message = parsed(smtp.accepted[0].raw)
    text, html = parts_of(message)
    assert message["Subject"] == "Confirme su suscripción a Flor & {{ contact.email }} <Nube>"
    assert "Ha pedido suscribirse a «Noticias <b>» de Flor & {{ contact.email }} <Nube>" in text
    assert "Noticias &lt;b&gt;" in html and "<Nube>" not in html and '<html lang="es">' in html


def test_request_of_a_sandbox_client_is_kept_in_its_inbox(form: SignupForm, florist: Organization) -> None:
    ask(form, ANA)
    assert send(florist) == {"accepted": 1}
    with organization_scope(florist):
        mail = SandboxMail.objects.get()
    assert (mail.recipient, mail.message_id) == (ANA, None)


@pytest.mark.parametrize("case", ["hand", "domain", "agency", "complained"])
def test_address_that_somebody_blocked_gets_no_mail(
    form: SignupForm, florist: Organization, over_smtp: Connection, smtp: SmtpServer, case: str
) -> None:
    with organization_scope(florist):
        if case == "hand":
            key = suppression_key(SuppressionKind.ADDRESS, ANA)
            Suppression.objects.create(organization=florist, key=key, reason=SuppressionReason.MANUAL)
        elif case == "domain":
            key = suppression_key(SuppressionKind.DOMAIN, "people.example")
            Suppression.objects.create(organization=florist, key=key, kind=SuppressionKind.DOMAIN)
        elif case == "agency":
            AgencySuppression.objects.create(key=suppression_key(SuppressionKind.ADDRESS, ANA))
        else:
            factories.make_contact(florist, ANA, status=ContactStatus.COMPLAINED)
    ask(form, ANA)
    ask(form, "free@elsewhere.example")
    assert send(florist) == {"refused": 1, "accepted": 1}
    assert [mail.recipients for mail in smtp.accepted] == [("free@elsewhere.example",)]
    blocked, free = requests()
    assert (blocked.state, free.state) == (SignupState.FAILED, SignupState.SENT)
    assert blocked.problem.startswith("No mail was sent.")


@pytest.mark.parametrize("reason", [SuppressionReason.UNSUBSCRIBED, SuppressionReason.BOUNCED])
def test_own_unsubscription_or_a_bounce_does_not_keep_the_mail_back(
    form: SignupForm, florist: Organization, over_smtp: Connection, reason: SuppressionReason
) -> None:
    with organization_scope(florist):
        Suppression.objects.create(
            organization=florist, key=suppression_key(SuppressionKind.ADDRESS, ANA), reason=reason
        )
    ask(form, ANA)
    assert send(florist) == {"accepted": 1}


def test_refusal_for_now_waits_and_is_tried_again(
    form: SignupForm, florist: Organization, over_smtp: Connection, smtp: SmtpServer
) -> None:
    smtp.faults = Faults(refuse_recipients={"*": "450 4.2.1 Mailbox busy"})
    ask(form, ANA)
    assert send(florist) == {"retry": 1}
    (request,) = requests()
    assert request.state == SignupState.WAITING and "Mailbox busy" in request.problem
    assert request.due_at > timezone.now()
    assert send(florist) == {}
    smtp.faults = Faults()
    make_due()
    assert send(florist) == {"accepted": 1}
    assert requests()[0].attempts == 2 and len(smtp.accepted) == 1


def test_refusal_for_good_fails_with_the_providers_words(
    form: SignupForm, florist: Organization, over_smtp: Connection, smtp: SmtpServer
) -> None:
    smtp.faults = Faults(refuse_recipients={"*": "550 5.1.1 No such user here"})
    ask(form, ANA)
    assert send(florist) == {"failed": 1}
    (request,) = requests()
    assert (request.state, request.due_at) == (SignupState.FAILED, None)
    assert "No such user here" in request.problem


def test_refusals_for_now_end_after_the_last_attempt(
    form: SignupForm,
    florist: Organization,
    over_smtp: Connection,
    smtp: SmtpServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retry_policy, "MAX_ATTEMPTS", 2)
    smtp.faults = Faults(refuse_recipients={"*": "450 4.2.1 Mailbox busy"})
    ask(form, ANA)
    send(florist)
    make_due()
    send(florist)
    assert requests()[0].state == SignupState.FAILED and "Tried 2 times." in requests()[0].problem


def test_mail_that_may_have_been_taken_is_not_sent_twice(
    form: SignupForm, florist: Organization, over_smtp: Connection, smtp: SmtpServer
) -> None:
    smtp.faults = Faults(drop_taken="*")
    ask(form, ANA)
    assert send(florist) == {"unknown": 1}
    smtp.faults = Faults()
    assert send(florist) == {}
    assert requests()[0].state == SignupState.SENT and "did not say" in requests()[0].problem


def test_connection_that_refuses_us_is_paused_and_requests_wait(
    form: SignupForm, florist: Organization, over_smtp: Connection, smtp: SmtpServer
) -> None:
    smtp.faults = Faults(refuse_sender="550 5.7.1 Sender not allowed")
    ask(form, ANA)
    assert send(florist) == {"postponed": 1}
    (request,) = requests()
    assert (request.state, request.attempts) == (SignupState.WAITING, 0)
    assert "Sender not allowed" in request.problem
    with organization_scope(florist):
        assert Connection.objects.get().paused_at is not None
        assert "is paused" in confirmation_problem(florist)
    make_due()
    assert send(florist) == {}


@pytest.mark.parametrize("missing", ["connection", "sender"])
def test_client_that_cannot_send_keeps_its_requests_waiting(
    form: SignupForm, florist: Organization, missing: str
) -> None:
    with organization_scope(florist):
        if missing == "connection":
            Connection.objects.update(is_default=False)
        else:
            Organization.objects.update(default_from_email="")
        florist.refresh_from_db()
        assert confirmation_problem(florist).startswith("No confirmation mail can be sent")
    ask(form, ANA)
    assert send(florist) == {}
    assert requests()[0].state == SignupState.WAITING and requests()[0].attempts == 0
    with all_organizations(reason="test"):
        assert due_organizations() == []


def test_worker_killed_before_the_outcome_costs_one_more_mail_at_most(
    form: SignupForm, florist: Organization, over_smtp: Connection, smtp: SmtpServer
) -> None:
    """The claim commits before the call; a kill is a claim without an outcome."""
    ask(form, ANA)
    with organization_scope(florist):
        (held,) = signup_requests_claim(organization_id=florist.pk, limit=10, lease=LEASE)
        assert held.problem == BEING_SENT
        assert signup_requests_claim(organization_id=florist.pk, limit=10, lease=LEASE) == []
    make_due()
    with organization_scope(florist):
        assert len(signup_requests_claim(organization_id=florist.pk, limit=10, lease=LEASE)) == 1
    make_due()
    assert send(florist) == {}
    (request,) = requests()
    assert (request.state, request.due_at) == (SignupState.FAILED, None) and "Two attempts" in request.problem
    assert smtp.accepted == []


def test_worker_killed_once_leaves_a_request_that_is_sent(
    form: SignupForm, florist: Organization, over_smtp: Connection, smtp: SmtpServer
) -> None:
    ask(form, ANA)
    with organization_scope(florist):
        signup_requests_claim(organization_id=florist.pk, limit=10, lease=LEASE)
    assert send(florist) == {}
    make_due()
    assert send(florist) == {"accepted": 1}
    assert requests()[0].state == SignupState.SENT


def test_outcome_after_the_person_confirmed_changes_nothing(form: SignupForm, florist: Organization) -> None:
    ask(form, ANA)
    with organization_scope(florist):
        (held,) = signup_requests_claim(organization_id=florist.pk, limit=10, lease=LEASE)
    visitors.confirm(requests()[0])
    with organization_scope(florist):
        assert not signup_mail_outcome(request_id=held.pk, state=SignupState.FAILED, problem="late")
    assert requests()[0].state == SignupState.CONFIRMED


def test_resend_by_staff_goes_out(
    form: SignupForm, florist: Organization, over_smtp: Connection, smtp: SmtpServer
) -> None:
    ask(form, ANA)
    send(florist)
    with organization_scope(florist):
        assert signup_resend(request_id=requests()[0].pk)
    assert send(florist) == {"accepted": 1}
    assert len(smtp.accepted) == 2


def test_job_finds_the_clients_with_due_mails(form: SignupForm, florist: Organization, museum: Organization) -> None:
    ask(form, ANA)
    with all_organizations(reason="test"):
        assert due_organizations() == [florist.pk]
    assert find_confirmations.apply().get() == {"clients": 1}
    assert send_due_confirmations.apply(kwargs={"organization_id": str(museum.pk)}).get() == {}
    assert send_due_confirmations.apply(kwargs={"organization_id": str(florist.pk)}).get() == {"accepted": 1}


def test_many_requests_go_out_over_one_connection(
    form: SignupForm, florist: Organization, over_smtp: Connection, smtp: SmtpServer
) -> None:
    with organization_scope(florist):
        now = timezone.now() - datetime.timedelta(seconds=1)
        SignupRequest.objects.bulk_create(
            SignupRequest(
                organization=florist,
                form=form,
                email=f"p{number}@people.example",
                email_key=f"p{number}@people.example",
                consent_text="Yes",
                due_at=now,
            )
            for number in range(25)
        )
    assert send(florist) == {"accepted": 25}
    assert len(smtp.accepted) == 25 and smtp.connections == 1
