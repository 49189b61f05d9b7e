"""The agency's accounts: one key for many clients, exchanged in one place, seen by nobody."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core.accounts.choices import Role
from core.accounts.models import AuditEvent, Organization
from core.common.tenancy import all_organizations, organization_scope
from core.delivery.forms import AgencyAccountForm, ConnectionForm
from core.delivery.models import AgencyAccount, Connection
from core.delivery.models.kinds import ConnectionKind, SmtpSecurity
from tests.delivery.ledger import run_work, sending_campaign, states
from tests.support import factories
from tests.support.postmark_server import PostmarkServer
from tests.support.sendgrid_server import SendGridServer

pytestmark = pytest.mark.usefixtures("ledger")


@pytest.fixture
def sendgrid() -> Iterator[SendGridServer]:
    with SendGridServer() as server:
        yield server


def account_at(server: Any, kind: ConnectionKind, key: str, **fields: Any) -> AgencyAccount:
    place = {"host": server.host, "port": server.port, "security": SmtpSecurity.NONE}
    return AgencyAccount.objects.create(name="Agency", kind=kind, password=key, **place, **fields)


def lend(organization: Organization, account: AgencyAccount, **fields: Any) -> None:
    Connection.objects.filter(organization=organization).update(account=account, **fields)


def test_work_over_the_agencys_account_and_a_new_key_counts_at_once(
    in_florist: Organization, sendgrid: SendGridServer
) -> None:
    account = account_at(sendgrid, ConnectionKind.SENDGRID, sendgrid.key)
    lend(in_florist, account, on_behalf_of="florist-subuser")
    campaign = sending_campaign(in_florist, 3)
    run_work()
    assert states(campaign) == {"accepted": 3}
    assert sendgrid.headers[0]["On-Behalf-Of"] == "florist-subuser"
    sendgrid.key = account.password = "SG.new.key"
    account.save()
    again = sending_campaign(in_florist, 2, name="Again")
    run_work()
    assert states(again) == {"accepted": 2}


def test_work_over_another_provider(in_florist: Organization) -> None:
    with PostmarkServer() as server:
        lend(in_florist, account_at(server, ConnectionKind.ANYMAIL, server.token, provider="postmark"))
        campaign = sending_campaign(in_florist, 3)
        run_work()
        assert states(campaign) == {"accepted": 3}
        sent = {header["Name"]: header["Value"] for header in server.mails[0]["Headers"]}
        assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert sent["List-Unsubscribe"].startswith("<http")


def test_refused_key_of_the_account_pauses_the_connection_and_burns_nobody(
    in_florist: Organization, sendgrid: SendGridServer
) -> None:
    lend(in_florist, account_at(sendgrid, ConnectionKind.SENDGRID, "SG.revoked"))
    campaign = sending_campaign(in_florist, 3)
    run_work()
    assert states(campaign) == {"ready": 3}
    assert Connection.objects.get(organization=in_florist).paused_at is not None


# In the admin


@pytest.fixture
def boss(db: None) -> Client:
    client = Client()
    client.force_login(factories.make_user(is_superuser=True))
    return client


@pytest.fixture
def manager(florist: Organization) -> Client:
    client = Client()
    client.force_login(factories.make_user(Role.OWNER, florist))
    return client


def test_account_page_is_the_superusers_and_never_shows_the_key(boss: Client, manager: Client) -> None:
    account = AgencyAccount.objects.create(name="Agency", kind=ConnectionKind.SENDGRID, password="SG.very-secret")
    page = reverse("admin:delivery_agencyaccount_change", args=[account.pk])
    assert b"very-secret" not in boss.get(page).content
    assert manager.get(page).status_code in (403, 404)
    assert manager.get(reverse("admin:delivery_agencyaccount_changelist")).status_code in (403, 404)


def test_account_key_changed_in_the_admin_is_noted_without_it(boss: Client) -> None:
    account = AgencyAccount.objects.create(
        name="Agency",
        kind=ConnectionKind.SENDGRID,
        password="SG.old",
        host="api.sendgrid.com",
        port=443,
        security="tls",
    )
    page = reverse("admin:delivery_agencyaccount_change", args=[account.pk])
    posted = {"name": "Agency", "kind": "sendgrid", "host": "", "port": 443, "security": "tls", "password": "SG.new"}
    assert boss.post(page, posted).status_code == 302
    account.refresh_from_db()
    assert account.password == "SG.new"
    with all_organizations(reason="the history of the agency"):
        assert "SG." not in str(list(AuditEvent.objects.values("changes")))


def test_account_in_use_cannot_be_deleted(boss: Client, florist: Organization) -> None:
    account = AgencyAccount.objects.create(name="Agency", password="SG.x")
    with organization_scope(florist):
        lend(florist, account)
    page = reverse("admin:delivery_agencyaccount_delete", args=[account.pk])
    assert boss.post(page, {"post": "yes"}).status_code == 403
    assert AgencyAccount.objects.filter(pk=account.pk).exists()


def test_manager_cannot_choose_an_account(manager: Client, florist: Organization) -> None:
    account = AgencyAccount.objects.create(name="Agency", password="SG.x")
    with organization_scope(florist):
        connection = Connection.objects.get(organization=florist)
    page = reverse("admin:delivery_connection_change", args=[connection.pk])
    assert b'name="account"' not in manager.get(page).content
    posted = {
        "name": "Mine", "kind": "sandbox", "port": 587, "security": "starttls", "batch_size": 100,
        "warmup_growth": 50, "account": str(account.pk),
    }  # fmt: skip
    assert manager.post(page, posted).status_code == 302
    with organization_scope(florist):
        connection.refresh_from_db()
    assert (connection.account_id, connection.name) == (None, "Mine")


# The forms


def connection_form(connection: Connection, **changes: Any) -> ConnectionForm:
    data = {
        "name": "Main", "kind": "smtp", "host": "mx.example", "port": 587, "security": "starttls", "username": "u",
        "password": "", "batch_size": 100, "warmup_growth": 50, **changes,
    }  # fmt: skip
    return ConnectionForm(data, instance=connection)


def test_form_password_is_kept_only_for_its_provider(in_florist: Organization) -> None:
    kept = {"name": "P", "kind": "anymail", "provider": "postmark", "password": "key", "host": "api.postmarkapp.com"}
    connection = Connection.objects.create(organization=in_florist, **kept, port=443, security="tls")
    same = connection_form(connection, kind="anymail", provider="postmark", host="", username="")
    assert same.is_valid(), same.errors
    assert same.cleaned_data["password"] == "key"
    for changes in ({"provider": "resend"}, {"host": "evil.example"}):
        posted = {"kind": "anymail", "provider": "postmark", "host": "", "username": "", **changes}
        assert not connection_form(connection, **posted).is_valid()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "anymail", "password": "k"}, "provider"),
        ({"kind": "anymail", "provider": "mailjet", "password": "k"}, "secret"),
        ({"kind": "anymail", "provider": "postmark", "host": "", "password": ""}, "password"),
        ({"kind": "anymail", "provider": "mailgun", "host": "evil.example", "password": "k"}, "host"),
        ({"warmup_start": 50}, "warmup_target"),
        ({"warmup_target": 50}, "warmup_start"),
        ({"warmup_start": 50, "warmup_target": 50}, "warmup_target"),
        ({"mails_per_second": 0}, "mails_per_second"),
    ],
)
def test_form_refuses(in_florist: Organization, changes: dict[str, Any], field: str) -> None:
    assert field in connection_form(Connection(organization=in_florist), **changes).errors


def test_form_account_clears_the_place(in_florist: Organization) -> None:
    account = AgencyAccount.objects.create(name="Agency", password="SG.x")
    connection = Connection.objects.get(organization=in_florist)
    form = connection_form(connection, account=account.pk, password="typed", host="")
    assert form.is_valid(), form.errors
    assert (form.cleaned_data["kind"], form.cleaned_data["password"]) == ("sendgrid", "")


def test_account_form_offers_no_sandbox(db: None) -> None:
    assert "kind" in AgencyAccountForm({"name": "A", "kind": "sandbox", "port": 1, "security": "none"}).errors
