"""Who was behind a hit, from the signals of one request."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.tracking.choices import Device, EventType, Verdict, VerdictReason
from core.tracking.devices import device_of
from core.tracking.verdicts import Hit, hit_of, judge, networks
from core.tracking.verdicts.networks import NetworkKind
from tests.tracking.mailed import BROWSER

GMAIL_PROXY = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO_PROXY = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
GMAIL_PREFETCH = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 "
    "Safari/537.36 Edge/12.246 Mozilla/5.0"
)
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
IPAD = (
    "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148"
)
OUTLOOK = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17328; Pro)"
THUNDERBIRD = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.3.0"
ANDROID = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"
CUBOT = (
    "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 "
    "Mobile Safari/537.36"
)
ANDROID_TABLET = (
    "Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
)


def hit(agent: str = BROWSER, event_type: EventType = EventType.OPENED, **fields: object) -> Hit:
    values = {
        "type": event_type,
        "method": "GET",
        "user_agent": agent,
        "seconds_since_accepted": 600.0,
        "names_language": True,
    }
    return Hit(**{**values, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize("agent", [BROWSER, IPHONE, OUTLOOK, THUNDERBIRD, ANDROID, CUBOT])
def test_judge_browser_is_a_person(agent: str) -> None:
    for event_type in (EventType.OPENED, EventType.CLICKED):
        assert judge(hit(agent, event_type)).verdict == Verdict.HUMAN


@pytest.mark.parametrize("agent", [GMAIL_PROXY, YAHOO_PROXY])
def test_judge_image_proxy_is_a_proxy_wherever_it_runs(agent: str) -> None:
    for network in NetworkKind:
        judgement = judge(hit(agent, network=network, seconds_since_accepted=30.0))
        assert judgement.verdict == Verdict.PROXY
        assert judgement.reasons == (VerdictReason.IMAGE_PROXY,)


@pytest.mark.parametrize(
    ("agent", "reason"),
    [("Mozilla/5.0", VerdictReason.APPLE_PRIVACY), (GMAIL_PREFETCH, VerdictReason.GMAIL_PREFETCH)],
)
def test_judge_mail_app_loading_ahead_is_a_prefetch(agent: str, reason: VerdictReason) -> None:
    judgement = judge(hit(agent))
    assert (judgement.verdict, judgement.reasons) == (Verdict.PREFETCH, (reason,))


def test_judge_bare_agent_of_a_click_is_a_scanner() -> None:
    judgement = judge(hit("Mozilla/5.0", EventType.CLICKED))
    assert (judgement.verdict, judgement.reasons) == (Verdict.SCANNER, (VerdictReason.BARE_AGENT,))


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        ("", VerdictReason.NO_AGENT),
        ("  ", VerdictReason.NO_AGENT),
        ("curl/8.1", VerdictReason.KNOWN_MACHINE),
        ("python-requests/2.32", VerdictReason.KNOWN_MACHINE),
        ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", VerdictReason.KNOWN_MACHINE),
        ("BarracudaCentral", VerdictReason.KNOWN_MACHINE),
        ("Mimecast URL Protect", VerdictReason.KNOWN_MACHINE),
        ("Mozilla/5.0 HeadlessChrome/140.0", VerdictReason.KNOWN_MACHINE),
        ("Microsoft Office Existence Discovery", VerdictReason.KNOWN_MACHINE),
        ("Slackbot-LinkExpanding 1.0", VerdictReason.LINK_PREVIEW),
        ("WhatsApp/2.23.20.0", VerdictReason.LINK_PREVIEW),
    ],
)
def test_judge_known_machine_or_no_agent_is_a_scanner(agent: str, reason: VerdictReason) -> None:
    judgement = judge(hit(agent, EventType.CLICKED))
    assert (judgement.verdict, judgement.reasons[0]) == (Verdict.SCANNER, reason)


def test_judge_head_request_is_a_scanner() -> None:
    judgement = judge(hit(method="HEAD"))
    assert judgement.verdict == Verdict.SCANNER
    assert VerdictReason.HEAD_REQUEST in judgement.reasons


@pytest.mark.parametrize(
    ("event_type", "verdict", "seconds"),
    [(EventType.OPENED, Verdict.PREFETCH, 2.0), (EventType.CLICKED, Verdict.SCANNER, 5.0)],
)
def test_judge_within_seconds_of_sending_is_a_machine(event_type: EventType, verdict: Verdict, seconds: float) -> None:
    assert judge(hit(event_type=event_type, seconds_since_accepted=seconds - 0.1)).verdict == verdict
    assert judge(hit(event_type=event_type, seconds_since_accepted=seconds)).verdict == Verdict.HUMAN


def test_judge_unknown_time_of_sending_is_no_sign() -> None:
    assert judge(hit(seconds_since_accepted=None, network=NetworkKind.DATA_CENTRE)).verdict == Verdict.UNKNOWN


def test_judge_data_centre_is_a_scanner_soon_after_sending_and_unknown_later() -> None:
    soon = judge(hit(network=NetworkKind.DATA_CENTRE, seconds_since_accepted=299.0))
    later = judge(hit(network=NetworkKind.DATA_CENTRE, seconds_since_accepted=300.0))
    assert (soon.verdict, soon.reasons) == (Verdict.SCANNER, (VerdictReason.SOON_FROM_CLOUD,))
    assert (later.verdict, later.reasons) == (Verdict.UNKNOWN, (VerdictReason.DATA_CENTRE,))


def test_judge_security_network_is_a_scanner_at_any_time() -> None:
    judgement = judge(hit(network=NetworkKind.SECURITY, seconds_since_accepted=86_400.0))
    assert (judgement.verdict, judgement.reasons) == (Verdict.SCANNER, (VerdictReason.SECURITY_NETWORK,))


@pytest.mark.parametrize(
    ("agent", "event_type", "names_language", "verdict"),
    [
        (BROWSER, EventType.CLICKED, False, Verdict.SCANNER),
        (BROWSER, EventType.CLICKED, True, Verdict.HUMAN),
        (BROWSER, EventType.CLICKED, None, Verdict.HUMAN),
        (BROWSER, EventType.OPENED, False, Verdict.HUMAN),
        (OUTLOOK, EventType.CLICKED, False, Verdict.HUMAN),
    ],
)
def test_judge_click_of_a_browser_without_language_is_a_scanner(
    agent: str, event_type: EventType, names_language: bool | None, verdict: Verdict
) -> None:
    assert judge(hit(agent, event_type, names_language=names_language)).verdict == verdict


def test_judge_unfamiliar_agent_stays_unknown() -> None:
    assert judge(hit("Lotus-Notes/6.0")) == (Verdict.UNKNOWN, (VerdictReason.UNFAMILIAR_AGENT,))


def test_judge_keeps_all_signs_the_deciding_one_first() -> None:
    judgement = judge(hit("curl/8.1", EventType.CLICKED, method="HEAD", seconds_since_accepted=0.0))
    assert judgement.reasons == (VerdictReason.KNOWN_MACHINE, VerdictReason.HEAD_REQUEST, VerdictReason.TOO_SOON)


def test_judge_every_verdict_has_a_reason() -> None:
    for agent in (BROWSER, GMAIL_PROXY, "", "Mozilla/5.0", "Lotus-Notes/6.0"):
        assert judge(hit(agent)).reasons


def test_hit_of_provider_report_knows_no_headers() -> None:
    reported = hit_of(EventType.CLICKED, {"by": "sendgrid", "user_agent": BROWSER}, None)
    assert judge(reported).verdict == Verdict.HUMAN
    assert judge(hit_of(EventType.CLICKED, {"method": "GET", "user_agent": BROWSER}, None)).verdict == Verdict.SCANNER
    assert judge(hit_of(EventType.OPENED, {"by": "sendgrid"}, None)).verdict == Verdict.UNKNOWN
    machine = hit_of(EventType.OPENED, {"by": "sendgrid", "user_agent": BROWSER, "machine": True}, None)
    assert judge(machine) == (Verdict.PREFETCH, (VerdictReason.PROVIDER_SAYS,))


@pytest.mark.parametrize("seconds", [-3.0, 0.0, 1.9, 2.0, 4.9, 5.0, 299.0, 300.0, 1e6, None])
def test_hit_of_step_of_time_judges_as_the_exact_time(seconds: float | None) -> None:
    seen = {"method": "GET", "user_agent": BROWSER, "language": "en", "network": "54.200.1.0/24"}
    for event_type in (EventType.OPENED, EventType.CLICKED):
        exact = hit_of(event_type, seen, seconds)._replace(seconds_since_accepted=seconds)
        assert judge(hit_of(event_type, seen, seconds)) == judge(exact)


@pytest.mark.parametrize(
    ("network", "kind"),
    [
        ("54.200.17.0/24", NetworkKind.DATA_CENTRE),
        ("40.94.3.0/24", NetworkKind.DATA_CENTRE),
        ("40.92.3.0/24", NetworkKind.SECURITY),
        ("148.163.140.0/24", NetworkKind.SECURITY),
        ("104.28.9.0/24", NetworkKind.PEOPLE_PROXY),
        ("2a01:4f8:12::/48", NetworkKind.DATA_CENTRE),
        ("2a02:26f7:12::/48", NetworkKind.PEOPLE_PROXY),
        ("203.0.113.0/24", NetworkKind.OTHER),
        ("", NetworkKind.OTHER),
        ("no network", NetworkKind.OTHER),
    ],
)
def test_network_kind_of_a_kept_network(network: str, kind: NetworkKind) -> None:
    assert networks.kind_of(network) == kind


@settings(max_examples=500)
@given(first=st.integers(0, 300), second=st.integers(0, 300), third=st.integers(0, 255))
def test_network_kind_of_a_network_is_that_of_the_list_whether_it_is_looked_up_or_not(
    first: int, second: int, third: int
) -> None:
    network = f"{first}.{second}.{third}.0/24"
    owner = networks.owner_of(network)
    assert networks.kind_of(network) == (owner.kind if owner else NetworkKind.OTHER)


def test_network_list_names_its_date_and_owners() -> None:
    assert networks.list_date().year >= 2026
    assert {owner.name for owner, _ in networks.listed_owners()} >= {"Amazon Web Services", "Proofpoint", "Hetzner"}


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (BROWSER, Device.COMPUTER),
        (OUTLOOK, Device.COMPUTER),
        (THUNDERBIRD, Device.COMPUTER),
        (IPHONE, Device.PHONE),
        (ANDROID, Device.PHONE),
        ("Dalvik/2.1.0 (Linux; U; Android 13; Pixel 6 Build/TQ3A)", Device.PHONE),
        (IPAD, Device.TABLET),
        (ANDROID_TABLET, Device.TABLET),
        (GMAIL_PROXY, Device.HIDDEN),
        ("Mozilla/5.0", Device.HIDDEN),
        ("curl/8.1", Device.UNKNOWN),
        ("", Device.UNKNOWN),
        ("\x00\x7f" * 150, Device.UNKNOWN),
    ],
)
def test_device_of(agent: str, device: Device) -> None:
    assert device_of(agent) == device
