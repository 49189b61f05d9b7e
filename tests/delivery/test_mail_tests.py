"""Test sends: who can get them, what they say, what bounds them, and what the page shows."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from core.accounts.choices import Role
from core.accounts.models import AuditEvent, Organization, User
from core.common.tenancy import organization_scope
from core.delivery.errors import MailTestRefused
from core.delivery.mail_tests import (
    MOST_AN_HOUR,
    MOST_AT_ONCE,
    NOTE,
    Subject,
    mail_tests_ask,
    people_for_tests,
    send_mail_tests,
)
from core.delivery.models import Connection, MailTest, SandboxMail
from core.delivery.models.connections import ConnectionKind, SmtpSecurity
from core.delivery.models.mail_tests import MailTestState
from core.delivery.queries import parsed_mail
from core.delivery.transports.registry import transports
from core.subscriptions.choices import Metric
from core.subscriptions.usage import used
from tests.support import factories
from tests.support.smtp_server import Faults, SmtpServer

HTML = (
    "<p>{{ if contact.company }}At {{ contact.company }}{{ else }}Hello {{ contact.first_name }}{{ end }}</p>"
    '<a href="https://shop.example/a">Shop</a> <a href="{{ system.unsubscribe_url }}">Leave</a>'
)


@pytest.fixture
def ann(florist: Organization) -> User:
    return factories.make_user(Role.MANAGER, florist, full_name="Ann Lee", is_email_verified=True)


@pytest.fixture
def client(ann: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(ann)


@pytest.fixture
def subject(in_florist: Organization) -> Subject:
    template = factories.make_template(in_florist, html=HTML, subject="News for {{ contact.first_name }}")
    return Subject(in_florist, template=template)


@pytest.fixture
def over_smtp(in_florist: Organization, smtp: SmtpServer) -> Iterator[Connection]:
    connection = Connection.objects.get()
    connection.kind, connection.host, connection.port = ConnectionKind.SMTP, smtp.host, smtp.port
    connection.security = SmtpSecurity.NONE
    connection.save()
    yield connection
    transports.close()


def ask(subject: Subject, user: User, **arguments: object) -> list[MailTest]:
    return mail_tests_ask(subject=subject, user=user, **{"user_ids": [user.pk], **arguments})  # type: ignore[arg-type]


def sent(tests: list[MailTest]) -> list[MailTest]:
    send_mail_tests(organization_id=tests[0].organization_id, run=tests[0].run)
    return list(MailTest.objects.filter(run=tests[0].run).order_by("id"))


def test_people_are_active_verified_members_and_superusers(florist: Organization, museum: Organization) -> None:
    def member(name: str, organization: Organization = florist, **fields: object) -> User:
        return factories.make_user(Role.VIEWER, organization, full_name=name, **{"is_email_verified": True, **fields})

    member("B member"), member("C root", is_superuser=True)
    member("Unverified", is_email_verified=False), member("Gone", is_active=False), member("Elsewhere", museum)
    factories.make_user(full_name="A root", is_superuser=True, is_email_verified=True)
    with organization_scope(florist):
        assert [person.full_name for person in people_for_tests(florist.pk)] == ["A root", "B member", "C root"]


def test_send_test_puts_the_mail_with_inert_links_into_the_inbox(subject: Subject, ann: User) -> None:
    (test,) = sent(ask(subject, ann))

    assert (test.state, test.address, test.subject) == (MailTestState.SENT, ann.email, "[Test] News for Ada")
    assert test.words == "Kept in the sandbox" and test.done_at is not None
    mail = SandboxMail.objects.get()
    read = parsed_mail(bytes(mail.raw))
    assert mail.message_id is None and mail.subject == "[Test] News for Ada"
    assert "At Example Ltd" in read.html and NOTE in read.html and NOTE in read.text
    assert 'href="https://shop.example/a"' in read.html, "links lead straight to their targets"
    assert "?test-mail=unsubscribe" in read.html
    assert "/u/" not in read.html + read.text and "/c/" not in read.html and "/o/" not in read.html
    raw = bytes(mail.raw).decode()
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in raw and "Precedence: bulk" in raw


def test_send_test_of_a_campaign_as_a_contact(in_florist: Organization, subject: Subject, ann: User) -> None:
    contact = factories.make_contact(in_florist, "zoe@people.example", first_name="Zoe")
    campaign = factories.make_campaign(in_florist, template=subject.template, subject="For {{ contact.first_name }}")
    (test,) = sent(ask(Subject(in_florist, campaign=campaign), ann, contact_id=contact.pk))

    assert test.subject == "[Test] For Zoe"
    assert "Hello Zoe" in parsed_mail(bytes(SandboxMail.objects.get().raw)).html


def test_send_test_counts_against_no_plan_and_is_in_the_history(subject: Subject, ann: User) -> None:
    sent(ask(subject, ann))

    assert used(organization_id=subject.organization.pk, metric=Metric.EMAILS) == 0
    event = AuditEvent.objects.get(action="mailtest.asked")
    assert event.changes == {"test mail to": ["", "Ann Lee"]}


def test_send_test_twice_sends_once(subject: Subject, ann: User) -> None:
    tests = ask(subject, ann)
    sent(tests)
    sent(tests)

    assert SandboxMail.objects.count() == 1


def test_ask_for_somebody_who_may_not_get_tests_is_refused(subject: Subject, ann: User, museum: Organization) -> None:
    other = factories.make_user(Role.ADMIN, museum, is_email_verified=True)
    unverified = factories.make_user(Role.ADMIN, subject.organization)
    for user_ids in ([other.pk], [unverified.pk], [ann.pk, other.pk], [uuid4()], []):
        with pytest.raises(MailTestRefused, match="verified"):
            ask(subject, ann, user_ids=user_ids)
    assert not MailTest.objects.exists()


def test_ask_for_more_people_than_allowed_is_refused(subject: Subject, ann: User) -> None:
    people = [
        factories.make_user(Role.VIEWER, subject.organization, is_email_verified=True).pk for _ in range(MOST_AT_ONCE)
    ]
    with pytest.raises(MailTestRefused, match="5 people"):
        ask(subject, ann, user_ids=[ann.pk, *people])


def test_ask_more_often_than_allowed_is_refused_until_the_hour_is_over(subject: Subject, ann: User) -> None:
    for _ in range(MOST_AN_HOUR):
        ask(subject, ann)
    with pytest.raises(MailTestRefused, match="0 are left"):
        ask(subject, ann)
    MailTest.objects.update(created_at="2020-01-01T00:00:00Z")
    ask(subject, ann)


def test_ask_over_a_paused_connection_is_refused(subject: Subject, ann: User) -> None:
    Connection.objects.update(paused_at="2026-01-01T00:00:00Z", problem="Bad password")
    with pytest.raises(MailTestRefused, match="Bad password"):
        ask(subject, ann)


def test_ask_for_a_template_with_mistakes_is_refused(subject: Subject, ann: User) -> None:
    assert subject.template is not None
    subject.template.html = "{{ nobody }}"
    with pytest.raises(MailTestRefused, match="not a known merge tag"):
        ask(subject, ann)


@pytest.mark.usefixtures("over_smtp")
def test_send_test_shows_the_servers_words(subject: Subject, ann: User, smtp: SmtpServer) -> None:
    smtp.faults = Faults(refuse_recipients={ann.email: "550 5.1.1 No such user here"})
    (test,) = sent(ask(subject, ann))

    assert test.state == MailTestState.FAILED
    assert "No such user here" in test.words


@pytest.mark.usefixtures("over_smtp")
def test_send_test_without_a_server_says_so(subject: Subject, ann: User, smtp: SmtpServer) -> None:
    tests = ask(subject, ann)
    smtp.stop()
    (test,) = sent(tests)

    assert test.state in (MailTestState.FAILED, MailTestState.UNKNOWN) and test.words


def page(**query: object) -> str:
    return reverse("admin:delivery_mailtest_send") + "?" + "&".join(f"{name}={value}" for name, value in query.items())


def test_page_asks_whom_and_shows_what_came_of_it(subject: Subject, ann: User, client: Client) -> None:
    assert subject.template is not None
    url = page(template=subject.template.pk)
    assert ann.email in client.get(url).content.decode()
    assert not MailTest.objects.exists(), "looking at the page sends nothing"

    answer = client.post(url, {"people": [str(ann.pk)], "contact": ""})
    assert answer.status_code == 302
    test = MailTest.objects.get()
    sent([test])
    shown = client.get(answer["Location"]).content.decode()
    assert ann.email in shown and "Handed over" in shown and "Kept in the sandbox" in shown


def test_page_with_an_unknown_contact_says_so(subject: Subject, ann: User, client: Client) -> None:
    assert subject.template is not None
    answer = client.post(page(template=subject.template.pk), {"people": [str(ann.pk)], "contact": "no@people.example"})
    assert "No contact of this client has this address." in answer.content.decode()
    assert not MailTest.objects.exists()


def test_page_of_another_client_or_of_nothing_is_not_found(museum: Organization, client: Client) -> None:
    with organization_scope(museum):
        template = factories.make_template(museum)
    for query in ({"template": template.pk}, {"campaign": template.pk}, {"template": "x"}, {}):
        assert client.get(page(**query)).status_code == 404
    assert client.get(reverse("admin:delivery_mailtest_sent", args=[uuid4()])).status_code == 404


def test_page_is_closed_to_viewers(
    subject: Subject, florist: Organization, signed_in: Callable[[User], Client]
) -> None:
    assert subject.template is not None
    viewer = signed_in(factories.make_user(Role.VIEWER, florist, is_email_verified=True))
    assert viewer.get(page(template=subject.template.pk)).status_code == 403


def test_buttons_lead_to_the_page(subject: Subject, client: Client) -> None:
    assert subject.template is not None
    campaign = factories.make_campaign(subject.organization, template=subject.template)
    template_url = reverse("admin:email_templates_emailtemplate_send_test", args=[subject.template.pk])
    campaign_url = reverse("admin:campaigns_campaign_send_test", args=[campaign.pk])
    assert client.get(template_url)["Location"] == page(template=subject.template.pk)
    assert client.get(campaign_url)["Location"] == page(campaign=campaign.pk)
