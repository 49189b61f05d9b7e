"""Which variant is better, and how sure that is: a Bayesian comparison of rates, by numerical integration.

Each variant's rate has a Beta(1 + successes, 1 + failures) distribution, from a uniform prior. Of k variants:

    P(i is best)     = ∫ f_i(x) · ∏_{j≠i} F_j(x) dx
    expected best    = ∫ 1 − ∏_j F_j(x) dx            (over 0…1)
    expected loss(i) = expected best − mean(i)

The expected loss is what choosing i costs on average in rate, should another one be better (C. Stucchio, "Bayesian A/B
Testing at VWO", 2015, section 4). A winner is called when that is at most LOSS_THRESHOLD of its own rate: a choice
that costs less than one reader in a hundred may be made; else the leader is named with the odds, as what it is.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

LOSS_THRESHOLD = 0.01
"""Of the leader's own rate. Half a per cent to one per cent is what the source calls a threshold of caring."""
_STEPS = 4_000
_DEVIATIONS = 9.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """One variant: its observed rate, the 95 % interval of the true one, the chance that it is the best, and what
    choosing it costs on average if it is not (in rate)."""

    rate: float
    low: float
    high: float
    best: float
    loss: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """`leader` is an index into `estimates`. `is_clear`: choosing it costs at most the threshold on average."""

    estimates: tuple[Estimate, ...]
    leader: int
    is_clear: bool


def compare(figures: Sequence[tuple[int, int]]) -> Comparison:
    """Compare (mails, successes) of each variant, two or more. Successes never exceed mails."""
    shapes = [(1 + successes, 1 + mails - successes) for mails, successes in figures]
    grid = _grid(shapes)
    densities = [[_density(x, a, b) for x in grid] for a, b in shapes]
    cumulated = [_cumulated(grid, density) for density in densities]
    every = [math.prod(values) for values in zip(*cumulated, strict=True)]
    # Below the grid nobody's rate lies, so that the best one is above with certainty.
    expected_best = grid[0] + _integral(grid, [1 - value for value in every])
    estimates = []
    for index, ((mails, successes), (a, b)) in enumerate(zip(figures, shapes, strict=True)):
        others = [
            densities[index][place] * math.prod(values[place] for at, values in enumerate(cumulated) if at != index)
            for place in range(len(grid))
        ]
        estimates.append(
            Estimate(
                rate=successes / mails if mails else 0.0,
                low=_quantile(grid, cumulated[index], 0.025),
                high=_quantile(grid, cumulated[index], 0.975),
                best=min(_integral(grid, others), 1.0),
                loss=max(expected_best - a / (a + b), 0.0),
            )
        )
    leader = max(range(len(estimates)), key=lambda index: (estimates[index].best, -index))
    tolerated = LOSS_THRESHOLD * shapes[leader][0] / sum(shapes[leader])
    return Comparison(tuple(estimates), leader, estimates[leader].loss <= tolerated)


def _grid(shapes: Sequence[tuple[int, int]]) -> list[float]:
    """Points where any of the distributions has weight, half of them where the narrowest one has its own."""
    edges = []
    for a, b in shapes:
        mean = a / (a + b)
        deviation = math.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))
        edges.append((max(mean - _DEVIATIONS * deviation, 0.0), min(mean + _DEVIATIONS * deviation, 1.0)))
    low, high = min(edge[0] for edge in edges), max(edge[1] for edge in edges)
    # Skewed ones reach further than their deviation says.
    low = 0.0 if any(min(a, b) < 50 for a, b in shapes) else low
    points = {low + (high - low) * step / _STEPS for step in range(_STEPS + 1)}
    share = _STEPS // len(edges)
    for first, last in edges:
        points |= {first + (last - first) * step / share for step in range(share + 1)}
    return sorted(points)


def _density(x: float, a: int, b: int) -> float:
    if x <= 0.0:
        return float(b) if a == 1 else 0.0
    if x >= 1.0:
        return float(a) if b == 1 else 0.0
    constant = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return math.exp(constant + (a - 1) * math.log(x) + (b - 1) * math.log1p(-x))


def _cumulated(grid: Sequence[float], density: Sequence[float]) -> list[float]:
    """The distribution's values at the points, scaled so that it ends at one."""
    parts = [
        (right - left) * (before + after) / 2
        for left, right, before, after in zip(grid, grid[1:], density, density[1:], strict=False)
    ]
    sums = list(accumulate(parts, initial=0.0))
    return [value / sums[-1] for value in sums]


def _integral(grid: Sequence[float], values: Sequence[float]) -> float:
    return sum(
        (right - left) * (before + after) / 2
        for left, right, before, after in zip(grid, grid[1:], values, values[1:], strict=False)
    )


def _quantile(grid: Sequence[float], cumulated: Sequence[float], share: float) -> float:
    return grid[min(bisect_left(cumulated, share), len(grid) - 1)]
