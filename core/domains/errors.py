"""What sending domains refuse, and what name servers may say."""

from core.common.errors import DomainError


class BadDomain(DomainError):
    """The text is no domain name that mail could come from."""

    code = "domains.bad_domain"


class DomainExists(DomainError):
    """The client has this domain already."""

    code = "domains.exists"


class NoSuchRecord(Exception):
    """The name servers say that there is no such record."""


class NotAnsweredByUs(Exception):
    """Who asks under a client's name does not reach us. The text tells why."""


class TemporaryFailure(Exception):
    """No answer, or none that says anything about the record. The text tells which."""
