"""What a program says about itself, as a kind. The list of robots is the package crawler-user-agents."""

import re
from enum import StrEnum
from functools import lru_cache

from crawleruseragents import CRAWLER_USER_AGENTS_DATA, is_crawler


class AgentKind(StrEnum):
    MISSING = "missing"
    BARE = "bare"
    """"Mozilla/5.0" and nothing else: Apple's Mail Privacy Protection for images, no browser at all for links."""
    IMAGE_PROXY = "image_proxy"
    GMAIL_PREFETCH = "gmail_prefetch"
    PREVIEW = "preview"
    MACHINE = "machine"
    BROWSER = "browser"
    """A whole browser: one that opens links, and names the languages its user reads."""
    MAIL_APP = "mail_app"
    UNFAMILIAR = "unfamiliar"


_BARE = "Mozilla/5.0"
_IMAGE_PROXY = re.compile(r"(?:Image|Mail|ggpht\S* Google)Proxy\b|YahooMailProxy", re.IGNORECASE)
# Gmail's prefetch of an open session claims to be two browsers of 2015 at once.
_GMAIL_PREFETCH = re.compile(r"Chrome/42\.0.*Edge/12\.")
_PREVIEW = re.compile("|".join(one["pattern"] for one in CRAWLER_USER_AGENTS_DATA if "social-preview" in one["tags"]))
# What the package, a list of web robots, does not know: gateways of mail, and tools that programs are written with.
# Cubot makes telephones.
_MACHINE = re.compile(
    r"(?<!\bcu)bot\b|crawl|spider|scanner|preview|monitor|headless|phantomjs|link ?check"
    r"|url ?(?:check|protect|defen[cs]e)|safelinks"
    r"|barracuda|mimecast|proofpoint|ironport|trend ?micro|symantec|messagelabs|sophos|fortinet|forcepoint"
    r"|fireeye|trellix|hornetsecurity|(?:existence|protocol) discovery|libwww|python|aiohttp|httpx|java/|axios"
    r"|httpclient|ruby|perl|php/|wget|curl/",
    re.IGNORECASE,
)
_WHOLE_BROWSER = re.compile(r"^Mozilla/5\.0 \(.*\b(?:Chrome|CriOS|Firefox|FxiOS|Version|Edg\w*|OPR|SamsungBrowser)/\d")
_MAIL_APP = re.compile(
    r"^Mozilla/[45]\.0 \(|^Opera/|Outlook|Thunderbird|^Microsoft Office|^Mail/|^Dalvik/", re.IGNORECASE
)


@lru_cache(maxsize=20_000)
def kind_of(user_agent: str) -> AgentKind:
    """Costs 0.2 ms the first time, next to nothing after that: people use few programs."""
    agent = user_agent.strip()
    if not agent:
        return AgentKind.MISSING
    if agent == _BARE:
        return AgentKind.BARE
    if _IMAGE_PROXY.search(agent):
        return AgentKind.IMAGE_PROXY
    if _GMAIL_PREFETCH.search(agent):
        return AgentKind.GMAIL_PREFETCH
    if _PREVIEW.search(agent):
        return AgentKind.PREVIEW
    if _MACHINE.search(agent) or is_crawler(agent):
        return AgentKind.MACHINE
    if _WHOLE_BROWSER.search(agent) and "Thunderbird" not in agent:
        return AgentKind.BROWSER
    return AgentKind.MAIL_APP if _MAIL_APP.search(agent) else AgentKind.UNFAMILIAR
