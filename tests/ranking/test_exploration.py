"""Drawn positions: their probabilities, the draw, and what an estimate makes of them."""

from collections import Counter
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betainc, expit
from scipy.stats import chisquare

from honeyguide.ranking.exploration import (
    Doubles,
    Drawn,
    Limit,
    Pick,
    by_chances,
    chance,
    draw,
    highest,
    softmax,
    thompson,
    uniform,
)
from honeyguide.types import LongArray


def limited(categories: list[int | None], most: int) -> list[Limit]:
    return [Limit(categories, most, 10)]


def drawn(pick: Pick, slots: list[int], *, seed: int, size: int = 6, reach: int = 6, length: int = 6) -> Drawn:
    return draw(pick, slots, size=size, reach=reach, length=length, seed=seed)


def by_brute_force(alpha: Doubles, beta: Doubles) -> Doubles:
    """The same integrals as sums over 200,000 steps of every distribution function."""
    at = expit(np.linspace(-45, 45, 200_001))
    below = np.array([betainc(a, b, at) for a, b in zip(alpha, beta, strict=True)])
    found = []
    for one in range(len(alpha)):
        others = np.prod(np.delete(below, one, axis=0), axis=0)
        found.append(float(np.sum(np.diff(below[one]) * (others[1:] + others[:-1]) / 2)))
    return np.array(found)


CHANCE = np.random.default_rng(5)
POSTERIORS = [
    (np.full(4, 2.5), np.full(4, 47.5)),
    (np.array([0.5, 0.5, 3.0]), np.array([0.5, 40.0, 0.5])),
    (np.array([1.0, 200.0, 20_000.0]), np.array([1.0, 3_800.0, 380_000.0])),
    (np.array([2.5, 9_000.0, 9_020.0, 30.0]), np.array([47.5, 171_000.0, 171_000.0, 400.0])),
    *[
        (0.5 + size * rate, 0.5 + size * (1 - rate))
        for size, rate in ((10 ** CHANCE.uniform(0, 5.5, 7), CHANCE.uniform(0.01, 0.1, 7)) for _ in range(4))
    ],
]


@pytest.mark.parametrize(("alpha", "beta"), POSTERIORS)
def test_the_quadrature_is_exact_to_a_millionth(alpha: Doubles, beta: Doubles) -> None:
    found = highest(alpha, beta)
    assert found.sum() == pytest.approx(1.0, abs=1e-12)
    assert found == pytest.approx(by_brute_force(alpha, beta), abs=2e-6)


def test_the_quadrature_is_what_independent_draws_say() -> None:
    chance_of, draws = np.random.default_rng(11), 200_000
    alpha, beta = np.array([4.0, 30.0, 600.0, 2.5]), np.array([60.0, 500.0, 9_000.0, 47.5])
    first = chance_of.beta(alpha, beta, size=(draws, 4)).argmax(axis=1)
    assert chisquare(np.bincount(first, minlength=4), highest(alpha, beta) * draws).pvalue > 0.001


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**7)), min_size=1, max_size=40))
def test_any_counts_give_probabilities(counts: list[tuple[int, int]]) -> None:
    """Also more clicks than impressions, and none of either."""
    clicks, seen = np.array(counts, dtype=np.float64).T
    found = thompson(clicks, seen, prior=0.05, prior_weight=50)(np.arange(len(counts)))
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert found.sum() == pytest.approx(1.0)


def test_what_is_known_decides_and_what_is_not_known_is_tried() -> None:
    clicks, seen = np.array([200.0, 20.0, 0.0, 90.0]), np.array([2_000.0, 2_000.0, 0.0, 0.0])
    good, bad, new, unseen = thompson(clicks, seen, prior=0.05, prior_weight=50)(np.arange(4))
    assert good > new > bad
    assert new == pytest.approx(unseen), "clicks on what nobody was said to have seen say nothing of a rate"


def test_softmax_means_the_same_on_every_scale() -> None:
    scores, places = np.array([4.0, 3.0, 1.0, 0.0]), np.arange(4)
    found = softmax(scores, 0.25)(places)
    assert found[0] / found[1] == pytest.approx(np.e)
    assert softmax(scores * 1e6 - 5, 0.25)(places) == pytest.approx(found)
    assert softmax(np.full(4, 0.3), 0.25)(places) == pytest.approx(np.full(4, 0.25))
    assert softmax(scores, 0.001)(places)[0] == pytest.approx(1.0)


CHANCES = {
    "uniform": uniform,
    "softmax": by_chances(softmax(np.array([5.0, 4.0, 3.5, 2.0, 1.0, 0.0]), 0.3)),
    "thompson": by_chances(
        thompson(np.array([9.0, 30, 1, 0, 80, 4]), np.array([100.0, 500, 90, 0, 1_500, 20]), prior=0.05, prior_weight=50)
    ),
}


@pytest.mark.parametrize("how", CHANCES)
def test_items_come_as_often_as_their_propensity_says(how: str) -> None:
    """Of every pair of items that two positions can hold."""
    pairs, expected = Counter[tuple[int, int]](), dict[tuple[int, int], float]()
    requests = 2_000 if how == "thompson" else 5_000
    for seed in range(requests):
        found = drawn(CHANCES[how], [1, 3], seed=seed)
        assert found.propensities[0] == found.propensities[2] == 1.0
        pair = (found.places[1], found.places[3])
        pairs[pair] += 1
        both = found.propensities[1] * found.propensities[3]
        assert expected.setdefault(pair, both) == pytest.approx(both), "the same draw has the same propensity"
    often = {pair: share for pair, share in expected.items() if share * requests >= 8}
    seen, wanted = [pairs[pair] for pair in often], [share * requests for share in often.values()]
    rest = requests - sum(seen), requests - sum(wanted)
    if len(often) < len(expected):
        seen, wanted = [*seen, rest[0]], [*wanted, rest[1]]
    assert chisquare(seen, wanted).pvalue > 0.001
    assert sum(expected.values()) == pytest.approx(1.0, abs=0.02)


def test_every_order_of_a_list_that_is_drawn_as_a_whole_is_as_likely_as_any_other() -> None:
    orders = Counter(tuple(drawn(uniform, [0, 1, 2], seed=seed, size=3, reach=3).places) for seed in range(6_000))
    assert set(orders) == set(permutations(range(3)))
    assert chisquare(list(orders.values())).pvalue > 0.001


@given(st.integers(0, 2**32 - 1), st.sets(st.integers(0, 30)), st.integers(0, 20), st.integers(1, 4))
def test_a_short_list_is_the_beginning_of_every_longer_one(seed: int, slots: set[int], reach: int, cap: int) -> None:
    categories = [(None, 0, 1)[place % 3] for place in range(40)]
    lists = [
        draw(
            uniform,
            slots,
            size=size,
            reach=reach,
            length=length,
            seed=seed,
            limits=limited(categories[:size], cap),
        )
        for size, length in ((20, 7), (20, 20), (40, 20), (40, 40))
    ]
    for short, long in pairwise(lists):
        assert short.places == long.places[: len(short.places)]
        assert short.propensities == long.propensities[: len(short.places)]
    assert sorted(lists[-1].places) == list(range(40))


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_caps_hold_in_a_list_that_is_drawn(seed: int, cap: int) -> None:
    categories = np.array([place % 12 for place in range(60)], np.int64)
    found = draw(uniform, range(30), size=60, reach=60, length=30, seed=seed, limits=limited(categories.tolist(), cap))
    kinds = categories[found.places]
    assert max(np.bincount(kinds[at : at + 10]).max() for at in range(21)) <= cap


def test_several_caps_hold_at_once() -> None:
    kind, price = Limit("aabbccddee", 1, 3), Limit([1, 2, None, 1, 2, None, 1, 2, None, 1], 1, 2)
    for seed in range(40):
        places = draw(uniform, range(10), size=10, reach=10, length=4, seed=seed, limits=[kind, price]).places
        kinds, prices = [kind.values[place] for place in places], [price.values[place] for place in places]
        assert all(len(set(kinds[at : at + 3])) == 3 for at in range(2))
        assert all(one != two or one is None for one, two in pairwise(prices))


def test_where_a_cap_leaves_nothing_all_may_come() -> None:
    found = draw(uniform, range(4), size=4, reach=4, length=4, seed=1, limits=limited([0, 0, 0, 0], 1))
    assert sorted(found.places) == [0, 1, 2, 3]
    assert found.propensities == pytest.approx([1 / 4, 1 / 3, 1 / 2, 1.0])


def test_fixed_positions_keep_their_items_and_lend_them_to_no_other() -> None:
    for seed in range(50):
        found = draw(uniform, range(5), size=9, reach=9, length=5, seed=seed, fixed={0, 3})
        assert (found.places[0], found.places[3]) == (0, 3)
        assert (found.propensities[0], found.propensities[3]) == (1.0, 1.0)
        assert len(set(found.places)) == 5
        assert found.propensities[1] == pytest.approx(1 / 7)


def test_beyond_its_reach_a_list_stays_as_it_is() -> None:
    found = draw(uniform, range(40), size=40, reach=10, length=40, seed=3)
    assert sorted(found.places[:10]) == list(range(10))
    assert found.places[10:] == list(range(10, 40))
    assert set(found.propensities[10:]) == {1.0}


def test_nothing_is_drawn_of_an_empty_list() -> None:
    assert draw(uniform, range(5), size=0, reach=100, length=5, seed=0) == Drawn([], [])


def test_the_chance_of_a_position_never_changes() -> None:
    """Slates of other releases must come out again: these numbers stay."""
    assert [round(chance(seed, position), 9) for seed, position in ((0, 0), (0, 1), (7, 0))] == CHANCES_OF_ALL_TIMES
    many = [chance(seed, 2) for seed in range(2_000)]
    assert chisquare(np.histogram(many, bins=20, range=(0, 1))[0]).pvalue > 0.001


CHANCES_OF_ALL_TIMES = [0.385992611, 0.298689162, 0.000772745]


def test_lists_that_were_drawn_tell_what_another_ranking_would_have_got() -> None:
    """Inverse propensity scoring of simulated clicks: the first two positions of a ranking that was never served."""
    rates, chance_of, requests = np.array([0.02, 0.05, 0.30, 0.10, 0.20, 0.01]), np.random.default_rng(3), 8_000
    chances = softmax(np.array([5.0, 4.0, 3.5, 2.0, 1.0, 0.0]), 2.0)
    wanted, worth = [2, 4], []
    for seed in range(requests):
        found = drawn(by_chances(chances), [0, 1], seed=seed, length=2)
        clicks = (chance_of.random(2) < rates[found.places]).sum()
        fits = found.places == wanted
        worth.append(clicks / (found.propensities[0] * found.propensities[1]) if fits else 0.0)
    error = np.std(worth) / np.sqrt(requests)
    assert abs(np.mean(worth) - rates[wanted].sum()) < 3 * error
    assert error < 0.06


def ranks(places: LongArray) -> Doubles:
    return np.asarray(1.0 / (1.0 + places), dtype=np.float64)


def test_probabilities_need_not_come_in_sum_one() -> None:
    found = drawn(by_chances(ranks), [0], seed=2)
    assert found.propensities[0] == pytest.approx(1 / (1 + found.places[0]) / sum(1 / k for k in range(1, 7)))
