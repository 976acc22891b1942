"""Merging the finds of sources, and their order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.ranking.pools import best_first, merge, settled
from honeyguide.types import NOTHING, Found


def test_merge_keeps_ranks_per_source() -> None:
    found = {
        "model": Found(np.array([4, 0], np.int32), np.array([0.5, 0.25], np.float32)),
        "new": Found(np.array([0], np.int32)),
    }
    pool = merge(found, 6)
    assert pool.sources == ("model", "new")
    assert pool.items.tolist() == [0, 4]
    assert pool.ranks[0].tolist() == [1.0, 0.0]
    assert pool.ranks[1, 0] == 0.0
    assert np.isnan(pool.ranks[1, 1])
    assert pool.scores[:, 0].tolist() == [0.25, 0.5]
    assert np.isnan(pool.scores[:, 1]).all(), "a source without scores"
    assert pool.take(np.array([1])).scores[0, 0] == 0.5


def test_nothing_found_is_an_empty_pool() -> None:
    pool = merge({"model": NOTHING}, 3)
    assert (len(pool), pool.sources) == (0, ())
    assert best_first(np.empty(0, np.float32), pool.items, []).tolist() == []


def test_scores_are_rounded_and_nan_sinks() -> None:
    assert settled(np.array([0.12345678, np.nan], np.float32)).tolist() == [np.float32(0.123457), -np.inf]


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0, -np.inf]), max_size=12), st.randoms())
def test_the_order_is_by_score_then_by_id(values: list[float], chance: object) -> None:
    ids = [f"i{number:02}" for number in range(12)]
    chance.shuffle(ids)  # type: ignore[attr-defined]
    rows = np.arange(12, dtype=np.int32)[::-1][: len(values)]
    order = best_first(np.array(values, np.float32), rows, ids).tolist()
    assert order == sorted(range(len(values)), key=lambda position: (-values[position], ids[rows[position]]))
