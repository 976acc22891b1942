"""Bought together: the table, and the source for a basket."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from honeyguide.models.popular import Popular
from honeyguide.protocols import ServedModel
from honeyguide.retrieval.learned import tie_to_block
from honeyguide.retrieval.together import Companions, TogetherSource, fit_together
from honeyguide.types import Interactions
from tests.world import block, ids, item, request

SHOP = block([item(name) for name in ("new", "bag", "milk", "cup", "pot", "tea")])
KNOWN = ["tea", "pot", "cup", "milk", "bag", "gone"]
BASKETS = [{0, 1}, {0, 1, 4}, {0, 1}, {0, 2, 4}, {3, 4}, {3, 4, 5}, {2, 4}, {1, 2, 4}]
EVERYTHING = np.ones(len(SHOP), np.bool_)


def table(baskets: list[set[int]], n_items: int = 6, **options: Any) -> Companions:
    made = np.zeros((len(baskets), n_items), np.float32)
    for row, basket in enumerate(baskets):
        made[row, list(basket)] = 1
    return fit_together(csr_array(made), **options)


def served(companions: Companions | None) -> ServedModel:
    pairs = Interactions(
        np.zeros(6, np.int32), np.arange(6, dtype=np.int32), np.ones(6, np.float32), np.zeros(6, np.int64), 1, 6
    )
    return replace(tie_to_block("popular@1", Popular().fit(pairs), KNOWN, [], SHOP), companions=companions)


def found(companions: Companions | None, *basket: str) -> list[str]:
    asked = replace(request(SHOP, popular=served(companions)), basket=SHOP.numbers_of(basket))
    return ids(SHOP, TogetherSource().retrieve(asked, EVERYTHING).rows)


def test_scores_are_the_gain_in_probability() -> None:
    items, scores = table(BASKETS, shrinkage=0.0).of(0)
    assert items.tolist() == [1], "a bag is in every other basket and goes with nothing more than with all else"
    assert scores[0] == pytest.approx(3 / 4 - 4 / 8)


def test_pairs_by_chance_are_held_back() -> None:
    often = [{0, 1}] * 50 + [{2, 3}] + [{4, 5}] * 50
    scores = {number: float(table(often).of(number)[1][0]) for number in (0, 2)}
    assert scores[0] > 2 * scores[2]


def test_the_table_is_that_of_the_plain_formula() -> None:
    rng = np.random.default_rng(3)
    baskets = (rng.random((400, 30)) < 0.15).astype(np.float32)
    both, counts = baskets.T @ baskets, baskets.sum(axis=0)
    gain = (both - np.outer(counts, counts) / 400) / (counts + 5.0)[:, None]
    np.fill_diagonal(gain, 0)
    made = fit_together(csr_array(baskets), k=4)
    for number in range(30):
        items, scores = made.of(number)
        best = np.sort(gain[number])[::-1][:4]
        assert np.allclose(scores, best[best > 0], atol=1e-5)
        assert np.allclose(scores, gain[number, items], atol=1e-5)


def test_without_baskets_nothing_goes_together() -> None:
    empty = fit_together(csr_array(np.zeros((0, 3), np.float32)))
    assert [len(empty.of(number)[0]) for number in range(3)] == [0, 0, 0]


def test_the_source_finds_companions_of_the_whole_basket() -> None:
    companions = table(BASKETS)
    assert found(companions, "tea") == ["pot"]
    assert found(companions, "tea", "pot") == []
    assert found(companions, "milk") == ["bag"], "the shop has no 'gone'"
    assert set(found(companions, "tea", "milk")) == {"pot", "bag"}
    assert found(companions, "new") == found(companions) == found(None, "tea") == []


def test_only_what_is_allowed_is_found() -> None:
    asked = replace(request(SHOP, popular=served(table(BASKETS))), basket=SHOP.numbers_of(["tea"]))
    assert len(TogetherSource().retrieve(asked, ~EVERYTHING)) == 0


@pytest.mark.parametrize(
    "spoiled", [{"indptr": [0, 1]}, {"scores": [np.nan]}, {"items": [7]}, {"items": [-1]}, {"indptr": [0, 2, 1, 1]}]
)
def test_a_spoiled_table_is_refused(spoiled: dict[str, list[float]]) -> None:
    arrays = {"indptr": np.array([0, 1, 1, 1]), "items": np.array([1], np.int32), "scores": np.array([0.5], np.float32)}
    assert Companions.of_arrays(arrays, 3).of(0)[0].tolist() == [1]
    with pytest.raises(ValueError, match="items"):
        Companions.of_arrays(arrays | {name: np.array(values) for name, values in spoiled.items()}, 3)
