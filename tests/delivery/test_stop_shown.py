"""An automatic stop on the campaign's page: the figures, the provider's words, the mails, what to do next."""

from collections.abc import Callable

import pytest
from django.test import Client

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.campaigns.models import Campaign
from core.common.ids import new_id
from core.common.tenancy import organization_scope
from core.delivery.circuit import last_stop
from core.delivery.models import Message, StreamStop
from core.delivery.states import SendState
from tests.delivery.test_circuit import bounce, examined, half_sent, impatient  # noqa: F401 - a fixture

pytestmark = pytest.mark.usefixtures("ledger", "impatient")

HOSTILE = "550 <b>no</b> such user ana@people.example <script>alert(1)</script>"


@pytest.fixture
def stopped(in_florist: Organization) -> Campaign:
    campaign = half_sent(in_florist, 40)
    bounce(campaign, 10)
    Message.objects.filter(bounced_at__isnull=False).update(bounce_words=HOSTILE)
    assert examined(campaign)
    campaign.refresh_from_db()
    return campaign


def test_last_stop_holds_figures_words_and_mails_without_addresses(stopped: Campaign) -> None:
    stop = last_stop(stopped)

    assert stop is not None
    assert (stop.looked_at, stop.bounced, stop.complained, stop.domain) == (40, 10, 0, "")
    assert len(stop.examples) == 3
    assert "ana@people.example" not in str(stop)
    assert not any(one.is_complaint for one in stop.examples)


def test_campaign_page_shows_the_stop_with_links_and_hostile_words_as_text(
    stopped: Campaign, signed_in: Callable[[User], Client], member: Callable[..., User]
) -> None:
    page = signed_in(member(Role.MANAGER)).get(f"/admin/campaigns/campaign/{stopped.pk}/change/").content.decode()

    assert "Why it was stopped" in page and "What to do next" in page
    stop = last_stop(stopped)
    assert stop is not None
    for one in stop.examples:
        assert f"/admin/delivery/message/{one.message_id}/change/" in page
    assert "<script>alert(1)" not in page and "&lt;b&gt;no&lt;/b&gt;" in page


def test_a_pause_by_a_person_shows_no_stop(
    stopped: Campaign, signed_in: Callable[[User], Client], member: Callable[..., User]
) -> None:
    Campaign.objects.filter(pk=stopped.pk).update(pause_reason="manual")

    page = signed_in(member(Role.MANAGER)).get(f"/admin/campaigns/campaign/{stopped.pk}/change/").content.decode()

    assert "Why it was stopped" not in page


def test_stop_whose_mails_are_gone_or_are_another_clients_names_none(stopped: Campaign, museum: Organization) -> None:
    with organization_scope(museum):
        foreign = half_sent(museum, 40, name="Foreign")
        foreign_id = Message.objects.filter(campaign=foreign, send_state=SendState.ACCEPTED).values_list(
            "pk", flat=True
        )[0]
    StreamStop.objects.update(examples=[str(new_id()), str(foreign_id)])

    stop = last_stop(stopped)

    assert stop is not None and stop.examples == ()
