"""Which of several quantities is the highest: against integrals by another library, draws, and what must hold of any."""

from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from honeyguide.experiments.statistics.highest import highest


def by_quad(laws: list[Any], low: float, high: float) -> list[float]:
    """The same integrals by scipy's adaptive quadrature, one arm at a time."""
    found = []
    for arm, law in enumerate(laws):

        def height(x: float, arm: int = arm, law: Any = law) -> float:
            others = [other.cdf(x) for number, other in enumerate(laws) if number != arm]
            return float(law.pdf(x) * np.prod(others))

        middles = [float(each.median()) for each in laws]
        found.append(integrate.quad(height, low, high, points=sorted(middles), limit=400, epsabs=1e-11)[0])
    return found


@pytest.mark.parametrize(
    "posteriors",
    [
        [(1.0, 1.0), (2.0, 3.0)],
        [(3.0, 60.0), (5.0, 60.0), (4.0, 90.0)],
        [(50.0, 950.0), (60.0, 940.0), (1.0, 1.0), (500.0, 9_500.0)],
        [(1.0, 5_000.0), (2.0, 5_000.0)],
    ],
)
def test_beta_laws_are_those_of_adaptive_quadrature(posteriors: list[tuple[float, float]]) -> None:
    alpha, beta = (np.array(each)[:, None] for each in zip(*posteriors, strict=True))
    expected = by_quad([stats.beta(a, b) for a, b in posteriors], 0.0, 1.0)
    assert highest(stats.beta(alpha, beta)) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(
    "laws",
    [[(0.0, 1.0), (0.0, 1.0)], [(0.0, 1.0), (0.5, 0.1), (-3.0, 5.0)], [(10.0, 0.5), (10.2, 0.5), (9.0, 2.0), (10.1, 0.05)]],
)
def test_normal_laws_are_those_of_adaptive_quadrature(laws: list[tuple[float, float]]) -> None:
    mean, deviation = (np.array(each)[:, None] for each in zip(*laws, strict=True))
    reach = max(deviation.max() * 9, 1.0)
    expected = by_quad([stats.norm(*law) for law in laws], float(mean.min() - reach), float(mean.max() + reach))
    assert highest(stats.norm(mean, deviation)) == pytest.approx(expected, abs=1e-7)


MEANS = st.lists(st.floats(-5, 5), min_size=2, max_size=5)


@given(MEANS, st.floats(0.01, 3.0))
def test_probabilities_sum_to_1_and_go_by_the_means_where_all_are_as_unsure(means: list[float], deviation: float) -> None:
    found = highest(stats.norm(np.array(means)[:, None], np.full((len(means), 1), deviation)))
    assert found.sum() == pytest.approx(1.0, abs=1e-12)
    assert found.min() >= 0
    order = np.argsort(means, kind="stable")
    assert (np.diff(found[order]) >= -1e-9).all()


def test_the_order_of_the_arms_does_not_matter() -> None:
    laws = [(0.1, 1.0), (0.4, 0.2), (-0.2, 2.0)]
    whole = dict(zip(laws, highest(stats.norm(*(np.array(each)[:, None] for each in zip(*laws, strict=True)))), strict=True))
    for order in permutations(laws):
        found = highest(stats.norm(*(np.array(each)[:, None] for each in zip(*order, strict=True))))
        assert found == pytest.approx([whole[law] for law in order], abs=1e-9)


def test_arms_that_are_far_apart_are_certain() -> None:
    found = highest(stats.norm(np.array([[0.0], [1_000.0], [-1_000.0]]), np.array([[1.0], [1.0], [1.0]])))
    assert found == pytest.approx([0.0, 1.0, 0.0], abs=1e-12)


Change = Callable[[float], float]


@pytest.mark.parametrize("change", [lambda x: x + 100.0, lambda x: 3.0 * x, lambda x: 1e-4 * x])
def test_the_scale_does_not_matter(change: Change) -> None:
    mean, deviation = np.array([[0.3], [0.1], [0.2]]), np.array([[0.2], [0.4], [0.1]])
    moved = np.array([[change(float(each[0]))] for each in mean])
    stretched = deviation * abs(change(1.0) - change(0.0))
    assert highest(stats.norm(moved, stretched)) == pytest.approx(highest(stats.norm(mean, deviation)), abs=1e-9)
