"""Reads of sending domains."""

from uuid import UUID

from core.domains.choices import DomainStatus
from core.domains.dkim import DkimKey
from core.domains.models import SendingDomain


def domain_of(organization_id: UUID, address: str) -> SendingDomain | None:
    """The client's sending domain that this address belongs to, exactly (not one above it)."""
    name = address.rpartition("@")[2].lower()
    return SendingDomain.objects.filter(organization_id=organization_id, name=name).first()


def signing_key(organization_id: UUID, address: str) -> DkimKey | None:
    """What mails from this address are signed with: the key of a domain whose DNS was right when it was looked at last.

    A broken domain's mails are not signed: a signature that does not verify is worse than none.
    """
    domain = domain_of(organization_id, address)
    if domain is None or domain.status != DomainStatus.VERIFIED:
        return None
    return DkimKey(domain.name, domain.selector, domain.private_key)
