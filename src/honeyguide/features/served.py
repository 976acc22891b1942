"""The features of a list that was served: what the slate logs, and whether the log agrees with it afterwards."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from honeyguide.features.online import Values
from honeyguide.features.plan import Plan
from honeyguide.features.read import read
from honeyguide.features.state import State, fold
from honeyguide.protocols import ItemFeatures
from honeyguide.types import FloatArray, IntArray, ServedFeatures

_CLOSE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Noted:
    """What was known when a list was made at `now` (ms): the user's values, and the item columns of that moment."""

    now: int
    user: Values
    columns: ItemFeatures

    def of(self, rows: IntArray) -> ServedFeatures:
        """The features for the slate, with those of its items, which stand at these rows of the item block.

        Columns that were made while the fold went on may hold later events for some items, and are left out."""
        columns, values = self.columns, list(self.user.values())
        exact = columns.exact
        taken: FloatArray = columns.gather(rows, columns.names) if exact else np.empty((0, 0), np.float32)
        return ServedFeatures(
            at=self.now,
            as_of=values[0].as_of if values else 0,
            user={value.view: value.value for value in values},
            items_at=columns.computed_at if exact else 0,
            items_as_of=columns.sequence if exact else 0,
            items={name: [_number(value) for value in taken[:, place].tolist()] for place, name in enumerate(columns.names)}
            if exact
            else {},
        )


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def agree(served: Any, replayed: Any) -> bool:
    """Whether two values are the same, to within the precision of 32-bit numbers."""
    if isinstance(served, int | float) and isinstance(replayed, int | float) and not isinstance(served, bool):
        return math.isclose(served, replayed, rel_tol=_CLOSE, abs_tol=_CLOSE)
    if isinstance(served, list | tuple) and isinstance(replayed, list | tuple):
        return len(served) == len(replayed) and all(map(agree, served, replayed))
    return bool(served == replayed)


class Replayed:
    """Items folded from the log alone, in its order, to be read at positions on the way."""

    def __init__(self, plan: Plan, item_ids: Iterable[str]) -> None:
        self._plan = plan
        self._states = {item_id: State() for item_id in item_ids}

    def add(self, events: Mapping[str, Sequence[Any]]) -> None:
        """Fold events by item."""
        for item_id, rows in events.items():
            for row in rows:
                fold(self._plan, self._states[item_id], row)

    def values(self, item_id: str, names: Sequence[str], now: int, own: Mapping[str, Any]) -> dict[str, Any]:
        """What the views say of an item at this point."""
        found = read(self._plan, self._states[item_id], now, names=names, own=own)
        return {name: value.value for name, value in found.items()}

    @property
    def item_ids(self) -> Collection[str]:
        """The items that are folded."""
        return self._states
