"""A catalogue of who opens and clicks mails, of our own making, and hits drawn from it.

Written before the rule was tried on it, from what providers and gateways publish and what mail people observe; labels
say who acted, never what the rule thinks. Times are seconds since the mail's server took it, drawn from distributions
(log-normal: most soon, some late). Some situations cannot be told by anybody from the outside, and are here all the
same, in small numbers: a scanner that looks like a browser in every respect, a person in a hurry with a VPN.

Networks of people come from documentation ranges and from large providers of access; networks of machines from those
that clouds and security services publish.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from core.delivery.public_links import HIDDEN_LINK

CHROME_WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Safari/537.36"
)
EDGE = CHROME_WINDOWS + " Edg/{v}.0.0.0"
CHROME_MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/{v}.0.0.0 Safari/537.36"
)
CHROME_ANDROID = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{v}.0.0.0 Mobile Safari/537.36"
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:{v}.0) Gecko/20100101 Firefox/{v}.0"
SAFARI_IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Mobile/15E148 Safari/604.1"
)
APPLE_MAIL_IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
)
APPLE_MAIL_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
OUTLOOK = (
    "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Win64; x64; Trident/7.0; .NET4.0C; .NET4.0E; "
    "Microsoft Outlook 16.0.{v}; ms-office; MSOffice 16)"
)
THUNDERBIRD = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{v}.0) Gecko/20100101 Thunderbird/{v}.4.0"
ANDROID_MAIL = (
    "Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/{v}.0.0.0 Mobile Safari/537.36"
)
GMAIL_PROXY = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO_PROXY = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
GMAIL_PREFETCH = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 "
    "Safari/537.36 Edge/12.246 Mozilla/5.0"
)
PREVIEWS = (
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com",
    "WhatsApp/2.23.20.0",
    "TelegramBot (like TwitterBot)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
)
MONITORS = (
    "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
    "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
)
SCRIPTS = ("curl/8.7.1", "python-requests/2.32.3", "Go-http-client/2.0", "Wget/1.21.4", "okhttp/4.12.0", "axios/1.7.7")
HEADLESS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/{v}.0.0.0 Safari/537.36"
)

HOMES = (
    "203.0.113.0/24",
    "198.51.100.0/24",
    "192.0.2.0/24",
    "84.160.{n}.0/24",
    "92.40.{n}.0/24",
    "73.15.{n}.0/24",
    "2003:c0:{n:x}::/48",
)
PHONES = ("80.187.{n}.0/24", "92.200.{n}.0/24", "172.58.{n}.0/24", "2a01:598:{n:x}::/48")
OFFICES = ("193.99.{n}.0/24", "62.96.{n}.0/24", "12.30.{n}.0/24")
ZSCALER = ("165.225.{n}.0/24", "147.161.{n128}.0/24", "136.226.{n}.0/24")
RELAY = ("104.28.{n}.0/24", "172.224.{n}.0/24", "146.75.{n128}.0/24", "2a02:26f7:{n:x}::/48")
GOOGLE = ("66.249.{n16}.0/24", "74.125.{n}.0/24")
YAHOO = ("74.6.{n}.0/24", "98.137.{n}.0/24")
AZURE = ("40.94.{n}.0/24", "20.75.{n}.0/24", "52.167.{n}.0/24", "13.82.{n}.0/24")
AWS = ("54.200.{n}.0/24", "3.120.{n}.0/24", "18.197.{n}.0/24", "34.240.{n}.0/24")
PROOFPOINT = ("148.163.{n128}.0/24", "205.220.{n160}.0/24", "67.231.{n144}.0/24")
MIMECAST = ("207.211.31.0/24", "170.10.{n128s}.0/24", "195.130.217.0/24")
BARRACUDA = ("209.222.82.0/24", "64.235.{n144}.0/24")
VPN = ("104.248.{n}.0/24", "165.227.{n}.0/24", "5.9.{n}.0/24", "51.15.{n}.0/24", "3.120.{n}.0/24")
UNLISTED = ("185.220.{n}.0/24", "89.187.{n}.0/24", "212.102.{n}.0/24", "31.13.{n}.0/24", "156.146.{n}.0/24")

OPEN = 0
NEWSLETTER_LINKS = 7


@dataclass(frozen=True)
class ReplayHit:
    """`link` 0 is the pixel. `after` is the number of seconds since the mail was taken."""

    situation: str
    is_person: bool
    after: float
    link: int
    agent: str
    network: str
    language: str = "en-GB,en;q=0.9"
    method: str = "GET"


@dataclass(frozen=True)
class Situation:
    """`mails` mails on which the same thing happens, with other times, networks and links each. `links` is how many
    the mail has."""

    name: str
    what: str
    mails: int
    draw: Callable[["Draw"], Iterator[ReplayHit]]
    links: int = NEWSLETTER_LINKS
    is_scan_of_all: bool = False


@dataclass
class Draw:
    """The dice of one mail."""

    rng: random.Random
    name: str
    links: int
    version: str

    def network(self, ranges: Sequence[str]) -> str:
        rng, chosen = self.rng, self.rng.choice(ranges)
        return chosen.format(
            n=rng.randrange(256),
            n16=rng.randrange(80, 96),
            n128=rng.randrange(128, 256),
            n128s=rng.randrange(128, 134),
            n144=rng.randrange(144, 160),
            n160=rng.randrange(160, 176),
        )

    def agent(self, words: str) -> str:
        return words.replace("{v}", self.version)

    def delivered(self) -> float:
        """Seconds until the mail lies in the mailbox."""
        return 1.0 + self.rng.lognormvariate(1.2, 0.9)

    def read(self) -> float:
        """Seconds until somebody opens it: half within two hours, one in twenty within five minutes, some days on."""
        return self.delivered() + 8 + self.rng.lognormvariate(8.8, 1.9)

    def thinking(self) -> float:
        """Seconds between opening and a click, and between clicks of somebody who reads."""
        return 2.5 + self.rng.lognormvariate(2.9, 0.9)

    def some_links(self, count: int) -> list[int]:
        return self.rng.sample(range(1, self.links + 1), min(count, self.links))

    def clicks(self) -> int:
        """How many links somebody who clicks follows: mostly one."""
        return self.rng.choices((1, 2, 3, 4), (70, 19, 8, 3))[0]

    def person(self, after: float, link: int, agent: str, network: str, **other: str) -> ReplayHit:
        return ReplayHit(self.name, True, after, link, self.agent(agent), network, **other)

    def machine(self, after: float, link: int, agent: str, network: str, **other: str) -> ReplayHit:
        return ReplayHit(self.name, False, after, link, self.agent(agent), network, **other)


def reader(
    open_agent: str,
    open_networks: Sequence[str] | None,
    click_agent: str,
    click_networks: Sequence[str],
    *,
    language: str = "en-GB",
) -> Callable[[Draw], Iterator[ReplayHit]]:
    """Opens once or twice, follows some links half of the time. The image comes from `open_networks` where a proxy
    loads it, else from where the person is."""

    def draw(dice: Draw) -> Iterator[ReplayHit]:
        here = dice.network(click_networks)
        at = dice.read()
        there = dice.network(open_networks) if open_networks else here
        yield dice.person(at, OPEN, open_agent, there, language=language)
        if dice.rng.random() < 0.25:
            yield dice.person(at + dice.rng.lognormvariate(7, 1.5), OPEN, open_agent, there, language=language)
        if dice.rng.random() < 0.55:
            for link in dice.some_links(dice.clicks()):
                at += dice.thinking()
                yield dice.person(at, link, click_agent, here)

    return draw


def apple_privacy_reader(dice: Draw) -> Iterator[ReplayHit]:
    yield dice.machine(
        dice.delivered() + dice.rng.lognormvariate(6, 1.6), OPEN, "Mozilla/5.0", dice.network(RELAY), language=""
    )
    if dice.rng.random() < 0.4:
        at, here = dice.read(), dice.network(RELAY + HOMES)
        for link in dice.some_links(dice.clicks()):
            at += dice.thinking()
            yield dice.person(at, link, SAFARI_IPHONE, here)


def apple_privacy(dice: Draw) -> Iterator[ReplayHit]:
    yield dice.machine(
        dice.delivered() + dice.rng.lognormvariate(6, 1.6), OPEN, "Mozilla/5.0", dice.network(RELAY), language=""
    )


def gmail_prefetch(dice: Draw) -> Iterator[ReplayHit]:
    yield dice.machine(
        dice.delivered() + dice.rng.uniform(0, 20), OPEN, GMAIL_PREFETCH, dice.network(GOOGLE), language=""
    )


def slow_reader(dice: Draw) -> Iterator[ReplayHit]:
    at, here = dice.read() + 86_400 * dice.rng.uniform(1, 9), dice.network(HOMES)
    for link in dice.some_links(3):
        yield dice.person(at, OPEN, THUNDERBIRD, here)
        yield dice.person(at + dice.rng.uniform(40, 900), link, FIREFOX, here)
        at += dice.rng.uniform(3_600, 86_400)


def quick_reader(dice: Draw) -> Iterator[ReplayHit]:
    at, here = dice.delivered() + dice.rng.uniform(4, 25), dice.network(PHONES)
    yield dice.person(at, OPEN, APPLE_MAIL_IPHONE, here)
    yield dice.person(at + dice.rng.uniform(2, 9), dice.some_links(1)[0], SAFARI_IPHONE, here)


def double_clicker(dice: Draw) -> Iterator[ReplayHit]:
    at, here, (link,) = dice.read(), dice.network(OFFICES), dice.some_links(1)
    yield dice.person(at, OPEN, OUTLOOK, here, language="")
    at += dice.thinking()
    yield dice.person(at, link, EDGE, here)
    yield dice.person(at + dice.rng.uniform(0.15, 0.6), link, EDGE, here)


def tab_opener(dice: Draw) -> Iterator[ReplayHit]:
    """Middle clicks down the mail, to read later: the fastest that people are."""
    at, here = dice.read(), dice.network(HOMES)
    yield dice.person(at, OPEN, CHROME_MAC, here)
    at += dice.thinking()
    for link in sorted(dice.some_links(dice.rng.choice((2, 3, 4)))):
        at += 0.6 + dice.rng.lognormvariate(0.3, 0.6)
        yield dice.person(at, link, CHROME_MAC, here)


def forwarded(dice: Draw) -> Iterator[ReplayHit]:
    at = dice.read()
    for agent, networks in ((CHROME_WINDOWS, OFFICES), (SAFARI_IPHONE, PHONES), (FIREFOX, HOMES), (EDGE, OFFICES)):
        here = dice.network(networks)
        yield dice.person(at, OPEN, agent, here)
        if dice.rng.random() < 0.5:
            yield dice.person(at + dice.thinking(), dice.some_links(1)[0], agent, here)
        at += dice.rng.lognormvariate(6, 1.5)


def scan(
    agents: Sequence[str],
    networks: Sequence[str],
    *,
    first: tuple[float, float],
    gap: tuple[float, float],
    language: str = "",
    opens: bool = False,
    spread: bool = False,
    method: str = "GET",
) -> Callable[[Draw], Iterator[ReplayHit]]:
    """Every link of the mail, one after the other or in parallel, the first one `first` seconds after arrival, with
    `gap` seconds between them; the hidden one as well, which only mails of clients who want it have (`drawn`).
    `spread`: each request from another network, with another browser's name."""

    def draw(dice: Draw) -> Iterator[ReplayHit]:
        agent, here = dice.rng.choice(agents), dice.network(networks)
        at = dice.delivered() + dice.rng.uniform(*first)
        targets = list(range(1, dice.links + 1))
        targets.append(HIDDEN_LINK)
        dice.rng.shuffle(targets)
        for link in [OPEN, *targets] if opens else targets:
            where, words = (dice.network(networks), dice.rng.choice(agents)) if spread else (here, agent)
            yield dice.machine(at, link, words, where, language=language, method=method)
            at += dice.rng.uniform(*gap)

    return draw


def picked_scan(dice: Draw) -> Iterator[ReplayHit]:
    """Takes its time and a sample of the links, the hidden one among them, from where nobody would look."""
    at, here = dice.delivered() + dice.rng.uniform(10, 60), dice.network(UNLISTED)
    for link in [HIDDEN_LINK, *dice.some_links(3)]:
        yield dice.machine(at, link, CHROME_WINDOWS, here, language="en-US")
        at += dice.rng.uniform(5, 20)


def looks_like_a_person(dice: Draw) -> Iterator[ReplayHit]:
    """One link, a browser with a language, an access network, half a minute after arrival. Nobody can tell."""
    yield dice.machine(
        dice.delivered() + dice.rng.uniform(10, 120), 1, CHROME_WINDOWS, dice.network(HOMES), language="en-US"
    )


def detonation(dice: Draw) -> Iterator[ReplayHit]:
    """A sandbox that opens a suspicious link in a real browser, minutes later."""
    yield dice.machine(
        dice.delivered() + dice.rng.lognormvariate(4.6, 0.8), 1, EDGE, dice.network(AZURE), language="en-US"
    )


def person_behind_scanner(dice: Draw) -> Iterator[ReplayHit]:
    """The gateway follows all links on arrival; the person reads later, as people do."""
    arrival = scan([CHROME_WINDOWS, EDGE], AZURE, first=(1, 60), gap=(0.05, 1.5), language="en-US", opens=True)
    yield from arrival(dice)
    yield from reader(OUTLOOK, None, EDGE, OFFICES, language="")(dice)


def checked_at_the_click(dice: Draw) -> Iterator[ReplayHit]:
    """Safe Links looks at the page when the person clicks, from Azure."""
    at, here = dice.read(), dice.network(OFFICES)
    yield dice.person(at, OPEN, OUTLOOK, here, language="")
    for link in dice.some_links(dice.clicks()):
        at += dice.thinking()
        yield dice.person(at, link, EDGE, here)
        yield dice.machine(at + dice.rng.uniform(-1.5, 4), link, EDGE, dice.network(AZURE), language="en-US")


def on_a_vpn(dice: Draw) -> Iterator[ReplayHit]:
    yield from reader(CHROME_MAC, None, CHROME_MAC, VPN)(dice)


def monitored(dice: Draw) -> Iterator[ReplayHit]:
    agent, at = dice.rng.choice(MONITORS), dice.rng.uniform(60, 4_000)
    for _ in range(4):
        yield dice.machine(at, 1, agent, dice.network(AWS), language="")
        at += 300


def previewed(dice: Draw) -> Iterator[ReplayHit]:
    yield dice.machine(dice.read(), dice.some_links(1)[0], dice.rng.choice(PREVIEWS), dice.network(AWS), language="")


def scripted(dice: Draw) -> Iterator[ReplayHit]:
    agent, at, here = dice.rng.choice(SCRIPTS), dice.read(), dice.network(UNLISTED)
    for link in dice.some_links(2):
        yield dice.machine(at, link, agent, here, language="")
        at += dice.rng.uniform(0.2, 30)


def nameless(dice: Draw) -> Iterator[ReplayHit]:
    yield dice.machine(
        dice.delivered() + dice.rng.uniform(0, 600), dice.some_links(1)[0], "", dice.network(UNLISTED), language=""
    )


BROWSERS = (CHROME_WINDOWS, EDGE, CHROME_MAC, FIREFOX)
CATALOGUE: tuple[Situation, ...] = (
    Situation(
        "Apple Mail without privacy protection",
        "iPhone, own network",
        70,
        reader(APPLE_MAIL_IPHONE, None, SAFARI_IPHONE, PHONES),
    ),
    Situation("Apple Mail on a Mac", "Mac at home", 40, reader(APPLE_MAIL_MAC, None, SAFARI_IPHONE, HOMES)),
    Situation(
        "Gmail app",
        "image proxy, then Chrome on Android",
        130,
        reader(GMAIL_PROXY, GOOGLE, CHROME_ANDROID, PHONES, language=""),
    ),
    Situation(
        "Gmail in a browser",
        "image proxy, then Chrome",
        80,
        reader(GMAIL_PROXY, GOOGLE, CHROME_WINDOWS, HOMES, language=""),
    ),
    Situation("Yahoo", "image proxy, then Firefox", 30, reader(YAHOO_PROXY, YAHOO, FIREFOX, HOMES, language="")),
    Situation(
        "Outlook on a desktop",
        "Word loads images and names no language",
        90,
        reader(OUTLOOK, None, EDGE, OFFICES, language=""),
    ),
    Situation("Outlook on the web", "a browser", 60, reader(EDGE, None, EDGE, OFFICES)),
    Situation("Thunderbird", "own network", 30, reader(THUNDERBIRD, None, FIREFOX, HOMES)),
    Situation("Mail app on Android", "WebView", 50, reader(ANDROID_MAIL, None, CHROME_ANDROID, PHONES)),
    Situation(
        "Apple Mail with privacy protection", "images ahead, clicks through Private Relay", 90, apple_privacy_reader
    ),
    Situation("Slow reader", "days later, and again", 20, slow_reader),
    Situation("Quick reader", "reads as it rings", 25, quick_reader),
    Situation("Double clicker", "one link twice within half a second", 25, double_clicker),
    Situation("Opens tabs", "two to four links, seconds apart", 25, tab_opener),
    Situation("Forwarded mail", "four people, four networks", 15, forwarded),
    Situation("Behind a web gateway", "Zscaler", 40, reader(OUTLOOK, None, EDGE, ZSCALER, language="")),
    Situation("On a VPN in a data centre", "people all the same", 30, on_a_vpn),
    Situation("Behind Safe Links", "scan on arrival, person later", 30, person_behind_scanner),
    Situation("Checked at the click", "person and, beside it, Azure", 25, checked_at_the_click),
    Situation("Notes", "an agent that nobody knows", 10, reader("Lotus-Notes/6.0; Windows-NT", None, FIREFOX, OFFICES)),
    Situation("Apple's privacy protection alone", "nobody reads", 110, apple_privacy),
    Situation("Gmail's prefetch", "an open session", 40, gmail_prefetch),
    Situation(
        "Safe Links on arrival",
        "Azure, all links, several addresses",
        16,
        scan(BROWSERS, AZURE, first=(1, 90), gap=(0.05, 2.0), language="en-US", spread=True),
        is_scan_of_all=True,
    ),
    Situation(
        "Proofpoint",
        "own network, one link after the other",
        12,
        scan(BROWSERS, PROOFPOINT, first=(2, 60), gap=(0.2, 4.0)),
        is_scan_of_all=True,
    ),
    Situation(
        "Mimecast", "own network", 10, scan(BROWSERS, MIMECAST, first=(0, 40), gap=(0.1, 3.0)), is_scan_of_all=True
    ),
    Situation(
        "Barracuda with a browser's name",
        "images and all links",
        14,
        scan(BROWSERS, BARRACUDA + AWS, first=(0, 30), gap=(0.1, 1.5), opens=True),
        is_scan_of_all=True,
    ),
    Situation(
        "Gateway in the company's own network",
        "a browser in every respect",
        14,
        scan(BROWSERS, OFFICES, first=(0, 30), gap=(0.05, 0.9), language="en-US", opens=True),
        is_scan_of_all=True,
    ),
    Situation(
        "Scan spread over networks",
        "each link from elsewhere",
        10,
        scan(BROWSERS, UNLISTED, first=(0, 60), gap=(0.05, 0.8), language="en-US", opens=True, spread=True),
        is_scan_of_all=True,
    ),
    Situation(
        "Slow crawl from a cloud",
        "all links, seconds apart, late",
        8,
        scan(BROWSERS, AWS, first=(400, 4_000), gap=(2, 15), language="en-US"),
        is_scan_of_all=True,
    ),
    Situation(
        "Headless Chrome", "says so", 8, scan([HEADLESS], AWS, first=(5, 900), gap=(0.5, 5)), is_scan_of_all=True
    ),
    Situation(
        "HEAD of all links",
        "a link checker",
        8,
        scan(BROWSERS, UNLISTED, first=(5, 900), gap=(0.5, 5), method="HEAD"),
        is_scan_of_all=True,
    ),
    Situation("Picks some links", "slow, unlisted network, follows the hidden link", 10, picked_scan),
    Situation("Sandbox", "one link in a real browser in Azure, minutes later", 12, detonation, links=1),
    Situation("Looks like a person", "cannot be told", 8, looks_like_a_person, links=1),
    Situation("Programs", "curl, Python and their like", 15, scripted),
    Situation("Watches the site", "every five minutes", 10, monitored),
    Situation("Previews in chats", "Slack, Teams, WhatsApp and others", 25, previewed),
    Situation("Says nothing", "no agent", 10, nameless),
)


def drawn(*, has_hidden_link: bool, seed: int = 20_261_122) -> list[tuple[Situation, list[ReplayHit]]]:
    """One entry for each mail: its situation, and its hits in order of time. The same seed draws the same."""
    mails = []
    for situation in CATALOGUE:
        rng = random.Random(f"{seed} {situation.name}")
        for _ in range(situation.mails):
            drawn_hits = list(situation.draw(Draw(rng, situation.name, situation.links, str(rng.randrange(118, 142)))))
            hits = [replace(hit, after=round(max(hit.after, 0.1), 3)) for hit in drawn_hits]
            hits = [hit for hit in hits if has_hidden_link or hit.link != HIDDEN_LINK]
            mails.append((situation, sorted(hits, key=lambda hit: hit.after)))
    return mails
