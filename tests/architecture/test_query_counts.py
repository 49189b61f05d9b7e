"""No list runs more queries for more rows; the numbers are committed in query_counts.json."""

from django.contrib import admin
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from core.accounts.choices import Role
from core.accounts.models import User
from core.common.models import ScopedModel
from tests.architecture.baselines import compare_with_baseline
from tests.support.canary import add_rows, make_client


def queries_of_lists(browser: Browser) -> dict[str, int]:
    counts = {}
    for model in admin.site._registry:
        if not issubclass(model, ScopedModel):
            continue
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        browser.get(address)  # fills what is cached for good, such as content types
        with CaptureQueriesContext(
            connection,
        ) as captured:
            response = browser.get(address)
        assert response.status_code == 200, address
        counts[model._meta.label] = len(captured)
    return dict(sorted(counts.items()))


def test_lists_run_the_committed_number_of_queries_whatever_the_rows(db: None, superuser: User) -> None:
    client = make_client("Heron")
    browser = Browser()
    browser.force_login(superuser)
    few = queries_of_lists(browser)
    add_rows(client, 20)
    many = queries_of_lists(browser)
    assert many == few
    compare_with_baseline("query_counts", few)


def test_lists_of_one_client_run_no_more_queries_for_more_rows(db: None) -> None:
    client = make_client("Heron")
    browser = Browser()
    browser.force_login(client.users[Role.OWNER])
    few = _queries_of_open_lists(browser)
    add_rows(client, 20)
    assert _queries_of_open_lists(browser) == few


def _queries_of_open_lists(browser: Browser) -> dict[str, int]:
    """Of the lists this role may open."""
    counts = {}
    for model in admin.site._registry:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        if browser.get(address).status_code == 200:
            with CaptureQueriesContext(connection) as captured:
                browser.get(address)
            counts[model._meta.label] = len(captured)
    return counts
