"""Hosts that replies and bounces come back to. A host is used in mails only once a mail has come that way: nothing in
the DNS proves that what is written to it arrives here."""

import re
from collections.abc import Iterable, Iterator

from django.db import transaction
from django.utils import timezone

from core.domains.models import SendingDomain
from core.tracking.models import WebhookEndpoint

_PLACES = {"reply_host": ("reply_seen_at", "reply_host"), "bounce_host": ("bounce_seen_at", "return_path")}
"""Field of the endpoint: when its first mail came, and the field of the sending domain that mails are made from."""


def hosts_seen(endpoint: WebhookEndpoint, addresses: str) -> None:
    """Note which of the endpoint's hosts a mail came to; from the first one on, campaigns use the host."""
    for name, (seen, _) in _PLACES.items():
        host = getattr(endpoint, name)
        if host and getattr(endpoint, seen) is None and _is_addressed(host, addresses):
            setattr(endpoint, seen, timezone.now())
            endpoint.save(update_fields=[seen, "updated_at"])
            hosts_apply([host])


@transaction.atomic
def hosts_apply(hosts: Iterable[str]) -> None:
    """Bring the client's sending domains in line with its endpoints, as far as these hosts go.

    While an address is exchanged two endpoints have the same host; it stays in use as long as one of them has it.
    """
    for host in filter(None, hosts):
        for name, (seen, field) in _PLACES.items():
            is_used = WebhookEndpoint.objects.filter(**{name: host, f"{seen}__isnull": False}).exists()
            for domain in _above(host):
                is_set = getattr(domain, field) == host
                if is_set is not is_used:
                    setattr(domain, field, host if is_used else "")
                    domain.save(update_fields=[field, "updated_at"])


def domain_above(host: str) -> SendingDomain | None:
    """The client's sending domain that a host lies in."""
    return next(_above(host), None)


def _above(host: str) -> Iterator[SendingDomain]:
    if host:
        names = [host.split(".", cut)[-1] for cut in range(host.count("."))]
        yield from SendingDomain.objects.filter(name__in=names).order_by("-name")


def _is_addressed(host: str, addresses: str) -> bool:
    return re.search(rf"@{re.escape(host)}(?![A-Za-z0-9.-])", addresses, re.IGNORECASE) is not None
