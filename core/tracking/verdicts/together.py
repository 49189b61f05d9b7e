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
    sources = [hit for hit, reasons in zip(hits, found, strict=True) if reasons]
    add(VerdictReason.SAME_VISIT, list(_same_visit(hits, sources)))
    add(VerdictReason.ECHO, _echoes(hits, clicks))
    return found


def judged_hits(hits: Sequence[Neighbour], links: Collection[Hashable] = ()) -> Iterator[Hit]:
    """The hits as the rule is to weigh them, in the given order."""
    for neighbour, around in zip(hits, surroundings(hits, links), strict=True):
        yield neighbour.hit._replace(around=around)


def _windows(hits: Sequence[Neighbour], places: Sequence[int], seconds: float) -> Iterator[Sequence[int]]:
    """For each place the longest run from it on that spans at most `seconds`. `places` in order of time."""
    end = 0
    for start, place in enumerate(places):
        while end < len(places) and _apart(hits[places[end]], hits[place]) <= seconds:
            end += 1
        yield places[start:end]


def _bursts(hits: Sequence[Neighbour], clicks: Sequence[int]) -> Iterator[int]:
    for least, seconds in BURSTS:
        for window in _windows(hits, clicks, seconds):
            if len(_links(hits, window)) >= least:
                yield from window


def _all_links(hits: Sequence[Neighbour], clicks: Sequence[int], links: frozenset[Hashable]) -> Iterator[int]:
    if len(links) < FEWEST_OF_ALL:
        return
    for window in _windows(hits, clicks, ALL_LINKS_SECONDS):
        if links <= _links(hits, window):
            yield from window


def _cloud_tours(hits: Sequence[Neighbour], clicks: Sequence[int]) -> Iterator[int]:
    least, seconds = CLOUD_TOUR
    from_cloud = [place for place in clicks if hits[place].hit.network is NetworkKind.DATA_CENTRE]
    for window in _windows(hits, from_cloud, seconds):
        if len(_links(hits, window)) >= least:
            yield from window


def _spared(hits: Sequence[Neighbour], scan: Sequence[int]) -> list[int]:
    """Clicks in the middle of a scan that are somebody's own. Of one network at most: more of them are a scan that is
    spread over networks."""
    own = [place for place in scan if _is_own(hits, scan, hits[place])]
    return [place for place in own if all(_are_one_persons(hits[place], hits[other]) for other in own)]


def _are_one_persons(one: Neighbour, other: Neighbour) -> bool:
    return one.network == other.network or _apart(one, other) > ALL_LINKS_SECONDS


def _is_own(hits: Sequence[Neighbour], scan: Sequence[int], click: Neighbour) -> bool:
    if not click.network or click.hit.network not in _PEOPLE:
        return False
    near = [hits[other] for other in scan if _apart(hits[other], click) <= ALL_LINKS_SECONDS]
    others = {other.link for other in near if other.network != click.network}
    is_alone = all(other.link == click.link for other in near if other.network == click.network)
    return is_alone and click.link in others and len(others) > 1


def _beside_honeypot(hits: Sequence[Neighbour]) -> Iterator[int]:
    trapped = [hit for hit in hits if hit.hit.type == EventType.TRAPPED]
    for place, hit in enumerate(hits):
        if any(trap.network == hit.network and _apart(trap, hit) <= HONEYPOT_SECONDS for trap in trapped):
            yield place


def _same_visit(hits: Sequence[Neighbour], sources: Sequence[Neighbour]) -> Iterator[int]:
    for place, hit in enumerate(hits):
        if any(source is not hit and _is_same_visit(source, hit) for source in sources):
            yield place


def _is_same_visit(source: Neighbour, hit: Neighbour) -> bool:
    apart = _apart(source, hit)
    if apart > SAME_VISIT_SECONDS:
        return False
    if source.network and source.network == hit.network:
        return True
    # A scan that is spread over networks leaves no other tie. Clicks need none: they are part of the scan themselves.
    is_open = hit.link is None and kind_of(hit.hit.user_agent) is not AgentKind.IMAGE_PROXY
    return is_open and (apart <= SAME_MOMENT_SECONDS or source.hit.user_agent == hit.hit.user_agent)


def _echoes(hits: Sequence[Neighbour], clicks: Sequence[int]) -> Iterator[int]:
    for place in clicks:
        own = hits[place]
        if own.hit.network is not NetworkKind.DATA_CENTRE:
            continue
        others = (hits[other] for other in clicks)
        if any(
            other.link == own.link and other.hit.network in _PEOPLE and _apart(other, own) <= ECHO_SECONDS
            for other in others
        ):
            yield place


def _links(hits: Sequence[Neighbour], places: Sequence[int]) -> frozenset[Hashable]:
    return frozenset(hits[place].link for place in places)


def _apart(one: Neighbour, other: Neighbour) -> float:
    return abs((one.at - other.at).total_seconds())
