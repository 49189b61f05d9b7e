"""From: an active client, a postal address, a sender that receivers believe."""

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from core.accounts.choices import OrganizationStatus
from core.campaigns.preflight.case import Case
from core.campaigns.preflight.registry import Found, Level, Reads, check
from core.domains.choices import DomainStatus
from core.domains.queries import domain_of, link_base, shows_own_host


def _sender_words(case: Case) -> str:
    return f"It comes from {_listed(mail.campaign.from_email for mail in case.mails)}."


@check(code="client", title="The client is active", where="client", fine="Mails of this client are sent.")
def client_is_active(case: Case) -> Iterator[Found]:
    client = case.organization
    if client.status != OrganizationStatus.ACTIVE:
        message = f"{client} is {client.get_status_display().lower()}: nothing is sent."
        yield Found(f"{message} A superuser can change that under Clients.", "client_not_active")


@check(code="sender", title="Sender and reply address", where="from", reads=Reads.SENDER, fine=_sender_words)
def sender_is_an_address(case: Case) -> Iterator[Found]:
    addresses = (
        ("from_email", "sender address", case.campaign.from_email),
        ("reply_to", "reply address", case.campaign.reply_to),
    )
    for code, name, address in addresses:
        if not address and code == "from_email":
            yield Found("The sender address is missing. Write it under From.", "no_sender")
        elif address and not _is_address(address):
            yield Found(f"The {name} “{address}” is no email address. Correct it under From.", f"bad_{code}")


@check(code="no_postal_address", title="Postal address", where="client", fine="The client's postal address is known.")
def postal_address_is_there(case: Case) -> Iterator[Found]:
    if not case.organization.postal_address.strip():
        message = f"{case.organization} has no postal address, which the law asks for in every mail."
        yield Found(f"{message} Add it under Settings and brand.")


def _domain_words(case: Case) -> str:
    names = dict.fromkeys(mail.campaign.from_email.rpartition("@")[2] for mail in case.mails)
    verb = "is" if len(names) == 1 else "are"
    return f"{_listed(names)} {verb} verified, and mails are signed for it: From and DKIM agree, as DMARC asks."


@check(
    code="domain",
    title="The sending domain vouches for the mail",
    where="domain",
    reads=Reads.SENDER,
    fine=_domain_words,
)
def domain_vouches(case: Case) -> Iterator[Found]:
    """Receivers ask of bulk mail that its domain vouches for it (SPF, DKIM and DMARC), and that the domain of From is
    the one that signs. A stop where the settings demand it, a warning elsewhere."""
    name = case.campaign.from_email.rpartition("@")[2].lower()
    if not name:
        return
    level = Level.STOP if settings.DOMAINS_REQUIRED else Level.WARNING
    domain = domain_of(case.organization_id, case.campaign.from_email)
    if domain is None:
        message = f"{name} is no sending domain of this client{_nearest(case, name)}."
        yield Found(f"{message} Add it under Domains, or choose another sender.", "domain_unknown", level)
    elif domain.paused_at is not None:
        message = f"All sending from {name} was stopped by a person. Lift that under Domains first."
        yield Found(message, "domain_stopped", Level.STOP)
    elif domain.status != DomainStatus.VERIFIED:
        state = "is broken" if domain.status == DomainStatus.BROKEN else "is not verified yet"
        message = f"The sending domain {name} {state}. Look under Domains what is missing."
        yield Found(message, "domain_not_verified", level)


def _shown_host(case: Case) -> str:
    base = link_base(case.organization_id, case.campaign.from_email) or settings.PUBLIC_URL
    return f"Links in this mail show {urlsplit(base).netloc}."


@check(
    code="link_host",
    title="Whose name links show",
    where="domain",
    level=Level.WARNING,
    reads=Reads.SENDER,
    fine=_shown_host,
)
def links_show_the_clients_name(case: Case) -> Iterator[Found]:
    """Where the agency offers it. A domain that is unknown or broken is another check's to name."""
    domain = domain_of(case.organization_id, case.campaign.from_email)
    if not settings.TRACKING_TARGET or domain is None or domain.status != DomainStatus.VERIFIED:
        return
    if not shows_own_host(domain):
        ours = urlsplit(settings.PUBLIC_URL).netloc
        yield Found(
            f"Links in this mail show {ours}: link.{domain.name} is not verified. If the client wants its own name in "
            "them, look under Domains what is missing."
        )


def _nearest(case: Case, name: str) -> str:
    """That a domain above it is one, which does not help: the signature would be of another domain than From."""
    parent = name.partition(".")[2]
    while "." in parent:
        if domain_of(case.organization_id, f"x@{parent}") is not None:
            return f", only {parent} is"
        parent = parent.partition(".")[2]
    return ""


def _listed(names: Iterable[str]) -> str:
    *first, last = dict.fromkeys(names)
    return f"{', '.join(first)} and {last}" if first else last


def _is_address(value: str) -> bool:
    try:
        validate_email(value)
    except ValidationError:
        return False
    return True
