"""What is wrong with a client's mails, in sentences, with what to do next."""

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse
from django.utils import formats

from core.domains.choices import DomainStatus
from core.tracking.choices import EventType, PeriodLength, PeriodPart
from core.tracking.queries.periods import Figures, figures_of_values, summed
from dashboards.deliverability.limits import WINDOW, Standing, Trouble, moving, rate_text, since, troubles
from dashboards.filters import Range
from dashboards.numbers import count_text
from dashboards.overviews import Asked, buckets_of, span_of

_RATES = (EventType.SENT, EventType.BOUNCED, EventType.COMPLAINED)


@dataclass(frozen=True)
class Stream:
    """Mails that have something in common. `client` is None where it spans several; `value` is the domain's, sender's
    or provider's name."""

    client: UUID | None
    value: str
    figures: Figures


@dataclass(frozen=True)
class Step:
    label: str
    url: str


@dataclass(frozen=True)
class Problem:
    """What stands at the head of the page: `icon` and `word` say how bad, besides the colour."""

    standing: Standing
    title: str
    sentence: str
    steps: list[Step]

    @property
    def icon(self) -> str:
        return "dangerous" if self.standing == Standing.STOP else "warning"

    @property
    def word(self) -> str:
        return "Act now" if self.standing == Standing.STOP else "Watch this"


Streams = Mapping[tuple[UUID | None, str], Figures]
"""By (client, sender), or by (client, mailbox provider)."""
Domains = Mapping[Any, Any]
"""Sending domains by (client, name)."""
Troubled = tuple[Stream, Trouble]
MOST_PROBLEMS = 25
"""What a person can work on; an agency with a bad day has hundreds."""


def domain_of_sender(sender: str) -> str:
    return sender.rpartition("@")[2].lower()


def streams_by(streams: Streams, key_of: Callable[[tuple[UUID | None, str]], tuple[UUID | None, str]]) -> list[Stream]:
    """Summed by (client, value), the biggest first."""
    gathered: dict[tuple[UUID | None, str], list[Figures]] = {}
    for key, figures in streams.items():
        gathered.setdefault(key_of(key), []).append(figures)
    found = [Stream(client, value, summed(figures)) for (client, value), figures in gathered.items()]
    return sorted(found, key=lambda stream: (-stream.figures.sent, stream.value))


def window_width(found: Range) -> int:
    return WINDOW if found.length == PeriodLength.DAY else 1


def all_problems(
    asked: Asked, senders: Streams, providers: Streams, by_domain: Sequence[Stream], domains: Domains
) -> tuple[list[Problem], int]:
    """The MOST_PROBLEMS worst of what is wrong, and how many there are (2 queries when a rate is)."""
    of_domains = _troubled(by_domain)
    of_providers = _troubled([Stream(client, value, figures) for (client, value), figures in providers.items()])
    dns = _unverified(by_domain, domains)
    of_dns = [_domain_problem(asked, stream, domain) for stream, domain in dns[:MOST_PROBLEMS]]
    found = [
        *of_dns,
        *_rate_problems(asked, senders, of_domains[:MOST_PROBLEMS], of_providers[:MOST_PROBLEMS], domains),
    ]
    found.sort(key=lambda problem: -problem.standing)
    return found[:MOST_PROBLEMS], len(dns) + len(of_domains) + len(of_providers)


def _troubled(streams: Sequence[Stream]) -> list[Troubled]:
    """Those above a line, the worst first and of them the biggest."""
    found = [(stream, trouble) for stream in streams for trouble in troubles(stream.figures)]
    return sorted(found, key=lambda one: (-one[1].standing, -one[0].figures.sent, one[0].value))


def _rate_problems(
    asked: Asked,
    senders: Streams,
    of_domains: Sequence[Troubled],
    of_providers: Sequence[Troubled],
    domains: Domains,
) -> list[Problem]:
    """Of clients' domains and of the mailbox providers they write to."""
    troubled = {(stream.client, stream.value) for stream, _ in of_domains}
    names = sorted({sender for client, sender in senders if (client, domain_of_sender(sender)) in troubled})
    domain_series = _series(asked.range, [stream for stream, _ in of_domains], PeriodPart.SENDER, names)
    names = sorted({stream.value for stream, _ in of_providers})
    provider_series = _series(asked.range, [stream for stream, _ in of_providers], PeriodPart.PROVIDER, names)
    found = []
    for stream, trouble in of_domains:
        domain = domains.get((stream.client, stream.value))
        series = domain_series.get((stream.client, stream.value), {})
        found.append(_problem(asked, f"From {stream.value}", stream, trouble, series, domain))
    for stream, trouble in of_providers:
        series = provider_series.get((stream.client, stream.value), {})
        found.append(_problem(asked, f"To {stream.value or 'unknown providers'}", stream, trouble, series, None))
    return found


def _series(
    found: Range, streams: Sequence[Stream], part: PeriodPart, values: Sequence[str]
) -> dict[tuple[UUID | None, str], dict[datetime.date, Figures]]:
    """Of each stream its figures over time (1 query, none without streams)."""
    if not streams:
        return {}
    clients = sorted({stream.client for stream in streams if stream.client}, key=str)
    rows = figures_of_values(span_of(found), _RATES, clients, part, values)
    series: dict[tuple[UUID | None, str], dict[datetime.date, Figures]] = {}
    for (start, client, value), figures in rows.items():
        days = series.setdefault((client, domain_of_sender(value) if part == PeriodPart.SENDER else value), {})
        days[start] = days[start] + figures if start in days else figures
    return series


def _problem(
    asked: Asked,
    what: str,
    stream: Stream,
    trouble: Trouble,
    series: Mapping[datetime.date, Figures],
    domain: Any,
) -> Problem:
    starts = buckets_of(asked.range, list(series))
    told = since(trouble, starts, moving(starts, series, trouble.kind, window_width(asked.range)))
    client = f"{asked.names.get(stream.client, '')} · " if asked.current is None else ""
    sentence = (
        f"{rate_text(stream.figures, trouble.kind)} {trouble.word} "
        f"({count_text(stream.figures.mails(trouble.kind))} of {count_text(stream.figures.sent)} mails accepted), "
        f"above the {trouble.line_text} line{_since_text(asked.range, trouble, told)}. {_ADVICE[trouble.kind]}"
    )
    return Problem(trouble.standing, f"{client}{what}", sentence, _steps(trouble.kind, domain))


_ADVICE = {
    EventType.COMPLAINED: "People press “spam” when they do not know why they get a mail, or cannot leave it. Write to "
    "fewer, to those who opened lately, and look at where these people came from.",
    EventType.BOUNCED: "Addresses that are gone are stopped by themselves; a rate like this comes from an old or "
    "bought list. Look at the import they came with before the next campaign.",
}


def _since_text(found: Range, trouble: Trouble, told: tuple[bool, datetime.date] | None) -> str:
    if told is None:
        return " over these days"
    is_above, day = told
    is_day = found.length == PeriodLength.DAY
    when = formats.date_format(day, "j M" if is_day else "F Y")
    return f" since {when}" if is_above else f" over these days, but below it again since {when}"


def _steps(kind: EventType, domain: Any) -> list[Step]:
    reason = "complained" if kind == EventType.COMPLAINED else "bounced"
    title = "Who complained" if kind == EventType.COMPLAINED else "Whose address bounced"
    suppressions = reverse("admin:contacts_suppression_changelist")
    steps = [
        Step(title, f"{suppressions}?{urlencode({'reason__exact': reason})}"),
        Step("Worst campaigns", "#ex-worst"),
    ]
    if domain is not None:
        steps.append(Step(f"Domain {domain.name}", domain_url(domain)))
    return steps


def _unverified(by_domain: Sequence[Stream], domains: Domains) -> list[tuple[Stream, Any]]:
    """Domains that mails of these days came from whose DNS is not right now, the broken ones first."""
    found = [(stream, domains.get((stream.client, stream.value))) for stream in by_domain]
    wrong = [(stream, domain) for stream, domain in found if domain and domain.status != DomainStatus.VERIFIED]
    return sorted(wrong, key=lambda one: one[1].status != DomainStatus.BROKEN)


def _domain_problem(asked: Asked, stream: Stream, domain: Any) -> Problem:
    client = f"{asked.names.get(stream.client, '')} · " if asked.current is None else ""
    is_broken = domain.status == DomainStatus.BROKEN
    return Problem(
        Standing.STOP if is_broken else Standing.WATCH,
        f"{client}DNS of {domain.name}",
        "A record that receivers ask for is missing or wrong: mails are not signed and may be refused."
        if is_broken
        else "The records are not in the DNS yet: mails from here are not signed.",
        [Step("See which records", domain_url(domain))],
    )


def domain_url(domain: Any) -> str:
    return reverse("admin:domains_sendingdomain_change", args=[domain.pk])
