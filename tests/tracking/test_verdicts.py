"""Who was behind a hit, from the signals that providers and gateways are known for."""

import pytest

from core.tracking.choices import EventType, Verdict, VerdictReason
from core.tracking.verdicts import Hit, judge
from tests.tracking.mailed import BROWSER

GMAIL_PROXY = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO_PROXY = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
GMAIL_PREFETCH = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 "
    "Safari/537.36 Edge/12.246 Mozilla/5.0"
)
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
OUTLOOK = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17328; Pro)"


def hit(agent: str = BROWSER, event_type: EventType = EventType.OPENED, **fields: object) -> Hit:
    values = {"type": event_type, "method": "GET", "user_agent": agent, "seconds_since_accepted": 600.0}
    return Hit(**{**values, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize("agent", [BROWSER, IPHONE, OUTLOOK])
def test_judge_browser_is_a_person(agent: str) -> None:
    assert judge(hit(agent)).verdict == Verdict.HUMAN


@pytest.mark.parametrize("agent", [GMAIL_PROXY, YAHOO_PROXY])
def test_judge_image_proxy_is_a_proxy(agent: str) -> None:
    judgement = judge(hit(agent))
    assert judgement.verdict == Verdict.PROXY
    assert judgement.reasons == (VerdictReason.IMAGE_PROXY,)


@pytest.mark.parametrize(
    ("agent", "reason"),
    [("Mozilla/5.0", VerdictReason.APPLE_PRIVACY), (GMAIL_PREFETCH, VerdictReason.GMAIL_PREFETCH)],
)
def test_judge_mail_app_loading_ahead_is_a_prefetch(agent: str, reason: VerdictReason) -> None:
    judgement = judge(hit(agent))
    assert (judgement.verdict, judgement.reasons) == (Verdict.PREFETCH, (reason,))


@pytest.mark.parametrize(
    "agent",
    [
        "",
        "  ",
        "curl/8.1",
        "python-requests/2.32",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "Mozilla/5.0 (compatible; Googlebot/2.1)",
        "BarracudaCentral",
        "Mimecast URL Protect",
        "Mozilla/5.0 HeadlessChrome/140.0",
        "Slackbot-LinkExpanding 1.0",
    ],
)
def test_judge_known_machine_or_no_agent_is_a_scanner(agent: str) -> None:
    assert judge(hit(agent, EventType.CLICKED)).verdict == Verdict.SCANNER


def test_judge_head_request_is_a_scanner() -> None:
    judgement = judge(hit(method="HEAD"))
    assert judgement.verdict == Verdict.SCANNER
    assert VerdictReason.HEAD_REQUEST in judgement.reasons


@pytest.mark.parametrize(
    ("event_type", "verdict"), [(EventType.OPENED, Verdict.PREFETCH), (EventType.CLICKED, Verdict.SCANNER)]
)
def test_judge_within_two_seconds_of_sending_is_a_machine(event_type: EventType, verdict: Verdict) -> None:
    assert judge(hit(event_type=event_type, seconds_since_accepted=1.9)).verdict == verdict
    assert judge(hit(event_type=event_type, seconds_since_accepted=2.0)).verdict == Verdict.HUMAN


def test_judge_unknown_time_of_sending_is_no_sign() -> None:
    assert judge(hit(seconds_since_accepted=None)).verdict == Verdict.HUMAN


def test_judge_unfamiliar_agent_stays_unknown() -> None:
    assert judge(hit("Lotus-Notes/6.0")).verdict == Verdict.UNKNOWN


def test_judge_every_verdict_has_a_reason() -> None:
    for agent in (BROWSER, GMAIL_PROXY, "", "Mozilla/5.0", "Lotus-Notes/6.0"):
        assert judge(hit(agent)).reasons
