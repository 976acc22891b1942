"""Where candidates stand that a ranker cannot judge: what only likeness by content or its newness has brought.

No list of the past had them, and of the ranker's signals they have none but those of their newness, so the trees would say
something about them without having learned it. They stand at the places that the blend of sources gives them; the others
share the places that remain, in the ranker's order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from honeyguide.ranking.pools import best_first, settled
from honeyguide.types import BoolArray, FloatArray, LongArray, Pool

UNJUDGED: Final = frozenset({"content", "new"})
"""Sources that need nobody to have touched an item."""
_SILENT: Final = frozenset({"catalogue", "pinned", "promoted"})
"""Sources that say nothing of how good an item is."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The scores of all candidates; and of those that were put in (`at`, positions in the pool) their `places` (from 0) and
    what makes up their scores: below + (above - below) * share, of the neighbours' scores."""

    scores: FloatArray
    at: LongArray
    places: LongArray
    above: FloatArray
    below: FloatArray
    share: FloatArray


def unjudged(pool: Pool) -> BoolArray:
    """bool [candidates]: those that only sources of `UNJUDGED` have brought."""
    there = ~np.isnan(pool.ranks)
    brings = np.array([name in UNJUDGED for name in pool.sources], np.bool_)
    judges = np.array([name not in UNJUDGED | _SILENT for name in pool.sources], np.bool_)
    apart: BoolArray = np.any(there[:, brings], axis=1) & ~np.any(there[:, judges], axis=1)
    return apart


def placed(scores: FloatArray, blend: FloatArray, pool: Pool, ids: Sequence[str]) -> Placed:
    """The ranker's `scores`, with those of unjudged candidates replaced by such as put them at their places by `blend`."""
    apart = unjudged(pool)
    order = best_first(settled(blend), pool.items, ids)
    places = np.flatnonzero(apart[order])
    at = order[places].astype(np.int64)
    others = np.sort(scores[~apart])[::-1]
    before = places - np.arange(len(places))  # how many of the others stand before each
    _, first, of, together = np.unique(before, return_index=True, return_inverse=True, return_counts=True)
    bounds = np.concatenate([[max(1.0, others.max(initial=0.0))], others, [min(0.0, others.min(initial=0.0))]])
    above, below = bounds[before].astype(np.float32), bounds[before + 1].astype(np.float32)
    within = np.arange(len(places)) - first[of]
    share = ((together[of] - within) / (together[of] + 1)).astype(np.float32)
    found = scores.astype(np.float32, copy=True)
    found[at] = below + (above - below) * share
    return Placed(found, at, places, above, below, share)
