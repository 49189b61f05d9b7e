"""One event in: once per key, in any order, with the facts that stick."""

import datetime
from typing import Any

import pytest

from core.accounts.models import Organization
from core.campaigns.models import CampaignLink
from core.common.tenancy import OrganizationScopeMissing, organization_scope
from core.delivery.models import Message
from core.tracking.choices import EventType, Verdict
from core.tracking.models import AnalyticsEvent, CampaignPart
from core.tracking.services import event_record
from tests.tracking.mailed import Mailed, mailed_campaign

NOON = datetime.datetime(2026, 5, 4, 12, tzinfo=datetime.UTC)


@pytest.fixture
def mailed(in_florist: Organization) -> Mailed:
    return mailed_campaign(in_florist)


def record(message: Message, key: str = "one", **fields: Any) -> bool:
    values: dict[str, Any] = {"type": EventType.OPENED, "occurred_at": NOON, "verdict": Verdict.HUMAN}
    return event_record(message_id=message.pk, event_key=key, **{**values, **fields})


def test_event_record_new_key_appends_event_and_counts_it(mailed: Mailed) -> None:
    message = mailed.messages[0]
    assert record(message, type=EventType.CLICKED, link_number=2, seen={"method": "GET"}, reasons=("browser",))
    event = AnalyticsEvent.objects.get()
    assert (event.message_id, event.campaign_id, event.contact_id) == (
        message.pk,
        mailed.campaign.pk,
        mailed.contacts[0].pk,
    )
    assert event.link == mailed.links[1]
    assert (event.seen, event.reasons) == ({"method": "GET"}, ["browser"])
    counted = CampaignPart.objects.get(part="all")
    assert (counted.campaign_id, counted.type, counted.total, counted.firsts) == (mailed.campaign.pk, "clicked", 1, 1)


def test_event_record_twice_changes_nothing(mailed: Mailed) -> None:
    assert record(mailed.messages[0])
    assert not record(mailed.messages[0], occurred_at=NOON - datetime.timedelta(days=1))
    assert AnalyticsEvent.objects.count() == 1
    assert CampaignPart.objects.get(part="all").total == 1
    mailed.messages[0].refresh_from_db()
    assert mailed.messages[0].opened_at == NOON


def test_event_record_same_key_of_other_client_is_another_event(mailed: Mailed, museum: Organization) -> None:
    record(mailed.messages[0])
    with organization_scope(museum):
        assert record(mailed_campaign(museum).messages[0])


def test_event_record_second_event_counts_but_is_no_first(mailed: Mailed) -> None:
    record(mailed.messages[0], "one")
    record(mailed.messages[0], "two")
    counted = CampaignPart.objects.get(part="all")
    assert (counted.total, counted.firsts) == (2, 1)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_event_record_any_order_keeps_first_and_last_time(mailed: Mailed, order: tuple[int, ...]) -> None:
    for hours in order:
        record(mailed.messages[0], f"open {hours}", occurred_at=NOON + datetime.timedelta(hours=hours))
        later = NOON + datetime.timedelta(days=1, hours=hours)
        record(mailed.messages[0], f"click {hours}", type=EventType.CLICKED, link_number=1, occurred_at=later)
    message, contact = mailed.messages[0], mailed.contacts[0]
    message.refresh_from_db()
    contact.refresh_from_db()
    assert message.opened_at == NOON
    assert message.clicked_at == NOON + datetime.timedelta(days=1)
    assert contact.last_opened_at == NOON + datetime.timedelta(hours=2)
    assert contact.last_clicked_at == NOON + datetime.timedelta(days=1, hours=2)


@pytest.mark.parametrize("verdict", [Verdict.SCANNER, Verdict.PREFETCH])
def test_event_record_by_machine_changes_no_state_of_message_or_contact(mailed: Mailed, verdict: Verdict) -> None:
    record(mailed.messages[0], "open", verdict=verdict)
    record(mailed.messages[0], "click", type=EventType.CLICKED, link_number=1, verdict=verdict)
    mailed.messages[0].refresh_from_db()
    mailed.contacts[0].refresh_from_db()
    assert (mailed.messages[0].opened_at, mailed.messages[0].clicked_at) == (None, None)
    assert (mailed.contacts[0].last_opened_at, mailed.contacts[0].last_clicked_at) == (None, None)
    assert AnalyticsEvent.objects.count() == 2


@pytest.mark.parametrize("verdict", [Verdict.PROXY, Verdict.UNKNOWN])
def test_event_record_by_proxy_or_unknown_counts_as_a_person(mailed: Mailed, verdict: Verdict) -> None:
    record(mailed.messages[0], verdict=verdict)
    mailed.messages[0].refresh_from_db()
    assert mailed.messages[0].opened_at == NOON


def test_event_record_unknown_link_raises_and_leaves_nothing(mailed: Mailed) -> None:
    with pytest.raises(CampaignLink.DoesNotExist):
        record(mailed.messages[0], type=EventType.CLICKED, link_number=9)
    assert not AnalyticsEvent.objects.exists()


def test_event_record_message_of_other_client_is_unknown(mailed: Mailed, museum: Organization) -> None:
    with organization_scope(museum), pytest.raises(Message.DoesNotExist):
        record(mailed.messages[0])


def test_event_record_outside_any_scope_raises(florist: Organization) -> None:
    with organization_scope(florist):
        mailed = mailed_campaign(florist)
    with pytest.raises(OrganizationScopeMissing):
        record(mailed.messages[0])
