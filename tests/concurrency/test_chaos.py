"""Workers killed again and again while a real campaign goes out."""

from pathlib import Path

import pytest

from core.accounts.models import Organization
from core.campaigns.states import CampaignStatus
from tests.concurrency.chaos import run_chaos

pytestmark = [pytest.mark.usefixtures("ledger"), pytest.mark.slow]


def test_send_with_workers_killed_forgets_nobody_and_mails_nobody_twice(florist: Organization, tmp_path: Path) -> None:
    reckoning = run_chaos(florist, tmp_path, recipients=2000, kills=6, delay_ms=25)
    assert reckoning.kills == 6
    assert reckoning.status == CampaignStatus.SENT
    assert reckoning.forgotten == 0
    assert reckoning.duplicates == []
    assert reckoning.taken_but_not_said == []
    assert reckoning.unresolved <= reckoning.in_flight_at_kills
    assert reckoning.broken == {}
