"""What can be wrong before a provider has been given anything."""

from core.common.errors import DomainError


class TransportError(DomainError):
    """Base of everything a transport raises. The promise of all of them: nothing of this call was sent."""

    code = "transport"


class ConnectionProblem(TransportError):
    """The provider knows the sender and refuses it: wrong password, revoked key, sender not allowed.

    Everybody would be refused alike, so the connection is to be paused and no recipient charged with it.
    `code` is the provider's own ("535 5.7.8"), `fields["words"]` its own text on one line.
    """

    code = "connection"


class MailProblem(TransportError):
    """A mail cannot be written down as RFC 5322 wants it. `code` names the reason."""

    code = "mail"


class AddressProblem(MailProblem):
    """The address cannot stand in a header or an envelope (`code="invalid_address"`)."""

    code = "invalid_address"


class NonAsciiLocalPart(AddressProblem):
    """The part before the @ needs SMTPUTF8 (RFC 6531), which we do not speak (`code="smtputf8"`)."""

    code = "smtputf8"


class HeaderProblem(MailProblem):
    """A header has a forbidden name or a value that no line can hold (`code="invalid_header"`)."""

    code = "invalid_header"
