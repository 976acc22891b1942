"""Coverage, diversity and novelty against cases worked out by hand, and against their definitions in plain loops."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honeyguide import lists
from honeyguide.lists import coverage, diversity, novelty, popularity, popularity_lift

SHOWN = np.array([[4, 1, 7], [0, 2, -1], [5, 6, 3]], dtype=np.int32)


def test_coverage_counts_items_once_and_no_padding() -> None:
    assert coverage(SHOWN, 16) == 8 / 16
    assert coverage(np.array([[1, 2], [2, 1]], np.int32), 4) == 0.5
    assert coverage(np.empty((0, 3), np.int32), 0) == 0.0


def test_items_of_one_category_are_no_variety_and_of_different_ones_all_there_is() -> None:
    categories = np.array([[0, -1], [0, -1], [1, -1], [0, 1]], np.int32)
    assert diversity(np.array([[0, 1]], np.int32), categories).tolist() == [0.0]
    assert diversity(np.array([[0, 2]], np.int32), categories).tolist() == [1.0]
    assert diversity(np.array([[0, 3]], np.int32), categories).tolist() == [0.5]
    assert diversity(np.array([[0, 1, 2]], np.int32), categories).tolist() == pytest.approx([2 / 3])


def test_a_list_without_pairs_has_nothing_alike() -> None:
    categories = np.array([[0], [0]], np.int32)
    assert diversity(np.array([[0, -1], [-1, -1]], np.int32), categories).tolist() == [1.0, 1.0]
    assert diversity(np.empty((0, 5), np.int32), categories).tolist() == []


def test_items_without_categories_are_alike() -> None:
    assert diversity(np.array([[0, 1]], np.int32), np.full((2, 3), -1, np.int32)).tolist() == [0.0]


def test_what_few_know_is_novel() -> None:
    known_to = np.array([6, 0, 2])
    assert novelty(np.array([[0, -1], [1, -1], [0, 1], [-1, -1]], np.int32), known_to, 6).tolist() == pytest.approx(
        [-math.log2(7 / 8), 3.0, (3.0 - math.log2(7 / 8)) / 2, 0.0]
    )


def test_popularity_of_lists_and_its_lift_over_what_users_chose() -> None:
    shown = popularity(np.array([[0, 1], [2, -1], [-1, -1]], np.int32), np.array([6, 0, 2]))
    assert shown.tolist() == pytest.approx([3.0, 2.0, math.nan], nan_ok=True)
    assert popularity_lift(shown, np.array([1.0, 1.0, 9.0])) == pytest.approx(1.5)
    assert popularity_lift(shown, np.array([2.0, math.nan, 9.0])) == pytest.approx(0.5)
    assert popularity_lift(shown, np.full(3, math.nan)) is None
    assert popularity_lift(shown, np.zeros(3)) is None
    assert popularity(np.full((1, 2), -1, np.int32), np.empty(0, np.int64)).tolist() == pytest.approx(
        [math.nan], nan_ok=True
    )


def test_no_items_at_all() -> None:
    nothing = np.full((2, 3), -1, np.int32)
    assert novelty(nothing, np.empty(0, np.int64), 0).tolist() == [0.0, 0.0]
    assert diversity(nothing, np.empty((0, 2), np.int32)).tolist() == [1.0, 1.0]


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 4), st.booleans())
@settings(deadline=None, max_examples=60)
def test_against_plain_loops(seed: int, k: int, m: int, in_parts: bool) -> None:
    generator = np.random.default_rng(seed)
    n_items, n_users = 12, 9
    sets = [generator.choice(6, generator.integers(0, m + 1), replace=False).tolist() for _ in range(n_items)]
    categories = np.array([names + [-1] * (m - len(names)) for names in sets], np.int32)
    shown = np.array([generator.choice(n_items, k, replace=False) for _ in range(7)], np.int32)
    shown[generator.random(shown.shape) < 0.2] = -1
    known_to = generator.integers(0, n_users + 1, n_items)

    def distance(one: int, other: int) -> float:
        either = set(sets[one]) | set(sets[other])
        return 1 - len(set(sets[one]) & set(sets[other])) / len(either) if either else 0.0

    with pytest.MonkeyPatch.context() as patch:
        if in_parts:
            patch.setattr(lists, "_CELLS", 1)
        varied, novel = diversity(shown, categories), novelty(shown, known_to, n_users)
    for row, line in enumerate(shown.tolist()):
        items = [item for item in line if item >= 0]
        pairs = [distance(one, other) for one, other in itertools.combinations(items, 2)]
        assert varied[row] == pytest.approx(sum(pairs) / len(pairs) if pairs else 1.0)
        bits = [-math.log2((known_to[item] + 1) / (n_users + 2)) for item in items]
        assert novel[row] == pytest.approx(sum(bits) / len(bits) if bits else 0.0)
