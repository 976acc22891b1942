"""Keeps the item block's feature columns up to date: a job of every process that makes lists.

The log tells which items have new events; their states are read again once the fold has them, and so are those whose oldest
event has left a window. The next columns are made in a thread and exchanged as a whole.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from honeyguide.clock import Clock
from honeyguide.features.columns import Columns, ColumnStore
from honeyguide.features.item_block import ItemBlock
from honeyguide.features.plan import Plan
from honeyguide.features.state import State, encode
from honeyguide.features.values import subjects
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import EventLog, FeatureStates
from honeyguide.types import Appended, FloatArray, FoldMark, LogRow

_PART: Final = 2_000
_MOST_TOUCHED: Final = 500_000
_MOST_AGE_MS: Final = 60_000
"""How old the columns may be before they are made anew for nothing but the passing of time."""


@dataclass(frozen=True, slots=True)
class _Work:
    """What one round has to look at."""

    touched: Collection[str]
    changed: Collection[str]
    whole: bool
    sequence: int
    exact_at: int


class FeatureColumns:
    """A subscriber of the log, and the job that refreshes the columns; one round at a time.

    `start` is the log position from which on it is told of rows; set it before the first round."""

    def __init__(
        self,
        plan: Plan,
        event_log: EventLog,
        states: FeatureStates,
        items: ItemBlock,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._plan, self._log, self._states, self._items = plan, event_log, states, items
        self._clock, self._metrics = clock, metrics
        self._store = ColumnStore(plan)
        self._nothing = encode(plan, State())
        self._touched: dict[str, int] = {}
        self._changed: set[str] = set()
        self._whole = True
        self._mark = FoldMark(0, 0, 0)
        self._seen = (0, 0)
        self.start = 0

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays that stay."""
        return self._store.nbytes

    async def follow(self, rows: Sequence[LogRow], appended: Appended | None = None) -> None:
        """Note which items the rows are about."""
        for row in rows:
            if row.kind != "event":
                self._changed.update(() if row.item_id is None else (row.item_id,))
            elif row.sequence and row.type in self._plan.steps:
                for item_id in subjects(row, "item"):
                    self._touched[item_id] = row.sequence
        if len(self._touched) > _MOST_TOUCHED:  # nobody folds; when somebody does, all is read again
            self._touched.clear()
            self._whole = True

    async def round(self) -> None:
        """Make the next columns of what has changed, if anything has."""
        now, position = self._clock.now_ms(), await self._log.position()
        mark = await asyncio.to_thread(self._states.mark, self._plan.group) or FoldMark(0, 0, 0)
        if mark.sequence < self._mark.sequence or mark.generation != self._mark.generation:
            self._whole = True
        if mark.sequence < self._mark.sequence:  # folded anew: what is here is right until that has come as far
            return
        if self._mark.sequence < self.start and mark.sequence > self._mark.sequence:
            if mark.sequence < min(
                2 * self._mark.sequence, self.start
            ):  # a long log is being folded: now and then is enough
                return
            self._whole = True
        work = self._next(mark, self._exact_at(mark.sequence, position, now))
        try:
            await asyncio.to_thread(self._refresh, work)
        except BaseException:
            self._whole = True
            raise
        self._mark = mark

    def _next(self, mark: FoldMark, exact_at: int) -> _Work:
        """Take what the fold has come up to out of what waits."""
        touched = [item_id for item_id, at in self._touched.items() if at <= mark.sequence]
        for item_id in touched:
            del self._touched[item_id]
        work = _Work(touched, self._changed, self._whole, mark.sequence, exact_at)
        self._changed, self._whole = set(), False
        return work

    def _exact_at(self, sequence: int, position: int, now: int) -> int:
        """The latest moment of which it is sure that nothing which had come in by then is missing."""
        known, (at, end) = self._items.features.exact_at, self._seen
        if sequence >= end:
            known, self._seen = max(known, at), (now, position)
        return now if sequence >= position else known

    def _refresh(self, work: _Work) -> None:
        now, present, block = self._clock.now_ms(), self._items.features, self._items
        rows = len(block)
        due = [block.ids[row] for row in self._store.due(now).tolist()]
        idle = not (work.whole or work.touched or work.changed or due or rows > len(present.values))
        if idle and now - present.computed_at < _MOST_AGE_MS:
            self._show(replace(present, sequence=work.sequence, exact_at=work.exact_at, through=work.sequence))
            return
        values = self._store.begin(rows, anew=work.whole)
        if work.whole:
            for batch in self._states.scan(self._plan.group):
                self._put(values, batch, now)
        wanted = [] if work.whole else [*{*work.touched, *due}]
        for start in range(0, len(wanted), _PART):
            part = wanted[start : start + _PART]
            states = self._states.states(self._plan.group, part)
            self._put(values, ((item_id, states.get(item_id, self._nothing)) for item_id in part), now)
        new = range(0 if work.whole else len(present.values), rows)
        described = [*block.numbers_of(work.changed).tolist(), *new]
        self._store.describe(values, (row for row in described if row < rows), block.ids, block.attribute)
        columns = self._store.publish(
            values, now, block.price, block.created_at, sequence=work.sequence, exact_at=work.exact_at
        )
        mark = self._states.mark(self._plan.group)
        self._show(columns if mark is None else columns.known_to(mark.sequence))

    def _put(self, values: FloatArray, states: Iterable[tuple[str, bytes]], now: int) -> None:
        numbers, rows = self._items.numbers, len(values)
        known = [(row, state) for item_id, state in states if 0 <= (row := numbers.get(item_id, -1)) < rows]
        if known:
            self._store.put(values, np.array([row for row, _ in known], np.int32), [state for _, state in known], now)

    def _show(self, columns: Columns) -> None:
        self._items.features = columns
        for name in self._plan.bound:
            self._metrics.feature_last_refresh.labels(name).set(columns.exact_at / 1000)
