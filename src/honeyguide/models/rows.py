"""Interactions and histories as sparse rows, and the best entries of dense rows."""

import numpy as np
from scipy.sparse import coo_array, csr_array

from honeyguide.types import FloatArray, Histories, IntArray, Interactions, LongArray


def user_item_matrix(interactions: Interactions, power: float) -> tuple[csr_array, float]:
    """float32 [n_users, n_items]: x = (w / scale) ** power, w the summed weights of a (user, item) pair; and `scale`.

    `scale` is the mean of w over the pairs, so that x is around 1 whatever the events weigh; power 0 is binary.
    """
    shape = (interactions.n_users, interactions.n_items)
    matrix = coo_array((interactions.weights, (interactions.users, interactions.items)), shape=shape).tocsr()
    matrix.sum_duplicates()
    scale = float(matrix.data.mean(dtype=np.float64)) if matrix.nnz else 1.0
    matrix.data = np.power(matrix.data / np.float32(scale), np.float32(power))
    return matrix, scale


def history_weights(histories: Histories, n_items: int, power: float, scale: float) -> FloatArray:
    """float32 [entries]: what each entry gives to x of its item, as `user_item_matrix` has it for training.

    An item that occurs several times shares its x among its entries by weight, so that everything linear in x is
    exactly linear in the entries. Entries whose item is not in 0 <= item < n_items get 0.
    """
    weights = histories.weights / np.float32(scale)
    if power != 1.0 and len(weights):
        rows = np.repeat(np.arange(len(histories)), np.diff(histories.indptr))
        _, pair = np.unique(rows * np.int64(n_items + 1) + histories.items, return_inverse=True)
        total = np.bincount(pair, weights)[pair]
        weights = (weights * np.power(np.maximum(total, 1e-30), power - 1.0)).astype(np.float32)
    known = (histories.items >= 0) & (histories.items < n_items)
    return weights if known.all() else np.where(known, weights, np.float32(0))


def history_matrix(histories: Histories, weights: FloatArray, n_items: int) -> csr_array:
    """float32 [len(histories), n_items] with one stored entry per history entry, in their order."""
    items = histories.items
    if len(items) and (items.min() < 0 or items.max() >= n_items):
        items = np.where((items < 0) | (items >= n_items), 0, items).astype(np.int32)  # their weights are 0
    return csr_array((weights, items, histories.indptr), shape=(len(histories), n_items))


def best(scores: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
    """The k largest entries above 0 of each row, largest first, ties by column: numbers (-1 pads) and values (0 pads)."""
    rows, n = scores.shape
    take = min(k, n)
    numbers = np.full((rows, k), -1, dtype=np.int32)
    values = np.zeros((rows, k), dtype=np.float32)
    for row in range(rows if take else 0):
        line = scores[row]
        threshold = np.partition(line, n - take)[n - take]
        chosen = np.flatnonzero(line >= threshold) if threshold > 0 else np.flatnonzero(line > 0)
        chosen = chosen[np.argsort(-line[chosen], kind="stable")][:take]
        numbers[row, : len(chosen)] = chosen
        values[row, : len(chosen)] = line[chosen]
    return numbers, values


def gram_block(matrix: csr_array, transposed: csr_array, start: int, stop: int) -> FloatArray:
    """Rows start:stop of transposed @ matrix, dense float32: a block at a time, since the whole may not fit twice."""
    return (transposed[start:stop] @ matrix).toarray()  # type: ignore[no-any-return]


def sequences(interactions: Interactions) -> tuple[IntArray, IntArray, FloatArray, LongArray]:
    """Users, items, weights and times in order of user, then time, then place in the log."""
    order = np.lexsort((np.arange(len(interactions.ts)), interactions.ts, interactions.users))
    return (
        interactions.users[order],
        interactions.items[order],
        interactions.weights[order],
        interactions.ts[order],
    )
