"""The comparison of variants, against simulation and against what must hold for any figures."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.campaigns.ab.statistics import compare

FIGURES = st.integers(0, 20_000).flatmap(lambda mails: st.tuples(st.just(mails), st.integers(0, mails)))


def simulated(figures: list[tuple[int, int]], draws: int = 40_000) -> tuple[list[float], list[float]]:
    """Chance of being best and expected loss of each, by drawing rates."""
    rng = random.Random(7)
    wins, losses = [0] * len(figures), [0.0] * len(figures)
    for _ in range(draws):
        rates = [rng.betavariate(1 + successes, 1 + mails - successes) for mails, successes in figures]
        best = max(rates)
        wins[rates.index(best)] += 1
        for index, rate in enumerate(rates):
            losses[index] += best - rate
    return [count / draws for count in wins], [loss / draws for loss in losses]


@pytest.mark.parametrize(
    "figures",
    [
        [(0, 0), (0, 0)],
        [(5, 0), (5, 1)],
        [(100, 20), (100, 25)],
        [(1_000, 200), (1_000, 250)],
        [(3_000, 31), (3_000, 44), (3_000, 40)],
        [(50_000, 9_900), (50_000, 10_100), (50_000, 10_050), (40_000, 8_000), (10, 9)],
        [(200, 200), (200, 199)],
    ],
)
def test_compare_agrees_with_simulation(figures: list[tuple[int, int]]) -> None:
    found = compare(figures).estimates
    chances, losses = simulated(figures)
    assert [one.best for one in found] == pytest.approx(chances, abs=0.012)
    assert [one.loss for one in found] == pytest.approx(losses, abs=0.004)


@settings(max_examples=60, deadline=None)
@given(figures=st.lists(FIGURES, min_size=2, max_size=5))
def test_compare_any_figures_gives_odds_that_add_up(figures: list[tuple[int, int]]) -> None:
    comparison = compare(figures)
    assert sum(one.best for one in comparison.estimates) == pytest.approx(1, abs=0.01)
    for one, (mails, _) in zip(comparison.estimates, figures, strict=True):
        assert 0 <= one.low <= one.high <= 1
        assert one.loss >= 0
        if mails > 20:
            assert one.low - 0.1 <= one.rate <= one.high + 0.1
    assert comparison.estimates[comparison.leader].best == max(one.best for one in comparison.estimates)


@settings(max_examples=40, deadline=None)
@given(figures=st.lists(FIGURES, min_size=2, max_size=4), seed=st.randoms())
def test_compare_does_not_depend_on_the_order(figures: list[tuple[int, int]], seed: random.Random) -> None:
    order = list(range(len(figures)))
    seed.shuffle(order)
    straight = compare(figures).estimates
    shuffled = compare([figures[index] for index in order]).estimates
    assert [straight[index].best for index in order] == pytest.approx([one.best for one in shuffled], abs=1e-6)


def test_compare_says_that_a_small_difference_may_be_chance() -> None:
    small = compare([(200, 40), (200, 44)])
    assert (small.leader, small.is_clear) == (1, False)
    assert 0.6 < small.estimates[1].best < 0.8


def test_compare_calls_a_large_difference() -> None:
    large = compare([(2_000, 400), (2_000, 500)])
    assert (large.leader, large.is_clear) == (1, True)
    assert large.estimates[1].best > 0.999
    assert large.estimates[1].low < 0.25 < large.estimates[1].high


def test_compare_equal_variants_of_a_huge_sample_are_as_good_as_each_other() -> None:
    equal = compare([(2_000_000, 400_000), (2_000_000, 400_050)])
    assert equal.is_clear
    assert equal.estimates[0].loss < 0.001
