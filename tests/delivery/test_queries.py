"""Progress, errors and the mail as it was sent; links in mails; the tasks that carry it all."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.accounts.models import Organization
from core.campaigns.models import Campaign
from core.campaigns.states import CampaignStatus
from core.common.tenancy import organization_scope
from core.common.tokens import BadToken, Purpose
from core.contacts.models import Contact
from core.delivery import public_links, tasks
from core.delivery.dispatch import dispatch
from core.delivery.errors import NothingSent
from core.delivery.models import Message, SandboxMail
from core.delivery.queries import (
    accepted_per_hour,
    campaign_errors,
    campaign_progress,
    campaign_skipped,
    parsed_mail,
    rendered_mail,
)
from core.delivery.states import SendState
from tests.delivery.ledger import (
    batches_of,
    claimed,
    due_campaign,
    run_sweep,
    run_work,
    sending_campaign,
    states,
    use_smtp,
)
from tests.support.smtp_server import SmtpServer

pytestmark = pytest.mark.usefixtures("ledger")


def test_campaign_progress_adds_up_at_every_stage(
    in_florist: Organization, smtp: SmtpServer, django_assert_num_queries: Callable[..., Any]
) -> None:
    smtp.faults = replace(
        smtp.faults,
        refuse_recipients={"spring-offer-0@*": "550 5.1.1 No such user", "spring-offer-1@*": "450 4.2.1 Later"},
        drop_taken="spring-offer-3@*",
    )
    use_smtp(in_florist, smtp.port, batch_size=2)
    campaign = sending_campaign(in_florist, 6)
    Contact.objects.filter(email_key="spring-offer-2@people.example").update(status="unsubscribed")
    with django_assert_num_queries(3):
        first = campaign_progress(campaign.pk)
    assert (first.total, first.waiting, first.done) == (6, 6, 0)
    dispatch(claimed())
    middle = campaign_progress(campaign.pk)
    assert (middle.failed, middle.retrying, middle.waiting) == (1, 1, 4)
    run_work()
    last = campaign_progress(campaign.pk)
    counts = (last.accepted, last.waiting, last.retrying, last.skipped, last.failed, last.uncertain, last.unresolved)
    assert counts == (2, 0, 1, 1, 1, 1, 0)
    assert sum(counts) == last.total
    assert {(error.state, error.words) for error in campaign_errors(campaign.pk)} == {
        (SendState.FAILED, "5.1.1 No such user"),
        (SendState.RETRY_WAIT, "4.2.1 Later"),
        (SendState.UNCERTAIN, Message.objects.get(send_state=SendState.UNCERTAIN).words),
    }
    assert campaign_skipped(campaign.pk) == {"unsubscribed": 1}
    assert [hour.accepted for hour in accepted_per_hour(campaign.pk)] == [2]


def test_campaign_progress_of_another_client_is_not_found(florist: Organization, museum: Organization) -> None:
    with organization_scope(museum):
        campaign = sending_campaign(museum, 1)
    with organization_scope(florist), pytest.raises(Campaign.DoesNotExist):
        campaign_progress(campaign.pk)


def test_rendered_mail_equals_what_was_kept_at_the_time(in_florist: Organization) -> None:
    sending_campaign(in_florist, 1)
    run_work()
    Contact.objects.update(first_name="Changed", email="new@people.example")
    message = Message.objects.get()
    shown = rendered_mail(message.pk)
    sent = parsed_mail(bytes(SandboxMail.objects.get().raw))
    assert shown.address == "spring-offer-0@people.example"
    assert "Hello P0" in shown.html
    assert shown.html.strip() == sent.html.strip()
    assert shown.text.strip().splitlines() == sent.text.strip().splitlines()
    assert shown.subject == dict(sent.headers)["Subject"] == "News from Florist"


def test_rendered_mail_before_anything_was_sent_is_refused(in_florist: Organization) -> None:
    sending_campaign(in_florist, 1)
    with pytest.raises(NothingSent):
        rendered_mail(Message.objects.get().pk)


def test_public_links_in_a_mail_lead_back_to_its_message(in_florist: Organization) -> None:
    sending_campaign(in_florist, 1)
    run_work()
    message, html = Message.objects.get(), rendered_mail(Message.objects.get().pk).html
    for url in (
        public_links.open_pixel_url(message.pk),
        public_links.unsubscribe_url(message.pk),
        public_links.click_url(message.pk, 1, message.campaign_id),
    ):
        assert url in html
    assert "https://shop.example" not in html


@given(number=st.integers(1, 65_535))
def test_click_url_gives_back_message_and_link(number: int) -> None:
    message_id = uuid4()
    token = public_links.click_url(message_id, number).rpartition("/")[2]
    assert public_links.link_from(token) == (message_id, number)


def test_message_id_from_another_purpose_is_refused() -> None:
    message_id = uuid4()
    token = public_links.view_url(message_id).rpartition("/")[2]
    assert public_links.message_id_from(Purpose.VIEW, token) == message_id
    with pytest.raises(BadToken):
        public_links.message_id_from(Purpose.UNSUBSCRIBE, token)
    click = public_links.click_url(message_id, 1).rpartition("/")[2]
    with pytest.raises(BadToken):
        public_links.message_id_from(Purpose.CLICK, click)


def test_tasks_bring_a_due_campaign_to_its_end(in_florist: Organization) -> None:
    batches_of(2, in_florist)
    campaign = due_campaign(in_florist, 3)
    assert tasks.sweep_due_work.apply().get()["campaigns_due"] == 1
    ids = {"organization_id": str(in_florist.pk), "campaign_id": str(campaign.pk)}
    assert tasks.materialise.apply(kwargs=ids).get() == {"status": "sending", "rows": 3}
    assert tasks.materialise.apply(kwargs=ids).get() == {"status": "sending", "rows": 0}
    assert tasks.sweep_due_work.apply().get()["batches_ready"] == 2
    assert tasks.send_batches.apply(kwargs={"slot": "0"}).get() == {"accepted": 3, "batches": 2}
    assert tasks.send_batches.apply(kwargs={"slot": "0"}).get() == {}
    assert tasks.sweep_due_work.apply().get()["completed"] == 1
    assert Campaign.objects.get().status == CampaignStatus.SENT
    assert run_sweep().completed == 0
    assert states(campaign) == {"accepted": 3}
