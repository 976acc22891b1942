"""MMR and DPP against their plain definitions, their prefixes, and what they are said to have cost."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.lists import diversity
from honeyguide.protocols import Selection
from honeyguide.ranking import Caps, Diverse, Reranking
from honeyguide.ranking.diversity import dpp, mmr
from honeyguide.ranking.likeness import CategoryLikeness, Kinds
from honeyguide.types import FloatArray, Pool
from tests.world import block, item, request

NAMES = "abcde"
CATEGORIES = st.lists(st.lists(st.sampled_from(NAMES), max_size=3, unique=True), min_size=1, max_size=25)
STRENGTH = st.sampled_from([0.1, 0.5, 0.9])


class Table:
    """Likeness from a matrix."""

    def __init__(self, table: FloatArray) -> None:
        self.table = table

    def to(self, place: int) -> FloatArray:
        row: FloatArray = self.table[place]
        return row


def likeness_of(categories: list[list[str]]) -> FloatArray:
    """The Jaccard likeness of every pair."""
    sets = [set(names) for names in categories]
    return np.array([[len(a & b) / len(a | b) if a | b else 1.0 for b in sets] for a in sets], np.float32)


def falling(size: int) -> FloatArray:
    return np.linspace(1, 0, size, dtype=np.float32)


def select(categories: list[list[str]], length: int, **surface: Any) -> Selection:
    shop = block([item(f"{n:04}", *names) for n, names in enumerate(categories)])
    ranks = np.zeros((len(shop), 1), np.float32)
    rows = np.arange(len(shop), dtype=np.int32)
    asked = request(shop, surface={"max_per_category": 0, **surface})
    return Reranking((Diverse(), Caps())).select(
        asked, Pool(rows, ranks, ranks, ("model",)), falling(len(shop)), rows, length
    )


@given(CATEGORIES)
def test_likeness_is_that_of_the_measure_of_diversity(categories: list[list[str]]) -> None:
    shop = block([item(f"{n:04}", *names) for n, names in enumerate(categories)])
    rows = np.arange(len(shop), dtype=np.int32)
    found = CategoryLikeness(Kinds.among(request(shop), rows))
    table = np.array([found.to(place) for place in range(len(rows))])
    np.testing.assert_allclose(table, likeness_of(categories), atol=1e-6)
    if len(rows) > 1:
        pairs = table[~np.eye(len(rows), dtype=bool)]
        np.testing.assert_allclose(diversity(rows[None], shop.categories)[0], 1 - pairs.mean(), atol=1e-5)


@given(CATEGORIES, STRENGTH, st.integers(2, 6))
def test_mmr_takes_the_largest_marginal_relevance(categories: list[list[str]], strength: float, window: int) -> None:
    table, relevance = likeness_of(categories), falling(len(categories))
    chosen: list[int] = []
    for place in mmr(relevance, Table(table), strength, 20, window).tolist():
        left = [other for other in range(len(categories)) if other not in chosen]
        recent = chosen[-(window - 1) :]
        worth = {
            one: (1 - strength) * relevance[one] - strength * max((table[one, other] for other in recent), default=0.0)
            for one in left
        }
        assert worth[place] >= max(worth.values()) - 1e-5
        chosen.append(place)


@given(CATEGORIES, STRENGTH)
def test_dpp_takes_what_raises_the_determinant_most(categories: list[list[str]], strength: float) -> None:
    table, relevance = likeness_of(categories).astype(np.float64) * 0.95, falling(len(categories))
    np.fill_diagonal(table, 1.0)
    quality = np.exp(relevance.astype(np.float64) * (1 - strength) / (2 * strength))
    kernel = quality[:, None] * table * quality[None, :]
    chosen: list[int] = []
    for place in dpp(relevance, Table(likeness_of(categories)), strength, 6).tolist():
        left = [other for other in range(len(categories)) if other not in chosen]
        worth = {one: np.linalg.slogdet(kernel[np.ix_([*chosen, one], [*chosen, one])])[1] for one in left}
        assert worth[place] >= max(worth.values()) - 1e-6
        chosen.append(place)


@given(
    CATEGORIES,
    st.sampled_from(["none", "mmr", "dpp"]),
    STRENGTH,
    st.integers(1, 12),
    st.integers(0, 3),
    st.integers(0, 25),
)
def test_a_short_list_begins_a_long_one(
    categories: list[list[str]], method: str, strength: float, positions: int, cap: int, shorter: int
) -> None:
    surface = {
        "diversity": {"method": method, "strength": strength, "positions": positions, "candidates": 12},
        "max_per_category": cap,
    }
    whole = select(categories, len(categories), **surface).chosen.tolist()
    assert sorted(whole) == list(range(len(categories)))
    assert select(categories, shorter, **surface).chosen.tolist() == whole[:shorter]


@pytest.mark.parametrize("method", ["mmr", "dpp"])
def test_lists_become_varied_and_say_what_that_cost(method: str) -> None:
    categories = [["a"]] * 10 + [["b"], ["c"], ["d"], ["e"]] * 5
    selection = select(categories, 10, diversity={"method": method, "strength": 0.5})
    assert len({categories[place][0] for place in selection.chosen[:5].tolist()}) == 5
    (told,) = selection.passes
    assert told.name == "diversity"
    assert 0 < told.given_up < 0.5
    assert told.order[:10].tolist() == selection.chosen.tolist()


def test_the_costs_of_the_passes_add_up() -> None:
    categories = [["a"]] * 10 + [["b"], ["c"], ["d"], ["e"]] * 5
    surface = {"diversity": {"method": "mmr", "strength": 0.3, "positions": 3}, "max_per_category": 1}
    both = select(categories, 30, **surface)
    discounts = 1 / np.log2(np.arange(2, 12))
    scores = falling(30)
    lost = 1 - (scores[both.chosen[:10]] @ discounts) / (scores[:10] @ discounts)
    assert [each.name for each in both.passes] == ["diversity", "caps"]
    assert sum(each.given_up for each in both.passes) == pytest.approx(lost, abs=1e-6)


@pytest.mark.parametrize("method", ["mmr", "dpp"])
def test_things_that_cannot_be_told_apart_stay_in_order(method: str) -> None:
    assert select([[]] * 8, 8, diversity={"method": method, "strength": 0.5}).chosen.tolist() == list(range(8))


@pytest.mark.parametrize("settings", [{"method": "none"}, {"method": "mmr", "strength": 0.0}])
def test_without_a_method_nothing_is_moved_and_nothing_told(settings: dict[str, Any]) -> None:
    selection = select([["a"]] * 5 + [["b"]], 6, diversity=settings)
    assert selection.chosen.tolist() == list(range(6))
    assert selection.passes == ()


@pytest.mark.parametrize("method", ["mmr", "dpp"])
def test_at_full_strength_and_without_scores(method: str) -> None:
    chosen = select([["a"], ["a"], ["b"], ["c"]], 4, diversity={"method": method, "strength": 1.0}).chosen.tolist()
    assert chosen[:3] == [0, 2, 3]
    empty = Reranking((Diverse(), Caps())).select(
        request(block([]), surface={"diversity": {"method": method}}),
        Pool(np.empty(0, np.int32), np.empty((0, 0), np.float32), np.empty((0, 0), np.float32), ()),
        np.empty(0, np.float32),
        np.empty(0, np.int32),
        10,
    )
    assert len(empty.chosen) == 0
