"""The selector: the best first, then one pass of re-ranking after another, each with what it has cost."""

from collections.abc import Sequence

import numpy as np

from honeyguide.protocols import Request, Reranked, Selection
from honeyguide.ranking.candidates import Candidates, Pass, gain, relevance
from honeyguide.types import FloatArray, IntArray, LongArray, Pool

_SHOWN = 50


class Reranking:
    """Passes over the candidates in a fixed order. A pass sees the order that the one before it has made.

    How many candidates a pass looks at and how many positions it fills never depends on the length of the list, so that a
    short list is the beginning of a long one."""

    def __init__(self, passes: Sequence[Pass] = ()) -> None:
        self._passes = tuple(passes)

    def select(self, request: Request, pool: Pool, scores: FloatArray, order: IntArray, length: int) -> Selection:
        """At most `length` of the candidates."""
        values = relevance(scores[order])
        true = np.empty(len(pool), np.float32)
        true[order] = values
        best = gain(values)
        reports: list[Reranked] = []
        before = best
        for each in self._passes:
            places = each.reorder(request, Candidates(pool.items[order], values), length)
            if places is None:
                continue
            order = _moved(order, places)
            after = gain(true[order])
            reports.append(Reranked(each.name, (before - after) / best if best else 0.0, order[:_SHOWN]))
            before = after
        return Selection(order[:length], tuple(reports))


def _moved(order: IntArray, places: LongArray) -> IntArray:
    """The named places first, the others behind in the order that they had."""
    if len(places) == len(order):
        return order[places]
    rest = np.ones(len(order), np.bool_)
    rest[places] = False
    return np.concatenate([order[places], order[rest]])
