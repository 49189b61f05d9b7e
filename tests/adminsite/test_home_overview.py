"""The overview of one client: tiles beside the period before, what is planned, what waits, and what a role may see."""

import datetime
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from core.accounts.choices import Role
from core.accounts.models import Organization
from core.adminsite.home.overview import Overview
from core.common.tenancy import organization_scope
from core.subscriptions.models import Subscription
from core.tracking.models import AudienceDay, OrganizationPeriod
from tests.support import factories


def _overview(browser: Any) -> Overview:
    found: Overview = browser.get("/admin/").context["overview"]
    return found


def _today(client: Organization) -> datetime.date:
    return timezone.now().astimezone(ZoneInfo(client.time_zone)).date()


def _day(client: Organization, days_ago: int, **counts: int) -> None:
    OrganizationPeriod.objects.create(
        organization=client,
        length="day",
        part="all",
        start=_today(client) - datetime.timedelta(days=days_ago),
        **counts,
    )


def _tiles(browser: Any) -> dict[str, tuple[str, str]]:
    return {tile.label: (tile.value, tile.change) for tile in _overview(browser).tiles}


def test_tiles_count_people_of_thirty_days_beside_the_thirty_before(
    member: Callable, florist: Organization, signed_in: Callable
) -> None:
    with organization_scope(florist):
        for days_ago, sent, opened, clicked in ((0, 600, 100, 10), (29, 400, 212, 20), (30, 500, 150, 30)):
            _day(florist, days_ago, sent=sent, opened_people_once=opened, clicked_people_once=clicked)
        _day(florist, 1, opened_machines=400, opened_machines_once=400)
        _day(florist, 60, sent=9_999)
    tiles = _tiles(signed_in(member()))
    assert tiles["Emails"] == ("1,000", "+100.0 %")
    assert tiles["Open rate"] == ("31.2 %", "+1.2 points")
    assert tiles["Click rate"] == ("3.0 %", "-3.0 points")


def test_tiles_say_a_handful_in_numbers_and_nothing_before_in_words(
    member: Callable, florist: Organization, signed_in: Callable
) -> None:
    browser = signed_in(member())
    now = timezone.now()
    with organization_scope(florist):
        factories.make_campaign(florist, name="Now", status="sent", started_at=now)
    assert _tiles(browser)["Campaigns"] == ("1", "none in the 30 days before")
    with organization_scope(florist):
        before = now - datetime.timedelta(days=40)
        for name in ("Before", "And another", "And a third"):
            factories.make_campaign(florist, name=name, status="sent", started_at=before)
    assert _tiles(browser)["Campaigns"] == ("1", "-2")


def test_rates_without_a_mail_are_a_dash(member: Callable, florist: Organization, signed_in: Callable) -> None:
    with organization_scope(florist):
        _day(florist, 2, opened_people=5, opened_people_once=5)
    assert _tiles(signed_in(member()))["Open rate"] == ("–", "")


def test_growth_shows_the_list_s_own_days(member: Callable, florist: Organization, signed_in: Callable) -> None:
    with organization_scope(florist):
        for days_ago, total, joined, left in ((40, 100, 0, 0), (30, 110, 15, 5), (0, 121, 12, 1)):
            AudienceDay.objects.create(
                organization=florist,
                day=_today(florist) - datetime.timedelta(days=days_ago),
                total=total,
                joined=joined,
                unsubscribed=left,
            )
    found = _overview(signed_in(member()))
    chart = found.growth_chart
    assert chart is not None
    assert (chart.first, chart.last, chart.change, chart.came, chart.went) == (100, 121, "+21", 27, 6)
    assert found.tiles[0].change == "+10.0 %"


def test_planned_are_the_campaigns_of_the_next_two_weeks_in_order(
    member: Callable, florist: Organization, signed_in: Callable
) -> None:
    with organization_scope(florist):
        for name, days in (("Third", 20), ("Second", 13), ("First", 2)):
            at = timezone.now() + datetime.timedelta(days=days)
            factories.make_campaign(florist, name=name, status="scheduled", scheduled_at=at)
        factories.make_campaign(florist, name="Sketch")
    found = _overview(signed_in(member()))
    assert [campaign.name for campaign, _ in found.planned] == ["First", "Second"]
    assert all(words.startswith("Goes out") for _, words in found.planned)
    assert [campaign.name for campaign in found.in_work] == ["Sketch"]


def test_overview_says_when_the_month_s_mails_run_out(
    member: Callable, florist: Organization, signed_in: Callable, monkeypatch: Any
) -> None:
    from core.subscriptions.choices import Metric
    from core.subscriptions.queries import UsageOf

    with organization_scope(florist):
        Subscription.objects.update(plan=factories.make_plan(max_emails=1000))
    monkeypatch.setattr(
        UsageOf,
        "runs_out_on",
        property(lambda usage: datetime.date(2026, 11, 27) if usage.metric == Metric.EMAILS else None),
    )
    content = signed_in(member()).get("/admin/").content.decode()
    assert "at this month&#x27;s pace they run out about 27 November." in content


def test_overview_of_a_viewer_has_no_plan_and_no_step_to_mend(
    member: Callable, florist: Organization, signed_in: Callable
) -> None:
    with organization_scope(florist):
        factories.make_campaign(florist, name="Stopped", status="paused", started_at=timezone.now())
    content = signed_in(member(Role.VIEWER)).get("/admin/").content.decode()
    assert "Look at the pause" in content
    assert "Plan and usage" not in content
    assert "Import contacts" not in content
