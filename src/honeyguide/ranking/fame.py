"""Control of popularity: what everybody knows already counts less, and the rest of the catalogue gets its share."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Protocol, cast

import numpy as np

from honeyguide.protocols import Request, ServedModel
from honeyguide.ranking.candidates import Candidates
from honeyguide.types import BoolArray, FloatArray, IntArray, LongArray

_KEPT: Final = 8


class _Shares(Protocol):
    def segment_scores(self, segment: int) -> FloatArray: ...


@dataclass(frozen=True, slots=True)
class Fame:
    """How popular the items of a popularity version are: `degree` float32 from 0 (nobody touched it) to 1 (the most
    popular), on a scale of logarithms; `place` float32: the share of the catalogue that is more popular."""

    degree: FloatArray
    place: FloatArray

    @classmethod
    def of(cls, served: ServedModel) -> "Fame":
        """Of all items of the version."""
        scores = cast(_Shares, served.model).segment_scores(0).astype(np.float64)
        touched = scores > 0
        degree = np.zeros(len(scores), np.float32)
        if touched.any():
            times = np.log1p(scores[touched] / scores[touched].min())
            degree[touched] = times / times.max()
        place = np.ones(len(scores), np.float32)
        order = np.argsort(-scores, kind="stable")[: int(touched.sum())]
        place[order] = np.arange(len(order), dtype=np.float32) / max(1, len(scores))
        return cls(degree, place)


class Fames:
    """The fame of the versions that were asked about lately."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Fame] = OrderedDict()

    def among(self, served: ServedModel, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """`degree` and `place` of rows of the item block; of items that the version does not know 0 and 1."""
        fame = self._known.get(served.label)
        if fame is None:
            fame = self._known[served.label] = Fame.of(served)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        degree, place = np.zeros(len(rows), np.float32), np.ones(len(rows), np.float32)
        here = np.flatnonzero(rows < len(served.numbers))
        numbers = served.numbers[rows[here]]
        here, numbers = here[numbers >= 0], numbers[numbers >= 0]
        degree[here], place[here] = fame.degree[numbers], fame.place[numbers]
        return degree, place


class Lesser:
    """Relevance times 1 - `diversity.popularity` * degree, where the degree of the most popular item is 1."""

    name = "popularity"

    def __init__(self, fames: Fames) -> None:
        self._fames = fames

    def reorder(self, request: Request, candidates: Candidates, length: int) -> LongArray | None:
        """All of the best `diversity.candidates`."""
        settings = request.surface.diversity
        if settings.popularity == 0 or request.popular is None:
            return None
        degree, _ = self._fames.among(request.popular, candidates.rows[: settings.candidates])
        lowered = candidates.relevance[: len(degree)] * (1.0 - settings.popularity * degree)
        return np.argsort(-lowered, kind="stable")


class Tail:
    """At least `diversity.tail` of the items, counted from the top at every position, are of the tail: the items that are
    not among the most popular `diversity.head` of the catalogue. Where the share is short, the best of them comes next."""

    name = "tail"

    def __init__(self, fames: Fames) -> None:
        self._fames = fames

    def reorder(self, request: Request, candidates: Candidates, length: int) -> LongArray | None:
        """The first `diversity.positions` of the best `diversity.candidates`."""
        settings = request.surface.diversity
        if settings.tail == 0 or request.popular is None:
            return None
        _, place = self._fames.among(request.popular, candidates.rows[: settings.candidates])
        return with_share(place >= settings.head, settings.tail, settings.positions)


def with_share(wanted: BoolArray, share: float, positions: int) -> LongArray:
    """The first `positions` places, best first, such that of the first k at least share * k, rounded down, are `wanted`,
    while there are any."""
    lines = [np.flatnonzero(~wanted).tolist(), np.flatnonzero(wanted).tolist()]
    at, places = [0, 0], list[int]()
    for step in range(1, min(positions, len(wanted)) + 1):
        kind = 1 if at[1] < int(share * step + 1e-9) else _better(lines, at)
        if at[kind] == len(lines[kind]):
            kind = 1 - kind
        places.append(lines[kind][at[kind]])
        at[kind] += 1
    return np.array(places, np.int64)


def _better(lines: list[list[int]], at: list[int]) -> int:
    """Which of the lines has the better one in front."""
    (head, tail), (in_head, in_tail) = lines, at
    return int(in_head == len(head) or (in_tail < len(tail) and tail[in_tail] < head[in_head]))
