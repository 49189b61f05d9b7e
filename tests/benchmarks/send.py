"""The whole engine, Celery and ledger included, against the barest chain that does the same on the same machine.

Product, ceilings, stand-ins and PostgreSQL share the machine and take turns within one run. The bars are those of the
project: a ratio below its bar makes the run fail.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import UUID

import orjson
from django.db import connection

from core.accounts.models import Organization
from core.campaigns.models import Campaign
from core.campaigns.services import campaign_send_now
from core.common.ids import new_id
from core.common.tenancy import all_organizations, organization_scope
from core.contacts.models import Contact, ContactGroup
from core.delivery.claim import claim_batch, hand_back
from core.delivery.dispatch import work
from core.delivery.materialise import materialise_campaign
from core.delivery.models import Connection, Message
from core.delivery.queries import RenderedMail, rendered_mail
from core.domains.models import SendingDomain
from core.domains.services import domain_add
from core.email_templates.models import EmailTemplate
from tests.benchmarks.bare import BATCHES, FILL, TABLES
from tests.benchmarks.engine import Engine
from tests.benchmarks.report import Measurement
from tests.concurrency.processes import ROOT, smtp_sink, worker_environment
from tests.support import factories

MAILS, QUICK_MAILS = 200_000, 20_000
PENDING = 500_000
SMTP_SHARE = 4
"""SMTP rounds send a quarter of the mails: enough to tell."""
CLAIMS = 400
FEW = 10
BARS = {"sendgrid": 0.40, "second worker": 1.7, "smtp": 0.30, "materialise": 0.60}
CLAIM_MS, WAIT_SECONDS, GROWTH = 50.0, 60.0, 1.15

PARAGRAPH = (
    "<p>Dear {{{{ contact.first_name | default: 'friend' }}}}, number {number}: the season has begun and the shop is "
    "full of flowers that were cut this morning. Come by, or have them brought to your door before noon.</p>"
)
VALUES = "".join(f"<p>{{{{ contact.{name} }}}}</p>" for name in ("last_name", "full_name", "company", "phone", "email"))


class Runner:
    """One process of `bare`."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.bare", *arguments],
            cwd=ROOT,
            env=worker_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.answer()

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("A benchmark process died.")
        return line.strip()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def run(*, quick: bool, mails: int = 0) -> list[Measurement]:
    """All parts, each beside its ceiling."""
    mails = mails or (QUICK_MAILS if quick else MAILS)
    pending = PENDING if mails == MAILS else mails * 2
    organization = factories.make_organization("Bench")
    measurements: list[Measurement] = []
    with organization_scope(organization), tempfile.TemporaryDirectory() as directory:
        group, small = _audience(organization, mails)
        template = _template(organization)
        with sendgrid_sink() as port:
            _send_over(organization, "sendgrid", port)
            content = _bare_content(Path(directory), organization, template)
            measurements += _materialise(organization, group, template, mails)
            measurements += _sendgrid(organization, group, small, template, port, content)
            measurements += _crowd(organization, group, template, pending, mails)
        measurements += _smtp(organization, template, Path(directory), mails // SMTP_SHARE)
    return measurements


# (c) into the ledger


def _materialise(
    organization: Organization, group: ContactGroup, template: EmailTemplate, mails: int
) -> list[Measurement]:
    """Rows a second, against one INSERT … SELECT of the same columns into the same table; the better of two each."""
    product, bare = [], []
    for _ in range(2):
        bare.append(_bare_insert(organization, group, template))
        campaign = _draft(organization, group, template)
        began = time.perf_counter()
        materialise_campaign(campaign_id=campaign.pk)
        product.append(mails / (time.perf_counter() - began))
        _forget(campaign)
    return [_measured("materialise", max(product), "rows/s", max(bare), BARS["materialise"])]


def _bare_insert(organization: Organization, group: ContactGroup, template: EmailTemplate) -> float:
    campaign = factories.make_campaign(organization, group=group, template=template, name="Bare")
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO delivery_message (id, organization_id, campaign_id, contact_id, batch_id, send_state, reason,"
            " words, attempts, resends, provider_message_id, delivery_state)"
            " SELECT engagex_uuid7(), organization_id, %s, contact_id, %s, 'ready', '', '', 0, 0, '', 'none'"
            "   FROM contacts_contactgroupmembership WHERE group_id = %s ORDER BY contact_id",
            [campaign.pk, _one_batch(organization, campaign), group.pk],
        )
        rate = cursor.rowcount / (time.perf_counter() - began)
    _forget(campaign)
    return rate


def _one_batch(organization: Organization, campaign: Campaign) -> UUID:
    """Closed, so that nobody claims it."""
    pk = new_id()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO delivery_deliverybatch (id, organization_id, campaign_id, connection_id, number, state, size,"
            " due_at, fencing_token, worker, accepted_count, suppressed_count, failed_count, retry_count,"
            " uncertain_count, unresolved_count)"
            " VALUES (%s, %s, %s, %s, 1, 'settled', 0, now(), 0, '', 0, 0, 0, 0, 0, 0)",
            [pk, organization.pk, campaign.pk, Connection.objects.get(is_default=True).pk],
        )
    return pk


def _forget(campaign: Campaign) -> None:
    """Every part begins with the same tables."""
    with connection.cursor() as cursor:
        for table in ("delivery_message", "delivery_deliverybatch"):
            cursor.execute(f"DELETE FROM {table} WHERE campaign_id = %s", [campaign.pk])
        cursor.execute("UPDATE campaigns_campaign SET status = 'cancelled' WHERE id = %s", [campaign.pk])
    _vacuum()


def _vacuum() -> None:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE delivery_message, delivery_deliverybatch, delivery_messagevalues")


# (a) SendGrid


def _sendgrid(
    organization: Organization,
    group: ContactGroup,
    small: ContactGroup,
    template: EmailTemplate,
    port: int,
    content: Path,
) -> list[Measurement]:
    rates, found = [], []
    for count in (1, 2):
        bare = _bare_chain(group, port, content, count)
        engine = Engine(count)
        try:
            engine.rate(_prepared(organization, small, template))
            before = engine.memory_mb()
            rates.append(engine.rate(_prepared(organization, group, template)))
            after = engine.memory_mb()
        finally:
            engine.close()
        name = f"SendGrid, {count} worker{'s' if count > 1 else ''}"
        found.append(_measured(name, rates[-1], "mails/s", bare, BARS["sendgrid"]))
        found.append(
            Measurement(f"{name}, memory after all / after a tenth", after, "MB", before, after / before <= GROWTH)
        )
    gain = rates[1] / rates[0]
    return [*found, Measurement("SendGrid, second worker's gain", gain * 100, "%", 100, gain >= BARS["second worker"])]


def _bare_chain(group: ContactGroup, port: int, content: Path, count: int) -> float:
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        cursor.execute(FILL, [group.pk])
        cursor.execute(BATCHES)
        cursor.execute("VACUUM ANALYZE bench_message, bench_batch")
    with ExitStack() as stack:
        return _rate(_started(stack, [["chain", str(port), str(content)]] * count), ["go"] * count)


def _bare_content(directory: Path, organization: Organization, template: EmailTemplate) -> Path:
    """What the bare chain sends: the shared part of a real request of the product."""
    mail = _sample(organization, template)
    document = {
        "from": {"email": mail.from_email, "name": mail.from_name},
        "subject": mail.subject,
        "content": [{"type": "text/plain", "value": mail.text}, {"type": "text/html", "value": mail.html}],
    }
    path = directory / "content.json"
    path.write_bytes(orjson.dumps(document))
    return path


# Many, and a few among them


def _crowd(
    organization: Organization, group: ContactGroup, template: EmailTemplate, pending: int, mails: int
) -> list[Measurement]:
    """Claims while so many wait, and how long another client's ten mails take while they go out."""
    for _ in range(-(-pending // mails)):
        _prepared(organization, group, template)
    waiting = -(-pending // mails) * mails
    times = [_claim_ms() for _ in range(CLAIMS)]
    slowest = statistics.quantiles(times, n=20)[-1]
    other = factories.make_organization("Other")
    engine = Engine(2)
    try:
        engine.sweep()
        time.sleep(3)
        seconds = _wait_of_a_few(other, engine)
    finally:
        engine.close()
    _drop_crowd(organization)
    return [
        Measurement(f"claim, p95 with {waiting:,} waiting", slowest, "ms", CLAIM_MS, slowest <= CLAIM_MS),
        Measurement(f"another client's {FEW} mails meanwhile", seconds, "s", WAIT_SECONDS, seconds <= WAIT_SECONDS),
    ]


def _claim_ms() -> float:
    with all_organizations(reason="a benchmark claims"):
        began = time.perf_counter()
        claim = claim_batch(worker="benchmark")
        milliseconds = (time.perf_counter() - began) * 1000
        assert claim is not None
        hand_back(claim)
    return milliseconds


def _wait_of_a_few(other: Organization, engine: Engine) -> float:
    with organization_scope(other):
        contacts = [factories.make_contact(other) for _ in range(FEW)]
        group = factories.make_group(other, "Few", contacts)
        campaign = factories.make_campaign(other, group=group, name="Few")
        began = time.monotonic()
        campaign_send_now(campaign_id=campaign.pk)
        while Message.objects.filter(campaign=campaign, send_state="accepted").count() < FEW:
            engine.sweep_if_due()
            time.sleep(0.05)
        return time.monotonic() - began


def _drop_crowd(organization: Organization) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE delivery_deliverybatch SET state = 'settled' WHERE organization_id = %s AND state <> 'settled'",
            [organization.pk],
        )
        cursor.execute("UPDATE campaigns_campaign SET status = 'cancelled' WHERE status = 'sending'")


# (b) SMTP


def _smtp(organization: Organization, template: EmailTemplate, directory: Path, mails: int) -> list[Measurement]:
    people = ContactGroup.objects.get(name="SMTP's share")
    found = []
    with smtp_sink("--fast") as (port, _process):
        _send_over(organization, "smtp", port)
        for signed in (False, True):
            if signed:
                domain_add(organization=organization, name="bench.example")
                SendingDomain.objects.update(status="verified")
            mail = directory / f"mail-{signed}.eml"
            mail.write_bytes(_sample(organization, template).raw)
            for count in (1, 2):
                with ExitStack() as stack:
                    senders = _started(stack, [["send", str(port), str(mail)]] * count)
                    bare = _rate(senders, [str(mails // count)] * count)
                engine = Engine(count)
                try:
                    rate = engine.rate(_prepared(organization, people, template))
                finally:
                    engine.close()
                name = f"SMTP{', signed' if signed else ''}, {count} worker{'s' if count > 1 else ''}"
                # Signing is stated, not promised: it costs an RSA signature a mail.
                found.append(_measured(name, rate, "mails/s", bare, 0.0 if signed else BARS["smtp"]))
    return found


# Helpers


def _measured(name: str, value: float, unit: str, ceiling: float, bar: float) -> Measurement:
    label = f"{name} (bar {bar:.2f})" if bar else name
    return Measurement(label, value, unit, ceiling, value / ceiling >= bar)


def _started(stack: ExitStack, commands: Sequence[Sequence[str]]) -> list[Runner]:
    runners = [Runner(*arguments) for arguments in commands]
    for runner in runners:
        stack.callback(runner.close)
    return runners


def _rate(runners: Sequence[Runner], lines: Sequence[str]) -> float:
    """Mails a second of one round over all runners."""
    began = time.perf_counter()
    for runner, line in zip(runners, lines, strict=True):
        runner.tell(line)
    mails = sum(int(runner.answer()) for runner in runners)
    return mails / (time.perf_counter() - began)


@contextmanager
def sendgrid_sink() -> Iterator[int]:
    """The fast stand-in as a process of its own: its port."""
    command = [sys.executable, "-m", "tests.support.sendgrid_sink", "--fast"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def _send_over(organization: Organization, kind: str, port: int) -> None:
    fields = {"kind": kind, "host": "127.0.0.1", "port": port, "security": "none", "batch_size": 100}
    connection_ = Connection.objects.get(organization=organization, is_default=True)
    for name, value in {**fields, "password": "SG.stand-in.key" if kind == "sendgrid" else ""}.items():
        setattr(connection_, name, value)
    connection_.save()


def _audience(organization: Organization, count: int) -> tuple[ContactGroup, ContactGroup]:
    """Everybody, and a tenth of them."""
    contacts = [
        Contact(
            organization=organization,
            email=f"person-{number}@people.example",
            email_key=f"person-{number}@people.example",
            first_name=f"Person {number}",
            last_name="Bench",
            company="Florists & Sons",
            phone="+44 20 7946 0000",
        )
        for number in range(count)
    ]
    Contact.objects.bulk_create(contacts, batch_size=5_000)
    groups = [
        ("Everybody", contacts),
        ("A tenth", contacts[: count // 10]),
        ("SMTP's share", contacts[: count // SMTP_SHARE]),
    ]
    made = [factories.make_group(organization, name, people) for name, people in groups]
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE contacts_contact, contacts_contactgroupmembership")
    return made[0], made[1]


def _template(organization: Organization) -> EmailTemplate:
    """About 15 kB as a mail, with six merge values and five links."""
    paragraphs = "".join(PARAGRAPH.format(number=number) for number in range(6))
    filler = "<p>Roses, tulips, peonies and everything that grows between the stones of an old wall.</p>" * 70
    links = "".join(f'<p><a href="https://shop.example/offer/{number}">Offer {number}</a></p>' for number in range(5))
    html = f"<html><head><title>News</title></head><body>{paragraphs}{VALUES}{filler}{links}"
    html += (
        '<p>{{ organization.postal_address }} <a href="{{ system.unsubscribe_url }}">Unsubscribe</a></p></body></html>'
    )
    return factories.make_template(organization, "Bench", html=html)


def _draft(organization: Organization, group: ContactGroup, template: EmailTemplate) -> Campaign:
    campaign = factories.make_campaign(organization, group=group, template=template, name="Round")
    return campaign_send_now(campaign_id=campaign.pk)


def _prepared(organization: Organization, group: ContactGroup, template: EmailTemplate) -> UUID:
    """The id of a campaign whose mails all wait."""
    campaign = _draft(organization, group, template)
    materialise_campaign(campaign_id=campaign.pk)
    _vacuum()
    return campaign.pk


def _sample(organization: Organization, template: EmailTemplate) -> RenderedMail:
    """One of the campaign's own mails."""
    group = factories.make_group(organization, f"One {new_id().hex}", [factories.make_contact(organization)])
    _prepared(organization, group, template)
    with all_organizations(reason="the benchmark's sample"):
        work(worker="benchmark", seconds=10)
    return rendered_mail(Message.objects.latest("id").pk)
