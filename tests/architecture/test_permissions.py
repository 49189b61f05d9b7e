"""Who may open what: role by page. The whole table is committed in permission_table.json."""

import pytest
from django.contrib import admin
from django.test import Client as Browser
from django.urls import reverse

from core.accounts.choices import Role
from core.accounts.model_admins import AgencyModelAdmin
from core.accounts.permissions import MATRIX, Permission, role_allows
from core.common.models import ScopedModel
from tests.architecture.baselines import compare_with_baseline
from tests.architecture.test_isolation import LEAVING, NAMED_BY_LABEL, fingerprint
from tests.support.admin_urls import AdminUrl, admin_urls
from tests.support.canary import Client, make_client

PAGES = [url for url in admin_urls() if url.name not in LEAVING | NAMED_BY_LABEL | {"search", "autocomplete"}]


@pytest.fixture
def client(db: None) -> Client:
    return make_client("Heron")


def browser_of(client: Client, role: Role) -> Browser:
    browser = Browser()
    browser.force_login(client.users[role])
    return browser


def address_of(url: AdminUrl, client: Client) -> str | None:
    """The page about our own row; None when we have no row it could be about."""
    if not url.parameters:
        return reverse(f"admin:{url.name}")
    if url.model in client.rows:
        return url.address(str(client.rows[url.model].pk))
    parameter = url.parameters[0].removesuffix("_id").replace("_", "")
    row = next((row for model, row in client.rows.items() if model._meta.model_name == parameter), None)
    return url.address(str(row.pk)) if row else None


def test_every_page_answers_every_role_as_committed(client: Client) -> None:
    table: dict[str, dict[str, int]] = {}
    for role in Role:
        browser = browser_of(client, role)
        for url in PAGES:
            if address := address_of(url, client):
                table.setdefault(url.name, {})[role.value] = browser.get(address).status_code
    compare_with_baseline("permission_table", table)


def test_lists_open_exactly_for_the_roles_of_the_matrix(client: Client) -> None:
    wrong = []
    for role in Role:
        browser = browser_of(client, role)
        for model, model_admin in admin.site._registry.items():
            expected = 403
            needed = {model_admin.view_permission, model_admin.change_permission} - {None}
            if any(role_allows(role, permission) for permission in needed):
                expected = 200
            address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
            status = browser.get(address).status_code
            if status != expected:
                wrong.append((role, model._meta.label, status, expected))
    assert wrong == []


def test_pages_of_the_agency_are_closed_to_every_role() -> None:
    assert all(Permission.AGENCY not in allowed for allowed in MATRIX.values())
    for model, model_admin in admin.site._registry.items():
        if not issubclass(model, ScopedModel):
            assert isinstance(model_admin, AgencyModelAdmin)


# Reports are what an account manager makes, keeps and plans.
MAY_WRITE = {Role.ACCOUNT_MANAGER: {f"reports.Report{name}" for name in ("Definition", "Pack", "File", "Mail")}}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ACCOUNT_MANAGER])
def test_reading_roles_change_nothing_by_any_post(client: Client, role: Role) -> None:
    before = fingerprint(client)
    browser = browser_of(client, role)
    for url in PAGES:
        if address := address_of(url, client):
            browser.post(address, {"post": "yes", "confirm": "yes", "confirmed": "yes"})
    after = fingerprint(client)
    changed = {label for label in before if before[label] != after[label]} - {"accounts.AuditEvent"}
    assert changed <= MAY_WRITE.get(role, set())


def test_nobody_without_an_account_sees_a_page(client: Client) -> None:
    browser = Browser()
    for url in PAGES:
        if address := address_of(url, client):
            response = browser.get(address)
            assert response.status_code == 302 and "/login/" in response["Location"], address
