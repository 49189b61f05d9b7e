"""The nightly look at the ledgers, and its page."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from core.accounts.models import Organization, User
from core.campaigns.models import Campaign
from core.common.tenancy import all_organizations, organization_scope
from core.delivery import ledger_checks
from core.delivery.ledger_checks import (
    CheckRunning,
    ledger_check_begin,
    ledger_check_begin_nightly,
    ledger_check_continue,
)
from core.delivery.models import DeliveryBatch, LedgerCheck
from tests.delivery.ledger import run_sweep, run_work, sending_campaign

LIST = "admin:delivery_ledgercheck_changelist"


@pytest.fixture
def campaigns(florist: Organization, museum: Organization) -> list[Campaign]:
    """One sent campaign of each client."""
    found = []
    for organization in (florist, museum):
        with organization_scope(organization):
            found.append(sending_campaign(organization, 3))
    run_work()
    run_sweep()
    return found


def run_check(seconds: float = 60) -> Any:
    with all_organizations(reason="the job"):
        return ledger_check_continue(seconds=seconds)


def test_check_sound_ledgers_all_hold(campaigns: list[Campaign]) -> None:
    ledger_check_begin(covers_all=True)
    done = run_check()
    check = LedgerCheck.objects.get()
    assert done.is_finished
    assert check.is_sound
    assert check.campaigns == 2


def test_check_broken_batch_is_named_with_its_campaign(campaigns: list[Campaign]) -> None:
    with organization_scope(campaigns[1].organization_id):
        DeliveryBatch.objects.update(accepted_count=1)
        batch = DeliveryBatch.objects.get()
    ledger_check_begin(covers_all=True)
    run_check()
    check = LedgerCheck.objects.get()
    assert not check.is_sound
    assert check.findings["counts"]["count"] == 1
    pk, _detail, campaign_id = check.findings["counts"]["offenders"][0]
    assert (pk, campaign_id) == (str(batch.pk), str(campaigns[1].pk))


def test_check_cut_short_goes_on_behind_the_last_campaign(
    campaigns: list[Campaign], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger_check_begin(covers_all=True)
    looked_at = []
    original = ledger_checks.broken_in_campaign

    def dying(**ids: Any) -> Any:
        if looked_at:
            raise KeyboardInterrupt
        looked_at.append(ids["campaign_id"])
        return original(**ids)

    with monkeypatch.context() as patch:
        patch.setattr(ledger_checks, "broken_in_campaign", dying)
        with pytest.raises(KeyboardInterrupt):
            run_check()
    assert LedgerCheck.objects.get().campaigns == 1
    done = run_check()
    assert done.is_finished
    assert done.campaigns == 1
    assert LedgerCheck.objects.get().is_sound


def test_check_second_at_once_is_refused(db: None) -> None:
    ledger_check_begin(covers_all=True)
    with pytest.raises(CheckRunning):
        ledger_check_begin(covers_all=False)
    run_check()
    ledger_check_begin(covers_all=False)


def test_check_nightly_begins_once_a_day(db: None) -> None:
    first = ledger_check_begin_nightly()
    assert first is not None
    assert first.covers_all
    run_check()
    assert ledger_check_begin_nightly() is None
    LedgerCheck.objects.update(started_at=first.started_at - ledger_checks.NIGHTLY)
    second = ledger_check_begin_nightly()
    assert second is not None


def test_check_too_large_campaign_is_named_and_the_others_are_looked_at(
    campaigns: list[Campaign], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = ledger_checks.broken_in_campaign

    def slow(**ids: Any) -> Any:
        if ids["campaign_id"] == campaigns[0].pk:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(5)")
        return original(**ids)

    monkeypatch.setattr(ledger_checks, "SECONDS_PER_STATEMENT", 0.05)
    monkeypatch.setattr(ledger_checks, "broken_in_campaign", slow)
    ledger_check_begin(covers_all=True)
    run_check()
    check = LedgerCheck.objects.get()
    assert check.too_large == [str(campaigns[0].pk)]
    assert check.campaigns == 2
    assert check.finished_at
    assert not check.is_sound


def test_page_shows_each_invariant_and_links_what_breaks_it(
    campaigns: list[Campaign], superuser: User, signed_in: Callable[[User], Client]
) -> None:
    with organization_scope(campaigns[0].organization_id):
        DeliveryBatch.objects.update(accepted_count=1)
    ledger_check_begin(covers_all=True)
    run_check()
    page = signed_in(superuser).get(reverse(LIST)).content.decode()
    assert "1 of 17 does not hold" in page
    assert "Broken: 1 row" in page
    assert reverse("admin:campaigns_campaign_change", args=[campaigns[0].pk]) in page


def test_run_now_asks_once_then_begins(superuser: User, signed_in: Callable[[User], Client]) -> None:
    browser = signed_in(superuser)
    url = reverse("admin:delivery_ledgercheck_run_now")
    assert b"Run now" in browser.get(url).content
    assert not LedgerCheck.objects.exists()
    assert browser.post(url).status_code == 302
    assert LedgerCheck.objects.get().asked_by == superuser
    again = browser.post(url, follow=True).content.decode()
    assert "under way already" in again


def test_page_of_a_member_is_refused(member: Callable[..., User], signed_in: Callable[[User], Client]) -> None:
    browser = signed_in(member())
    assert browser.get(reverse(LIST)).status_code == 403
    assert browser.post(reverse("admin:delivery_ledgercheck_run_now")).status_code == 403
    assert not LedgerCheck.objects.exists()
