"""The first page: what it says, and that more clients cost no more queries."""

import datetime
from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.common.tenancy import all_organizations, organization_scope
from core.delivery.models import Connection, DeliveryBatch
from core.domains.models import SendingDomain
from core.domains.services import domain_add
from core.subscriptions.choices import Metric
from core.subscriptions.usage import reserve
from core.tracking.models import CampaignHour
from tests.support import factories


def _queries(browser: object) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        response = browser.get("/admin/")  # type: ignore[attr-defined]
    assert response.status_code == 200
    return len(captured)


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
    with organization_scope(florist):
        factories.make_campaign(florist, name="First")
    few = _queries(browser)
    with organization_scope(florist):
        for number in range(20):
            factories.make_campaign(florist, name=f"More {number}", status="paused")
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
        from core.subscriptions.models import Subscription

        Subscription.objects.update(plan=plan)
        reserve(organization_id=florist.pk, metric=Metric.EMAILS, amount=1000)
        campaign = factories.make_campaign(florist, status="sent", started_at=timezone.now())
        batch = {
            "organization": florist,
            "campaign": campaign,
            "connection": Connection.objects.get(),
            "due_at": timezone.now(),
            "state": "settled",
        }
        DeliveryBatch.objects.create(**batch, number=1, size=100, accepted_count=90, retry_count=10)
        DeliveryBatch.objects.create(**batch, number=2, size=10, accepted_count=10)
        for verdict, firsts in (("human", 40), ("prefetch", 55)):
            CampaignHour.objects.create(
                organization=florist,
                campaign=campaign,
                hour=timezone.now(),
                type="opened",
                verdict=verdict,
                total=99,
                firsts=firsts,
            )
    content = signed_in(member()).get("/admin/").content.decode()
    assert "All 1,000 emails per month of the Small plan are used." in content
    assert "40.0 %" in content
    assert "100 of 100" in content


def test_home_of_all_clients_puts_stopped_clients_first(superuser: User, signed_in: Callable) -> None:
    _busy_client("Alpha")
    _busy_client("Beta")
    with all_organizations(reason="test"):
        Organization.objects.filter(name="Beta").update(postal_address="")
    rows = signed_in(superuser).get("/admin/").context["client_rows"]
    assert [row["facts"].client.name for row in rows] == ["Beta", "Alpha"]


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
