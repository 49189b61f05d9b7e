"""Two clients of identical shape. Nothing of one may show up in, or be changed from, any page of the other.

Every URL of the admin is walked with the session of a client's owner (the role with most rights) and the other
client's ids: as address, as form value, as selected row, as filter and as autocomplete term.
"""

import hashlib
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.http import HttpResponseBase
from django.test import Client as Browser
from django.urls import reverse

from core.accounts.choices import Role
from core.accounts.models import Organization
from core.common.models import ScopedModel
from core.common.tenancy import all_organizations
from tests.architecture.test_models import TENANT_MODELS
from tests.support.admin_urls import AdminUrl, admin_urls
from tests.support.canary import Client, make_client

OURS, THEIRS = "Heron", "Wombat"
LEAVING = {"logout", "password_change", "password_change_done", "jsi18n", "login"}
"""Pages that end the session or show no data at all."""
NAMED_BY_LABEL = {"app_list", "view_on_site"}
"""Their addresses are made of an app's label or a content type, see `addresses`."""
URLS = [url for url in admin_urls() if url.name not in LEAVING | NAMED_BY_LABEL]


@pytest.fixture
def clients(db: None) -> tuple[Client, Client]:
    return make_client(OURS), make_client(THEIRS)


@pytest.fixture
def browser(clients: tuple[Client, Client]) -> Browser:
    browser = Browser(raise_request_exception=True)
    browser.force_login(clients[0].users[Role.OWNER])
    return browser


def body(response: HttpResponseBase) -> str:
    content = b"".join(response.streaming_content) if response.streaming else response.content
    return content.decode("utf-8", "replace") + str(dict(response.items()))


def shows_them(response: HttpResponseBase) -> bool:
    return THEIRS.lower() in body(response).lower()


def fingerprint(client: Client) -> dict[str, str]:
    """A digest of every row of the client, table by table."""
    digests = {}
    with all_organizations(reason="the test looks whether anything changed"):
        for model in TENANT_MODELS:
            rows = model.objects.filter(**{model.organization_attribute: client.organization.pk})
            names = [field.attname for field in model._meta.concrete_fields if field.attname != "content"]
            digests[model._meta.label] = hashlib.sha256(
                repr(list(rows.order_by("pk").values_list(*names))).encode()
            ).hexdigest()
    return digests


def their_ids(url: AdminUrl, theirs: Client) -> Iterator[str]:
    """The other client's ids that this address could mean: the admin's own model's, or any."""
    if url.model is not None and url.model in theirs.rows:
        yield str(theirs.rows[url.model].pk)
    elif url.model is None:
        yield from (str(row.pk) for row in theirs.rows.values())


def addresses(theirs: Client) -> Iterator[tuple[AdminUrl, str]]:
    for url in URLS:
        if not url.parameters:
            yield url, reverse(f"admin:{url.name}")
        else:
            for pk in their_ids(url, theirs):
                yield url, url.address(pk)
    for label in {model._meta.app_label for model in admin.site._registry}:
        yield AdminUrl("app_list", ("app_label",), None), reverse("admin:app_list", args=[label])
    for model, row in theirs.rows.items():
        content_type = ContentType.objects.get_for_model(model)
        yield (
            AdminUrl("view_on_site", ("object_id",), model),
            reverse("admin:view_on_site", args=[content_type.pk, row.pk]),
        )


def test_walk_covers_the_pages_that_matter() -> None:
    names = {url.name for url in URLS}
    for label in ("contacts_contact", "campaigns_campaign", "delivery_message", "email_templates_emailtemplate"):
        assert {f"{label}_{page}" for page in ("changelist", "add", "change", "delete", "history")} <= names
    assert {"index", "autocomplete", "search", "campaign_report"} <= names


def test_get_of_every_page_shows_nothing_of_the_other_client_and_answers_as_to_unknown_ids(
    clients: Any, browser: Browser
) -> None:
    _, theirs = clients
    leaks, differences = [], []
    unknown = {url: browser.get(url.address(str(uuid4()))).status_code for url in URLS if url.parameters}
    for url, address in addresses(theirs):
        response = browser.get(address, follow=True)
        opened = "object_id" in url.parameters and response.status_code == 200 and not response.redirect_chain
        if shows_them(response) or opened:
            leaks.append((address, response.status_code))
        first_status = response.redirect_chain[0][1] if response.redirect_chain else response.status_code
        if first_status != unknown.get(url, first_status):
            differences.append((url.name, first_status, unknown[url]))
    assert leaks == []
    assert differences == []


def test_own_pages_open_so_the_walk_is_not_blind(clients: Any, browser: Browser) -> None:
    """The same walk with our own ids does show our word: an empty page would prove nothing."""
    seen = [
        browser.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"))
        for model in admin.site._registry
        if issubclass(model, ScopedModel)
    ]
    open_pages = [response for response in seen if response.status_code == 200]
    assert len(open_pages) >= 10
    assert all(OURS.lower() in body(response).lower() for response in open_pages)


def test_post_to_every_page_shows_and_changes_nothing_of_the_other_client(clients: Any, browser: Browser) -> None:
    _, theirs = clients
    before = fingerprint(theirs)
    payload = {
        "organization": str(theirs.organization.pk),
        "organization_id": str(theirs.organization.pk),
        "post": "yes",
        "confirm": "yes",
        "List-Unsubscribe": "One-Click",
        **{model._meta.model_name: str(row.pk) for model, row in theirs.rows.items()},
        **{f"{model._meta.model_name}_id": str(row.pk) for model, row in theirs.rows.items()},
    }
    leaks = []
    for _url, address in addresses(theirs):
        for data in ({}, payload):
            response = browser.post(address, data, follow=True)
            if shows_them(response):
                leaks.append((address, response.status_code))
    assert leaks == []
    assert fingerprint(theirs) == before


def test_bulk_actions_with_foreign_ids_do_nothing(clients: Any, browser: Browser) -> None:
    _, theirs = clients
    before = fingerprint(theirs)
    leaks = []
    for model, model_admin in admin.site._registry.items():
        if model not in theirs.rows:
            continue
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        names = [getattr(name, "__name__", name) for name in (*model_admin.actions, "delete_selected")]
        for name in names:
            for extra in ({}, {"select_across": "1"}, {"post": "yes", "confirmed": "yes", "apply": "1"}):
                data = {"action": name, ACTION_CHECKBOX_NAME: [str(theirs.rows[model].pk)], **extra}
                response = browser.post(address, data, follow=True)
                if shows_them(response):
                    leaks.append((address, name, extra))
    assert leaks == []
    assert fingerprint(theirs) == before


def test_lists_filtered_by_foreign_ids_show_nothing(clients: Any, browser: Browser) -> None:
    _, theirs = clients
    leaks = []
    for model in admin.site._registry:
        if not issubclass(model, ScopedModel):
            continue
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        queries = [
            {"q": THEIRS},
            {"client": str(theirs.organization.pk)},
            {"organization__id__exact": str(theirs.organization.pk)},
            {"organization__name__startswith": THEIRS[:3]},
            {"all": "1"},
        ] + [
            {f"{field.name}__id__exact": str(theirs.rows[field.related_model].pk)}
            for field in model._meta.concrete_fields
            if field.is_relation and field.related_model in theirs.rows
        ]
        for query in queries:
            response = browser.get(address, query)
            # The words of a search are repeated in its own box: only rows count.
            text = body(response).lower().replace(f'value="{THEIRS.lower()}"', "")
            if (
                f"{THEIRS.lower()}@" in text
                or f"campaign {THEIRS.lower()}" in text
                or f"group {THEIRS.lower()}" in text
            ):
                leaks.append((address, query))
    assert leaks == []


def test_autocomplete_of_every_relation_offers_only_own_rows(clients: Any, browser: Browser) -> None:
    leaks = []
    for model in admin.site._registry:
        for field in model._meta.concrete_fields:
            if not field.is_relation:
                continue
            for term in ("", THEIRS[:3]):
                query = {
                    "app_label": model._meta.app_label,
                    "model_name": model._meta.model_name,
                    "field_name": field.name,
                    "term": term,
                }
                response = browser.get(reverse("admin:autocomplete"), query)
                if shows_them(response):
                    leaks.append(query)
    assert leaks == []


def test_superuser_working_for_one_client_sees_only_that_one(clients: Any, superuser: Any) -> None:
    """The switcher names the other clients; their rows must not appear."""
    ours, theirs = clients
    browser = Browser()
    browser.force_login(superuser)
    session = browser.session
    session["organization_id"] = str(ours.organization.pk)
    session.save()
    leaks = []
    for model in admin.site._registry:
        if issubclass(model, ScopedModel) and model is not Organization:
            address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
            text = body(browser.get(address)).replace(theirs.organization.name, "")
            if THEIRS.lower() in text.lower():
                leaks.append(address)
    assert leaks == []


def test_member_removed_from_the_client_reaches_nothing_on_the_next_request(clients: Any, browser: Browser) -> None:
    ours, _ = clients
    assert browser.get(reverse("admin:contacts_contact_changelist")).status_code == 200
    with all_organizations(reason="test"):
        models.QuerySet.update(ours.users[Role.OWNER].memberships.all(), is_active=False)
    response = browser.get(reverse("admin:contacts_contact_changelist"))
    assert OURS.lower() not in body(response).lower()
