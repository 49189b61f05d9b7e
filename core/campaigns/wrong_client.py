"""Whose words, hosts, senders and addresses stand in a mail: another client's are a mix-up.

Looks across the agency, so it says a client's name only to people who are members of it; for others the client stays
nameless, and of its name only the place in the mail is told. What a client says of itself is its own, whoever else has
claimed it too.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from core.accounts.access import access_for
from core.accounts.choices import OrganizationStatus
from core.accounts.models import Organization, User
from core.campaigns.models import Campaign
from core.campaigns.utm import host_of
from core.common.request_context import current_context
from core.common.tenancy import all_organizations
from core.domains.models import SendingDomain
from core.email_templates.markup import names
from core.email_templates.merge_tags import mask_tags
from core.email_templates.preview import MailSource

_NOT_LETTERS = re.compile(r"[\W_]+")
_SHORTEST_ADDRESS = 12
_TEXT_HOST = re.compile(r"https?://[^\s<>\"']+", re.IGNORECASE)
_ANYBODYS_DOMAINS = names(
    "gmail.com googlemail.com outlook.com hotmail.com live.com yahoo.com icloud.com me.com aol.com gmx.de gmx.net "
    "web.de proton.me protonmail.com example.com example.org example.net"
)


@dataclass(frozen=True, slots=True)
class Mix:
    """One thing of another client. `kind` is "host", "sender", "word", "name" or "address"; `found` is as it stands in
    the mail; `place` says where. Uncertain is a name of one word, which may just be a word."""

    kind: str
    found: str
    place: str
    client_name: str
    is_certain: bool = True


@dataclass(frozen=True, slots=True)
class _Marks:
    """What tells a client: hosts, sender domains, words, its name and its postal address (letters and digits only)."""

    pk: UUID
    name: str
    hosts: frozenset[str]
    domains: frozenset[str]
    words: tuple[str, ...]
    address: str


@dataclass(frozen=True, slots=True)
class Agency:
    """The marks of all clients, and which of them the acting person may read the names of."""

    marks: tuple[_Marks, ...]
    named: frozenset[UUID]


def agency() -> Agency:
    """As it is now. Four queries at most: ask once for all mails of a campaign."""
    return Agency(tuple(_agency_marks()), _known_to_actor())


def mixes(
    organization: Organization,
    campaign: Campaign,
    source: MailSource,
    text: str,
    urls: Iterable[str],
    known: Agency,
) -> list[Mix]:
    """What belongs to other clients in this mail, each thing once."""
    marks = {found.pk: found for found in known.marks}
    own = marks.pop(organization.pk, None)
    if own is None or not marks:
        return []
    mail = _Mail(campaign, source, text, tuple(urls))
    found = [mix for other in marks.values() for mix in _mixes_with(mail, own, other, other.pk in known.named)]
    return list(dict.fromkeys(found))


def _mixes_with(mail: "_Mail", own: _Marks, other: _Marks, is_named: bool) -> Iterator[Mix]:
    name = other.name if is_named else ""
    hosts = (other.hosts | other.domains) - own.hosts - own.domains
    for host in mail.hosts:
        if _covered(host, hosts) and not _covered(host, own.hosts | own.domains):
            yield Mix("host", host, "link", name)
    for place, address in mail.senders:
        domain = address.rpartition("@")[2].lower()
        if _covered(domain, other.domains) and not _covered(domain, own.domains):
            yield Mix("sender", address, place, name)
    own_words = " ".join([own.name, *own.words]).casefold()
    for place, words in mail.places:
        for word in other.words:
            if word.casefold() not in own_words and _holds_word(words, word, re.IGNORECASE):
                yield Mix("word", word, place, name)
        if other.name.casefold() not in own_words and _holds_word(words, other.name):
            yield Mix("name", other.name if is_named else "", place, name, is_certain=" " in other.name.strip())
        if other.address and other.address != own.address and other.address in letters_of(words):
            yield Mix("address", "", place, name)


class _Mail:
    """Those parts of a mail that can hold something of a client."""

    def __init__(self, campaign: Campaign, source: MailSource, text: str, urls: tuple[str, ...]) -> None:
        in_text = [match.group() for match in _TEXT_HOST.finditer(text)]
        hosts = [host_of(mask_tags(url)) for url in (*urls, *in_text)]
        self.hosts = list(dict.fromkeys(host for host in hosts if host))
        senders = (("sender address", campaign.from_email), ("reply address", campaign.reply_to))
        self.senders = [(place, address) for place, address in senders if address]
        self.places = (
            ("subject", source.subject),
            ("preheader", source.preheader),
            ("sender name", campaign.from_name),
            ("text", mask_tags(text, lambda _tag: " ")),
        )


def _agency_marks() -> list[_Marks]:
    with all_organizations(reason="a mail must hold nothing of another client"):
        domains: dict[UUID, set[str]] = {}
        for organization_id, name in SendingDomain.objects.values_list("organization_id", "name"):
            domains.setdefault(organization_id, set()).add(name.lower())
        clients = Organization.objects.exclude(status=OrganizationStatus.ARCHIVED)
        return [_marks(client, domains.get(client.pk, set())) for client in clients]


def _marks(client: Organization, domains: set[str]) -> _Marks:
    sender = client.default_from_email.rpartition("@")[2].lower()
    address = letters_of(client.postal_address)
    return _Marks(
        pk=client.pk,
        name=client.name.strip(),
        hosts=frozenset(host.strip().lower().removeprefix("www.") for host in client.web_hosts if host.strip()),
        domains=frozenset({*domains, sender} - {""} - _ANYBODYS_DOMAINS),
        words=tuple(word.strip() for word in client.watch_words if word.strip()),
        address=address if len(address) >= _SHORTEST_ADDRESS else "",
    )


def _known_to_actor() -> frozenset[UUID]:
    """The clients whose names the acting person may read. A job knows none."""
    actor_id = current_context().actor_id
    actor = User.objects.filter(pk=actor_id).first() if actor_id else None
    return frozenset(client.pk for client in access_for(actor).organizations) if actor else frozenset()


def _covered(host: str, hosts: Iterable[str]) -> bool:
    """Is it one of these hosts, or below one?"""
    return any(host == known or host.endswith(f".{known}") for known in hosts)


def _holds_word(text: str, word: str, flags: int = 0) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, flags) is not None


def letters_of(text: str) -> str:
    """Letters and digits alone, in one case: an address is the same however its lines are broken."""
    return _NOT_LETTERS.sub("", text).casefold()
