"""Users, clients and their settings in the admin, and who may do what there."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from core.accounts.choices import OrganizationStatus, Role
from core.accounts.middleware import SESSION_KEY
from core.accounts.models import AuditEvent, Organization, OrganizationMembership, User
from core.common.tenancy import all_organizations, organization_scope
from core.delivery.models import Connection
from core.subscriptions.choices import Metric
from core.subscriptions.models import Subscription
from core.subscriptions.usage import used
from tests.support import factories


def _settings(organization: Organization) -> str:
    return reverse("admin:accounts_organization_change", args=[organization.pk])


def _fields(organization: Organization, **changes: str) -> dict[str, str]:
    names = ("name", "time_zone", "color", "postal_address", "default_from_name", "default_from_email")
    return {**{name: getattr(organization, name) for name in names}, **changes}


def test_superuser_adds_a_user_with_a_password(superuser: User, florist: Organization, signed_in: Callable) -> None:
    data = {
        "email": "new@agency.example",
        "full_name": "New Person",
        "password1": factories.PASSWORD,
        "password2": factories.PASSWORD,
    }
    response = signed_in(superuser).post(reverse("admin:accounts_user_add"), data)
    assert response.status_code == 302
    user = User.objects.get(email="new@agency.example")
    assert user.check_password(factories.PASSWORD)
    assert not user.is_superuser


def test_superuser_right_cannot_be_smuggled_in_when_adding(
    superuser: User, florist: Organization, signed_in: Callable
) -> None:
    data = {"email": "x@agency.example", "full_name": "X", "is_superuser": "on"}
    data |= {"password1": factories.PASSWORD, "password2": factories.PASSWORD}
    signed_in(superuser).post(reverse("admin:accounts_user_add"), data)
    assert not User.objects.get(email="x@agency.example").is_superuser


def test_superuser_cannot_lock_the_own_account(superuser: User, florist: Organization, signed_in: Callable) -> None:
    url = reverse("admin:accounts_user_change", args=[superuser.pk])
    data = {"email": superuser.email, "full_name": "Root", "language": "en", "time_zone": "UTC"}
    data |= {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}
    response = signed_in(superuser).post(url, data)
    assert "your own superuser right" in response.content.decode()
    superuser.refresh_from_db()
    assert superuser.is_superuser
    assert superuser.is_active


@pytest.mark.parametrize("role", list(Role))
def test_users_are_closed_to_every_role(member: Callable, signed_in: Callable, role: Role) -> None:
    user = member(role)
    browser = signed_in(user)
    assert browser.get(reverse("admin:accounts_user_changelist")).status_code == 403
    url = reverse("admin:accounts_user_change", args=[user.pk])
    assert browser.post(url, {"is_superuser": "on"}).status_code == 403
    user.refresh_from_db()
    assert not user.is_superuser


def test_setting_a_password_is_audited_without_values(
    superuser: User, florist: Organization, signed_in: Callable
) -> None:
    user = factories.make_user()
    url = reverse("admin:auth_user_password_change", args=[user.pk])
    words = "another long password 77"
    data = {"password1": words, "password2": words, "usable_password": "true"}
    assert signed_in(superuser).post(url, data).status_code == 302
    user.refresh_from_db()
    assert user.check_password(words)
    with all_organizations(reason="test"):
        event = AuditEvent.objects.get(action="user.password_set")
    assert event.changes == {}


def test_own_password_can_be_changed(member: Callable, signed_in: Callable) -> None:
    user = member(Role.VIEWER)
    words = "another long password 77"
    data = {"old_password": factories.PASSWORD, "new_password1": words, "new_password2": words}
    response = signed_in(user).post(reverse("admin:password_change"), data, follow=True)
    assert response.status_code == 200
    user.refresh_from_db()
    assert user.check_password(words)
    with all_organizations(reason="test"):
        assert AuditEvent.objects.get(action="user.password_changed").actor_id == user.pk


def test_wrong_old_password_changes_and_notes_nothing(member: Callable, signed_in: Callable) -> None:
    user = member(Role.VIEWER)
    words = "another long password 77"
    data = {"old_password": "wrong", "new_password1": words, "new_password2": words}
    assert signed_in(user).post(reverse("admin:password_change"), data).status_code == 200
    user.refresh_from_db()
    assert user.check_password(factories.PASSWORD)
    with all_organizations(reason="test"):
        assert not AuditEvent.objects.exists()


def test_logout_ends_the_session(member: Callable, signed_in: Callable) -> None:
    browser = signed_in(member())
    assert browser.post(reverse("admin:logout")).status_code in {200, 302}
    assert browser.get("/admin/").status_code == 302


def test_add_client_makes_everything_it_needs(superuser: User, signed_in: Callable) -> None:
    owner = factories.make_user()
    plan = factories.make_plan(max_members=1)
    data = {"name": "Bakery", "slug": "bakery", "plan": plan.pk, "time_zone": "Europe/Madrid", "color": "#112233"}
    browser = signed_in(superuser)
    response = browser.post(reverse("admin:accounts_organization_add"), {**data, "owner": owner.pk})
    assert response.status_code == 302, response.context["adminform"].form.errors
    with all_organizations(reason="test"):
        bakery = Organization.objects.get(slug="bakery")
        assert Subscription.objects.get(organization=bakery).plan == plan
        assert Connection.objects.get(organization=bakery).is_default
        assert OrganizationMembership.objects.get(organization=bakery).role == Role.OWNER
        assert used(organization_id=bakery.pk, metric=Metric.MEMBERS) == 1
        assert AuditEvent.objects.filter(organization=bakery, action="organization.added").exists()
    assert browser.session[SESSION_KEY] == str(bakery.pk)


def test_add_client_while_working_for_another_reaches_past_its_scope(
    superuser: User, florist: Organization, museum: Organization, signed_in: Callable
) -> None:
    browser = signed_in(superuser)
    browser.post("/admin/switch/", {"organization": str(florist.pk)})
    data = {"name": "Museum", "slug": "m2", "plan": factories.make_plan().pk, "time_zone": "UTC", "color": "#112233"}
    response = browser.post(reverse("admin:accounts_organization_add"), data)
    assert "already exists" in response.content.decode()
    assert browser.post(reverse("admin:accounts_organization_add"), {**data, "name": "New"}).status_code == 302


def test_add_client_on_a_plan_without_seats_leaves_nothing(superuser: User, signed_in: Callable) -> None:
    data = {"name": "Bakery", "slug": "bakery", "plan": factories.make_plan(max_members=0).pk, "time_zone": "UTC"}
    data |= {"color": "#112233", "owner": factories.make_user().pk}
    response = signed_in(superuser).post(reverse("admin:accounts_organization_add"), data, follow=True)
    assert "has 0 left" in response.content.decode()
    with all_organizations(reason="test"):
        assert not Organization.objects.exists()


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
def test_settings_are_saved_with_before_and_after(
    florist: Organization, member: Callable, signed_in: Callable, role: Role
) -> None:
    browser = signed_in(member(role))
    response = browser.post(_settings(florist), _fields(florist, postal_address="2 New Street"))
    assert response.status_code == 302
    settings = browser.get(_settings(florist)).content.decode()
    assert "successfully" not in settings
    assert "was changed" in settings or "are saved" in settings
    history = browser.get(reverse("admin:accounts_organization_history", args=[florist.pk])).content.decode()
    assert "1 Florist Street" in history
    assert "2 New Street" in history
    assert "Postal address" in history


def test_settings_of_a_client_keep_slug_status_and_owner_for_superusers(
    florist: Organization, member: Callable, signed_in: Callable
) -> None:
    owner = member(Role.OWNER)
    forged = _fields(florist, slug="stolen", status=OrganizationStatus.ARCHIVED, owner=str(owner.pk))
    signed_in(owner).post(_settings(florist), forged)
    with organization_scope(florist):
        florist.refresh_from_db()
    assert (florist.slug, florist.status, florist.owner_id) == ("florist", OrganizationStatus.ACTIVE, None)


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ACCOUNT_MANAGER, Role.VIEWER])
def test_settings_are_read_only_for_lower_roles(
    florist: Organization, member: Callable, signed_in: Callable, role: Role
) -> None:
    browser = signed_in(member(role))
    assert browser.get(_settings(florist)).status_code == 200
    assert browser.post(_settings(florist), _fields(florist, name="Stolen")).status_code == 403


def test_nobody_but_superusers_adds_clients(member: Callable, signed_in: Callable) -> None:
    assert signed_in(member(Role.OWNER)).get(reverse("admin:accounts_organization_add")).status_code == 403


def test_history_page_without_changes_says_so(florist: Organization, member: Callable, signed_in: Callable) -> None:
    url = reverse("admin:accounts_organization_history", args=[florist.pk])
    assert b"No changes yet" in signed_in(member(Role.OWNER)).get(url).content


def test_history_list_shows_words_and_is_read_only(
    florist: Organization, member: Callable, signed_in: Callable
) -> None:
    browser = signed_in(member(Role.OWNER))
    browser.post(_settings(florist), _fields(florist, postal_address="2 New Street"))
    content = browser.get(reverse("admin:accounts_auditevent_changelist")).content.decode()
    assert "Client changed" in content
    with organization_scope(florist):
        event = AuditEvent.objects.get(action="organization.changed")
    page = reverse("admin:accounts_auditevent_change", args=[event.pk])
    assert "2 New Street" in browser.get(page).content.decode()
    assert browser.post(page, {"action": "x"}).status_code == 403
    assert browser.get(reverse("admin:accounts_auditevent_add")).status_code == 403


def test_empty_list_says_what_belongs_there_and_a_search_without_hits_says_that(
    florist: Organization, member: Callable, signed_in: Callable
) -> None:
    browser = signed_in(member(Role.OWNER))
    url = reverse("admin:accounts_auditevent_changelist")
    assert "Nothing has been changed yet" in browser.get(url).content.decode()
    assert "Nothing matches" in browser.get(url, {"q": "zzz"}).content.decode()


@pytest.mark.parametrize("status,is_archived", [("sending", False), ("scheduled", False), ("draft", True)])
def test_client_is_archived_only_when_nothing_goes_out(
    superuser: User, florist: Organization, signed_in: Callable, status: str, is_archived: bool
) -> None:
    with organization_scope(florist):
        factories.make_campaign(florist, status=status)
    data = {"name": florist.name, "slug": florist.slug, "time_zone": "UTC", "color": "#112233", "status": "archived"}
    data |= {"default_from_email": "", "default_from_name": "", "postal_address": "", "owner": ""}
    answer = signed_in(superuser).post(reverse("admin:accounts_organization_change", args=[florist.pk]), data)
    assert answer.status_code == (302 if is_archived else 200)
    with organization_scope(florist):
        florist.refresh_from_db()
    assert (florist.status == "archived") is is_archived


def test_settings_saved_by_a_superuser_stay_on_the_form_and_say_so(
    florist: Organization, superuser: User, signed_in: Callable[[User], Client]
) -> None:
    page = f"/admin/accounts/organization/{florist.pk}/change/"
    browser = signed_in(superuser)
    form = browser.get(page).context["adminform"].form
    values = {name: form[name].value() or "" for name in form.fields}
    response = browser.post(page, {**values, "name": "Florist and sons", "_save": "Save"}, follow=True)
    assert response.redirect_chain == [(page, 302)]
    assert "The settings of Florist and sons are saved." in response.content.decode()
