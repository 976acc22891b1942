"""Blended ranks."""

import numpy as np
import pytest

from honeyguide.ranking import BlendedRanks
from honeyguide.types import Pool
from tests.world import block, item, request

SHOP = block([item(str(n)) for n in range(3)])
NAN = float("nan")


def score(ranks: list[list[float]], sources: tuple[str, ...]) -> list[float]:
    pool = Pool(np.arange(len(ranks), dtype=np.int32), np.array(ranks, dtype=np.float32), sources)
    made = BlendedRanks({"model": 1.0, "popular": 0.3}, k=60).score(request(SHOP), pool)
    assert made.dtype == np.float32
    return [float(value) for value in made]


def test_the_formula() -> None:
    made = score([[0, 3], [NAN, 0], [1, NAN]], ("model", "popular"))
    assert made == pytest.approx([1 + 0.3 * 60 / 63, 0.3, 60 / 61])


def test_a_weak_source_alone_still_scores_near_one() -> None:
    assert score([[0.0], [1.0]], ("popular",)) == pytest.approx([1.0, 60 / 61])


def test_what_two_sources_found_beats_what_one_found_at_the_same_rank() -> None:
    made = score([[1, 0], [1, NAN]], ("model", "popular"))
    assert made[0] > made[1]


def test_no_candidates() -> None:
    assert score([], ()) == []
