"""The links of the mail, by how they are written. Nothing is fetched."""

import ipaddress
import re
from collections.abc import Iterator

from core.campaigns.preflight.case import Case, Link
from core.campaigns.preflight.registry import Found, Level, Reads, check
from core.campaigns.utm import host_of
from core.email_templates.merge_tags import mask_tags

_OTHER_SCHEMES = re.compile(r"(?:mailto|tel|sms):", re.IGNORECASE)
_WEB = re.compile(r"https?:", re.IGNORECASE)
_TWICE = re.compile(r"https?:/*\s*https?[:/]", re.IGNORECASE)
_MADE_UP_HOSTS = ("example.com", "example.org", "example.net", "yourdomain.com", "domain.com", "website.com")
_NAMED = 3
_INSIDE = (".local", ".localhost", ".internal", ".lan", ".test", ".invalid")


@check(
    code="links_broken",
    title="Links can work",
    where="what",
    reads=Reads.CONTENT,
    fine="Every link is written as an address.",
)
def links_can_work(case: Case) -> Iterator[Found]:
    for link in case.links:
        if complaint := _broken(link):
            yield Found(f"{_place(link, case)} {complaint}")


@check(
    code="links",
    title="Links lead where they should",
    where="what",
    reads=Reads.CONTENT,
    level=Level.WARNING,
    fine="No link is empty, unencrypted or left over from a draft.",
)
def links_lead_somewhere(case: Case) -> Iterator[Found]:
    said: dict[str, Link] = {}
    for link in case.links:
        if complaint := "" if _broken(link) else _doubtful(link):
            said.setdefault(complaint, link)
    for complaint, link in list(said.items())[:_NAMED]:
        yield Found(f"{_place(link, case)} {complaint}")
    if len(said) > _NAMED:
        yield Found(f"{len(said) - _NAMED} more of this kind.")


def _place(link: Link, case: Case) -> str:
    what = "Picture" if link.is_picture else "Link"
    return f"{what} in line {link.line} of the {case.language}:" if link.line else f"{what} out of a block:"


def _shown(url: str) -> str:
    return f"“{url if len(url) <= 60 else url[:57] + '…'}”"


def _is_tag(url: str) -> bool:
    return url.startswith("{{")


def _broken(link: Link) -> str:
    """Why a web address can lead nowhere, or ""."""
    url = link.url
    if _is_tag(url) or not _WEB.match(url):
        return ""
    if _TWICE.match(url):
        return f"{_shown(url)} begins with http twice. Take one out."
    masked = mask_tags(url)
    host = host_of(masked)
    if not host or any(character.isspace() for character in masked):
        return f"{_shown(url)} is no address that a browser could open. Write it like https://www.shop.example/offer."
    if host == "localhost" or host.endswith(_INSIDE) or _is_private(host):
        return f"{_shown(url)} leads to a machine that recipients cannot reach."
    return ""


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


def _doubtful(link: Link) -> str:
    url = link.url
    if _is_tag(url) or _OTHER_SCHEMES.match(url):
        return ""
    if not url or url == "#":
        return "it leads nowhere. Give it an address." if not link.is_picture else "it has no address."
    if url.startswith("#"):
        return ""
    if not _WEB.match(url):
        return f"{_shown(url)} has no https:// in front, so it leads nowhere from a mail."
    host = host_of(mask_tags(url))
    if any(host == made_up or host.endswith(f".{made_up}") for made_up in _MADE_UP_HOSTS):
        return f"{_shown(url)} is a placeholder. Put the real address there."
    if _is_ip(host):
        return f"{_shown(url)} names a machine by its number, which filters distrust. Use its name."
    if url[:5].lower() == "http:" and not link.is_picture:
        return f"{_shown(url)} is not encrypted. Write https:// if the site offers it."
    return ""


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
