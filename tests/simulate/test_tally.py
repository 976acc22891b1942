"""Counting: rates, coverage, and variety by its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.simulate import Shop, Tally
from honeyguide.simulate.shopper import Bought, Click, Reaction
from honeyguide.simulate.tally import Counts, intra_list_diversity
from honeyguide.simulate.vocabulary import DEPARTMENTS, SHELVES

NOTHING = Reaction((), ())


def by_definition(categories: list[set[str]]) -> float:
    """2 / (n (n - 1)) times the sum over pairs of 1 - Jaccard."""
    n = len(categories)
    pairs = [(a, b) for place, a in enumerate(categories) for b in categories[:place]]
    return 2 / (n * (n - 1)) * sum(1 - len(a & b) / len(a | b) for a, b in pairs)


@given(st.lists(st.integers(0, len(SHELVES) - 1), min_size=2, max_size=12))
def test_variety_is_the_mean_distance_of_categories(shelves: list[int]) -> None:
    departments = np.array([DEPARTMENTS.index(SHELVES[number].department) for number in shelves])
    categories = [{SHELVES[number].department, SHELVES[number].name} for number in shelves]
    assert intra_list_diversity(departments, np.array(shelves)) == pytest.approx(by_definition(categories))


@pytest.mark.parametrize("shelves", [[], [3]])
def test_a_list_of_one_is_as_varied_as_can_be(shelves: list[int]) -> None:
    assert intra_list_diversity(np.array(shelves), np.array(shelves)) == 1.0


def test_rates(shop: Shop) -> None:
    tally = Tally(shop)
    tally.saw([1, 2, 3, 4], Reaction((Click(2, 1, 9.0, True), Click(4, 3, 9.0, False)), (3,)))
    tally.saw([1, 2, 3, 5], NOTHING)
    tally.bought([Bought(2, "r")])
    assert (tally.lists, tally.shown, tally.clicks, tally.carts, tally.hides, tally.purchases) == (2, 8, 2, 1, 1, 1)
    assert tally.ctr == 0.25
    assert tally.conversion == 0.125
    assert tally.conversion_per_click == 0.5
    assert tally.coverage == 5 / 2_000
    assert tally.as_json()["ctr"] == 0.25


def test_nothing_yet_is_nought(shop: Shop) -> None:
    for empty in (Counts(), Tally(shop)):
        assert (empty.ctr, empty.conversion, empty.conversion_per_click) == (0.0, 0.0, 0.0)
    assert (Tally(shop).coverage, Tally(shop).diversity) == (0.0, 0.0)
