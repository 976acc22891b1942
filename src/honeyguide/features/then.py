"""Feature views of items as they were when a list was made: which ones it has looked at, and these worked out again."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from honeyguide.features.columns import Columns, ColumnStore
from honeyguide.features.fold import by_subject
from honeyguide.features.item_block import ItemBlock
from honeyguide.features.plan import Plan
from honeyguide.features.state import State, encode, fold
from honeyguide.protocols import EventLog, ItemFeatures
from honeyguide.types import ColumnsAt, FloatArray, IntArray


class Taken:
    """Columns that a list is made with, the same from its first stage to its last; notes whether a stage looked at them."""

    __slots__ = ("_columns", "_used")

    def __init__(self, columns: ItemFeatures) -> None:
        self._columns, self._used = columns, False

    @property
    def names(self) -> tuple[str, ...]:
        """The views that are columns."""
        return self._columns.names

    @property
    def sequence(self) -> int:
        """The log position up to which events are in."""
        return self._columns.sequence

    @property
    def computed_at(self) -> int:
        """The moment of windows and ages, in ms."""
        return self._columns.computed_at

    @property
    def exact(self) -> bool:
        """Whether nothing is in it from after that position."""
        return self._columns.exact

    def gather(self, rows: IntArray, names: Sequence[str]) -> FloatArray:
        """float32 [rows, names]; NaN where nothing is known, and for names that are no column."""
        self._used = True
        return self._columns.gather(rows, names)

    @property
    def at(self) -> ColumnsAt | None:
        """What a slate says of them; nothing if no stage has looked."""
        return ColumnsAt(self.sequence, self.computed_at, self.exact) if self._used else None


def columns_then(plan: Plan, log: EventLog, items: ItemBlock, at: ColumnsAt) -> Columns:
    """The columns of a moment, for `items` as they were: from `items.features`, if these are still of it, else from the log
    up to its position, which is walked through from the beginning."""
    present = items.features
    if not at.computed_at:  # there were none yet
        return Columns()
    if present.computed_at == at.computed_at:  # nothing that is in them has changed since
        return dataclasses.replace(present, sequence=at.sequence)
    states: dict[str, State] = {}
    for batch in log.scan(until=at.sequence):
        for item_id, events in by_subject(plan, batch).items():
            state = states.setdefault(item_id, State())
            for event in events:
                fold(plan, state, event)
    made, size = ColumnStore(plan), len(items)
    values = made.begin(size, anew=True)
    known = [(row, state) for item_id, state in states.items() if (row := items.number(item_id)) >= 0]
    if known:
        rows = np.array([row for row, _ in known], np.int32)
        made.put(values, rows, [encode(plan, state) for _, state in known], at.computed_at)
    made.describe(values, range(size), items.ids, items.attribute)
    return made.publish(values, at.computed_at, items.price, items.created_at, sequence=at.sequence, exact_at=at.computed_at)
