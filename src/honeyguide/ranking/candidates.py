"""Candidates in their order, as the passes of re-ranking see them."""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from honeyguide.protocols import Request
from honeyguide.types import FloatArray, IntArray, LongArray

LOOK: Final = 10
"""So many positions are looked at to say how much relevance was given up."""

_DISCOUNTS: Final = 1.0 / np.log2(np.arange(2, LOOK + 2))


@dataclass(frozen=True, slots=True)
class Candidates:
    """`rows` int32 [m] of the item block from best to worst, and `relevance` float32 [m] from 1 down to 0.

    After the first pass relevance belongs to the place: what one pass has put first is the most relevant to the next."""

    rows: IntArray
    relevance: FloatArray

    def __len__(self) -> int:
        return len(self.rows)


class Pass(Protocol):
    """One part of re-ranking. Greedy: what it puts first does not depend on how long the list is."""

    name: str

    def reorder(self, request: Request, candidates: Candidates, length: int) -> LongArray | None:
        """Places of the candidates that come first, in their new order, each once; those that are not named follow in the
        order that they have. `length` bounds the work, and nothing else. None if there is nothing to do."""


def relevance(scores: FloatArray) -> FloatArray:
    """Scores, best first, on a scale from 1 (the best) to 0 (the worst, and all that have none)."""
    known = np.isfinite(scores)
    if not known.any():
        return np.zeros(len(scores), np.float32)
    best, worst = scores[known].max(), scores[known].min()
    span = best - worst if best > worst else np.float32(1.0)
    scaled: FloatArray = np.where(known, (scores - worst) / span, np.float32(0.0)).astype(np.float32)
    return scaled if best > worst else known.astype(np.float32)


def gain(values: FloatArray) -> float:
    """The discounted cumulative gain of the first `LOOK` positions."""
    head = values[:LOOK]
    return float(head.astype(np.float64) @ _DISCOUNTS[: len(head)])
