"""Who was behind an open or a click: a person, or a machine that reads mail on its way.

A verdict rests only on what is kept with the event, so that it can be derived again when we know better. The signals
are those that mailbox providers and security gateways are known for; none of them is proof, hence the reason codes.
"""

import re
from dataclasses import dataclass

from core.tracking.choices import EventType, Verdict, VerdictReason

TOO_SOON_SECONDS = 2.0
"""Nobody reads and clicks a mail within two seconds of the server taking it; gateways do."""

# Apple Mail Privacy Protection fetches all images with this and nothing else.
_APPLE_PRIVACY_AGENT = "Mozilla/5.0"
_IMAGE_PROXIES = re.compile(r"GoogleImageProxy|YahooMailProxy", re.IGNORECASE)
# Gmail's prefetch of an open session claims to be two browsers of 2015 at once.
_GMAIL_PREFETCH = re.compile(r"Chrome/42\.0.*Edge/12\.")
_MACHINES = re.compile(
    r"bot\b|bot/|crawl|spider|scan|preview|monitor|headless|phantom|link ?check|urlcheck|safelinks|barracuda|mimecast"
    r"|proofpoint|trendmicro|symantec|sophos|fortinet|forcepoint|facebookexternalhit|slurp|curl/|wget|libwww"
    r"|python|aiohttp|httpx|go-http|java/|axios|node-fetch|undici|httpclient|ruby|perl|php/",
    re.IGNORECASE,
)
_BROWSER = re.compile(r"^Mozilla/5\.0 \(|^Opera/|^Outlook|^Thunderbird|^Microsoft Office", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Hit:
    """One request for a pixel or a link. `seconds_since_accepted` is None when the time of sending is not known."""

    type: EventType
    method: str
    user_agent: str
    seconds_since_accepted: float | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """`reasons` are VerdictReason codes, the deciding one first."""

    verdict: Verdict
    reasons: tuple[str, ...]


def judge(hit: Hit) -> Judgement:
    """The verdict on a hit. Signs of a machine outweigh all others; what cannot be told stays `unknown`."""
    machine = _machine_reasons(hit)
    if machine:
        return Judgement(_machine_verdict(hit, machine), tuple(machine))
    if _IMAGE_PROXIES.search(hit.user_agent):
        return Judgement(Verdict.PROXY, (VerdictReason.IMAGE_PROXY,))
    if _BROWSER.search(hit.user_agent):
        return Judgement(Verdict.HUMAN, (VerdictReason.BROWSER,))
    return Judgement(Verdict.UNKNOWN, (VerdictReason.UNFAMILIAR_AGENT,))


def _machine_reasons(hit: Hit) -> list[str]:
    agent = hit.user_agent.strip()
    signs = {
        VerdictReason.HEAD_REQUEST: hit.method == "HEAD",
        VerdictReason.NO_AGENT: not agent,
        VerdictReason.APPLE_PRIVACY: agent == _APPLE_PRIVACY_AGENT,
        VerdictReason.GMAIL_PREFETCH: bool(_GMAIL_PREFETCH.search(agent)),
        VerdictReason.KNOWN_MACHINE: bool(_MACHINES.search(agent)) and not _IMAGE_PROXIES.search(agent),
        VerdictReason.TOO_SOON: _is_too_soon(hit),
    }
    return [reason.value for reason, seen in signs.items() if seen]


def _is_too_soon(hit: Hit) -> bool:
    return hit.seconds_since_accepted is not None and hit.seconds_since_accepted < TOO_SOON_SECONDS


def _machine_verdict(hit: Hit, reasons: list[str]) -> Verdict:
    """Mail apps that load ahead are no scanners: the difference matters to whoever reads the figures."""
    prefetch = {VerdictReason.APPLE_PRIVACY, VerdictReason.GMAIL_PREFETCH, VerdictReason.TOO_SOON}
    if hit.type == EventType.OPENED and set(reasons) <= prefetch:
        return Verdict.PREFETCH
    return Verdict.SCANNER
