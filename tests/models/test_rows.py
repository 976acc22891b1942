"""The arithmetic that the models share, against plain loops."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from honeyguide.models.rows import (
    best,
    cells,
    history_weights,
    links_of,
    sequences,
    strongest,
    user_item_matrix,
    weighted_rows,
)
from honeyguide.testing.models import histories, interactions
from honeyguide.types import Histories


def sparse(rows: int, columns: int, seed: int, levels: int = 4) -> csr_array:
    """A sparse matrix with many ties."""
    generator = np.random.default_rng(seed)
    dense = generator.integers(0, levels, (rows, columns)).astype(np.float32)
    return csr_array(dense)


def test_a_pair_is_worth_its_heaviest_event() -> None:
    data = interactions([1, 0, 1, 1], [2, 0, 2, 1], weights=[1, 4, 8, 3], n_items=3)
    matrix, scale = user_item_matrix(data, 1.0)
    assert scale == 5.0
    np.testing.assert_allclose(matrix.toarray(), [[0.8, 0, 0], [0, 0.6, 1.6]], rtol=1e-6)
    binary, _ = user_item_matrix(data, 0.0)
    np.testing.assert_array_equal(binary.toarray(), [[1, 0, 0], [0, 1, 1]])


def test_a_history_is_weighed_as_training_weighs_pairs() -> None:
    asked = Histories(
        indptr=np.array([0, 3, 3, 4]),
        items=np.array([2, 1, 2, 2], dtype=np.int32),
        weights=np.array([1.0, 3.0, 8.0, 1.0], dtype=np.float32),
        ts=np.zeros(4, np.int64),
    )
    items, weights, shares = history_weights(asked, 3, power=1.0, scale=5.0)
    assert items.tolist() == [2, 1, 2, 2]
    np.testing.assert_allclose(shares, [1 / 9, 1, 8 / 9, 1], rtol=1e-6)
    np.testing.assert_allclose(weights, [1.6 / 9, 0.6, 1.6 * 8 / 9, 0.2], rtol=1e-6)


def test_a_dislike_ages_nothing() -> None:
    asked = replace(histories([1, 2, 3, 2, 4]), weights=np.array([1, -1, 1, -1, 1], np.float32))
    weights = history_weights(asked, 9, 1.0, 1.0, 0.5)[1]
    np.testing.assert_array_equal(weights, [0.25, 0, 0.5, 0, 1])


def test_unknown_items_weigh_nothing() -> None:
    items, weights, shares = history_weights(histories([5, -3, 1]), 3, power=0.5, scale=1.0)
    assert items.tolist() == [0, 0, 1]
    assert weights.tolist() == [0, 0, 1]
    assert shares.tolist() == [0, 0, 1]


@given(st.integers(0, 10_000), st.integers(1, 12))
@settings(deadline=None, max_examples=40)
def test_the_strongest_of_each_row(seed: int, k: int) -> None:
    matrix = sparse(5, 9, seed)
    dense, kept = matrix.toarray(), strongest(matrix, k).toarray()
    for row, left in zip(dense, kept, strict=True):
        order = sorted((column for column in range(9) if row[column] > 0), key=lambda column: (-row[column], column))
        assert np.flatnonzero(left).tolist() == sorted(order[:k])
        assert (left[order[:k]] == row[order[:k]]).all()


@given(st.integers(0, 10_000), st.integers(1, 12))
@settings(deadline=None, max_examples=40)
def test_the_best_of_each_row(seed: int, k: int) -> None:
    scores = np.random.default_rng(seed).integers(-2, 4, (4, 9)).astype(np.float32)
    numbers, values = best(scores, k)
    for row, found, value in zip(scores, numbers, values, strict=True):
        order = sorted((column for column in range(9) if row[column] > 0), key=lambda column: (-row[column], column))
        wanted = order[:k] + [-1] * (k - len(order[:k]))
        assert found.tolist() == wanted
        assert value.tolist() == [row[column] if column >= 0 else 0 for column in wanted]


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=40)
def test_cells_of_a_sparse_matrix(seed: int) -> None:
    matrix = sparse(6, 7, seed)
    rows, columns = np.array([0, 5, 5, 2, 3], dtype=np.int32), np.array([6, 0, 0, 3], dtype=np.int32)
    np.testing.assert_array_equal(cells(matrix, rows, columns), matrix.toarray()[np.ix_(rows, columns)])


def test_cells_of_an_empty_matrix() -> None:
    empty = links_of(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32), 4)
    rows = np.array([0, 3], dtype=np.int32)
    assert cells(empty, rows, rows).tolist() == [[0, 0], [0, 0]]
    assert cells(empty, rows[:0], rows).shape == (0, 2)
    assert cells(empty, rows, rows[:0]).shape == (2, 0)


def test_weighted_rows_are_a_product() -> None:
    matrix = sparse(6, 6, 3)
    items, weights = np.array([1, 1, 4, 0], dtype=np.int32), np.array([1, 0.5, 2, 3], dtype=np.float32)
    sums = weighted_rows(matrix, np.array([0, 3, 3, 4]), items, weights)
    dense = matrix.toarray()
    np.testing.assert_allclose(sums, [1.5 * dense[1] + 2 * dense[4], np.zeros(6), 3 * dense[0]], rtol=1e-6)


def test_sequences_keep_the_order_of_the_log_at_equal_times() -> None:
    data = interactions([1, 0, 1, 1], [3, 2, 1, 0], ts=[5, 5, 5, 4], n_items=4)
    users, items, _, ts = sequences(data)
    assert users.tolist() == [0, 1, 1, 1]
    assert items.tolist() == [2, 0, 3, 1]
    assert ts.tolist() == [5, 4, 5, 5]
