"""Test sends: what a template or a campaign says, to addresses of the team that were verified, and to nobody else.

A test goes out over the client's default connection with the headers of a real mail and "[Test]" in its subject. Its
links lead straight to their targets; what would be a person's own (to unsubscribe, to the preferences, to the browser)
leads nowhere and says so. It belongs to no campaign, counts against no plan and is not tracked: what bounds it are the
addresses it can go to, and an hourly number for each person. A test is tried once, and its row says what came of it.
"""

import datetime
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from core.accounts import audit
from core.accounts.models import Organization, User
from core.campaigns.content import CompiledContent, contact_keys
from core.campaigns.models import Campaign, CampaignSnapshot
from core.campaigns.snapshot import mail_source
from core.common.errors import DomainError
from core.common.ids import new_id
from core.common.tasks import wake
from core.contacts.models import Contact
from core.contacts.queries import contact_merge_values, field_labels
from core.delivery.errors import MailTestRefused
from core.delivery.models import Connection, MailTest
from core.delivery.models.mail_tests import MailTestState
from core.delivery.rendering import bulk_headers
from core.delivery.services import connection_paused
from core.delivery.transactional import NO_ANSWER
from core.delivery.transports.base import MailContent, Outcome, OutcomeKind, Recipient
from core.delivery.transports.errors import ConnectionProblem, TransportError
from core.delivery.transports.registry import transports
from core.domains.queries import signing_key
from core.email_templates.html import prepare_html, with_note, with_preheader
from core.email_templates.merge_tags import ATTRIBUTE_PREFIX, Escape, KnownKeys, parse
from core.email_templates.models import EmailTemplate
from core.email_templates.preview import MailSource
from core.email_templates.queries import sample_values, source_of
from core.email_templates.text import html_to_text

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 5
MOST_AN_HOUR = 20
GIVEN_UP_AFTER = datetime.timedelta(minutes=20)
"""A worker that says nothing for so long about a test is gone; longer than the slowest call lasts."""
MARK = "[Test]"
NOTE = "This is a test mail. Its links to unsubscribe, to the mail preferences and to the browser lead nowhere."
_KIND = {
    OutcomeKind.ACCEPTED: MailTestState.SENT,
    OutcomeKind.UNKNOWN: MailTestState.UNKNOWN,
    OutcomeKind.FAILED: MailTestState.FAILED,
    OutcomeKind.RETRY: MailTestState.FAILED,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What is tested: a template, or a campaign with its sender."""

    organization: Organization
    template: EmailTemplate | None = None
    campaign: Campaign | None = None

    def __str__(self) -> str:
        return str(self.row)

    @property
    def row(self) -> Campaign | EmailTemplate:
        """The campaign, or else the template."""
        found = self.campaign or self.template
        assert found is not None
        return found

    @property
    def sender(self) -> tuple[str, str, str]:
        """Name, address and reply address."""
        if self.campaign is not None:
            return self.campaign.from_name, self.campaign.from_email, self.campaign.reply_to
        client = self.organization
        return client.default_from_name or client.name, client.default_from_email, ""

    def source(self) -> MailSource:
        """Raises UnreadableHtmlError."""
        if self.campaign is not None:
            return mail_source(self.campaign)
        assert self.template is not None
        return source_of(self.template)


def people_for_tests(organization_id: UUID) -> list[User]:
    """People who can get a client's test mails: its active members, and superusers, whose address was verified."""
    member = Q(memberships__organization_id=organization_id, memberships__is_active=True)
    people = User.objects.filter(member | Q(is_superuser=True), is_active=True, is_email_verified=True)
    return list(people.distinct().order_by("full_name", "email"))


def left_this_hour(user: User) -> int:
    """How many test mails this person can still ask for in this hour, over all clients in scope."""
    since = timezone.now() - datetime.timedelta(hours=1)
    return max(MOST_AN_HOUR - MailTest.objects.filter(asked_by=user, created_at__gt=since).count(), 0)


def why_not(subject: Subject) -> str:
    """What keeps a test of this from being sent, in a sentence; "" when nothing does."""
    connection = Connection.objects.filter(organization_id=subject.organization.pk, is_default=True).first()
    if connection is None:
        return "This client has no connection that campaigns go out over. Choose one under Connections."
    if connection.paused_at is not None:
        return f"The connection {connection} is paused ({connection.problem or 'no reason was given'}). Test it first."
    if not subject.sender[1]:
        where = "in the campaign" if subject.campaign else "under Settings and brand"
        return f"There is no sender address. Write one {where}."
    try:
        _content(subject)
    except DomainError as error:
        return f"The mail cannot be made. {error}"
    return ""


@transaction.atomic
def mail_tests_ask(
    *, subject: Subject, user: User, user_ids: Sequence[UUID], contact_id: UUID | None = None
) -> list[MailTest]:
    """Ask for one test mail to each of these people. Raises MailTestRefused, which says what to do."""
    # One request of a person at a time, so that two of them cannot both see the last free places.
    User.objects.select_for_update().get(pk=user.pk)
    allowed = {person.pk: person for person in people_for_tests(subject.organization.pk)}
    people = [allowed[key] for key in dict.fromkeys(user_ids) if key in allowed]
    if len(people) < len(set(user_ids)) or not people:
        raise MailTestRefused("Choose people of this client whose address is verified.")
    if len(people) > MOST_AT_ONCE:
        raise MailTestRefused(f"Choose {MOST_AT_ONCE} people at most.")
    left = left_this_hour(user)
    if len(people) > left:
        raise MailTestRefused(
            f"You can ask for {MOST_AN_HOUR} test mails an hour, and {left} are left. Choose fewer people, or wait."
        )
    if problem := why_not(subject):
        raise MailTestRefused(problem)
    run = new_id()
    tests = MailTest.objects.bulk_create(
        MailTest(
            organization_id=subject.organization.pk,
            run=run,
            template=subject.template,
            campaign=subject.campaign,
            contact=contact_id,
            address=person.email,
            asked_by=user,
        )
        for person in people
    )
    changes = {"test mail to": ["", ", ".join(person.full_name or person.email for person in people)]}
    audit.record(action="mailtest.asked", obj=subject.row, changes=changes)
    wake("delivery.send_mail_tests", organization_id=str(subject.organization.pk), run=str(run))
    return tests


def send_mail_tests(*, organization_id: UUID, run: UUID) -> int:
    """Send the waiting tests of one request, in the client's scope; how many. Safe to run twice, also at once."""
    waiting = MailTest.objects.filter(organization_id=organization_id, run=run, state=MailTestState.WAITING)
    # Taken before anything is sent: of two workers the second finds none, and a test is never sent twice.
    with transaction.atomic():
        taken = list(
            waiting.select_for_update(skip_locked=True, of=("self",)).select_related("template", "campaign__template")
        )
        MailTest.objects.filter(pk__in=[test.pk for test in taken]).update(state=MailTestState.SENDING)
    if not taken:
        return 0
    first = taken[0]
    subject = Subject(Organization.objects.get(pk=organization_id), first.template, first.campaign)
    if first.template is None and first.campaign is None:
        return _fail(taken, "What was to be tested is not there any more.")
    if problem := why_not(subject):
        return _fail(taken, problem)
    return _send(subject, taken)


def tests_of(run: UUID) -> list[MailTest]:
    """The tests of one request, in the order they were asked for."""
    return list(MailTest.objects.filter(run=run).select_related("template", "campaign", "organization").order_by("id"))


def is_given_up(test: MailTest) -> bool:
    """Whether the worker that should say something about this test is gone."""
    return test.done_at is None and test.created_at < timezone.now() - GIVEN_UP_AFTER


def _send(subject: Subject, tests: list[MailTest]) -> int:
    content = _content(subject)
    values = _values(subject, tests[0].contact)
    connection = Connection.objects.get(organization_id=subject.organization.pk, is_default=True)
    recipients = [Recipient(test.pk, test.address, "", values, in_ledger=False) for test in tests]
    try:
        answers = transports.get(connection.pk, connection.updated_at).send(content, recipients)
    except TransportError as problem:
        logger.warning("Test mails of %s were refused (%s).", subject.organization.pk, problem.code)
        if isinstance(problem, ConnectionProblem):
            transports.forget(connection.pk)
            connection_paused(connection=connection, problem=str(problem))
        return _fail(tests, str(problem))
    written = content.subject.render(values)[:998]
    for test, answer in zip(tests, answers, strict=True):
        _write([test], _KIND[answer.kind], _said(answer), written)
    return len(tests)


def _said(answer: Outcome) -> str:
    """The provider's words, with the code where it is the provider's as well."""
    words = f"{answer.code} {answer.words}" if answer.code[:1].isdigit() else answer.words or answer.code
    return words.strip() or (NO_ANSWER if answer.kind is OutcomeKind.UNKNOWN else "")


def _fail(tests: list[MailTest], words: str) -> int:
    _write(tests, MailTestState.FAILED, words)
    return len(tests)


def _write(tests: Iterable[MailTest], state: MailTestState, words: str, subject: str = "") -> None:
    MailTest.objects.filter(pk__in=[test.pk for test in tests]).update(
        state=state, words=words[:500], subject=subject, done_at=timezone.now()
    )


def _content(subject: Subject) -> MailContent:
    """The mail as it would be sent, without counting anything. Raises MergeTagError and UnreadableHtmlError."""
    source = subject.source()
    prepared = prepare_html(source.html)
    html = with_note(with_preheader(prepared, source.preheader), NOTE)
    text = f"{source.text or html_to_text(prepared)}\n\n-- \n{NOTE}\n"
    known = KnownKeys()
    name, address, reply_to = subject.sender
    parts = (
        parse(f"{MARK} {source.subject}", context=Escape.HEADER, allowed=known),
        parse(html, context=Escape.HTML, allowed=known),
        parse(text, context=Escape.TEXT, allowed=known),
    )
    compiled = CompiledContent(*parts, name, address, reply_to, contact_keys(*parts))
    frozen = CampaignSnapshot(organization_id=subject.organization.pk, campaign_id=subject.row.pk)
    return MailContent(
        subject=compiled.subject,
        html=compiled.html,
        text=compiled.text,
        from_name=name,
        from_email=address,
        reply_to=reply_to,
        message_id_domain=address.rpartition("@")[2],
        headers=bulk_headers(compiled, frozen),
        dkim=signing_key(subject.organization.pk, address),
    )


def _values(subject: Subject, contact_id: UUID | None) -> dict[str, str]:
    """What stands in the mail: the contact's values or a made-up person's, and links that lead nowhere."""
    organization = subject.organization
    labels = field_labels(organization.pk)
    values = sample_values(organization) | {ATTRIBUTE_PREFIX + name: f"[{label}]" for name, label in labels.items()}
    if contact_id is not None:
        found = contact_merge_values(organization_id=organization.pk, contact_ids=[contact_id]).get(contact_id)
        if found is not None:
            values = _without_contact(values) | found.values
    if subject.campaign is not None:
        values["campaign.name"] = subject.campaign.name
    values |= _inert_links()
    rendered = parse(subject.source().subject, context=Escape.HEADER, allowed=KnownKeys()).render(values)
    return values | {"campaign.subject": rendered}


def _without_contact(values: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in values.items() if not key.startswith("contact.")}


def _inert_links() -> dict[str, str]:
    """Addresses of ours that lead to no person's page, and say what would stand there."""
    names = ("unsubscribe", "preferences", "view_in_browser")
    return {f"system.{name}_url": f"{settings.PUBLIC_URL}/?test-mail={name.replace('_', '-')}" for name in names}


def contact_for_test(organization_id: UUID, address: str) -> Contact | None:
    """The contact with this address, in the client's scope."""
    key = address.strip().casefold()
    return Contact.objects.filter(organization_id=organization_id, email_key=key, deleted_at=None).first()
