"""How people and machines are told apart, as a page for those who read the figures."""

from dataclasses import dataclass

from core.tracking.choices import Verdict, VerdictReason
from core.tracking.verdicts.networks import NetworkKind


@dataclass(frozen=True, slots=True)
class Told:
    """One verdict with what leads to it: (reason, what is looked at)."""

    verdict: Verdict
    counts_as: str
    text: str
    reasons: tuple[tuple[VerdictReason, str], ...]


R = VerdictReason
VERDICTS: tuple[Told, ...] = (
    Told(
        Verdict.HUMAN,
        "people",
        "A browser or mail app, and no sign of a machine.",
        ((R.BROWSER, "It says so, and behaves like one."),),
    ),
    Told(
        Verdict.PROXY,
        "people",
        "Gmail, Yahoo and others fetch images on behalf of people, at the moment a person opens the mail.",
        ((R.IMAGE_PROXY, "The proxy gives its name."),),
    ),
    Told(
        Verdict.UNKNOWN,
        "people",
        "Nothing speaks for a machine, but less for a person than usual. Counts as people, so that nobody is left out.",
        (
            (R.DATA_CENTRE, "Later than five minutes after sending, and on its own."),
            (R.UNFAMILIAR_AGENT, "Some mail apps have names of their own."),
        ),
    ),
    Told(
        Verdict.PREFETCH,
        "machines",
        "The mail app loads images in the background. Whether anybody reads, nobody can tell.",
        (
            (R.APPLE_PRIVACY, "Mail Privacy Protection calls itself “Mozilla/5.0” and nothing else."),
            (R.GMAIL_PREFETCH, "It claims to be two browsers of 2015 at once."),
            (R.PROVIDER_SAYS, "As SendGrid does for Apple Mail."),
            (R.TOO_SOON, "Opens within two seconds: the mail has hardly arrived."),
        ),
    ),
    Told(
        Verdict.SCANNER,
        "machines",
        "Security gateways, link checkers, previews in chats, and other programs. Most follow links to see whether "
        "they are safe.",
        (
            (
                R.HONEYPOT,
                "And whatever else its network opened within two minutes of it. Clients switch the hidden link "
                "on under Settings and brand.",
            ),
            (R.KNOWN_MACHINE, "Lists of some 1,500 robots, and the names of gateways."),
            (R.LINK_PREVIEW, "Slack, Teams, WhatsApp and others, when somebody shares a link."),
            (R.SECURITY_NETWORK, "Nobody reads mail from there."),
            (R.HEAD_REQUEST, "Browsers ask for pages."),
            (R.NO_AGENT, "Browsers and mail apps say what they are."),
            (R.BARE_AGENT, "Of links; of images it is Apple Mail."),
            (R.ALL_LINKS, "Three links or more, counted by where they lead."),
            (R.BURST, "Two links within a second, three within three, five within ten."),
            (R.SAME_VISIT, "From the same network within ten seconds; opens also from elsewhere within three."),
            (R.CLOUD_TOUR, "Wherever in the clouds they came from."),
            (
                R.ECHO,
                "Within half a minute: some gateways look at a page when a person clicks. The person’s click counts.",
            ),
            (R.TOO_SOON, "Clicks within five seconds."),
            (R.SOON_FROM_CLOUD, "Five minutes."),
            (R.NO_LANGUAGE, "Of links: browsers name the languages their user reads."),
        ),
    ),
)
NETWORK_KINDS: tuple[tuple[NetworkKind, str, str], ...] = (
    (NetworkKind.SECURITY, "Mail security services", "always a machine"),
    (NetworkKind.DATA_CENTRE, "Data centres", "a machine only with another sign"),
    (NetworkKind.PEOPLE_PROXY, "Networks that people’s own traffic goes through", "no sign of a machine"),
)
