"""Whose network a hit came from, by a list of ours that is shipped with its date (networks.json).

The list holds large blocks of the operators that matter to mail, put together by hand from what they publish. It is
neither complete nor exact: smaller hosts are missing, blocks change hands, and scanners also run where nobody would
look. So a data centre alone never makes a hit a machine's; see rule.py. Kept networks are /24 and /48
(core.common.network), and no block of the list is smaller.
"""

import datetime
import ipaddress
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).with_name("networks.json")
_BITS = {4: 32, 6: 128}


class NetworkKind(StrEnum):
    OTHER = "other"
    """Not on the list, or not known: households, offices, phones."""
    DATA_CENTRE = "data_centre"
    SECURITY = "security"
    """Mail security services: nobody reads mail from there."""
    PEOPLE_PROXY = "people_proxy"
    """Networks that people's own traffic goes through: iCloud Private Relay, companies' web gateways."""

    # Enum's own hash is written in Python; a kind is part of what every hit's judgement is remembered by.
    __hash__ = str.__hash__


@dataclass(frozen=True, slots=True)
class Owner:
    name: str
    kind: NetworkKind


class _List:
    """Blocks by version and length, so that a look-up is one dictionary look-up for each length there is."""

    def __init__(self) -> None:
        document = json.loads(_FILE.read_text(encoding="utf-8"))
        self.date = datetime.date.fromisoformat(document["date"])
        self.owners: list[tuple[Owner, int]] = []
        self._blocks: dict[tuple[int, int], dict[int, Owner]] = {}
        for entry in document["owners"]:
            owner = Owner(entry["name"], NetworkKind(entry["kind"]))
            self.owners.append((owner, len(entry["networks"])))
            for block in map(ipaddress.ip_network, entry["networks"]):
                shift = _BITS[block.version] - block.prefixlen
                self._blocks.setdefault((block.version, shift), {})[int(block.network_address) >> shift] = owner
        self._shifts = {version: sorted(s for v, s in self._blocks if v == version) for version in _BITS}
        self._known = frozenset(self._halves())

    def find(self, network: str) -> Owner | None:
        try:
            found = ipaddress.ip_network(network)
        except ValueError:
            return None
        address = int(found.network_address)
        for shift in self._shifts[found.version]:
            owner = self._blocks[found.version, shift].get(address >> shift)
            if owner is not None:
                return owner
        return None

    def is_strange(self, network: str) -> bool:
        """Whether it is a plain /24 of whose /16 nothing is on the list: most are, and to be sure of it is cheap."""
        return network.endswith(".0/24") and network.count(".") == 3 and network.rsplit(".", 2)[0] not in self._known

    def _halves(self) -> Iterator[str]:
        """The /16 that hold blocks of the list, as words: "203.0"."""
        for (version, shift), blocks in self._blocks.items():
            for block in blocks if version == 4 else ():
                first = block << shift >> 16
                yield from (f"{half >> 8}.{half & 255}" for half in range(first, first + max(1 << shift >> 16, 1)))


@lru_cache(maxsize=1)
def _list() -> _List:
    return _List()


@lru_cache(maxsize=50_000)
def owner_of(network: str) -> Owner | None:
    """The operator of a kept network ("203.0.113.0/24"), the smallest block first; None for one we do not know."""
    return _list().find(network) if network else None


def kind_of(network: str) -> NetworkKind:
    owner = None if _list().is_strange(network) else owner_of(network)
    return owner.kind if owner else NetworkKind.OTHER


def list_date() -> datetime.date:
    """Of what day the list is."""
    return _list().date


def listed_owners() -> list[tuple[Owner, int]]:
    """Who is on the list, with the number of blocks."""
    return list(_list().owners)
