"""Reads of sending domains."""

from uuid import UUID

from django.conf import settings
from django.db.models import Q

from core.common.tenancy import all_organizations
from core.domains.choices import DomainStatus
from core.domains.dkim import DkimKey
from core.domains.models import SendingDomain


def domain_of(organization_id: UUID, address: str) -> SendingDomain | None:
    """The client's sending domain that this address belongs to, exactly (not one above it)."""
    name = address.rpartition("@")[2].lower()
    return SendingDomain.objects.filter(organization_id=organization_id, name=name).first()


def hosts_of(organization_id: UUID, address: str) -> tuple[str, str]:
    """Where bounces and replies of mails from this address come back to us; each "" where they do not."""
    domain = domain_of(organization_id, address)
    return (domain.return_path, domain.reply_host) if domain is not None else ("", "")


def shows_own_host(domain: SendingDomain) -> bool:
    """Whether links in new mails of this domain show its own host. The client's key in the DNS says that the domain is
    this client's: a CNAME alone would do for anybody who adds the same domain."""
    is_offered = bool(settings.TRACKING_TARGET) and domain.tracking_verified_at is not None
    return is_offered and domain.status == DomainStatus.VERIFIED


def link_base(organization_id: UUID, address: str) -> str:
    """What the links of a mail from this address begin with: "https://link.shop.example"; "" for PUBLIC_URL."""
    domain = domain_of(organization_id, address)
    if domain is None or not shows_own_host(domain):
        return ""
    return f"{settings.TRACKING_SCHEME}://{domain.tracking}"


def is_link_host(host: str) -> bool:
    """Whether this name was seen to lead here for any client."""
    if not host or "\0" in host:
        return False
    with all_organizations(reason="a proxy asks about a name"):
        return SendingDomain.objects.filter(tracking=host.lower()).exists()


def domains_by_name() -> dict[tuple[UUID, str], SendingDomain]:
    """The sending domains of the scope by (organization id, name), with what a link and a status need (1 query)."""
    found = SendingDomain.objects.only("organization_id", "name", "status")
    return {(domain.organization_id, domain.name): domain for domain in found}


BROKEN_FOR_SURE = 2
"""Checks in a row: the first may have met a DNS that somebody was just editing."""


def stopped_domains() -> list[tuple[UUID, str, str]]:
    """(organization id, domain, why) of domains from which nothing may go out: stopped by a person, or found broken by
    more than one check. Needs the scope of all organizations."""
    is_stopped = Q(paused_at__isnull=False) | Q(status=DomainStatus.BROKEN, broken_checks__gte=BROKEN_FOR_SURE)
    found = SendingDomain.objects.filter(is_stopped).only("organization_id", "name", "paused_at")
    return [(domain.organization_id, domain.name, _why(domain)) for domain in found]


def _why(domain: SendingDomain) -> str:
    if domain.paused_at is not None:
        return f"All sending from {domain} was stopped by a person. Lift that under Domains before you resume."
    return (
        f"The sending domain {domain} is broken: a record that receivers ask for is missing or wrong. See under "
        "Domains which one; when it is right again, resume."
    )


def signing_key(organization_id: UUID, address: str) -> DkimKey | None:
    """What mails from this address are signed with: the key of a domain whose DNS was right when it was looked at last.

    A broken domain's mails are not signed: a signature that does not verify is worse than none.
    """
    domain = domain_of(organization_id, address)
    if domain is None or domain.status != DomainStatus.VERIFIED:
        return None
    return DkimKey(domain.name, domain.selector, domain.private_key)
