"""Plans in money and ticked features, and the page that says how much is left."""

from collections.abc import Callable

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from core.accounts.choices import Role
from core.accounts.models import AuditEvent, Organization, User
from core.common.tenancy import all_organizations, organization_scope
from core.subscriptions.choices import Metric
from core.subscriptions.features import FEATURES, feature_document, feature_paths, validate_features
from core.subscriptions.models import Plan, Subscription
from core.subscriptions.queries import UsageOf
from core.subscriptions.usage import reserve
from tests.support import factories

PLAN = {
    "name": "Growth",
    "slug": "growth",
    "is_public": "on",
    "position": "3",
    "currency": "EUR",
    "monthly_price": "49.90",
    "yearly_price": "499",
    "max_contacts": "5000",
    "max_emails": "",
    "chosen_features": ["export_formats.csv", "automation.enabled"],
}


def test_plan_is_saved_in_cents_with_its_features(superuser: User, florist: Organization, signed_in: Callable) -> None:
    response = signed_in(superuser).post(reverse("admin:subscriptions_plan_add"), PLAN)
    assert response.status_code == 302, response.context["adminform"].form.errors
    plan = Plan.objects.get(slug="growth")
    assert (plan.monthly_price_minor, plan.yearly_price_minor) == (4990, 49900)
    assert (plan.limit(Metric.CONTACTS), plan.limit(Metric.EMAILS)) == (5000, None)
    assert plan.features == {"export_formats": {"csv": True}, "automation": {"enabled": True}}


def test_plan_changes_show_in_its_history(superuser: User, florist: Organization, signed_in: Callable) -> None:
    browser = signed_in(superuser)
    browser.post(reverse("admin:subscriptions_plan_add"), PLAN)
    plan = Plan.objects.get(slug="growth")
    page = reverse("admin:subscriptions_plan_change", args=[plan.pk])
    assert "49.9" in browser.get(page).content.decode()
    browser.post(page, {**PLAN, "monthly_price": "59", "max_contacts": "6000"})
    with all_organizations(reason="test"):
        changes = [event.changes for event in AuditEvent.objects.filter(action="plan.changed")]
    assert {"max_contacts": [5000, 6000]} in changes
    assert {"monthly_price_minor": [4990, 5900]} in changes


@pytest.mark.parametrize(
    "field,value", [("chosen_features", ["made.up"]), ("monthly_price", "-1"), ("currency", "JPY")]
)
def test_plan_with_an_unusable_value_is_refused(
    superuser: User, florist: Organization, signed_in: Callable, field: str, value: object
) -> None:
    response = signed_in(superuser).post(reverse("admin:subscriptions_plan_add"), {**PLAN, field: value})
    assert field in response.context["adminform"].form.errors
    assert not Plan.objects.filter(slug="growth").exists()


@pytest.mark.parametrize("document", [{"nonsense": True}, {"automation": {"enabled": "yes"}}, ["automation"], "text"])
def test_features_that_are_unknown_or_no_booleans_are_refused(document: object) -> None:
    with pytest.raises(ValidationError):
        validate_features(document)


def test_feature_document_is_the_inverse_of_feature_paths() -> None:
    document = feature_document(list(FEATURES))
    validate_features(document)
    assert feature_paths(document) == dict.fromkeys(FEATURES, True)


@pytest.mark.parametrize("role", list(Role))
def test_plans_and_subscriptions_are_closed_to_every_role(member: Callable, signed_in: Callable, role: Role) -> None:
    browser = signed_in(member(role))
    assert browser.get(reverse("admin:subscriptions_plan_changelist")).status_code == 403
    assert browser.get(reverse("admin:subscriptions_subscription_changelist")).status_code == 403


def test_superuser_moves_a_client_to_another_plan(superuser: User, florist: Organization, signed_in: Callable) -> None:
    plan = factories.make_plan(name="Bigger")
    with organization_scope(florist):
        subscription = Subscription.objects.select_related("plan").get()
    page = reverse("admin:subscriptions_subscription_change", args=[subscription.pk])
    data = {"plan": plan.pk, "status": "active", "billing_frequency": "yearly"}
    assert signed_in(superuser).post(page, data).status_code == 302
    with organization_scope(florist):
        assert Subscription.objects.get().plan == plan
        event = AuditEvent.objects.get(action="subscription.changed")
    assert event.changes["plan"] == [subscription.plan.name, "Bigger"]


@pytest.mark.parametrize("used,words", [(94, "94 % are used"), (100, "All are used"), (10, "10 of 100")])
def test_page_says_what_is_used_and_what_to_do(
    florist: Organization, member: Callable, signed_in: Callable, used: int, words: str
) -> None:
    with organization_scope(florist):
        Subscription.objects.update(plan=factories.make_plan(max_emails=100))
        reserve(organization_id=florist.pk, metric=Metric.EMAILS, amount=used)
    content = signed_in(member(Role.ACCOUNT_MANAGER)).get(reverse("admin:plan_and_usage")).content.decode()
    assert words in content


def test_page_is_closed_to_viewers(member: Callable, signed_in: Callable) -> None:
    assert signed_in(member(Role.VIEWER)).get(reverse("admin:plan_and_usage")).status_code == 403


def test_page_of_all_clients_leaves_out_those_whose_role_hides_the_plan(
    florist: Organization, museum: Organization, signed_in: Callable
) -> None:
    user = factories.make_user(Role.MANAGER, florist)
    factories.join(user, museum, Role.VIEWER)
    rows = signed_in(user).get(reverse("admin:plan_and_usage")).context["rows"]
    assert [client.name for client, _usage in rows] == ["Florist"]


@pytest.mark.parametrize(
    "used,limit,percent,near,full",
    [
        (0, 100, 0, False, False),
        (89, 100, 89, False, False),
        (90, 100, 90, True, False),
        (99, 100, 99, True, False),
        (100, 100, 100, False, True),
        (120, 100, 100, False, True),
        (0, 0, 100, False, True),
        (5, None, 0, False, False),
    ],
)
def test_usage_thresholds(used: int, limit: int | None, percent: int, near: bool, full: bool) -> None:
    usage = UsageOf(Metric.CONTACTS, used, limit)
    assert (usage.percent, usage.is_near, usage.is_full) == (percent, near, full)
