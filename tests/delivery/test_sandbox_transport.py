"""The sandbox keeps the contract of transports; it has no provider that could misbehave."""

from collections.abc import Iterator

import pytest

from core.accounts.models import Organization
from core.delivery.models import SandboxMail
from core.delivery.transports.base import Transport
from core.delivery.transports.sandbox import SandboxTransport
from tests.delivery.transport_contract import Taken, TransportContract, mail_content, people
from tests.support.mail_asserts import assert_well_formed


class SandboxDouble:
    """The sandbox's own inbox as the counterpart."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization

    def transport(self) -> Transport:
        return SandboxTransport(self.organization.pk)

    def taken(self) -> list[Taken]:
        rows = SandboxMail.objects.order_by("id").values_list("recipient", "message_id")
        return [Taken(address, message_id) for address, message_id in rows if message_id]


class TestContract(TransportContract):
    @pytest.fixture
    def provider(self, in_florist: Organization) -> Iterator[SandboxDouble]:
        yield SandboxDouble(in_florist)
        # The contract's messages are in no ledger; the database would miss them at the end of the transaction.
        SandboxMail.objects.all().delete()

    def test_send_again_replaces_the_mail_that_was_kept(self, provider: SandboxDouble, transport: Transport) -> None:
        recipients = people(2)
        transport.send(mail_content(), recipients)
        transport.send(mail_content(), recipients)
        assert provider.taken() == [Taken(person.address, person.message_id) for person in recipients]

    def test_send_keeps_the_whole_mail(self, provider: SandboxDouble, transport: Transport) -> None:
        transport.send(mail_content(), people(1))
        mail = SandboxMail.objects.get()
        assert_well_formed(bytes(mail.raw))
        assert mail.subject == "News for P0"
