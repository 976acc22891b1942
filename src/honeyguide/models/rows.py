"""Interactions as a sparse matrix, histories as weighted entries, links between items in compressed rows, best entries."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from honeyguide.models.resources import blocks, each
from honeyguide.types import BoolArray, FloatArray, Histories, IntArray, Interactions, LongArray

Wide = NDArray[np.float64]
DAY_MS: Final = 86_400_000.0
BLOCK_CELLS: Final = 2_000_000  # of an item-item matrix that one thread holds at a time
LONGEST: Final = 5_000  # items of a user whose pairs are counted


def user_item_matrix(
    interactions: Interactions, power: float, *, half_life: float = 0.0, longest: int = 0
) -> tuple[csr_array, float]:
    """float32 [n_users, n_items], columns sorted: x = (w / scale) ** power; and `scale`.

    w is the heaviest event of the (user, item) pair: that somebody bought says more than how often they looked.
    `scale` is the mean of w over the pairs, so that x is around 1 whatever the events weigh; power 0 is binary.
    With a `half_life` in days an event's x halves with it (0: never). Of a user with more than `longest` items the latest
    are taken (0: all): what costs the square of a history must not be up to one robot."""
    n_users, n_items = interactions.n_users, interactions.n_items
    keys = interactions.users.astype(np.int64) * n_items + interactions.items
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else np.empty(0, np.int64)
    weights = interactions.weights[order]
    scale = float(np.maximum.reduceat(weights, starts).mean(dtype=np.float64)) if len(keys) else 1.0
    raised = np.power(weights / np.float32(scale), np.float32(power), dtype=np.float32)
    if half_life:
        raised *= aged(interactions.ts, half_life)[order]
    data = np.maximum.reduceat(raised, starts) if len(keys) else raised
    users, items = np.divmod(keys[starts], max(n_items, 1))
    counts = np.bincount(users, minlength=n_users)
    if longest and int(counts.max(initial=0)) > longest:
        last = order[np.append(starts[1:], len(order)) - 1]  # the place in the log of each pair's last event
        kept = _latest_of_each(users, last, counts, longest)
        users, items, data, counts = users[kept], items[kept], data[kept], np.minimum(counts, longest)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    return csr_array((data, items.astype(np.int32), indptr), shape=(n_users, n_items)), scale


def _latest_of_each(users: LongArray, last: LongArray, counts: LongArray, longest: int) -> BoolArray:
    """Which pairs, sorted by user, are among their user's `longest` latest."""
    order = np.lexsort((last, users))
    from_end = np.cumsum(counts)[users[order]] - 1 - np.arange(len(order))
    kept = np.zeros(len(order), dtype=np.bool_)
    kept[order] = from_end < longest
    return kept


def latest_times(interactions: Interactions, pairs: csr_array) -> Wide:
    """float64: the latest time of each (user, item) pair, in the order of their matrix, whose columns are sorted."""
    n_items = interactions.n_items
    users = np.repeat(np.arange(interactions.n_users, dtype=np.int64), np.diff(pairs.indptr))
    keys = interactions.users.astype(np.int64) * n_items + interactions.items
    latest = np.full(pairs.nnz, -np.inf)
    np.maximum.at(latest, np.searchsorted(users * n_items + pairs.indices, keys), interactions.ts.astype(np.float64))
    return latest


def aged(ts: LongArray | Wide, half_life: float) -> FloatArray:
    """float32: what is left of an event by its age, halved with every `half_life` days.

    Age 0 is the 99th percentile: one clock in the far future ages nobody else."""
    if not len(ts):
        return np.empty(0, np.float32)
    days = np.maximum(np.quantile(ts, 0.99, method="inverted_cdf") - ts, 0) / DAY_MS
    left: FloatArray = np.maximum(np.exp2(-days / half_life), 1e-9).astype(np.float32)
    return left


def recency(histories: Histories, by_place: float) -> FloatArray:
    """float32: `by_place` to the power of the number of later moments in the history; events of one moment are alike.

    Entries whose weight is not above 0 are no moments, and have 1."""
    counted = histories.weights > 0
    if not bool(counted.all()):
        faded = np.ones(len(counted), dtype=np.float32)
        indptr = np.concatenate([[0], np.cumsum(counted)])[histories.indptr]
        rest = Histories(indptr, histories.items[counted], histories.weights[counted], histories.ts[counted], histories.now)
        faded[counted] = recency(rest, by_place)
        return faded
    rows = np.repeat(np.arange(len(histories)), np.diff(histories.indptr))
    new = np.ones(len(rows), dtype=np.int64)
    new[1:] = (rows[1:] != rows[:-1]) | (histories.ts[1:] != histories.ts[:-1])
    moments = np.cumsum(new)
    latest = moments[histories.indptr[1:][rows] - 1] if len(rows) else moments
    weights: FloatArray = np.power(by_place, np.minimum(latest - moments, 10_000)).astype(np.float32)
    return weights


def history_weights(
    histories: Histories, n_items: int, power: float, scale: float, by_place: float = 1.0
) -> tuple[IntArray, FloatArray, FloatArray]:
    """(items, weights, shares) of the entries, as `user_item_matrix` weighs pairs in training.

    An item that occurs several times shares its x among its entries by weight (`shares` sum to 1 per item), so that
    everything linear in x is exactly linear in the entries. An entry whose item is unknown, or whose weight is not above 0,
    becomes item 0 with weight 0. `by_place` below 1 lets older entries weigh less (`recency`).
    """
    known = (histories.items >= 0) & (histories.items < n_items) & (histories.weights > 0) & np.isfinite(histories.weights)
    items = histories.items if known.all() else np.where(known, histories.items, 0).astype(np.int32)
    weights = histories.weights if items is histories.items else np.where(known, histories.weights, np.float32(0))
    rows = np.repeat(np.arange(len(histories)), np.diff(histories.indptr))
    pairs, pair = np.unique(rows * np.int64(n_items + 1) + np.where(known, items, n_items), return_inverse=True)
    heaviest = np.zeros(len(pairs), dtype=np.float32)
    np.maximum.at(heaviest, pair, weights)
    total = np.bincount(pair, weights, minlength=len(pairs))
    shares = (weights / np.maximum(total, 1e-30)[pair]).astype(np.float32)
    raised = np.where(heaviest > 0, np.power(np.maximum(heaviest, 1e-30) / np.float32(scale), np.float32(power)), 0)
    weighed = (raised[pair] * shares).astype(np.float32)
    return items, weighed if by_place == 1.0 else weighed * recency(histories, by_place), shares


def weighted_rows(links: csr_array, indptr: LongArray, items: IntArray, weights: FloatArray) -> FloatArray:
    """float32 [histories, n]: for each history the sum of weight * row of `links` over its entries.

    A history at a time, so that a batch gives to the bit what its histories give alone; a general sparse product takes
    twice as long for the one history of a request."""
    n = links.shape[1]
    sums = np.zeros((len(indptr) - 1, n), dtype=np.float32)
    starts, stops = links.indptr[items].astype(np.int64), links.indptr[items + 1].astype(np.int64)
    for row in np.flatnonzero(np.diff(indptr)).tolist():
        part = slice(indptr[row], indptr[row + 1])
        sizes = stops[part] - starts[part]
        ends = np.cumsum(sizes)
        places = np.arange(ends[-1]) + np.repeat(starts[part] - ends + sizes, sizes)
        sums[row] = np.bincount(links.indices[places], links.data[places] * np.repeat(weights[part], sizes), minlength=n)
    return sums


def best(scores: FloatArray, k: int) -> tuple[IntArray, FloatArray]:
    """The k largest entries above 0 of each row, largest first, ties by column: numbers (-1 pads) and values (0 pads)."""
    rows, n = scores.shape
    take = min(k, n)
    numbers = np.full((rows, k), -1, dtype=np.int32)
    values = np.zeros((rows, k), dtype=np.float32)
    for row in range(rows if take else 0):
        line = scores[row]
        chosen = np.flatnonzero(line > 0)
        if len(chosen) > take:
            positive = line[chosen]
            chosen = chosen[positive >= np.partition(positive, len(positive) - take)[len(positive) - take]]
        chosen = chosen[np.argsort(-line[chosen], kind="stable")][:take]
        numbers[row, : len(chosen)] = chosen
        values[row, : len(chosen)] = line[chosen]
    return numbers, values


def links_of(rows: IntArray, columns: IntArray, values: FloatArray, n: int) -> csr_array:
    """float32 [n, n], columns sorted; values at the same place are summed."""
    links: csr_array = csr_array((values, (rows, columns)), shape=(n, n))
    links.sort_indices()
    return links


def strongest(matrix: csr_array, k: int) -> csr_array:
    """The k largest entries of each row, ties by column; columns sorted."""
    kept: BoolArray = np.ones(matrix.nnz, dtype=np.bool_)
    for row in np.flatnonzero(np.diff(matrix.indptr) > k).tolist():
        part = slice(matrix.indptr[row], matrix.indptr[row + 1])
        values, columns = matrix.data[part], matrix.indices[part]
        chosen = np.flatnonzero(values >= np.partition(values, len(values) - k)[len(values) - k])
        chosen = chosen[np.lexsort((columns[chosen], -values[chosen]))][:k]
        kept[part] = False
        kept[matrix.indptr[row] + chosen] = True
    indptr = np.concatenate([[0], np.cumsum(kept)])[matrix.indptr]
    found: csr_array = csr_array((matrix.data[kept], matrix.indices[kept], indptr), shape=matrix.shape)
    found.sort_indices()
    return found


def cells(matrix: csr_array, rows: IntArray, columns: IntArray) -> FloatArray:
    """float32 [rows, columns]: those entries, 0 where there is none; the columns of each row are sorted."""
    shape = (len(rows), len(columns))
    low = np.broadcast_to(matrix.indptr[rows].astype(np.int64)[:, None], shape)
    stops = np.broadcast_to(matrix.indptr[rows + 1].astype(np.int64)[:, None], shape)
    high, last = stops, max(len(matrix.indices) - 1, 0)
    while (low < high).any():  # a binary search for all cells at once
        middle = (low + high) // 2
        right = (low < high) & (matrix.indices[np.minimum(middle, last)] < columns)
        low, high = np.where(right, middle + 1, low), np.where(right, high, middle)
    values = np.zeros(shape, dtype=np.float32)
    if len(matrix.indices):
        at = np.minimum(low, last)
        values = np.where((low < stops) & (matrix.indices[at] == columns), matrix.data[at], np.float32(0))
    return values


def strongest_links(
    left: csr_array,
    right: csr_array,
    k: int,
    weigh: Callable[[csr_array, IntArray], FloatArray],
    progress: Callable[[float], None] | None = None,
) -> csr_array:
    """float32 [items, items] by source: each target (column) with the k sources of largest value above 0.

    The values are made of the rows of left @ right (targets by sources), a block at a time on all cores, so that memory
    holds k links per item and a few blocks: `weigh(block, target of each entry)`."""
    partners = np.concatenate([[0], np.cumsum(np.diff(right.indptr)[left.indices], dtype=np.int64)])
    costs = np.clip(np.diff(partners[left.indptr]), 1, right.shape[1])  # at most so many entries has each row of the product

    def linked(rows: slice) -> tuple[IntArray, IntArray, FloatArray]:
        product = (left[rows] @ right).tocsr()
        targets = np.repeat(np.arange(rows.start, rows.stop, dtype=np.int32), np.diff(product.indptr))
        product.data = weigh(product, targets).astype(np.float32)
        kept = strongest(product, k)
        targets = np.repeat(np.arange(rows.start, rows.stop, dtype=np.int32), np.diff(kept.indptr))
        real = kept.data > 0
        return kept.indices[real].astype(np.int32), targets[real], kept.data[real]

    none = (np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))
    parts = [none, *each(linked, blocks(costs, BLOCK_CELLS), progress)]
    sources, targets, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    return links_of(sources, targets, values, right.shape[1])


def sequences(interactions: Interactions) -> tuple[IntArray, IntArray, FloatArray, LongArray]:
    """Users, items, weights and times in order of user, then time, then place in the log."""
    order = np.lexsort((interactions.ts, interactions.users))  # stable: equal times keep their places
    return (
        interactions.users[order],
        interactions.items[order],
        interactions.weights[order],
        interactions.ts[order],
    )
