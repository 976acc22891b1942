"""Calibration, the control of popularity and likeness by content: against their definitions, and their prefixes."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.features import ItemBlock
from honeyguide.models import REGISTRY
from honeyguide.protocols import ServedModel
from honeyguide.ranking.calibration import calibrated, mix_of
from honeyguide.ranking.fame import with_share
from honeyguide.recipes import reranking
from honeyguide.retrieval.learned import tie_to_block
from honeyguide.types import Pool
from tests.world import block, item, request

KINDS = st.lists(st.integers(0, 3), min_size=1, max_size=20)
SHARES = np.array([[1, 0, 0], [0, 1, 0], [0, 0.5, 0.5], [0, 0, 0]], np.float32)
WANTED = np.array([0.6, 0.3, 0.1], np.float32)


def falling(size: int) -> Any:
    return np.linspace(1, 0, size, dtype=np.float32)


def popular(shop: ItemBlock, shares: list[float]) -> ServedModel:
    model = REGISTRY["popular"]().with_arrays({"scores": np.array([shares], np.float32)})
    return tie_to_block("popular@1", model, shop.ids[: len(shares)], (), shop)


def select(shop: ItemBlock, length: int, **asked: Any) -> list[int]:
    ranks, rows = np.zeros((len(shop), 1), np.float32), np.arange(len(shop), dtype=np.int32)
    asked["surface"] = {"max_per_category": 0, **asked.get("surface", {})}
    selection = reranking().select(
        request(shop, **asked), Pool(rows, ranks, ranks, ("model",)), falling(len(shop)), rows, length
    )
    chosen: list[int] = selection.chosen.tolist()
    return chosen


@given(KINDS, st.sampled_from([0.1, 0.5, 0.9]))
def test_calibration_takes_the_largest_marginal_gain(kinds: list[int], strength: float) -> None:
    relevance, of = falling(len(kinds)), np.array(kinds)
    chosen: list[int] = []
    for place in calibrated(relevance, of, SHARES, WANTED, strength, 10).tolist():

        def worth(one: int, taken: tuple[int, ...] = tuple(chosen)) -> float:
            shares = SHARES[of[[*taken, one]]].astype(np.float64).mean(axis=0)
            divergence = (WANTED * np.log(WANTED / (0.99 * shares + 0.01 * WANTED))).sum()
            return float((1 - strength) * relevance[one] - strength * divergence)

        left = [one for one in range(len(kinds)) if one not in chosen]
        assert worth(place) >= max(map(worth, left)) - 1e-4
        chosen.append(place)


def test_the_mix_of_a_history_is_by_weight_and_divided_among_categories() -> None:
    shop = block([item("a", "x"), item("b", "x", "y"), item("c", "z"), item("d")])
    asked = request(shop, history=[("a", "view", 1), ("b", "buy", 4), ("c", "hide", -2), ("d", "view", 5)])
    numbers = np.arange(3, dtype=np.int32)
    np.testing.assert_allclose(mix_of(asked, numbers), [3 / 5, 2 / 5, 0])
    assert not mix_of(request(shop), numbers).any()


def test_a_list_has_the_users_mix() -> None:
    shop = block([item(f"{n:03}", "x" if n < 60 else "y") for n in range(100)])
    history = [("000", "view", 1.0)] * 7 + [("099", "view", 1.0)] * 3
    surface = {"diversity": {"calibration": 1.0}}
    for length in (10, 20):
        assert sum(place >= 60 for place in select(shop, length, history=history, surface=surface)) == 0.3 * length
    assert select(shop, 10, surface=surface) == list(range(10)), "nothing is known of the user"


@given(st.lists(st.booleans(), max_size=30), st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0]), st.integers(0, 40))
def test_the_tail_has_its_share_at_every_position(wanted: list[bool], share: float, positions: int) -> None:
    places = with_share(np.array(wanted, np.bool_), share, positions).tolist()
    assert len(set(places)) == len(places) == min(positions, len(wanted))
    for count in range(1, len(places) + 1):
        got = sum(wanted[place] for place in places[:count])
        assert got >= min(int(share * count + 1e-9), sum(wanted))
    for kind in (True, False):
        assert [place for place in places if wanted[place] is kind] == sorted(p for p in places if wanted[p] is kind)


def test_what_everybody_knows_counts_less() -> None:
    shop = block([item(name) for name in "abcdefgh"])
    known = popular(shop, [0.5, 0.3, 0.1, 0.05, 0.03, 0.02])
    lowered = select(shop, 8, popular=known, surface={"diversity": {"popularity": 1.0}})
    assert lowered.index(0) == 6, "nothing is left of the most popular; it ties with the worst"
    assert lowered.index(6) < lowered.index(1), "of those that nobody knows the relevance stays as it was"
    assert select(shop, 8, popular=known) == list(range(8))
    assert select(shop, 8, surface={"diversity": {"popularity": 1.0, "tail": 1.0}}) == list(range(8)), "no figures"


def test_the_tail_begins_behind_the_head_of_the_catalogue() -> None:
    shop = block([item(name) for name in "abcdefgh"])
    known = popular(shop, [0.5, 0.3, 0.1, 0.05, 0.03, 0.02, 0.0, 0.0])
    surface = {"diversity": {"tail": 0.5, "head": 0.5}}
    assert select(shop, 8, popular=known, surface=surface) == [0, 4, 1, 5, 2, 6, 3, 7]


@given(
    st.lists(st.sampled_from("xyz"), min_size=1, max_size=25),
    st.sampled_from(["none", "mmr", "dpp"]),
    st.lists(st.sampled_from([0.0, 0.4, 1.0]), min_size=3, max_size=3),
    st.integers(0, 25),
)
def test_with_all_passes_a_short_list_begins_a_long_one(
    names: list[str], method: str, strengths: list[float], shorter: int
) -> None:
    shop = block([item(f"{n:03}", name) for n, name in enumerate(names)])
    calibration, popularity, tail = strengths
    asked = {
        "history": [("000", "view", 1.0)],
        "popular": popular(shop, [1.0 / (n + 1) for n in range(len(names))]),
        "surface": {
            "max_per_category": 2,
            "diversity": {
                "method": method, "positions": 6, "candidates": 12,
                "calibration": calibration, "popularity": popularity, "tail": tail,
            },
        },
    }  # fmt: skip
    whole = select(shop, len(names), **asked)
    assert sorted(whole) == list(range(len(names)))
    assert select(shop, shorter, **asked) == whole[:shorter]


@pytest.mark.parametrize("method", ["mmr", "dpp"])
def test_items_may_be_told_apart_by_content(method: str) -> None:
    shop = block([item(name, "same") for name in "abcd"])
    vectors = np.array([[1, 0], [1, 0], [0, 1], [0, 0]], np.float32)
    asked = request(shop, surface={"max_per_category": 0, "diversity": {"method": method, "likeness": "content"}})
    content = SimpleNamespace(vectors=lambda items, rows: vectors[rows])
    object.__setattr__(asked, "content", content)
    ranks, rows = np.zeros((4, 1), np.float32), np.arange(4, dtype=np.int32)
    scores = np.array([1.0, 0.9, 0.8, 0.0], np.float32)
    chosen = reranking().select(asked, Pool(rows, ranks, ranks, ("model",)), scores, rows, 4).chosen
    assert chosen.tolist()[:2] == [0, 2]
