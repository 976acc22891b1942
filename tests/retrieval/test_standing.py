"""What is rising, and what the request names."""

import numpy as np

from honeyguide.features.columns import Columns
from honeyguide.retrieval import GivenSource, TrendingSource
from tests.world import block, ids, item, request

EVERYTHING = np.ones(4, np.bool_)


def columns(**values: list[float]) -> Columns:
    return Columns(names=tuple(values), values=np.array(list(values.values()), np.float32).T)


def test_what_grew_stands_before_what_was_always_liked() -> None:
    items = block([item(name) for name in "abcd"])
    items.features = columns(views_1d=[50, 40, 0, 1], views_30d=[1500, 40, 900, 1])
    found = TrendingSource().retrieve(request(items), EVERYTHING)
    assert ids(items, found.rows) == ["b", "a", "d"]
    assert found.scores is not None
    assert (np.diff(found.scores) <= 0).all()
    allowed = np.array([True, False, True, True])
    assert ids(items, TrendingSource().retrieve(request(items), allowed).rows) == ["a", "d"]
    one = request(items, surface={"popular": 1})
    assert ids(items, TrendingSource().retrieve(one, EVERYTHING).rows) == ["b"]


def test_a_quiet_day_looks_at_the_week() -> None:
    items = block([item(name) for name in "abcd"])
    items.features = columns(clicks_7d=[1, 0, 3, 0], clicks_30d=[1, 9, 3, 0])
    assert ids(items, TrendingSource().retrieve(request(items), EVERYTHING).rows) == ["c", "a"]


def test_without_columns_nothing_trends() -> None:
    items = block([item(name) for name in "abcd"])
    assert len(TrendingSource().retrieve(request(items), EVERYTHING)) == 0


def test_given_items_stand_as_they_were_given() -> None:
    items = block([item(name) for name in "abcd"])
    asked = request(items, candidates=["d", "nowhere", "a", "b"])
    assert ids(items, GivenSource().retrieve(asked, EVERYTHING).rows) == ["d", "a", "b"]
    assert ids(items, GivenSource().retrieve(asked, np.array([True, True, True, False])).rows) == ["a", "b"]
    assert len(GivenSource().retrieve(request(items), EVERYTHING)) == 0
