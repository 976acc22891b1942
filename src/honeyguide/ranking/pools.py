"""Candidates of several sources as one pool, and their order by score."""

from collections.abc import Mapping, Sequence

import numpy as np

from honeyguide.types import FloatArray, IntArray, Pool


def merge(found: Mapping[str, IntArray], size: int) -> Pool:
    """One row per candidate, one column of ranks per source that found anything; items are rows below `size`."""
    names = tuple(name for name, rows in found.items() if len(rows))
    if not names:
        return Pool(np.empty(0, np.int32), np.empty((0, 0), np.float32), ())
    items = np.unique(np.concatenate([found[name] for name in names])).astype(np.int32)
    place = np.empty(size, dtype=np.int32)
    place[items] = np.arange(len(items), dtype=np.int32)
    ranks = np.full((len(items), len(names)), np.nan, dtype=np.float32)
    for column, name in enumerate(names):
        ranks[place[found[name]], column] = np.arange(len(found[name]), dtype=np.float32)
    return Pool(items, ranks, names)


def settled(scores: FloatArray) -> FloatArray:
    """The scores by which a list is ordered: rounded to 1e-6, NaN at the end."""
    return np.nan_to_num(scores, nan=-np.inf).round(6).astype(np.float32)


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
