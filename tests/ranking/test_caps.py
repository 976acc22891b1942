"""Caps: their bounds, their prefix, their relaxation, one and many."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.features import ItemBlock
from honeyguide.ranking import Caps, Reranking
from honeyguide.ranking.caps import let_through
from honeyguide.types import Pool
from tests.world import block, ids, item, request


def chosen_of(shop: ItemBlock, surface: dict[str, Any], length: int) -> list[int]:
    ranks = np.zeros((len(shop), 1), np.float32)
    pool = Pool(np.arange(len(shop), dtype=np.int32), ranks, ranks, ("model",))
    scores, order = -np.arange(len(shop), dtype=np.float32), np.arange(len(shop), dtype=np.int32)
    selection = Reranking((Caps(),)).select(request(shop, surface=surface), pool, scores, order, length)
    return [int(name) for name in ids(shop, pool.items[selection.chosen])]


def select(categories: list[str], cap: int, length: int) -> list[int]:
    shop = block([item(f"{n:04}", *([name] if name else [])) for n, name in enumerate(categories)])
    return chosen_of(shop, {"max_per_category": cap}, length)


def test_a_run_of_one_category_is_broken_up() -> None:
    assert select(["a"] * 5 + ["b"] * 5, 2, 6) == [0, 1, 5, 6, 2, 3]


def test_without_a_cap_the_order_stands() -> None:
    assert select(["a"] * 5 + ["b"], 0, 6) == [0, 1, 2, 3, 4, 5]


def test_items_without_a_category_are_not_capped() -> None:
    assert select([""] * 12, 1, 12) == list(range(12))


CATEGORIES = st.lists(st.sampled_from(["a", "b", "c", "d", "e", ""]), max_size=60)


@given(CATEGORIES, st.integers(1, 4), st.integers(0, 60), st.integers(0, 60))
def test_a_shorter_list_begins_a_longer_one(categories: list[str], cap: int, shorter: int, longer: int) -> None:
    shorter, longer = sorted((shorter, longer))
    assert select(categories, cap, longer)[:shorter] == select(categories, cap, shorter)


@given(CATEGORIES, st.integers(1, 4))
def test_every_candidate_comes_once_and_the_cap_holds_while_it_can(categories: list[str], cap: int) -> None:
    chosen = select(categories, cap, len(categories))
    assert sorted(chosen) == list(range(len(categories)))
    for place, number in enumerate(chosen):
        before = [categories[other] for other in chosen[max(0, place - 9) : place]]
        if categories[number] and before.count(categories[number]) >= cap:
            left = {categories[other] for other in chosen[place:]}
            assert all(name and before.count(name) >= cap for name in left), "relaxed although another category had room"


@given(CATEGORIES, st.integers(1, 4))
def test_inside_a_category_the_better_comes_first(categories: list[str], cap: int) -> None:
    chosen = select(categories, cap, len(categories))
    for name in set(categories):
        places = [number for number in chosen if categories[number] == name]
        assert places == sorted(places)


VALUES = st.lists(st.tuples(st.sampled_from(["a", "b", "c", None]), st.sampled_from([0, 1, 2, None])), max_size=30)
LIMITS = st.tuples(st.tuples(st.integers(1, 3), st.integers(2, 6)), st.tuples(st.integers(1, 3), st.integers(2, 6)))


def plainly(values: list[tuple[object, ...]], limits: tuple[tuple[int, int], ...]) -> list[int]:
    """Every position looks at everybody who is left."""
    left, chosen = list(range(len(values))), list[int]()

    def broken(place: int) -> int:
        recent = [[values[other][n] for other in chosen[-(window - 1) :]] for n, (_, window) in enumerate(limits)]
        return sum(value is not None and recent[n].count(value) >= limits[n][0] for n, value in enumerate(values[place]))

    while left:
        best = min(left, key=lambda place: (broken(place), place))
        left.remove(best)
        chosen.append(best)
    return chosen


@given(VALUES, LIMITS)
def test_several_caps_hold_together_and_the_fewest_are_broken_where_some_must(
    values: list[tuple[object, ...]], limits: tuple[tuple[int, int], ...]
) -> None:
    assert let_through(values, limits, len(values)).tolist() == plainly(values, limits)


@given(VALUES, LIMITS, st.data())
def test_with_several_caps_a_shorter_list_begins_a_longer_one(
    values: list[tuple[object, ...]], limits: tuple[tuple[int, int], ...], data: st.DataObject
) -> None:
    shorter = data.draw(st.integers(0, len(values)))
    whole = let_through(values, limits, len(values)).tolist()
    assert let_through(values, limits, shorter).tolist() == whole[:shorter]


def test_candidates_are_looked_at_no_further_than_needed() -> None:
    def endless() -> Any:
        yield from [("a",), ("b",)]
        raise AssertionError("asked for more")

    assert let_through(endless(), [(1, 2)], 2).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("cap", "things"),
    [
        ({"of": "properties.brand"}, [{"properties": {"brand": name}} for name in "aabb"]),
        ({"of": "properties.brand"}, [{"properties": {"brand": [name, "x"]}} for name in "aabb"]),
        ({"of": "price", "bands": [10, 20]}, [{"price": price} for price in (1, 9.5, 10, 19)]),
        ({"of": "properties.pages", "bands": [100]}, [{"properties": {"pages": pages}} for pages in (9, 99, 100, 500)]),
    ],
)
def test_any_attribute_can_be_capped(cap: dict[str, Any], things: list[dict[str, Any]]) -> None:
    shop = block([item(f"{n:04}", **fields) for n, fields in enumerate(things)])
    surface = {"caps": [{**cap, "most": 1, "window": 2}]}
    assert chosen_of(shop, surface, 4) == [0, 2, 1, 3]


@pytest.mark.parametrize("value", [None, {}, {"a": 1}, [], [[1]], True, "text"])
def test_what_has_no_band_is_not_capped(value: object) -> None:
    shop = block([item(f"{n:04}", properties={"pages": value}) for n in range(4)])
    surface = {"caps": [{"of": "properties.pages", "most": 1, "window": 2, "bands": [100]}]}
    assert chosen_of(shop, surface, 4) == [0, 1, 2, 3]


def test_a_cap_over_a_long_stretch() -> None:
    shop = block([item(f"{n:04}", "x" if n < 30 else "y") for n in range(60)])
    chosen = chosen_of(shop, {"max_per_category": 0, "caps": [{"of": "category", "most": 1, "window": 2}]}, 60)
    assert all((one < 30) != (other < 30) for one, other in pairwise(chosen))
