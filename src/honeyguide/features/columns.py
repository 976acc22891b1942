"""Feature views of items as columns: one row per item, so that the features of 500 candidates are one gather.

`Columns` is what readers see: it never changes. `ColumnStore` makes the next one, from the states that have changed and
from those whose oldest bucket has left its window since. A reader takes the block's `features` once and uses it to the end
of its request: whatever is exchanged meanwhile, its columns are of one moment.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from honeyguide.config.settings import FeatureView
from honeyguide.features.attributes import Attributes
from honeyguide.features.plan import STEPS, TALLIED, Bound, Plan
from honeyguide.features.read import divided, finish, since
from honeyguide.features.state import cells_of
from honeyguide.features.values import number
from honeyguide.types import FloatArray, IntArray, LongArray

_NEVER: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Columns:
    """`values` float32 [items, views], NaN where nothing is known, in the order of `names`.

    They hold all events up to log position `sequence`, and none after `through`; windows and ages are those of
    `computed_at` (ms), and at `exact_at` (ms; 0: never) nothing that had come in was missing."""

    names: tuple[str, ...] = ()
    values: FloatArray = field(default_factory=lambda: np.empty((0, 0), np.float32))
    sequence: int = 0
    computed_at: int = 0
    exact_at: int = 0
    through: int = 0

    def known_to(self, position: int) -> "Columns":
        """The same, when the states that they were made of may have held events up to `position`."""
        return replace(self, through=max(self.sequence, position))

    @property
    def exact(self) -> bool:
        """Whether no state held an event from after `sequence`."""
        return self.through == self.sequence

    def gather(self, rows: IntArray, names: Sequence[str]) -> FloatArray:
        """float32 [rows, names] for rows of the item block; NaN for rows and names that are not here."""
        found = np.full((len(rows), len(names)), np.nan, np.float32)
        here = np.flatnonzero((rows >= 0) & (rows < len(self.values)))
        taken = self.values[rows[here]]
        for at, name in enumerate(names):
            if name in self.names:
                found[here, at] = taken[:, self.names.index(name)]
        return found


@dataclass(frozen=True, slots=True)
class Totals:
    """What states add up to at a moment: int64 [states, parts] each.

    `lasts` is the latest event (ms, 0 for none), `oldest` the oldest bucket in the window of a part (the largest number if
    there is none, or if it never leaves)."""

    counts: LongArray
    amounts: LongArray
    lasts: LongArray
    oldest: LongArray


def totals(plan: Plan, encoded: Sequence[bytes], now: int) -> Totals:
    """The totals of many states at once. Raises msgspec.DecodeError for bytes that are no state."""
    made = _nothing(plan, len(encoded))
    counted, summed, lasts = cells_of(encoded)
    floors = np.array(plan.floors(now), np.int64)
    tops = np.array([now // part.width if part.width else 0 for part in plan.parts], np.int64)
    leaves = np.array([bool(part.width) and not part.endless for part in plan.parts], np.bool_)
    for rows, cells in (counted, summed):
        part, at = cells["part"].astype(np.intp), cells["at"].astype(np.int64)
        live = np.flatnonzero((at > floors[part]) & (at <= tops[part]))
        np.add.at(made.counts, (rows[live], part[live]), cells["n"][live].astype(np.int64))
        if "amount" in (cells.dtype.names or ()):
            np.add.at(made.amounts, (rows[live], part[live]), cells["amount"][live].astype(np.int64))
        aging = live[leaves[part[live]]]
        np.minimum.at(made.oldest, (rows[aging], part[aging]), at[aging])
    rows, cells = lasts
    made.lasts[rows, cells["part"].astype(np.intp)] = cells["at"].astype(np.int64)
    return made


def _nothing(plan: Plan, rows: int) -> Totals:
    shape = (rows, len(plan.parts))
    counts, amounts, lasts = np.zeros((3, *shape), np.int64)
    return Totals(counts, amounts, lasts, np.full(shape, _NEVER, np.int64))


def is_column(view: FeatureView) -> bool:
    """Whether an item's value is a single number that the columns can hold."""
    if view.kind == "attribute":
        return view.of == "price" or view.of.startswith("properties.")
    return view.kind in TALLIED or (view.kind == "time_since" and (bool(view.events) or view.of == "created_at"))


class ColumnStore:
    """Makes columns, one after another. Not for several threads at the same time."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._bound = [bound for bound in plan.bound.values() if is_column(bound.view)]
        self.names = tuple(bound.view.name for bound in self._bound)
        self._aging = [number for number, part in enumerate(plan.parts) if part.width and not part.endless]
        self._dated = sorted({bound.last for bound in self._bound if bound.view.kind == "time_since" and bound.view.events})
        self._oldest: NDArray[np.uint32] = np.empty((0, len(self._aging)), np.uint32)
        self._lasts: LongArray = np.empty((0, len(self._dated)), np.int64)
        self._values: FloatArray = np.empty((0, len(self._bound)), np.float32)
        self._floors: dict[int, int] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays that stay; while the next columns are made, their bytes are there twice."""
        return self._oldest.nbytes + self._lasts.nbytes + self._values.nbytes

    def due(self, now: int) -> IntArray:
        """Rows with an event that has left a window since this was last asked: their states must be read again."""
        due = np.zeros(len(self._oldest), np.bool_)
        for column, part in enumerate(self._aging):
            floor = now // self.plan.parts[part].width - STEPS
            if self._floors.get(part, -1) < floor:
                due |= self._oldest[:, column] <= floor
                self._floors[part] = floor
        return np.flatnonzero(due).astype(np.int32)

    def begin(self, rows: int, *, anew: bool = False) -> FloatArray:
        """The next columns of this many items, to be filled by `put` and `describe`: the present ones, and for new items
        (for all, if `anew`) those of items without events."""
        kept = 0 if anew else len(self._values)
        if rows == kept:
            return self._values.copy()
        aging, dated = len(self._aging), len(self._dated)
        self._oldest = np.concatenate([self._oldest[:kept], np.full((rows - kept, aging), _NEVER, np.uint32)])
        self._lasts = np.concatenate([self._lasts[:kept], np.zeros((rows - kept, dated), np.int64)])
        empty = self._tallied(_nothing(self.plan, 1))
        return np.concatenate([self._values[:kept], np.repeat(empty, rows - kept, axis=0)])

    def put(self, values: FloatArray, rows: IntArray, encoded: Sequence[bytes], now: int) -> None:
        """Take the states of these rows, as of `now`."""
        found = totals(self.plan, encoded, now)
        values[rows] = np.where(self._is_tallied(), self._tallied(found), values[rows])
        self._oldest[rows] = found.oldest[:, self._aging].astype(np.uint32)
        self._lasts[rows] = found.lasts[:, self._dated]

    def describe(self, values: FloatArray, rows: Iterable[int], item_ids: Sequence[str], items: Attributes) -> None:
        """Take the properties of these rows that views name."""
        named = [
            (place, bound.view.of) for place, bound in enumerate(self._bound) if bound.view.of.startswith("properties.")
        ]
        named = [(place, of) for place, of in named if self._bound[place].view.kind == "attribute"]
        for row in rows if named else ():
            for place, of in named:
                found = number(items(item_ids[row], of))
                values[row, place] = np.nan if found is None else found

    def publish(
        self, values: FloatArray, now: int, price: FloatArray, created_at: LongArray, *, sequence: int, exact_at: int
    ) -> Columns:
        """Fill what the item block has already and what changes by itself, and let it be seen. `values` stays as it is."""
        rows = len(values)
        for place, bound in enumerate(self._bound):
            view = bound.view
            if view.of == "price":
                values[:, place] = price[:rows]
            elif view.kind == "time_since":
                at = self._lasts[:rows, self._dated.index(bound.last)] if view.events else created_at[:rows]
                values[:, place] = np.where(at == 0, np.nan, since(view, at, now))
        values.flags.writeable = False
        self._values = values
        return Columns(self.names, values, sequence, now, exact_at, sequence)

    def _is_tallied(self) -> NDArray[np.bool_]:
        return np.array([bound.main >= 0 for bound in self._bound], np.bool_)

    def _tallied(self, found: Totals) -> FloatArray:
        """float32 [states, views]; NaN for views that are not tallied."""
        made = np.full((len(found.counts), len(self._bound)), np.nan, np.float32)
        for place, bound in enumerate(self._bound):
            if bound.main >= 0:
                made[:, place] = self._value(bound, found)
        return made

    @staticmethod
    def _value(bound: Bound, found: Totals) -> NDArray[np.float64]:
        over = found.counts[:, bound.over] if bound.over >= 0 else np.zeros(len(found.counts), np.int64)
        value: NDArray[np.float64] = finish(
            bound.view, found.counts[:, bound.main], found.amounts[:, bound.main], over, divided
        )
        return value
