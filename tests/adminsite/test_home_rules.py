"""The rules behind the first page: gone quiet, usual rates, healthy senders, today's sends. No database."""

import datetime
from typing import Any
from uuid import uuid4

import pytest

from core.accounts.models import Organization
from core.adminsite.home.cockpit import Wanted
from core.adminsite.home.facts import ClientFacts, Progress
from core.adminsite.home.health import health_of
from core.adminsite.home.rhythm import comparison, quiet, usual_pause
from core.adminsite.home.timeline import MOST_SHOWN, day_of_sends
from core.adminsite.templatetags.sparklines import line_of
from core.campaigns.models import Campaign
from core.delivery.models import Connection
from core.domains.models import SendingDomain
from core.subscriptions.queries import PlanUsage
from core.tracking.queries.clients import NEWEST, StartedCampaign

NOW = datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.UTC)


def started(days_ago: float, **fields: Any) -> StartedCampaign:
    at = NOW - datetime.timedelta(days=days_ago)
    return StartedCampaign(uuid4(), f"{days_ago} days ago", fields.pop("status", "sent"), at, **fields)


def facts(*recent: StartedCampaign, **fields: Any) -> ClientFacts:
    client = Organization(name="Acme", color="#0f766e")
    defaults: dict[str, Any] = {
        "client": client,
        "usage": PlanUsage(client.pk, None, {}),
        "watched": (),
        "recent": recent,
        "draft": None,
        "connection": Connection(name="Own", kind="smtp"),
        "troubled_domains": (),
        "has_template": True,
    }
    return ClientFacts(**defaults | fields)


def test_quiet_begins_at_one_and_a_half_times_the_own_rhythm() -> None:
    every_20_days = [started(30 + days) for days in (0, 20, 40, 60)]
    assert quiet(every_20_days, NOW) is None
    later = quiet(every_20_days, NOW + datetime.timedelta(days=1))
    assert later is not None and (later.days, later.usual) == (31, 20)
    assert later.sentence == "No campaign for 31 days, usually one every 20 days."


def test_quiet_lets_a_daily_client_rest_a_week() -> None:
    daily = [started(7 + days) for days in range(10)]
    assert quiet(daily, NOW) is None
    assert quiet(daily, NOW + datetime.timedelta(days=1)) is not None


def test_quiet_of_two_campaigns_takes_thirty_days_and_claims_no_rhythm() -> None:
    two = [started(31), started(32)]
    found = quiet(two, NOW)
    assert found is not None and found.sentence == "No campaign for 31 days."
    assert quiet([started(30)], NOW) is None


def test_quiet_is_not_said_of_a_client_that_never_sent() -> None:
    assert quiet([], NOW) is None


def test_usual_pause_takes_campaigns_of_one_day_as_one() -> None:
    assert usual_pause([started(0), started(0.01), started(10), started(20), started(20.01)]) == 10


def test_comparison_is_with_the_median_of_the_others() -> None:
    others = [started(days, sent=100, opened=opened) for days, opened in ((10, 28), (20, 90), (30, 20))]
    found = comparison([started(3, sent=1000, opened=312), *others], NOW)
    assert found is not None
    assert (found.rate, found.usual, found.verdict) == (31.2, 28.0, "above usual")


@pytest.mark.parametrize(("opened", "verdict"), [(270, "as usual"), (200, "below usual")])
def test_comparison_calls_only_a_notable_difference_one(opened: int, verdict: str) -> None:
    others = [started(days, sent=100, opened=28) for days in (10, 20, 30)]
    found = comparison([started(3, sent=1000, opened=opened), *others], NOW)
    assert found is not None and found.verdict == verdict


def test_comparison_does_not_judge_a_campaign_of_yesterday() -> None:
    others = [started(days, sent=100, opened=28) for days in (10, 20, 30)]
    found = comparison([started(1, sent=1000, opened=10), *others], NOW)
    assert found is not None and not found.is_final and found.verdict == ""


def test_comparison_with_two_others_names_no_usual() -> None:
    found = comparison([started(3, sent=10, opened=1), started(9, sent=10), started(19, sent=10)], NOW)
    assert found is not None and found.usual is None


def test_comparison_leaves_out_what_reached_nobody() -> None:
    assert comparison([started(3)], NOW) is None


def test_health_of_many_bounces_is_bad_and_says_so() -> None:
    found = health_of(facts(started(5, sent=1000, bounced=62)), NOW)
    assert (found.level, found.words, found.unhealthy) == ("bad", "6.2 % bounced", 1)
    assert found.concern == "6.2 % of the mails of the last 30 days bounced. From 5 % on providers suspend senders."


def test_health_forgets_campaigns_of_last_month() -> None:
    assert health_of(facts(started(31, sent=1000, bounced=62)), NOW).level == "good"


def test_health_of_a_daily_client_names_what_its_rates_are_of() -> None:
    daily = [started(day, sent=1000, bounced=62) for day in range(1, NEWEST + 1)]
    found = health_of(facts(*daily), NOW)
    assert found.concern.startswith(f"6.2 % of the mails of the last {NEWEST} campaigns bounced.")
    assert found.detail == f"806 bounces and 0 complaints among 13,000 mails of the last {NEWEST} campaigns."


def test_health_of_few_mails_is_no_trend() -> None:
    assert health_of(facts(started(5, sent=20, bounced=2, complained=1)), NOW).level == "good"


@pytest.mark.parametrize(("complained", "level"), [(0, "good"), (10, "watch"), (30, "bad")])
def test_health_follows_the_complaint_thresholds(complained: int, level: str) -> None:
    assert health_of(facts(started(5, sent=10_000, complained=complained)), NOW).level == level


def test_health_counts_every_broken_sender() -> None:
    paused = Connection(name="Own", kind="smtp", paused_at=NOW)
    domains = (SendingDomain(name="acme.example", status="broken"), SendingDomain(name="b.example", paused_at=NOW))
    found = health_of(facts(connection=paused, troubled_domains=domains), NOW)
    assert (found.level, found.unhealthy, found.words) == ("bad", 3, "Connection paused, 2 more")


def test_health_without_a_connection_is_not_called_unhealthy() -> None:
    assert health_of(facts(connection=None), NOW).unhealthy == 0


def watched(status: str, **fields: Any) -> Campaign:
    return Campaign(name=status, status=status, **fields)


def test_day_holds_what_is_planned_going_out_and_done_in_order() -> None:
    running = watched("sending", started_at=NOW - datetime.timedelta(hours=2))
    planned = watched("scheduled", scheduled_at=NOW + datetime.timedelta(hours=2))
    paused = watched("paused", started_at=NOW - datetime.timedelta(hours=3))
    tomorrow = watched("scheduled", scheduled_at=NOW + datetime.timedelta(days=1))
    one = facts(
        started(0.25, sent=812),
        started(1),
        watched=(planned, tomorrow, running, paused),
        progress={running.pk: Progress(200, 86)},
    )
    day = day_of_sends([one], NOW, datetime.UTC)
    assert [(send.kind, send.words) for send in day.sends] == [
        ("done", "812 mails out"),
        ("stopped", "paused at 0 %"),
        ("running", "going out, 43 %"),
        ("planned", "planned"),
    ]
    assert day.next is not None and day.next.campaign_id == tomorrow.pk


def test_day_is_the_reader_s() -> None:
    late = facts(watched=(watched("scheduled", scheduled_at=NOW.replace(hour=23)),))
    assert len(day_of_sends([late], NOW, datetime.UTC).sends) == 1
    auckland = datetime.timezone(datetime.timedelta(hours=13))
    assert day_of_sends([late], NOW.replace(hour=10), auckland).sends == ()


def test_day_of_many_sends_drops_the_oldest_and_says_how_many() -> None:
    many = facts(*(started(0.01 * number) for number in range(1, MOST_SHOWN + 6)))
    day = day_of_sends([many], NOW, datetime.UTC)
    assert (len(day.sends), day.left_out) == (MOST_SHOWN, 5)
    assert day.sends[-1].name == "0.01 days ago"


@pytest.mark.parametrize("page", ["-1", "0", "x", "١", "9" * 30, "1.5", ""])
def test_wanted_page_that_is_none_is_the_first(page: str) -> None:
    assert Wanted.of({"page": page, "only": "<script>", "q": " Acme "}) == Wanted("Acme", "", 1)


def test_sparkline_spans_the_box_and_leaves_unknown_values_out() -> None:
    line = line_of([0, None, 5, 10])
    assert line is not None
    assert line.path == "M0.0 26.0L80.0 14.0L120.0 2.0"


@pytest.mark.parametrize("values", [[], [5], [0, 0, 0], [None, None]])
def test_sparkline_of_nothing_is_not_drawn(values: list[Any]) -> None:
    assert line_of(values) is None
