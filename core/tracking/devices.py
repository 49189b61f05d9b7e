"""What a mail was read on, by the words that the reader's program uses for itself: read with ua-parser, whose rules are
kept by many (regexes.yaml of the uap-core project)."""

from functools import lru_cache

from ua_parser import Domain
from ua_parser.loaders import load_builtins
from ua_parser.regex import Resolver

from core.tracking.choices import Device
from core.tracking.verdicts import agents
from core.tracking.verdicts.agents import AgentKind

_HIDDEN = frozenset({AgentKind.IMAGE_PROXY, AgentKind.BARE, AgentKind.GMAIL_PREFETCH})
_MACHINES = frozenset({AgentKind.MACHINE, AgentKind.PREVIEW, AgentKind.MISSING})
_PHONES = frozenset({"iOS", "Android", "Windows Phone", "KaiOS", "HarmonyOS", "BlackBerry OS"})
_COMPUTERS = frozenset(
    {"Windows", "Mac OS X", "Chrome OS", "Linux", "Ubuntu", "Fedora", "FreeBSD", "OpenBSD", "Debian"}
)
_COMPUTER_PROGRAMS = frozenset({"Thunderbird", "Outlook", "MacOutlook", "Lotus Notes", "Windows Live Mail", "Postbox"})


@lru_cache(maxsize=1)
def _resolver() -> Resolver:
    """Made on first use: its rules take a quarter of a second to compile."""
    return Resolver(load_builtins())


@lru_cache(maxsize=20_000)
def device_of(user_agent: str) -> Device:
    """The device behind a request, UNKNOWN when its words say nothing."""
    kind = agents.kind_of(user_agent)
    if kind in _HIDDEN:
        return Device.HIDDEN
    if kind in _MACHINES:
        return Device.UNKNOWN
    found = _resolver()(user_agent, Domain.ALL)
    system = found.os.family if found.os else ""
    program = found.user_agent.family if found.user_agent else ""
    if _is_tablet(user_agent, system, found.device.model if found.device else ""):
        return Device.TABLET
    if system in _PHONES and "Macintosh" not in user_agent:
        return Device.PHONE
    if system in _COMPUTERS or program in _COMPUTER_PROGRAMS:
        return Device.COMPUTER
    return Device.UNKNOWN


def _is_tablet(user_agent: str, system: str, model: str | None) -> bool:
    """An Android that does not call itself mobile is a tablet (Chrome's own rule), and so is any Kindle."""
    if (model or "").startswith("iPad") or "iPad" in user_agent or "Silk/" in user_agent or "Tablet" in user_agent:
        return True
    return system == "Android" and user_agent.startswith("Mozilla/") and "Mobile" not in user_agent
