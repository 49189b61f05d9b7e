"""End to end: claim, intent, SMTP, outcome, against what the same sink takes from a raw pipelined sender.

Both ends, and PostgreSQL, share the machine. Product and ceiling take turns; medians of all rounds.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from core.accounts.models import Organization
from core.campaigns.services import campaign_send_now
from core.common.tenancy import organization_scope
from core.contacts.models import Contact, ContactGroup
from core.delivery.materialise import materialise_campaign
from core.delivery.models import Message
from core.delivery.queries import rendered_mail
from core.email_templates.models import EmailTemplate
from tests.benchmarks.report import Measurement
from tests.concurrency.processes import ROOT, smtp_sink, worker_environment
from tests.delivery.ledger import use_smtp
from tests.support import factories

MAILS, ROUNDS = 4_000, 5
QUICK_MAILS, QUICK_ROUNDS = 500, 1
SENDERS = 2
PARAGRAPH = (
    "<p>Dear {{{{ contact.first_name | default: 'friend' }}}}, number {number}: the season has begun and the shop is "
    "full of flowers that were cut this morning. Come by, or have them brought to your door before noon.</p>"
)


class Runner:
    """One process of `runners`."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.runners", *arguments],
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


def run(*, quick: bool) -> list[Measurement]:
    """Mails a second with one and with two workers, each beside the ceiling of the same rounds."""
    mails, rounds = (QUICK_MAILS, QUICK_ROUNDS) if quick else (MAILS, ROUNDS)
    organization = factories.make_organization("Bench")
    with smtp_sink("--fast") as (port, _process), organization_scope(organization), ExitStack() as stack:
        use_smtp(organization, port)
        group, template = _audience(organization, mails), _template(organization)
        mail = stack.enter_context(_sample_mail(organization, template))
        senders = _started(stack, [["send", str(port), str(mail)]] * SENDERS)
        measurements = []
        for count in (1, 2):
            workers = _started(stack, [["work"]] * count)
            product, ceiling = [], []
            for _ in range(rounds):
                ceiling.append(_rate(senders, [str(mails // SENDERS)] * SENDERS))
                _new_campaign(organization, group, template)
                product.append(_rate(workers, ["go"] * count))
            name = f"send, {count} worker{'s' if count > 1 else ''}"
            measurements.append(Measurement(name, statistics.median(product), "mails/s", statistics.median(ceiling)))
            for worker in workers:
                worker.close()
    one, two = measurements
    return [*measurements, Measurement("send, second worker's gain", two.value / one.value * 100, "%", 200)]


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


def _audience(organization: Organization, count: int) -> ContactGroup:
    contacts = [
        Contact(
            organization=organization,
            email=f"person-{number}@people.example",
            email_key=f"person-{number}@people.example",
            first_name=f"Person {number}",
            last_name="Bench",
        )
        for number in range(count)
    ]
    Contact.objects.bulk_create(contacts)
    return factories.make_group(organization, "Everybody", contacts)


def _template(organization: Organization) -> EmailTemplate:
    """About 15 kB as a mail, with six merge values and five links."""
    paragraphs = "".join(PARAGRAPH.format(number=number) for number in range(6))
    filler = "<p>Roses, tulips, peonies and everything that grows between the stones of an old wall.</p>" * 70
    links = "".join(f'<p><a href="https://shop.example/offer/{number}">Offer {number}</a></p>' for number in range(5))
    html = f"<html><head><title>News</title></head><body>{paragraphs}{filler}{links}"
    html += (
        '<p>{{ organization.postal_address }} <a href="{{ system.unsubscribe_url }}">Unsubscribe</a></p></body></html>'
    )
    return factories.make_template(organization, "Bench", html=html)


def _new_campaign(organization: Organization, group: ContactGroup, template: EmailTemplate) -> None:
    campaign = factories.make_campaign(organization, group=group, template=template, name="Round")
    campaign_send_now(campaign_id=campaign.pk)
    materialise_campaign(campaign_id=campaign.pk)


@contextmanager
def _sample_mail(organization: Organization, template: EmailTemplate) -> Iterator[Path]:
    """The bytes of one of the campaign's own mails, for the raw sender."""
    from core.common.tenancy import all_organizations
    from core.delivery.dispatch import work

    group = factories.make_group(organization, "One", [factories.make_contact(organization, first_name="Ann")])
    _new_campaign(organization, group, template)
    with all_organizations(reason="the benchmark's sample"):
        work(worker="benchmark", seconds=10)
    raw = rendered_mail(Message.objects.latest("id").pk).raw
    with tempfile.NamedTemporaryFile(suffix=".eml") as file:
        file.write(raw)
        file.flush()
        yield Path(file.name)
