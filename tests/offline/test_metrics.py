"""Metrics against cases worked out by hand, and against plain loops."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honeyguide.offline import metrics
from honeyguide.types import BoolArray

LISTS = np.array([[4, 1, 7], [0, 2, -1], [5, 6, 3]], dtype=np.int32)
INDPTR, RELEVANT = np.array([0, 2, 3, 7]), np.array([1, 9, 2, 3, 5, 6, 8])


@pytest.fixture
def hits() -> BoolArray:
    return metrics.hits_in(LISTS, INDPTR, RELEVANT, 10)


def test_hits(hits: BoolArray) -> None:
    assert hits.tolist() == [[False, True, False], [False, True, False], [True, True, True]]


def test_the_padding_is_never_a_hit() -> None:
    lists, empty = np.full((1, 3), -1, np.int32), np.array([0, 1])
    assert not metrics.hits_in(lists, empty, np.array([9]), 10).any()


def test_one_users_items_are_not_anothers() -> None:
    found = metrics.hits_in(np.array([[1], [2]], np.int32), np.array([0, 1, 2]), np.array([2, 1]), 3)
    assert not found.any()


def test_the_metrics_by_hand(hits: BoolArray) -> None:
    relevant = np.diff(INDPTR)
    second = 1 / math.log2(3)
    assert metrics.recall(hits, relevant).tolist() == [0.5, 1.0, 0.75]
    assert metrics.precision(hits).tolist() == pytest.approx([1 / 3, 1 / 3, 1.0])
    assert metrics.hit_rate(hits).tolist() == [1.0, 1.0, 1.0]
    assert metrics.mrr(hits).tolist() == [0.5, 0.5, 1.0]
    assert metrics.ndcg(hits, relevant).tolist() == pytest.approx([second / (1 + second), second, 1.0])
    assert metrics.average_precision(hits, relevant).tolist() == pytest.approx([0.5 / 2, 0.5 / 1, (1 + 1 + 1) / 4])
    assert tuple(metrics.per_user(hits, relevant)) == metrics.NAMES


def test_a_user_without_hits() -> None:
    none = np.zeros((1, 4), dtype=np.bool_)
    one = np.array([1])
    assert [metrics.recall(none, one)[0], metrics.ndcg(none, one)[0], metrics.mrr(none)[0]] == [0, 0, 0]
    assert [metrics.hit_rate(none)[0], metrics.precision(none)[0]] == [0, 0]


@given(st.integers(0, 10**6), st.integers(1, 8), st.integers(2, 12))
@settings(deadline=None, max_examples=50)
def test_against_plain_loops(seed: int, k: int, n_items: int) -> None:
    generator = np.random.default_rng(seed)
    wanted = [generator.permutation(n_items)[: generator.integers(1, n_items)].tolist() for _ in range(4)]
    lists = np.array([np.resize(generator.permutation(n_items), k) for _ in wanted], np.int32)
    lists[:, n_items:] = -1
    indptr = np.concatenate([[0], np.cumsum([len(own) for own in wanted])])
    hits = metrics.hits_in(lists, indptr, np.concatenate(wanted), n_items)
    for row, own in enumerate(wanted):
        gains = [1.0 if item in own else 0.0 for item in lists[row].tolist()]
        dcg = sum(gain / math.log2(place + 2) for place, gain in enumerate(gains))
        ideal = sum(1 / math.log2(place + 2) for place in range(min(k, len(own))))
        relevant = np.diff(indptr)
        assert metrics.ndcg(hits, relevant)[row] == pytest.approx(dcg / ideal)
        assert metrics.recall(hits, relevant)[row] == pytest.approx(sum(gains) / len(own))
        at_hits = [sum(gains[: place + 1]) / (place + 1) for place, gain in enumerate(gains) if gain]
        assert metrics.average_precision(hits, relevant)[row] == pytest.approx(sum(at_hits) / len(own))
        first = gains.index(1.0) + 1 if 1.0 in gains else math.inf
        assert metrics.mrr(hits)[row] == pytest.approx(1 / first)
