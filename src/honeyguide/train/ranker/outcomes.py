"""What came of lists that were served: events joined to them by the request id that they carry, else by user and item.

An event counts for a list within the window of its type (`training.attribution`). One with a request id counts for that
list alone; one without for the latest list of the surface that showed its user the item, unless it says that it happened on
another surface. Times are ours: when an event came in, unless it is imported history.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from honeyguide.config.settings import Settings
from honeyguide.features.values import happened
from honeyguide.train.ranker.rows import gains_of
from honeyguide.train.ranker.world import World
from honeyguide.types import FloatArray, LogRow, ServedSlate

_HOUR: Final = 3_600.0
_DAY: Final = 24 * _HOUR
WINDOWS: Final = {"view": _HOUR, "click": _HOUR, "purchase": 7 * _DAY, "rating": 7 * _DAY}
"""Seconds after a list within which an event counts for it, where the configuration names no others; a day for all else."""


def windows_of(settings: Settings) -> dict[str, int]:
    """The window of each event type, in ms."""
    named = {**WINDOWS, **settings.training.attribution}
    return {name: round(named.get(name, _DAY) * 1000) for name in settings.events.all_types()}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an event says of a list: `slate` and `place` are where its item stood, `at` (ms) when it happened."""

    slate: int
    place: int
    type: str
    value: float | None
    at: int


class Attribution:
    """Finds the list that an event is an outcome of. `slates` in any order; `people` is the person behind each id, `others`
    are the surfaces that the lists are not of."""

    def __init__(
        self,
        slates: Sequence[ServedSlate],
        people: Mapping[str, str],
        windows: Mapping[str, int],
        others: Collection[str] = (),
    ) -> None:
        self._slates, self._people, self._windows, self._others = slates, people, windows, others
        self._numbers = {slate.request_id: number for number, slate in enumerate(slates)}
        self._shown: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
        for number in sorted(range(len(slates)), key=lambda one: slates[one].ts):
            slate = slates[number]
            person = people.get(slate.user_id, slate.user_id)
            for place, item_id in enumerate(slate.items):
                self._shown.setdefault((person, item_id), []).append((slate.ts, number, place))

    def of(self, row: LogRow) -> Outcome | None:
        """The outcome that an event is; None if it is none of these lists'."""
        if row.kind != "event" or row.item_id is None or row.user_id is None or row.type not in self._windows:
            return None
        at = happened(row) if row.imported else row.received_at
        found = self._named(row, row.item_id) if row.request_id is not None else self._latest(row, row.item_id, at)
        if found is None or at - self._slates[found[0]].ts > self._windows[row.type]:
            return None
        return Outcome(*found, row.type, row.value, at)

    def _named(self, row: LogRow, item_id: str) -> tuple[int, int] | None:
        number = self._numbers.get(row.request_id or "")
        if number is None or item_id not in self._slates[number].items:
            return None
        return number, self._slates[number].items.index(item_id)

    def _latest(self, row: LogRow, item_id: str, at: int) -> tuple[int, int] | None:
        if row.surface in self._others:
            return None
        user = row.user_id or ""
        shown = self._shown.get((self._people.get(user, user), item_id), [])
        place = bisect_right(shown, at, key=lambda one: one[0])
        return shown[place - 1][1:] if place else None


def outcomes(rows: Iterable[Sequence[LogRow]], attribution: Attribution) -> list[Outcome]:
    """All outcomes among batches of rows."""
    return [found for batch in rows for row in batch if (found := attribution.of(row)) is not None]


def gains_of_slates(world: World, slates: Sequence[ServedSlate], found: Sequence[Outcome]) -> list[FloatArray]:
    """float32 [items shown] for each slate: what all that came of each place was worth to the surface."""
    made = [np.zeros(len(slate.items), np.float32) for slate in slates]
    schema = {"slate": pl.Int64, "place": pl.Int64, "type": pl.String, "value": pl.Float64}
    frame = pl.DataFrame([(one.slate, one.place, one.type, one.value) for one in found], schema=schema, orient="row")
    for slate, place, gain in (
        gains_of(frame, world.settings, world.surface, ["slate", "place"]).select("slate", "place", "gain").iter_rows()
    ):
        made[slate][place] = gain
    return made
