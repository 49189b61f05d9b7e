"""Provider events → states, counters, suppressions: the same rows after any order, doubling and delay."""

import datetime
import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.accounts.models import AuditEvent, Organization
from core.common.ids import new_id
from core.common.tenancy import OrganizationMismatch, all_organizations, organization_scope
from core.contacts.choices import ContactStatus, SuppressionReason
from core.contacts.models import Contact, ContactSearch, Suppression
from core.delivery.bounces import BounceClass
from core.delivery.models import DeliveryBatch, Message, MessageValues
from core.delivery.recovery import give_up_on_proof
from core.delivery.states import SendState, SkipReason
from core.tracking import services
from core.tracking.arrivals import Arrival
from core.tracking.choices import EventType
from core.tracking.intake import take
from core.tracking.models import AnalyticsEvent, CampaignHour, CampaignPart
from core.tracking.webhooks import sendgrid
from tests.support.sendgrid_events import blocked, event
from tests.tracking.mailed import Mailed, mailed_campaign

NOON = datetime.datetime(2026, 5, 4, 12, tzinfo=datetime.UTC)
LATER = datetime.datetime(2026, 7, 1, tzinfo=datetime.UTC)

KINDS: dict[str, Any] = {
    "processed": lambda message, **fields: event("processed", message, **fields),
    "deferred": lambda message, **fields: event("deferred", message, **fields),
    "delivered": lambda message, **fields: event("delivered", message, **fields),
    "hard": lambda message, **fields: event("bounce", message, **fields),
    "full": lambda message, **fields: event("bounce", message, **{**fields, "status": "5.2.2", "reason": "over quota"}),
    "blocked": lambda message, **fields: blocked(message, "550 5.7.1 listed on a blocklist", **fields),
    "dropped": lambda message, **fields: event("dropped", message, **fields),
    "left there": lambda message, **fields: event("dropped", message, **{**fields, "reason": "Unsubscribed Address"}),
    "spamreport": lambda message, **fields: event("spamreport", message, **fields),
    "unsubscribe": lambda message, **fields: event("unsubscribe", message, **fields),
    "group_unsubscribe": lambda message, **fields: event("group_unsubscribe", message, **fields),
    "open": lambda message, **fields: event("open", message, **fields),
    "machine open": lambda message, **fields: event("open", message, sg_machine_open=True, **fields),
    "click": lambda message, **fields: event("click", message, **fields),
    "unheard of": lambda message, **fields: event("unheard_of", message, **fields),
}


def arrival(message: Message, kind: str, *, hours: float = 0, key: str = "") -> Arrival:
    at = int((NOON + datetime.timedelta(hours=hours)).timestamp())
    key = key or f"{message.pk} {kind} {hours}"
    found = sendgrid.read(KINDS[kind](message.pk, timestamp=at, sg_event_id=key), received_at=LATER).arrival
    assert found is not None
    return found


def state() -> dict[str, Any]:
    """All that events may change, without ids and the times of writing."""
    services.roll_up()
    return {
        "messages": list(
            Message.objects.order_by("pk").values(
                *("pk", "send_state", "delivery_state", "bounced_at", "bounce_class", "bounce_words", "complained_at"),
                *("unsubscribed_at", "opened_at", "clicked_at"),
            )
        ),
        "contacts": list(Contact.objects.order_by("pk").values("pk", "status", "last_opened_at", "last_clicked_at")),
        "suppressions": sorted(Suppression.objects.values_list("key", "reason", "note")),
        "hours": sorted(CampaignHour.objects.values_list("hour", "type", "verdict", "total", "firsts")),
        "batches": list(DeliveryBatch.objects.values("accepted_count", "uncertain_count", "unresolved_count", "size")),
    }


def take_in_posts(arrivals: Sequence[Arrival], organization: Organization, cuts: Sequence[int]) -> None:
    edges = [0, *sorted(cuts), len(arrivals)]
    for start, end in itertools.pairwise(edges):
        take(arrivals[start:end], organization_id=organization.pk)


happenings = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(sorted(KINDS)), st.sampled_from([0, 1, 2, 30, 60, 100])),
    max_size=12,
    unique=True,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happened=happenings, doubted=st.sets(st.integers(0, 2)), data=st.data())
def test_take_any_order_doubling_and_delay_ends_in_the_same_rows(
    in_florist: Organization, happened: list[tuple[int, str, int]], doubted: set[int], data: st.DataObject
) -> None:
    with transaction.atomic():
        mailed = mailed_campaign(in_florist)
        for number in doubted:
            doubt(mailed, number)
        events = [arrival(mailed.messages[number], kind, hours=hours) for number, kind, hours in happened]
        with transaction.atomic():
            take(events, organization_id=in_florist.pk)
            expected = state()
            transaction.set_rollback(True)
        arrivals = data.draw(st.permutations(events))
        arrivals = arrivals + data.draw(st.lists(st.sampled_from(events), max_size=5)) if events else arrivals
        cuts = data.draw(st.lists(st.integers(0, len(arrivals)), max_size=4))
        take_in_posts(arrivals, in_florist, cuts)
        assert state() == expected
        take_in_posts(events, in_florist, [])
        assert state() == expected
        transaction.set_rollback(True)


@pytest.fixture
def mailed(in_florist: Organization) -> Mailed:
    return mailed_campaign(in_florist)


def doubt(mailed: Mailed, number: int, to: SendState = SendState.UNCERTAIN) -> None:
    """A mail whose outcome nobody knows, as a dead worker leaves it."""
    Message.objects.filter(pk=mailed.messages[number].pk).update(
        send_state=to, reason=SkipReason.LEASE_EXPIRED, accepted_at=None, due_at=LATER
    )
    counts = {
        f"{state}_count": Message.objects.filter(send_state=state).count()
        for state in ("accepted", "uncertain", "unresolved")
    }
    DeliveryBatch.objects.filter(campaign=mailed.campaign).update(**counts)


def test_take_nothing_does_nothing(in_florist: Organization) -> None:
    assert take([], organization_id=in_florist.pk).new == 0


def test_take_hard_bounce_stops_the_contact_at_once(mailed: Mailed, in_florist: Organization) -> None:
    take([arrival(mailed.messages[0], "hard")], organization_id=in_florist.pk)
    message, contact = Message.objects.get(pk=mailed.messages[0].pk), Contact.objects.get(pk=mailed.contacts[0].pk)
    assert (message.bounced_at, message.bounce_class) == (NOON, BounceClass.INVALID_ADDRESS)
    assert "user unknown" in message.bounce_words
    assert contact.status == ContactStatus.BOUNCED
    assert Suppression.objects.get().reason == SuppressionReason.BOUNCED
    assert AuditEvent.objects.filter(action="contact.bounced").count() == 1


def test_take_hard_bounce_of_an_address_the_person_left_stops_nobody(mailed: Mailed, in_florist: Organization) -> None:
    MessageValues.objects.create(organization=in_florist, message=mailed.messages[0], address="old@people.example")
    take([arrival(mailed.messages[0], "hard")], organization_id=in_florist.pk)
    assert Contact.objects.get(pk=mailed.contacts[0].pk).status == ContactStatus.SUBSCRIBED
    assert Message.objects.get(pk=mailed.messages[0].pk).bounced_at == NOON


@pytest.mark.parametrize("kind", ["blocked", "deferred", "delivered", "processed", "unheard of"])
def test_take_what_is_about_the_sender_stops_nobody_and_is_kept(
    mailed: Mailed, in_florist: Organization, kind: str
) -> None:
    take([arrival(mailed.messages[0], kind)], organization_id=in_florist.pk)
    assert Contact.objects.get(pk=mailed.contacts[0].pk).status == ContactStatus.SUBSCRIBED
    assert not Suppression.objects.exists()
    message = Message.objects.get(pk=mailed.messages[0].pk)
    assert message.bounced_at is None
    assert message.bounce_class == (BounceClass.REPUTATION if kind == "blocked" else "")


@pytest.mark.parametrize(
    ("hours", "stops"), [([0, 1, 2], False), ([0, 30, 60], True), ([0, 30, 24 * 40], False), ([0, 24], False)]
)
def test_take_full_mailbox_stops_after_three_days_of_it_within_a_month(
    in_florist: Organization, hours: list[int], stops: bool
) -> None:
    contacts = mailed_campaign(in_florist, 1)
    contact = contacts.contacts[0]
    for number, hour in enumerate(hours):
        take([arrival(contacts.messages[0], "full", hours=hour, key=f"{number}")], organization_id=in_florist.pk)
    contact.refresh_from_db()
    assert (contact.status == ContactStatus.BOUNCED) == stops
    assert Suppression.objects.exists() == stops
    assert Message.objects.get().bounced_at is None


@pytest.mark.parametrize(
    ("kind", "status", "column"),
    [
        ("spamreport", ContactStatus.COMPLAINED, "complained_at"),
        ("unsubscribe", ContactStatus.UNSUBSCRIBED, "unsubscribed_at"),
        ("group_unsubscribe", ContactStatus.UNSUBSCRIBED, "unsubscribed_at"),
    ],
)
def test_take_complaint_or_unsubscription_stops_the_contact_even_when_deleted(
    mailed: Mailed, in_florist: Organization, kind: str, status: str, column: str
) -> None:
    Contact.objects.filter(pk=mailed.contacts[0].pk).update(deleted_at=NOON)
    take([arrival(mailed.messages[0], kind)], organization_id=in_florist.pk)
    assert Contact.objects.get(pk=mailed.contacts[0].pk).status == status
    assert Suppression.objects.get().key == f"address:{mailed.contacts[0].email_key}"
    assert getattr(Message.objects.get(pk=mailed.messages[0].pk), column) == NOON


def test_take_drop_for_an_unsubscription_at_the_provider_brings_it_into_our_list(
    mailed: Mailed, in_florist: Organization
) -> None:
    take([arrival(mailed.messages[0], "left there")], organization_id=in_florist.pk)
    assert Contact.objects.get(pk=mailed.contacts[0].pk).status == ContactStatus.UNSUBSCRIBED
    assert Message.objects.get(pk=mailed.messages[0].pk).unsubscribed_at is None


@pytest.mark.parametrize("kind", ["processed", "delivered", "dropped", "hard", "open"])
@pytest.mark.parametrize("doubt_state", [SendState.UNCERTAIN, SendState.UNRESOLVED])
def test_take_event_about_a_mail_in_doubt_proves_that_it_was_taken(
    mailed: Mailed, in_florist: Organization, kind: str, doubt_state: SendState
) -> None:
    doubt(mailed, 0, doubt_state)
    take([arrival(mailed.messages[0], kind)], organization_id=in_florist.pk)
    message = Message.objects.get(pk=mailed.messages[0].pk)
    assert (message.send_state, message.reason) == (SendState.ACCEPTED, "")
    batch = DeliveryBatch.objects.get()
    assert (batch.accepted_count, batch.uncertain_count, batch.unresolved_count) == (3, 0, 0)


def test_doubts_settle_mail_whose_event_came_before_the_doubt(mailed: Mailed, in_florist: Organization) -> None:
    """The provider's report overtakes the worker, which then dies before it has written the outcome."""
    Message.objects.filter(pk=mailed.messages[0].pk).update(send_state=SendState.READY, accepted_at=None)
    take([arrival(mailed.messages[0], "delivered")], organization_id=in_florist.pk)
    assert Message.objects.get(pk=mailed.messages[0].pk).send_state == SendState.READY
    doubt(mailed, 0)
    doubt(mailed, 1)
    with all_organizations(reason="test"):
        assert services.doubts_settle() == 1
    states = Message.objects.order_by("pk").values_list("send_state", flat=True)
    assert list(states) == [SendState.ACCEPTED, SendState.UNCERTAIN, SendState.ACCEPTED]


def test_doubts_settle_mail_given_to_a_person_although_its_event_had_come(
    mailed: Mailed, in_florist: Organization
) -> None:
    """The event came before the doubt, and whoever settles doubts was away for as long as a doubt lasts."""
    Message.objects.filter(pk=mailed.messages[0].pk).update(send_state=SendState.READY, accepted_at=None)
    take([arrival(mailed.messages[0], "delivered")], organization_id=in_florist.pk)
    doubt(mailed, 0)
    doubt(mailed, 1)
    with all_organizations(reason="test"):
        Message.objects.filter(send_state=SendState.UNCERTAIN).update(due_at=NOON)
        assert give_up_on_proof() == 2
        cache.clear()
        assert services.doubts_settle() == 1
        services.roll_up()
    states = Message.objects.order_by("pk").values_list("send_state", "reason")
    assert list(states) == [
        (SendState.ACCEPTED, ""),
        (SendState.UNRESOLVED, SkipReason.NO_PROOF),
        (SendState.ACCEPTED, ""),
    ]
    batch = DeliveryBatch.objects.get()
    assert (batch.accepted_count, batch.uncertain_count, batch.unresolved_count) == (2, 0, 1)
    assert CampaignPart.objects.get(part="all", type=EventType.SENT).total == 2


def test_take_for_a_client_knows_no_mail_of_another(mailed: Mailed, museum: Organization) -> None:
    with organization_scope(museum):
        taken = take([arrival(mailed.messages[0], "hard")], organization_id=museum.pk)
    assert (taken.new, taken.unknown) == (0, (0,))
    assert not AnalyticsEvent.objects.exists()
    with pytest.raises(OrganizationMismatch):
        take([], organization_id=museum.pk)
    with pytest.raises(OrganizationMismatch):
        take([])


def test_take_says_which_events_it_does_not_know(mailed: Mailed, in_florist: Organization) -> None:
    known = arrival(mailed.messages[0], "open")
    unknown_link = Arrival(mailed.messages[0].pk, EventType.CLICKED, "click", NOON, link_number=9)
    unknown_mail = Arrival(new_id(), EventType.CLICKED, "other", NOON)
    taken = take([unknown_link, known, unknown_mail], organization_id=in_florist.pk)
    assert (taken.new, taken.unknown) == (1, (0, 2))


def test_take_of_thousand_events_needs_a_fixed_number_of_statements(
    in_florist: Organization, django_assert_max_num_queries: Any
) -> None:
    mailed = mailed_campaign(in_florist, 40)
    events = [arrival(message, kind) for message in mailed.messages for kind in KINDS]
    with django_assert_max_num_queries(60):
        take(events, organization_id=in_florist.pk)
    assert AnalyticsEvent.objects.count() == len(events)
    assert ContactSearch.objects.count() == 0
