"""What the hits of one mail say about each other. Pure; the order of arrival is no part of it.

| reason | the hit is |
|---|---|
| honeypot | from a network that followed the hidden link, within 2 minutes of it |
| burst | one of 2 links opened within 1 s, of 3 within 3 s, or of 5 within 10 s |
| all_links | one of all the mail's links (3 or more), opened within a minute |
| cloud_tour | one of 3 links opened within a minute from data centres |
| same_visit | within 10 s of a hit of the kinds above, from its network; an open also with its agent, or within 3 s |
| echo | a click from a data centre on a link that another network opened within 30 s |

Links are told apart by their targets: a picture and a button that lead to one page are one link. Somebody's own click
in the middle of a scan (link checkers run when people click) is spared: its network opened nothing else, and the scan
opened its link as well.

All of it is decided by hits at most REACH_SECONDS away, so that only a mail's neighbouring hits have to be looked at.
"""

import datetime
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple

from core.tracking.choices import EventType, VerdictReason
from core.tracking.verdicts.agents import AgentKind, kind_of
from core.tracking.verdicts.networks import NetworkKind
from core.tracking.verdicts.rule import Hit

REACH_SECONDS = 240.0
HONEYPOT_SECONDS = 120.0
ALL_LINKS_SECONDS = 60.0
FEWEST_OF_ALL = 3
CLOUD_TOUR = (3, 60.0)
BURSTS = ((2, 1.0), (3, 3.0), (5, 10.0))
"""So many links, within so many seconds."""
SAME_VISIT_SECONDS = 10.0
SAME_MOMENT_SECONDS = 3.0
ECHO_SECONDS = 30.0
HIDDEN_LINK = "the hidden link"
_PEOPLE = frozenset({NetworkKind.OTHER, NetworkKind.PEOPLE_PROXY})


class Neighbour(NamedTuple):
    """A hit with what ties it to the mail's other hits. `link` is the target of a click, None for an open; `network` is
    "" when unknown."""

    at: datetime.datetime
    link: Hashable
    network: str
    hit: Hit


def surroundings(hits: Sequence[Neighbour], links: Collection[Hashable] = ()) -> list[frozenset[VerdictReason]]:
    """For each hit the reasons that the others give. `links` are the targets of all the mail's links, if known."""
    found: list[frozenset[VerdictReason]] = [frozenset()] * len(hits)
    for places in _clusters(hits):
        near = [hits[place] for place in places]
        for place, reasons in zip(places, _cluster_surroundings(near, frozenset(links)), strict=True):
            found[place] = frozenset(reasons)
    return found


def _clusters(hits: Sequence[Neighbour]) -> Iterator[list[int]]:
    """The places of hits in order of time, cut where nothing happened for so long that both sides are apart."""
    cluster: list[int] = []
    for place in sorted(range(len(hits)), key=lambda place: hits[place].at):
        if cluster and _apart(hits[place], hits[cluster[-1]]) > REACH_SECONDS:
            yield cluster
            cluster = []
        cluster.append(place)
    if cluster:
        yield cluster


def _cluster_surroundings(hits: Sequence[Neighbour], links: frozenset[Hashable]) -> list[set[VerdictReason]]:
    """`hits` in order of time."""
    found: list[set[VerdictReason]] = [set() for _ in hits]

    def add(reason: VerdictReason, places: Iterable[int]) -> None:
        for place in places:
            found[place].add(reason)

    clicks = [place for place, hit in enumerate(hits) if hit.link is not None]
    add(VerdictReason.BURST, _bursts(hits, clicks))
    add(VerdictReason.ALL_LINKS, _all_links(hits, clicks, links))
    add(VerdictReason.CLOUD_TOUR, _cloud_tours(hits, clicks))
    for place in _spared(hits, [place for place in clicks if found[place]]):
        found[place].clear()
    add(VerdictReason.HONEYPOT, _beside_honeypot(hits))
    sources = [place for place, reasons in enumerate(found) if reasons]
    add(VerdictReason.SAME_VISIT, list(_same_visit(hits, sources)))
    add(VerdictReason.ECHO, _echoes(hits, clicks))
    return found


def judged_hits(hits: Sequence[Neighbour], links: Collection[Hashable] = ()) -> Iterator[Hit]:
    """The hits as the rule is to weigh them, in the given order."""
    for neighbour, around in zip(hits, surroundings(hits, links), strict=True):
        yield neighbour.hit._replace(around=around)


def _crowds(
    hits: Sequence[Neighbour],
    places: Sequence[int],
    seconds: float,
    least: int,
    among: Collection[Hashable] | None = None,
) -> Iterator[int]:
    """The places in runs of at most so many seconds with so many links (of `among`). `places` in order of time."""
    links: Counter[Hashable] = Counter()
    end = told = 0
    for start, place in enumerate(places):
        while end < len(places) and _apart(hits[places[end]], hits[place]) <= seconds:
            links[hits[places[end]].link] += 1
            end += 1
        known = len(links) if among is None else sum(link in links for link in among)
        if known >= least:
            yield from places[max(start, told) : end]
            told = end
        links[hits[place].link] -= 1
        if not links[hits[place].link]:
            del links[hits[place].link]


def _bursts(hits: Sequence[Neighbour], clicks: Sequence[int]) -> Iterator[int]:
    for least, seconds in BURSTS:
        yield from _crowds(hits, clicks, seconds, least)


def _all_links(hits: Sequence[Neighbour], clicks: Sequence[int], links: frozenset[Hashable]) -> Iterator[int]:
    if len(links) >= FEWEST_OF_ALL:
        yield from _crowds(hits, clicks, ALL_LINKS_SECONDS, len(links), links)


def _cloud_tours(hits: Sequence[Neighbour], clicks: Sequence[int]) -> Iterator[int]:
    least, seconds = CLOUD_TOUR
    from_cloud = [place for place in clicks if hits[place].hit.network is NetworkKind.DATA_CENTRE]
    yield from _crowds(hits, from_cloud, seconds, least)


class _Moments:
    """When there was what, to count what lies around a moment: a mail may be hit a hundred thousand times, so that
    no hit may be compared with each of the others."""

    def __init__(self) -> None:
        self._times: dict[Hashable, list[int]] = {}

    def note(self, hit: Neighbour, *kinds: Hashable) -> None:
        """In order of time."""
        for kind in kinds:
            self._times.setdefault(kind, []).append(_microseconds(hit))

    def near(self, hit: Neighbour, kind: Hashable, seconds: float) -> int:
        times, at, reach = self._times.get(kind, []), _microseconds(hit), round(seconds * 1_000_000)
        return bisect_right(times, at + reach) - bisect_left(times, at - reach)


def _spared(hits: Sequence[Neighbour], scan: Sequence[int]) -> list[int]:
    """Clicks in the middle of a scan (`scan` in order of time) that are somebody's own. Of one network at most: more of
    them are a scan that is spread over networks."""
    moments, owners = _Moments(), _Moments()
    for hit in (hits[place] for place in scan):
        moments.note(hit, "any", ("network", hit.network), ("link", hit.link), (hit.network, hit.link))
    own = [place for place in scan if _is_own(hits[place], moments)]
    for place in own:
        owners.note(hits[place], "any", ("network", hits[place].network))
    return [place for place in own if _is_only_owner(hits[place], owners)]


def _is_only_owner(hit: Neighbour, owners: _Moments) -> bool:
    return owners.near(hit, "any", ALL_LINKS_SECONDS) == owners.near(hit, ("network", hit.network), ALL_LINKS_SECONDS)


def _is_own(click: Neighbour, scan: _Moments) -> bool:
    """Whether its network opened this link only, and others opened it, too, and further ones."""
    if not click.network or click.hit.network not in _PEOPLE:
        return False
    every, of_network, of_link, alike = (
        scan.near(click, kind, ALL_LINKS_SECONDS)
        for kind in ("any", ("network", click.network), ("link", click.link), (click.network, click.link))
    )
    return of_network == alike < of_link < every


def _beside_honeypot(hits: Sequence[Neighbour]) -> Iterator[int]:
    traps = _Moments()
    for hit in hits:
        if hit.hit.type == EventType.TRAPPED:
            traps.note(hit, hit.network)
    for place, hit in enumerate(hits):
        if traps.near(hit, hit.network, HONEYPOT_SECONDS):
            yield place


def _same_visit(hits: Sequence[Neighbour], sources: Sequence[int]) -> Iterator[int]:
    """`sources` in order of time."""
    moments, own = _Moments(), frozenset(sources)
    for hit in (hits[place] for place in sources):
        moments.note(hit, "any", ("network", hit.network), ("agent", hit.hit.user_agent))
    for place, hit in enumerate(hits):
        if _is_same_visit(hit, moments, itself=place in own):
            yield place


def _is_same_visit(hit: Neighbour, sources: _Moments, *, itself: bool) -> bool:
    if hit.network and sources.near(hit, ("network", hit.network), SAME_VISIT_SECONDS) > itself:
        return True
    # A scan that is spread over networks leaves no other tie. Clicks need none: they are part of the scan themselves.
    if hit.link is not None or kind_of(hit.hit.user_agent) is AgentKind.IMAGE_PROXY:
        return False
    return (
        sources.near(hit, "any", SAME_MOMENT_SECONDS) > itself
        or sources.near(hit, ("agent", hit.hit.user_agent), SAME_VISIT_SECONDS) > itself
    )


def _echoes(hits: Sequence[Neighbour], clicks: Sequence[int]) -> Iterator[int]:
    people = _Moments()
    for hit in (hits[place] for place in clicks):
        if hit.hit.network in _PEOPLE:
            people.note(hit, hit.link)
    for place in clicks:
        own = hits[place]
        if own.hit.network is NetworkKind.DATA_CENTRE and people.near(own, own.link, ECHO_SECONDS):
            yield place


_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def _microseconds(hit: Neighbour) -> int:
    return (hit.at - _EPOCH) // datetime.timedelta(microseconds=1)


def _apart(one: Neighbour, other: Neighbour) -> float:
    return abs((one.at - other.at).total_seconds())
