"""Sources of lists that are not made for one user: what is rising now, and what the request itself names."""

from typing import Final

import numpy as np

from honeyguide.protocols import Request
from honeyguide.retrieval.sources import first_allowed
from honeyguide.types import NOTHING, BoolArray, FloatArray, Found, IntArray

_WINDOWS: Final = (("1d", 1.0), ("7d", 7.0))
_DEEDS: Final = {"views": 1.0, "clicks": 2.0, "purchases": 8.0}
_USUAL: Final = "30d"
_DAYS: Final = 30.0
_LIFT: Final = 0.3


class TrendingSource:
    """What is rising now: events of the last day (of the last week, where the last day had none) against those of a month.

    score = log(1 + recent per day) - 0.3 log(1 + usual per day), of counts weighted by what was done: the measure of the
    model `trending` with windows in place of half-lives, on item columns that are seconds old, without training."""

    name = "trending"
    slow = False

    def retrieve(self, request: Request, allowed: BoolArray) -> Found:
        """Rows of the `surface.popular` items that rise most, of those that anybody touched in that time."""
        rows = np.flatnonzero(allowed).astype(np.int32)
        for window, days in _WINDOWS:
            recent = self._counts(request, rows, window)
            touched = recent > 0
            if touched.any():
                usual = self._counts(request, rows[touched], _USUAL)
                scores = np.log1p(recent[touched] / days) - _LIFT * np.log1p(usual / _DAYS)
                order = np.lexsort((rows[touched], -scores))[: request.surface.popular]
                return Found(rows[touched][order], scores[order].astype(np.float32))
        return NOTHING

    @staticmethod
    def _counts(request: Request, rows: IntArray, window: str) -> FloatArray:
        found = request.columns.gather(rows, [f"{deed}_{window}" for deed in _DEEDS])
        counts: FloatArray = np.nan_to_num(found) @ np.array(list(_DEEDS.values()), np.float32)
        return counts


class GivenSource:
    """The candidates that the request names, in its order: the end of the list, so that all of them are in it."""

    name = "given"
    slow = False

    def retrieve(self, request: Request, allowed: BoolArray) -> Found:
        """Rows of the named candidates."""
        rows = request.items.numbers_of(request.query.candidates or [])
        return Found(first_allowed(rows, allowed, len(rows)))
