"""The one rule: from the signals of a hit to its verdict and the reasons, the deciding one first.

Signs of a machine outweigh all others. In the order below the first that is there decides; the others are kept behind
it. An open that only mail apps loading ahead explain is a prefetch, whatever else is a machine's is a scanner's. What
speaks for neither side is `unknown`, which counts as people.

| sign | holds for | why |
|---|---|---|
| honeypot | all | the hidden link, or the network that followed it, within two minutes |
| known machine, link preview | all | it says so itself |
| security network | all | nobody reads mail from there |
| HEAD, no agent | all | browsers and mail apps ask for content and say who they are |
| all links, burst, same visit, cloud tour | all | together.py: faster than a person can |
| echo | clicks | a link checker behind somebody's click |
| Apple's agent, Gmail's prefetch agent, the provider's word | opens | mail apps that load ahead |
| bare agent | clicks | no browser is called that |
| too soon | all | 2 s after sending nobody opens, 5 s after sending nobody clicks |
| soon, from a data centre | all but image proxies | scanners come within minutes, people with a VPN rarely do |
| no language | clicks | browsers name one |
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from core.tracking.choices import EventType, Verdict, VerdictReason
from core.tracking.verdicts import agents
from core.tracking.verdicts.agents import AgentKind
from core.tracking.verdicts.networks import NetworkKind

TOO_SOON_SECONDS = 2.0
"""Nobody opens a mail within two seconds of the server taking it; gateways do."""
TOO_SOON_TO_CLICK_SECONDS = 5.0
SOON_SECONDS = 300.0

_PREFETCHES = frozenset(
    {VerdictReason.APPLE_PRIVACY, VerdictReason.GMAIL_PREFETCH, VerdictReason.PROVIDER_SAYS, VerdictReason.TOO_SOON}
)


class Hit(NamedTuple):
    """One request for a pixel or a link, as its signals.

    `seconds_since_accepted` is None when the time of sending is not known, `names_language` when nobody noted the
    request's headers. `around` are the reasons that the other hits of the mail give (together.py).
    """

    type: str
    method: str
    user_agent: str
    seconds_since_accepted: float | None
    network: NetworkKind = NetworkKind.OTHER
    names_language: bool | None = None
    provider_says_machine: bool = False
    around: frozenset[VerdictReason] = frozenset()


class Judgement(NamedTuple):
    """`reasons` are VerdictReason codes, the deciding one first."""

    verdict: Verdict
    reasons: tuple[str, ...]


@lru_cache(maxsize=50_000)
def judge(hit: Hit) -> Judgement:
    """The verdict on a hit. Pure; the same signals are judged once."""
    kind = agents.kind_of(hit.user_agent)
    machine = tuple(_machine_signs(hit, kind))
    if machine:
        is_prefetch = hit.type == EventType.OPENED and machine[0] in _PREFETCHES
        return Judgement(Verdict.PREFETCH if is_prefetch else Verdict.SCANNER, tuple(sign.value for sign in machine))
    if kind is AgentKind.IMAGE_PROXY:
        return Judgement(Verdict.PROXY, (VerdictReason.IMAGE_PROXY.value,))
    if hit.network is NetworkKind.DATA_CENTRE:
        return Judgement(Verdict.UNKNOWN, (VerdictReason.DATA_CENTRE.value,))
    if kind in (AgentKind.UNFAMILIAR, AgentKind.MISSING):
        return Judgement(Verdict.UNKNOWN, (VerdictReason.UNFAMILIAR_AGENT.value,))
    return Judgement(Verdict.HUMAN, (VerdictReason.BROWSER.value,))


def _machine_signs(hit: Hit, kind: AgentKind) -> Iterator[VerdictReason]:
    """All signs of a machine, in the order of their weight."""
    is_open = hit.type == EventType.OPENED
    weighed = (
        (VerdictReason.HONEYPOT, hit.type == EventType.TRAPPED or VerdictReason.HONEYPOT in hit.around),
        (VerdictReason.KNOWN_MACHINE, kind is AgentKind.MACHINE),
        (VerdictReason.LINK_PREVIEW, kind is AgentKind.PREVIEW),
        (VerdictReason.SECURITY_NETWORK, hit.network is NetworkKind.SECURITY and kind is not AgentKind.IMAGE_PROXY),
        (VerdictReason.HEAD_REQUEST, hit.method == "HEAD"),
        (VerdictReason.NO_AGENT, kind is AgentKind.MISSING and hit.names_language is not None),
        *((sign, sign in hit.around) for sign in _AROUND),
        (VerdictReason.APPLE_PRIVACY, is_open and kind is AgentKind.BARE),
        (VerdictReason.GMAIL_PREFETCH, kind is AgentKind.GMAIL_PREFETCH),
        (VerdictReason.PROVIDER_SAYS, hit.provider_says_machine),
        (VerdictReason.BARE_AGENT, not is_open and kind is AgentKind.BARE),
        (VerdictReason.TOO_SOON, _is_within(hit, TOO_SOON_SECONDS if is_open else TOO_SOON_TO_CLICK_SECONDS)),
        (VerdictReason.SOON_FROM_CLOUD, _is_soon_from_cloud(hit, kind)),
        (VerdictReason.NO_LANGUAGE, not is_open and kind is AgentKind.BROWSER and hit.names_language is False),
    )
    return (sign for sign, is_there in weighed if is_there)


_AROUND = (
    VerdictReason.ALL_LINKS,
    VerdictReason.BURST,
    VerdictReason.SAME_VISIT,
    VerdictReason.CLOUD_TOUR,
    VerdictReason.ECHO,
)


def _is_soon_from_cloud(hit: Hit, kind: AgentKind) -> bool:
    is_cloud = hit.network is NetworkKind.DATA_CENTRE and kind is not AgentKind.IMAGE_PROXY
    return is_cloud and _is_within(hit, SOON_SECONDS)


def _is_within(hit: Hit, seconds: float) -> bool:
    return hit.seconds_since_accepted is not None and hit.seconds_since_accepted < seconds
