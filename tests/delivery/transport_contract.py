"""What every transport has to do, whatever its provider: inherited by the test class of each of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID, uuid4

import pytest

from core.delivery.transports.base import WORDS_LIMIT, MailContent, OutcomeKind, Recipient, Transport
from core.delivery.transports.errors import ConnectionProblem
from core.email_templates.merge_tags import Escape, KnownKeys, parse

KEYS = KnownKeys(internal=True)
ACCEPTED, RETRY, FAILED, UNKNOWN = OutcomeKind


@dataclass(frozen=True)
class Taken:
    """One mail that the provider took: to whom, and the id that says which of our messages it is."""

    address: str
    message_id: UUID


class ProviderDouble(Protocol):
    """A real counterpart on loopback, with the faults of the provider's kind."""

    def transport(self) -> Transport:
        """A new transport that talks to this provider."""

    def taken(self) -> list[Taken]:
        """What it has taken up to now, in order."""

    def refuse_for_good(self, address: str, words: str) -> None:
        """Refuse this recipient as a provider does that never wants to hear of it again."""

    def refuse_for_now(self, address: str, words: str) -> None:
        """Refuse a call with this recipient, or the recipient alone, as a provider does that may take it later."""

    def take_without_answer(self, address: str) -> None:
        """Take the mail to this recipient, then lose the connection before the answer."""

    def refuse_us(self) -> None:
        """Reject our credentials from now on."""

    def go_down(self) -> None:
        """Be unreachable from now on."""

    def forget_faults(self) -> None:
        """Behave from now on."""


def mail_content() -> MailContent:
    """A small campaign with a merge tag in each part."""
    return MailContent(
        subject=parse("News for {{ contact.first_name }}", context=Escape.HEADER, allowed=KEYS),
        html=parse("<p>Hello {{ contact.first_name }}</p>", context=Escape.HTML, allowed=KEYS),
        text=parse("Hello {{ contact.first_name }}", context=Escape.TEXT, allowed=KEYS),
        from_name="Corner Bakery",
        from_email="news@bakery.example",
        reply_to="",
        message_id_domain="bakery.example",
    )


def people(count: int) -> list[Recipient]:
    """Recipients person0@example.org and on, each with an own name."""
    return [
        Recipient(uuid4(), f"person{number}@example.org", f"Person {number}", {"contact.first_name": f"P{number}"})
        for number in range(count)
    ]


class TransportContract:
    """Inherit, and give a `provider` fixture."""

    @pytest.fixture
    def transport(self, provider: ProviderDouble) -> Iterator[Transport]:
        with provider.transport() as transport:
            yield transport

    def test_send_healthy_provider_accepts_all_in_order(self, provider: ProviderDouble, transport: Transport) -> None:
        recipients = people(7)
        outcomes = transport.send(mail_content(), recipients)
        assert [outcome.message_id for outcome in outcomes] == [person.message_id for person in recipients]
        assert {outcome.kind for outcome in outcomes} == {ACCEPTED}
        assert provider.taken() == [Taken(person.address, person.message_id) for person in recipients]

    def test_send_nobody_gives_no_outcomes(self, provider: ProviderDouble, transport: Transport) -> None:
        assert transport.send(mail_content(), []) == []
        assert provider.taken() == []

    def test_send_several_calls_uses_the_transport_again(self, provider: ProviderDouble, transport: Transport) -> None:
        content = mail_content()
        for recipients in (people(2), people(3)):
            assert {outcome.kind for outcome in transport.send(content, recipients)} == {ACCEPTED}
        assert len(provider.taken()) == 5

    def test_send_address_that_no_header_can_hold_fails_alone(
        self, provider: ProviderDouble, transport: Transport
    ) -> None:
        good, bad = people(2)
        bad = Recipient(bad.message_id, "x@example.org\r\nRCPT TO:<victim@example.com>", "", bad.values)
        outcomes = transport.send(mail_content(), [bad, good])
        assert [outcome.kind for outcome in outcomes] == [FAILED, ACCEPTED]
        assert outcomes[0].code == "invalid_address"
        assert [mail.address for mail in provider.taken()] == [good.address]

    def test_close_twice_then_send_connects_again(self, provider: ProviderDouble, transport: Transport) -> None:
        transport.send(mail_content(), people(1))
        transport.close()
        transport.close()
        assert transport.send(mail_content(), people(1))[0].kind is ACCEPTED

    def test_slice_size_is_positive(self, transport: Transport) -> None:
        assert transport.slice_size > 0


class FaultyProviderContract(TransportContract):
    """What is asked in addition of a transport whose provider can refuse, fail and fall silent."""

    @pytest.mark.parametrize("position", [0, 1, 3])
    def test_send_refused_recipient_fails_alone(
        self, provider: ProviderDouble, transport: Transport, position: int
    ) -> None:
        recipients = people(4)
        provider.refuse_for_good(recipients[position].address, "No such user here")
        outcomes = transport.send(mail_content(), recipients)
        assert [outcome.kind for outcome in outcomes] == [
            FAILED if number == position else ACCEPTED for number in range(4)
        ]
        assert "No such user here" in outcomes[position].words
        assert outcomes[position].code
        assert len(provider.taken()) == 3

    def test_send_again_after_refusal_carries_the_same_message_id(
        self, provider: ProviderDouble, transport: Transport
    ) -> None:
        recipients = people(1)
        provider.refuse_for_now(recipients[0].address, "Later")
        assert transport.send(mail_content(), recipients)[0].kind is RETRY
        provider.forget_faults()
        assert transport.send(mail_content(), recipients)[0].kind is ACCEPTED
        assert transport.send(mail_content(), recipients)[0].kind is ACCEPTED
        assert provider.taken() == [Taken(recipients[0].address, recipients[0].message_id)] * 2

    def test_send_provider_down_is_retry_for_all(self, provider: ProviderDouble, transport: Transport) -> None:
        provider.go_down()
        recipients = people(3)
        outcomes = transport.send(mail_content(), recipients)
        assert [(outcome.message_id, outcome.kind) for outcome in outcomes] == [
            (person.message_id, RETRY) for person in recipients
        ]
        assert all(outcome.code for outcome in outcomes)

    def test_send_provider_gone_between_calls_is_retry(self, provider: ProviderDouble, transport: Transport) -> None:
        assert transport.send(mail_content(), people(1))[0].kind is ACCEPTED
        provider.go_down()
        assert transport.send(mail_content(), people(1))[0].kind is RETRY

    def test_send_lost_answer_is_unknown_and_never_retry(self, provider: ProviderDouble, transport: Transport) -> None:
        recipients = people(3)
        provider.take_without_answer(recipients[1].address)
        outcomes = transport.send(mail_content(), recipients)
        assert [outcome.message_id for outcome in outcomes] == [person.message_id for person in recipients]
        assert outcomes[1].kind is UNKNOWN
        taken = {mail.message_id for mail in provider.taken()}
        for outcome in outcomes:
            assert outcome.kind in ((ACCEPTED, UNKNOWN) if outcome.message_id in taken else (RETRY, UNKNOWN))

    def test_send_after_lost_answer_works_again(self, provider: ProviderDouble, transport: Transport) -> None:
        recipients = people(1)
        provider.take_without_answer(recipients[0].address)
        transport.send(mail_content(), recipients)
        provider.forget_faults()
        assert transport.send(mail_content(), people(1))[0].kind is ACCEPTED

    def test_send_words_are_one_printable_line(self, provider: ProviderDouble, transport: Transport) -> None:
        recipients = people(1)
        provider.refuse_for_good(recipients[0].address, "\x1b[31mNo \x07 way\t<script>" + "x" * 800)
        words = transport.send(mail_content(), recipients)[0].words
        assert words.isprintable()
        assert "way <script>" in words
        assert len(words) <= WORDS_LIMIT

    def test_send_credentials_refused_raises_and_burns_nobody(
        self, provider: ProviderDouble, transport: Transport
    ) -> None:
        provider.refuse_us()
        with pytest.raises(ConnectionProblem) as refused:
            transport.send(mail_content(), people(2))
        assert refused.value.code
        assert provider.taken() == []
        provider.forget_faults()
        assert transport.send(mail_content(), people(1))[0].kind is ACCEPTED


class OneByOneContract(FaultyProviderContract):
    """What is asked in addition where each mail has an answer of its own."""

    @pytest.mark.parametrize("position", [0, 1, 3])
    def test_send_recipient_refused_for_now_is_retry(
        self, provider: ProviderDouble, transport: Transport, position: int
    ) -> None:
        recipients = people(4)
        provider.refuse_for_now(recipients[position].address, "Too fast, slow down")
        outcomes = transport.send(mail_content(), recipients)
        assert [outcome.kind for outcome in outcomes] == [
            RETRY if number == position else ACCEPTED for number in range(4)
        ]
        assert "Too fast, slow down" in outcomes[position].words
