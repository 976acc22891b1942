"""Candidates of several sources as one pool, and their order by score."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from honeyguide.types import FloatArray, Found, IntArray, Pool


def merge(found: Mapping[str, Found], size: int) -> Pool:
    """One row per candidate, one column per source that found anything; items are rows below `size`."""
    names = tuple(name for name, each in found.items() if len(each))
    if not names:
        none = np.empty((0, 0), np.float32)
        return Pool(np.empty(0, np.int32), none, none, ())
    items = np.unique(np.concatenate([found[name].rows for name in names])).astype(np.int32)
    place = np.empty(size, dtype=np.int32)
    place[items] = np.arange(len(items), dtype=np.int32)
    ranks = np.full((len(items), len(names)), np.nan, dtype=np.float32)
    scores = ranks.copy()
    for column, name in enumerate(names):
        each = found[name]
        rows = place[each.rows]
        ranks[rows, column] = np.arange(len(each), dtype=np.float32)
        if each.scores is not None:
            scores[rows, column] = each.scores
    return Pool(items, ranks, scores, names)


def settled(scores: FloatArray) -> FloatArray:
    """The scores by which a list is ordered: rounded to 1e-6, NaN at the end."""
    return np.nan_to_num(scores, nan=-np.inf).round(6).astype(np.float32)


def filled(pool: Pool, order: IntArray, ladder: Collection[str], minimum: int | None) -> IntArray:
    """The candidates in `order` without those that only sources of the `ladder` found, save the best of these that it takes
    to reach `minimum` candidates; all of them where there is no minimum."""
    if minimum is None or not len(order):
        return order
    own = np.array([name not in ladder for name in pool.sources], np.bool_)
    found = ~np.isnan(pool.ranks[order][:, own]).all(axis=1)
    missing = max(0, minimum - int(np.count_nonzero(found)))
    return order[found | (np.cumsum(~found) <= missing)]


def best_first(scores: FloatArray, rows: IntArray, ids: Sequence[str]) -> IntArray:
    """Positions by falling score, ties by item id; `rows` int32 [len(scores)] are the items' places in `ids`."""
    order = np.argsort(-scores, kind="stable").astype(np.int32)
    ranked = scores[order]
    same = ranked[1:] == ranked[:-1]
    if same.any():  # few do, so few ids are looked up
        begins = np.flatnonzero(np.concatenate([[True], ~same]))
        ends = np.append(begins[1:], len(order))
        for begin, end in zip(begins[ends - begins > 1].tolist(), ends[ends - begins > 1].tolist(), strict=True):
            tied = order[begin:end]
            names = [ids[row] for row in rows[tied].tolist()]
            order[begin:end] = tied[sorted(range(len(names)), key=names.__getitem__)]
    return order
