"""The category cap: its bound, its prefix, its relaxation."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.ranking import CategoryCap
from honeyguide.types import Pool
from tests.world import block, ids, item, request


def select(categories: list[str], cap: int, length: int) -> list[int]:
    shop = block([item(f"{n:04}", *([name] if name else [])) for n, name in enumerate(categories)])
    ranks = np.zeros((len(categories), 1), np.float32)
    pool = Pool(np.arange(len(categories), dtype=np.int32), ranks, ranks, ("model",))
    order = np.arange(len(categories), dtype=np.int32)
    chosen = CategoryCap().select(request(shop, surface={"max_per_category": cap}), pool, order, length)
    return [int(name) for name in ids(shop, pool.items[chosen])]


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
