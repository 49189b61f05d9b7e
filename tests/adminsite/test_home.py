"""The first page: what it says, and that more clients cost no more queries."""

import datetime
from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse_lazy
from django.utils import timezone

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.adminsite.home.cockpit import ROWS_PER_PAGE, Figure
from core.campaigns.models import Campaign
from core.common.heartbeat import KEY, note_worker
from core.common.tenancy import all_organizations, organization_scope
from core.delivery.models import Connection, DeliveryBatch
from core.domains.models import SendingDomain
from core.domains.services import domain_add
from core.subscriptions.choices import Metric
from core.subscriptions.models import Subscription
from core.subscriptions.usage import reserve
from core.tracking.models import CampaignPart, OrganizationPeriod
from core.tracking.queries.clients import NEWEST, newest_campaigns
from tests.support import factories

SWITCH = reverse_lazy("admin:switch_organization")


def _queries(browser: object) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        response = browser.get("/admin/")  # type: ignore[attr-defined]
    assert response.status_code == 200
    return len(captured)


def _count(campaign: Campaign, *, sent: int, opened: int = 0, machines: int = 0) -> None:
    """The campaign's counters as the rollup writes them."""
    for kind, verdict, firsts in (
        ("sent", "human", sent),
        ("opened", "human", opened),
        ("opened", "prefetch", machines),
    ):
        CampaignPart.objects.create(
            organization_id=campaign.organization_id,
            campaign=campaign,
            part="all",
            value="",
            type=kind,
            verdict=verdict,
            total=2 * firsts,
            firsts=firsts,
        )


def _day(client: Organization, days_ago: int, **counts: int) -> None:
    start = timezone.now().astimezone(ZoneInfo(client.time_zone)).date() - datetime.timedelta(days=days_ago)
    with organization_scope(client):
        OrganizationPeriod.objects.create(organization=client, length="day", part="all", start=start, **counts)


def _figures(browser: object, address: str = "/admin/") -> dict[str, Figure]:
    cockpit = browser.get(address).context["cockpit"]  # type: ignore[attr-defined]
    return {figure.key: figure for figure in cockpit.figures}


def _names(browser: object, query: str) -> list[str]:
    cockpit = browser.get(f"/admin/{query}").context["cockpit"]  # type: ignore[attr-defined]
    return [row.client.name for row in cockpit.rows]


def _busy_client(name: str) -> Organization:
    client = factories.make_organization(name)
    with organization_scope(client):
        factories.make_campaign(client, name=f"News of {name}", status="sent", started_at=timezone.now())
        factories.make_campaign(client, name=f"Next of {name}", status="sending", started_at=timezone.now())
    return client


def test_home_of_all_clients_costs_the_same_for_3_and_30(superuser: User, signed_in: Callable) -> None:
    browser = signed_in(superuser)
    for number in range(3):
        _busy_client(f"Client {number}")
    few = _queries(browser)
    for number in range(3, 30):
        _busy_client(f"Client {number}")
    assert _queries(browser) == few


def test_home_of_one_client_costs_the_same_for_1_and_20_campaigns(
    member: Callable, florist: Organization, signed_in: Callable
) -> None:
    browser = signed_in(member())
    now = timezone.now()
    with organization_scope(florist):
        factories.make_campaign(florist, name="First", status="paused", started_at=now)
    few = _queries(browser)
    with organization_scope(florist):
        for number in range(20):
            factories.make_campaign(florist, name=f"More {number}", status="paused", started_at=now)
            factories.make_campaign(florist, name=f"Sketch {number}")
    assert _queries(browser) == few


def test_home_of_a_new_client_offers_the_import(member: Callable, florist: Organization, signed_in: Callable) -> None:
    content = signed_in(member()).get("/admin/").content.decode()
    assert "Import contacts" in content
    assert "No campaign yet" in content


def test_home_says_what_stands_in_the_way(member: Callable, florist: Organization, signed_in: Callable) -> None:
    with organization_scope(florist):
        Organization.objects.update(postal_address="")
        Connection.objects.update(paused_at=timezone.now(), problem="535 Authentication failed")
        domain = domain_add(organization=florist, name="florist.example")
        SendingDomain.objects.filter(pk=domain.pk).update(status="broken")
    content = signed_in(member(Role.OWNER)).get("/admin/").content.decode()
    assert "The postal address is missing" in content
    assert "florist.example is broken" in content
    assert "535 Authentication failed" in content


def test_home_shows_a_full_plan_and_the_last_rates(
    member: Callable, signed_in: Callable, florist: Organization
) -> None:
    with organization_scope(florist):
        plan = factories.make_plan(name="Small", max_emails=1000)
        Subscription.objects.update(plan=plan)
        reserve(organization_id=florist.pk, metric=Metric.EMAILS, amount=1000)
        campaign = factories.make_campaign(florist, status="sent", started_at=timezone.now())
        _count(campaign, sent=100, opened=40, machines=55)
    content = signed_in(member()).get("/admin/").content.decode()
    assert "All 1,000 emails per month of the Small plan are used." in content
    assert "40.0 %" in content
    assert "40 opened, of 100 accepted" in content


def test_home_counts_a_retried_mail_of_a_running_campaign_once(
    member: Callable, signed_in: Callable, florist: Organization
) -> None:
    with organization_scope(florist):
        campaign = factories.make_campaign(florist, status="sending", started_at=timezone.now())
        batch = {
            "organization": florist,
            "campaign": campaign,
            "connection": Connection.objects.get(),
            "due_at": timezone.now(),
        }
        DeliveryBatch.objects.create(**batch, number=1, size=100, accepted_count=50, retry_count=10, state="settled")
        DeliveryBatch.objects.create(**batch, number=2, size=10, state="ready")
    overview = signed_in(member()).get("/admin/").context["overview"]
    assert (overview.rows[0].accepted, overview.rows[0].total) == (50, 100)


def test_home_of_all_clients_puts_stopped_clients_first(superuser: User, signed_in: Callable) -> None:
    _busy_client("Alpha")
    _busy_client("Beta")
    with all_organizations(reason="test"):
        Organization.objects.filter(name="Beta").update(postal_address="")
    cockpit = signed_in(superuser).get("/admin/").context["cockpit"]
    assert [row.client.name for row in cockpit.rows] == ["Beta", "Alpha"]


def test_home_of_all_clients_shows_only_clients_in_reach(
    florist: Organization, museum: Organization, signed_in: Callable
) -> None:
    factories.make_organization("Stranger")
    user = factories.make_user(Role.VIEWER, florist)
    factories.join(user, museum, Role.VIEWER)
    content = signed_in(user).get("/admin/").content.decode()
    assert "Florist" in content
    assert "Museum" in content
    assert "Stranger" not in content


def test_home_without_any_client_says_so(signed_in: Callable, db: None) -> None:
    assert b"You work for no client yet" in signed_in(factories.make_user()).get("/admin/").content


def test_home_without_any_client_lets_a_superuser_add_one(superuser: User, signed_in: Callable) -> None:
    assert b"Add client" in signed_in(superuser).get("/admin/").content


def test_runs_out_on_names_the_day_at_this_pace(florist: Organization) -> None:
    from core.subscriptions.queries import UsageOf

    today = timezone.now().astimezone(datetime.UTC).date()
    usage = UsageOf(Metric.EMAILS, used=1, limit=10_000_000)
    assert usage.runs_out_on is None
    assert UsageOf(Metric.EMAILS, used=999_999_999, limit=1_000_000_000).runs_out_on == today


def test_mails_today_stand_beside_the_usual_of_the_weekday_in_each_client_s_zone(
    superuser: User, signed_in: Callable
) -> None:
    far = factories.make_organization("Kiritimati", time_zone="Pacific/Kiritimati")
    near = factories.make_organization("Lisbon", time_zone="Europe/Lisbon")
    for client, today in ((far, 100), (near, 11)):
        _day(client, 0, sent=today, opened_people_once=55_555)
        for weeks, mails in enumerate((400, 100, 300, 900), start=1):
            _day(client, 7 * weeks, sent=mails)
        _day(client, 1, sent=77_777)
    figure = _figures(signed_in(superuser))["mails"]
    assert figure.value == 111
    assert figure.note.endswith(": 700")


def test_mails_that_the_counters_do_not_know_yet_are_read_from_the_ledger(
    superuser: User, signed_in: Callable, florist: Organization
) -> None:
    with organization_scope(florist):
        campaign = factories.make_campaign(florist, status="sent", started_at=timezone.now())
        _count(campaign, sent=30)
        _day(florist, 0, sent=30)
        DeliveryBatch.objects.create(
            organization=florist,
            campaign=campaign,
            connection=Connection.objects.get(),
            due_at=timezone.now(),
            number=1,
            size=80,
            accepted_count=80,
            state="settled",
        )
    browser = signed_in(superuser)
    assert _figures(browser)["mails"].value == 80
    assert "80 mails out" in browser.get("/admin/").content.decode()


def test_figures_count_what_is_so_and_lead_to_its_list(superuser: User, signed_in: Callable) -> None:
    browser = signed_in(superuser)
    blocked, _, reviewed = (_busy_client(name) for name in ("Blocked", "Running", "Reviewed"))
    with organization_scope(blocked):
        Campaign.objects.filter(organization_id=blocked.pk, status="sending").update(status="paused")
        Connection.objects.filter(organization_id=blocked.pk).update(paused_at=timezone.now(), problem="535 No")
    with organization_scope(reviewed):
        Campaign.objects.filter(organization_id=reviewed.pk, status="sending").update(
            status="in_review", started_at=None
        )
    figures = _figures(browser)
    values = {key: figure.value for key, figure in figures.items()}
    assert values == {"mails": 0, "sending": 1, "waiting": 1, "blocked": 1, "senders": 1, "limits": 0, "quiet": 0}
    assert figures["blocked"].note == "1 connection paused, 1 paused"
    listed = browser.get(figures["sending"].url).content.decode()
    assert "Next of Running" in listed and "News of Running" not in listed
    assert _names(browser, figures["blocked"].url) == ["Blocked"]
    assert browser.get(figures["waiting"].url).status_code == 200


def test_cockpit_tells_a_client_gone_quiet_and_not_one_that_plans(superuser: User, signed_in: Callable) -> None:
    browser = signed_in(superuser)
    quiet, planning = factories.make_organization("Quiet"), factories.make_organization("Planning")
    long_ago = timezone.now() - datetime.timedelta(days=40)
    for client in (quiet, planning):
        with organization_scope(client):
            factories.make_campaign(client, name="Old", status="sent", started_at=long_ago)
    with organization_scope(planning):
        soon = timezone.now() + datetime.timedelta(days=3)
        factories.make_campaign(planning, name="Soon", status="scheduled", scheduled_at=soon)
    assert _names(browser, "?only=quiet") == ["Quiet"]
    assert "No campaign for 40 days." in browser.get("/admin/").content.decode()


def test_cockpit_finds_clients_by_words_of_their_name(superuser: User, signed_in: Callable) -> None:
    browser = signed_in(superuser)
    for name in ("Salt Museum", "Art Museum", "Florist"):
        factories.make_organization(name)
    assert _names(browser, "?q=museum") == ["Art Museum", "Salt Museum"]
    assert "No client has “&lt;b&gt;” in its name" in browser.get("/admin/?q=<b>").content.decode()


def test_cockpit_pages_many_clients_and_answers_pages_that_are_not_there(superuser: User, signed_in: Callable) -> None:
    browser = signed_in(superuser)
    for number in range(ROWS_PER_PAGE + 3):
        factories.make_organization(f"Client {number:02d}")
    assert len(_names(browser, "")) == ROWS_PER_PAGE
    assert len(_names(browser, "?page=2")) == 3
    assert _names(browser, "?page=999") == _names(browser, "?page=2")


def test_cockpit_shows_an_account_manager_no_button_that_is_not_theirs(
    florist: Organization, museum: Organization, signed_in: Callable
) -> None:
    user = factories.make_user(Role.VIEWER, florist)
    factories.join(user, museum, Role.VIEWER)
    with all_organizations(reason="test"):
        Connection.objects.update(paused_at=timezone.now(), problem="535 secret words of the server")
    content = signed_in(user).get("/admin/").content.decode()
    assert "is paused" in content
    assert "secret words" not in content
    assert "Mend the connection" not in content
    assert "ex-usage" not in content


def test_home_live_is_the_page_without_its_frame(superuser: User, signed_in: Callable, florist: Organization) -> None:
    response = signed_in(superuser).get("/admin/home/live/?q=flo")
    content = response.content.decode()
    assert "Florist" in content and "<html" not in content
    assert 'data-ex-home="all"' in content
    assert "no-store" in response["Cache-Control"]


def test_home_live_tells_which_client_it_is_about(member: Callable, signed_in: Callable, florist: Organization) -> None:
    content = signed_in(member()).get("/admin/home/live/").content.decode()
    assert f'data-ex-home="{florist.pk}"' in content


def test_home_says_when_nobody_counts(superuser: User, signed_in: Callable, florist: Organization) -> None:
    browser = signed_in(superuser)
    cache.delete(KEY)
    assert "These numbers are behind" in browser.get("/admin/").content.decode()
    note_worker()
    assert "These numbers are behind" not in browser.get("/admin/").content.decode()


def test_home_speaks_in_the_zone_the_browser_names(superuser: User, signed_in: Callable, florist: Organization) -> None:
    browser = signed_in(superuser)
    browser.cookies["ex_zone"] = "America/New_York"
    assert "America/New York" in browser.get("/admin/").content.decode()


def test_home_takes_no_zone_that_there_is_not(superuser: User, signed_in: Callable, florist: Organization) -> None:
    browser = signed_in(superuser)
    for hostile in ("../../etc/passwd", "Nowhere/Land", "<script>", "x" * 3000):
        browser.cookies["ex_zone"] = hostile
        response = browser.get("/admin/")
        assert response.status_code == 200
        assert response.context["zone"].key == timezone.get_current_timezone_name()


def test_button_of_a_row_opens_its_page_at_that_client(
    superuser: User, signed_in: Callable, florist: Organization
) -> None:
    browser = signed_in(superuser)
    listed = "/admin/campaigns/campaign/"
    moved = browser.post(f"{SWITCH}?next={listed}", {"organization": str(florist.pk)})
    assert moved["Location"] == listed
    assert browser.get("/admin/").context["current_client"] == florist
    away = browser.post(f"{SWITCH}?next=https://evil.example/", {"organization": str(florist.pk)})
    assert away["Location"] == "/admin/"


def test_newest_campaigns_are_those_that_started_last_however_early_they_were_written(florist: Organization) -> None:
    now = timezone.now()
    with organization_scope(florist):
        factories.make_campaign(florist, name="Written first", status="sent", started_at=now)
        for day in range(1, NEWEST + 1):
            started = now - datetime.timedelta(days=day)
            factories.make_campaign(florist, name=f"{day} days ago", status="sent", started_at=started)
        found = [campaign.name for campaign in newest_campaigns([florist.pk])[florist.pk]]
    assert (found[0], len(found)) == ("Written first", NEWEST)
