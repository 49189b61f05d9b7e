"""Where a request comes from."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

_NETWORK_BITS = {4: 24, 6: 48}


def client_ip(request: HttpRequest) -> str | None:
    """The client's address. X-Forwarded-For is believed only as far as TRUSTED_PROXIES proxies have appended to it."""
    return believed_ip(request.headers.get("X-Forwarded-For", ""), request.META.get("REMOTE_ADDR", ""))


def believed_ip(forwarded_for: str, peer: str) -> str | None:
    """The same for whoever has the header and the address of the connection only."""
    forwarded = [part.strip() for part in forwarded_for.split(",") if part.strip()]
    if settings.TRUSTED_PROXIES and len(forwarded) >= settings.TRUSTED_PROXIES:
        candidate = forwarded[-settings.TRUSTED_PROXIES]
    else:
        candidate = peer
    try:
        return str(ipaddress.ip_address(candidate))
    except ValueError:
        return None


def is_short(request: HttpRequest, most: int) -> bool:
    """Whether the body says to have at most so many bytes. Asked before it is read; what is no number is too long."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    return length.isdecimal() and len(length) < 20 and int(length) <= most


def network_of(ip_address: str | None) -> str:
    """The network an address is in, /24 or /48: enough to see a gateway, too little to name a household."""
    if not ip_address:
        return ""
    version = ipaddress.ip_address(ip_address).version
    return str(ipaddress.ip_network(f"{ip_address}/{_NETWORK_BITS[version]}", strict=False))
