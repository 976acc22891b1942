"""Blended ranks."""

import numpy as np
import pytest

from honeyguide.ranking import BlendedRanks
from honeyguide.types import Pool
from tests.world import block, item, request

SHOP = block([item(str(n)) for n in range(3)])
NAN = float("nan")


def score(ranks: list[list[float]], sources: tuple[str, ...]) -> list[float]:
    places = np.array(ranks, dtype=np.float32)
    pool = Pool(np.arange(len(ranks), dtype=np.int32), places, np.full_like(places, np.nan), sources)
    made = BlendedRanks({"model": 1.0, "popular": 0.3}, k=60).score(request(SHOP), pool)
    assert made.dtype == np.float32
    return [float(value) for value in made]


def test_the_formula() -> None:
    made = score([[0, 3], [NAN, 0], [1, NAN]], ("model", "popular"))
    assert made == pytest.approx([1.0, 0.3, 60 / 61])


def test_the_order_of_the_strongest_source_stands() -> None:
    made = score([[5, 0], [4, NAN], [3, NAN]], ("model", "popular"))
    assert made[2] > made[1] > made[0]


def test_a_weaker_source_comes_in_where_its_weight_puts_it() -> None:
    place = 60 / 0.3 - 60  # the model's place with the score of the weaker source's first item
    made = score([[place - 1, NAN], [NAN, 0], [place + 1, NAN]], ("model", "popular"))
    assert made[0] > made[1] > made[2]


def test_no_candidates() -> None:
    assert score([], ()) == []
