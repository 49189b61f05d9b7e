"""What the hits of one mail say about each other."""

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.tracking.choices import EventType, VerdictReason
from core.tracking.verdicts.networks import NetworkKind, kind_of
from core.tracking.verdicts.rule import Hit
from core.tracking.verdicts.together import BURSTS, HIDDEN_LINK, REACH_SECONDS, Neighbour, surroundings
from tests.tracking.mailed import BROWSER

NOON = datetime.datetime(2026, 5, 4, 12, tzinfo=datetime.UTC)
HOME, OFFICE, CLOUD, OTHER_CLOUD = "84.160.1.0/24", "193.99.1.0/24", "54.200.1.0/24", "20.75.1.0/24"
LINKS = ("a", "b", "c", "d")


def at(seconds: float, link: str | None = None, network: str = HOME, agent: str = BROWSER) -> Neighbour:
    event_type = EventType.TRAPPED if link == HIDDEN_LINK else EventType.CLICKED if link else EventType.OPENED
    hit = Hit(event_type, "GET", agent, 600.0, kind_of(network), True)
    return Neighbour(NOON + datetime.timedelta(seconds=seconds), link, network, hit)


def reasons(*hits: Neighbour, links: tuple[str, ...] = LINKS) -> list[set[str]]:
    return [{reason.value for reason in found} for found in surroundings(hits, links)]


@pytest.mark.parametrize(
    ("seconds", "is_burst"),
    [((0, 0.9), True), ((0, 1.1), False), ((0, 1.5, 2.9), True), ((0, 1.6, 3.2), False)],
)
def test_surroundings_links_faster_than_a_person_are_a_burst(seconds: tuple[float, ...], is_burst: bool) -> None:
    hits = [at(second, link) for second, link in zip(seconds, LINKS, strict=False)]
    assert [VerdictReason.BURST in found for found in reasons(*hits)] == [is_burst] * len(hits)


def test_surroundings_double_click_is_no_burst() -> None:
    assert reasons(at(0, "a"), at(0.3, "a")) == [set(), set()]


def test_surroundings_burst_over_networks_is_one() -> None:
    hits = [at(number / 5, link, f"89.187.{number}.0/24") for number, link in enumerate(LINKS)]
    assert all(VerdictReason.BURST in found for found in reasons(*hits))


def test_surroundings_all_links_within_a_minute_are_a_scan_and_most_of_them_are_not() -> None:
    tour = [at(15 * number, link) for number, link in enumerate(LINKS)]
    assert reasons(*tour) == [{"all_links"}] * 4
    assert reasons(*tour[:3]) == [set()] * 3
    assert reasons(*tour, links=("a", "b", "c", "d", "e")) == [set()] * 4


def test_surroundings_reader_of_a_short_mail_is_no_scan() -> None:
    assert reasons(at(0, "a"), at(20, "b"), links=("a", "b")) == [set(), set()]


def test_surroundings_scanners_pixel_belongs_to_its_visit() -> None:
    pixel, later = at(-4), at(60)
    assert reasons(pixel, at(0, "a"), at(0.5, "b"), later)[0] == {"same_visit"}
    assert reasons(pixel, at(0, "a"), at(0.5, "b"), later)[3] == set()


def test_surroundings_somebodys_own_click_in_the_middle_of_a_scan_is_spared() -> None:
    scan = [at(number / 4, link, OTHER_CLOUD) for number, link in enumerate(LINKS)]
    found = reasons(at(-0.4, "b", OFFICE), *scan)
    assert found[0] == set()
    assert all(found[1:])


def test_surroundings_clicks_of_several_networks_in_a_scan_are_spared_none() -> None:
    scan = [at(number / 4, link, f"89.187.{number}.0/24") for number, link in enumerate(LINKS * 2)]
    assert all(reasons(*scan))


def test_surroundings_honeypot_condemns_its_network_for_two_minutes() -> None:
    trap = at(0, HIDDEN_LINK, HOME)
    found = reasons(at(-119, "a"), trap, at(119, "b"), at(121, "c"), at(30, "d", OFFICE), at(90))
    assert [VerdictReason.HONEYPOT in one for one in found] == [True, True, True, False, False, True]


def test_surroundings_cloud_beside_somebodys_click_is_an_echo() -> None:
    assert reasons(at(0, "a", OFFICE), at(2, "a", CLOUD), at(90, "b", CLOUD)) == [set(), {"echo"}, set()]
    assert reasons(at(0, "a", CLOUD), at(2, "a", OTHER_CLOUD)) == [set(), set()]


def test_surroundings_three_links_from_clouds_within_a_minute_are_a_tour() -> None:
    hits = [
        at(20 * number, link, network)
        for number, (link, network) in enumerate(zip(LINKS, (CLOUD, OTHER_CLOUD, CLOUD), strict=False))
    ]
    assert reasons(*hits, links=()) == [{"cloud_tour"}] * 3


def test_surroundings_of_nothing_are_nothing() -> None:
    assert surroundings([]) == []


neighbours = st.builds(
    at,
    st.floats(-400, 400).map(lambda seconds: round(seconds, 1)),
    st.sampled_from([None, *LINKS, HIDDEN_LINK]),
    st.sampled_from([HOME, OFFICE, CLOUD, OTHER_CLOUD, ""]),
    st.sampled_from([BROWSER, "curl/8", "other"]),
)


@given(hits=st.lists(neighbours, max_size=12), data=st.data())
def test_surroundings_do_not_depend_on_the_order(hits: list[Neighbour], data: st.DataObject) -> None:
    places = data.draw(st.permutations(range(len(hits))))
    found, shuffled = surroundings(hits, LINKS), surroundings([hits[place] for place in places], LINKS)
    assert [found[place] for place in places] == shuffled


@given(hits=st.lists(neighbours, max_size=30), links=st.sampled_from([LINKS, LINKS[:3], ()]))
def test_surroundings_are_what_a_look_at_every_pair_finds(hits: list[Neighbour], links: tuple[str, ...]) -> None:
    """Runs of links and neighbours are counted, not compared one by one: the outcome is the same."""
    clicks = [hit for hit in hits if hit.link]

    def crowd(one: Neighbour, least: int, seconds: float) -> bool:
        runs = ([hit for hit in clicks if 0 <= apart(hit, start) <= seconds] for start in clicks)
        return any(one in run and len({hit.link for hit in run}) >= least for run in runs)

    for one, found in zip(hits, surroundings(hits, links), strict=True):
        trapped = any(
            hit.link == HIDDEN_LINK and hit.network == one.network and abs(apart(hit, one)) <= 120 for hit in hits
        )
        assert (VerdictReason.HONEYPOT in found) == trapped
        people = [hit for hit in clicks if hit.hit.network in (NetworkKind.OTHER, NetworkKind.PEOPLE_PROXY)]
        echoed = any(hit.link == one.link and abs(apart(hit, one)) <= 30 for hit in people)
        is_cloud_click = bool(one.link) and one.hit.network is NetworkKind.DATA_CENTRE
        assert (VerdictReason.ECHO in found) == (is_cloud_click and echoed)
        is_burst = bool(one.link) and any(crowd(one, least, seconds) for least, seconds in BURSTS)
        # Somebody's own click in the middle of it is spared.
        assert VerdictReason.BURST not in found or is_burst
        assert VerdictReason.BURST in found or not is_burst or one.hit.network is NetworkKind.OTHER


def apart(one: Neighbour, other: Neighbour) -> float:
    return (one.at - other.at).total_seconds()


@given(hits=st.lists(neighbours, max_size=10), far=st.lists(neighbours, max_size=6), one=neighbours)
def test_surroundings_depend_on_hits_in_reach_only(hits: list[Neighbour], far: list[Neighbour], one: Neighbour) -> None:
    """What the intake looks at around a new hit is enough."""
    apart = datetime.timedelta(seconds=REACH_SECONDS + 0.1)
    near = [hit for hit in hits if abs(hit.at - one.at) < apart]
    beyond = [hit for hit in far if abs(hit.at - one.at) >= apart]
    assert surroundings([one, *near, *beyond], LINKS)[0] == surroundings([one, *near], LINKS)[0]


def test_network_kinds_of_the_examples() -> None:
    kinds: list[Any] = [kind_of(network) for network in (HOME, OFFICE, CLOUD, OTHER_CLOUD)]
    assert kinds == [NetworkKind.OTHER, NetworkKind.OTHER, NetworkKind.DATA_CENTRE, NetworkKind.DATA_CENTRE]
