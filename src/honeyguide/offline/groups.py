"""Groups whose figures are told apart: users by how much they have done, items by how many know them."""

from typing import Final

import numpy as np

from honeyguide.offline.evaluation import Group, Known
from honeyguide.types import BoolArray, LongArray

_HEAD: Final = 0.8  # share of what all users chose that the head of the catalogue makes up


def groups_of(known: Known) -> list[Group]:
    """`new`, `regular` and `heavy` users, `head` and `tail` items; groups that nobody is in are left out.

    New users are the quarter of those asked with the fewest items in their past, heavy ones the quarter with the most, ties
    together. The head are the fewest items that make up 80 % of what all users chose, the most popular first."""
    sizes = known.sizes
    few, many = np.quantile(sizes, [0.25, 0.75], method="inverted_cdf") if len(sizes) else (0, 0)
    users = (("new", sizes <= few), ("regular", (sizes > few) & (sizes <= many)), ("heavy", sizes > many))
    head = _head(known.known_to)
    items = (("head", head), ("tail", ~head))
    return [
        *(Group(f"{name} users", _span(sizes[of], "chose ", " items"), users=of) for name, of in users if of.any()),
        *(
            Group(f"{name} items", _span(known.known_to[of], "known to ", " users"), items=of)
            for name, of in items
            if of.any()
        ),
    ]


def _head(known_to: LongArray) -> BoolArray:
    order = np.argsort(-known_to, kind="stable")
    before = np.cumsum(known_to[order]) - known_to[order]
    head = np.zeros(len(known_to), dtype=np.bool_)
    head[order] = (before < _HEAD * known_to.sum()) & (known_to[order] > 0)
    return head


def _span(counts: LongArray, before: str, after: str) -> str:
    low, high = int(counts.min()), int(counts.max())
    return f"{before}{low:,}{after}" if low == high else f"{before}{low:,} to {high:,}{after}"
