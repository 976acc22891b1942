"""Point-in-time replay: what views would have said at moments of the past, by the same definitions, for training.

At a moment t everything counts that had happened before t and had come in by t (imported history counts from when it
happened): no label leaks into its own features. Tallies and times are worked out for all rows at once; values and weights
are folded in order and read where a row asks. With a column `as_of`, a row sees exactly the log up to that position, which
is how a served value is checked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from honeyguide.errors import InvalidInput, NotFound
from honeyguide.features.past import Axis, Past
from honeyguide.features.plan import STEPS, TALLIED, Bound, Plan
from honeyguide.features.read import Value, divided, finish, read, since
from honeyguide.features.state import State, fold
from honeyguide.features.values import text_of
from honeyguide.types import LongArray

_encode: Final = msgspec.json.Encoder().encode
_ROWS: Final = {"entity_id": pl.String, "t": pl.Int64}


@dataclass(frozen=True, slots=True)
class _Asked:
    """The rows of a replay by whom they are about: `owner` is the number in `groups` (all ids of a user, or an item)."""

    groups: list[tuple[str, ...]]
    owner: LongArray
    upto: LongArray
    now: LongArray
    axis: Axis


def replay(past: Past, entity: str, rows: pl.DataFrame, views: Sequence[str] | None = None) -> pl.DataFrame:
    """`rows` with a column for each view (all of the entity's, if not named).

    `rows` has `entity_id` (String), `t` (Int64, ms) and may have `as_of` (Int64, a log position). Numbers are Float64, null
    where nothing was known; latest and top values lists of texts; vectors lists of numbers; attributes as they are, where
    they are of one type, else as JSON."""
    plan = past.events[entity].plan
    names = list(plan.bound) if views is None else list(views)
    if unknown := [name for name in names if name not in plan.bound]:
        known = ", ".join(plan.bound)
        raise NotFound(f"There is no feature view {unknown[0]!r} of a {entity}.", cure=f"There are: {known}.")
    if missing := [name for name in _ROWS if name not in rows.columns]:
        raise InvalidInput(f"The rows lack the column {missing[0]!r}.", cure="Give entity_id and t (ms).")
    asked = _asked(past, entity, rows)
    quick = [name for name in names if asked.axis == "visible" and _is_quick(plan.bound[name])]
    slow = [name for name in names if name not in quick]
    columns = {**_at_once(past, plan, asked, quick), **_in_order(past, plan, asked, slow)}
    return rows.with_columns(_series(name, columns[name], plan.bound[name]) for name in names)


def _asked(past: Past, entity: str, rows: pl.DataFrame) -> _Asked:
    axis: Axis = "sequence" if "as_of" in rows.columns else "visible"
    now = rows["t"].cast(pl.Int64).to_numpy() - 1
    upto = rows["as_of" if axis == "sequence" else "t"].cast(pl.Int64).to_numpy()
    numbers: dict[tuple[str, ...], int] = {}
    ids = rows["entity_id"].cast(pl.String).to_list()
    if entity == "user":
        groups = (past.ids_of(name, axis, at) for name, at in zip(ids, upto.tolist(), strict=True))
    else:
        groups = ((name,) for name in ids)
    owner = np.array([numbers.setdefault(group, len(numbers)) for group in groups], np.int64)
    return _Asked(list(numbers), owner, upto, now, axis)


def _is_quick(bound: Bound) -> bool:
    return bool(bound.view.events) and bound.view.kind in (*TALLIED, "time_since")


# --- all rows at once ---------------------------------------------------------------------------------------------------


def _at_once(past: Past, plan: Plan, asked: _Asked, names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Views of tallies and of times, by cumulative sums over the events of each group."""
    if not names:
        return {}
    events = past.events[plan.entity]
    owner, place = events.of(asked.groups)
    table, cache = events.table, dict[int, tuple[LongArray, LongArray]]()
    visible, at = table.visible[place], table.at[place]

    def totals(number: int) -> tuple[LongArray, LongArray]:
        if number not in cache:
            part = plan.parts[number]
            counted, amount = events.amounts(number)
            mine = np.flatnonzero(counted[place])
            leaves = None
            if part.width:
                leaves = np.maximum(visible[mine], (at[mine] // part.width + STEPS) * part.width + 1)
            cache[number] = _sums(asked, owner[mine], visible[mine], leaves, amount[place[mine]])
        return cache[number]

    found: dict[str, NDArray[np.float64]] = {}
    for name in names:
        bound = plan.bound[name]
        if bound.main >= 0:
            counts, amounts = totals(bound.main)
            over = totals(bound.over)[0] if bound.over >= 0 else np.zeros(len(counts), np.int64)
            found[name] = finish(bound.view, counts, amounts, over, divided)
        else:
            kinds = [events.kinds[kind] for kind in plan.parts[bound.last].types]
            mine = np.flatnonzero(np.isin(table.kind[place], kinds))
            last = _latest(asked, owner[mine], visible[mine], at[mine])
            found[name] = np.where(last < 0, np.nan, since(bound.view, last, asked.now))
    return found


def _sums(
    asked: _Asked, owner: LongArray, comes: LongArray, leaves: LongArray | None, amount: LongArray
) -> tuple[LongArray, LongArray]:
    """Per row asked: how many events of its owner have come and not left by then, and the sum of their amounts."""
    ones = np.ones(len(owner), np.int64)
    if leaves is not None:
        owner, comes = np.concatenate([owner, owner]), np.concatenate([comes, leaves])
        ones, amount = np.concatenate([ones, -ones]), np.concatenate([amount, -amount])
    first, last = _span(asked, comes)
    keys = _keys(owner, comes, first, last)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    low = np.searchsorted(keys, _keys(asked.owner, np.full(len(asked.owner), first), first, last), "left")
    high = np.searchsorted(keys, _keys(asked.owner, asked.upto, first, last), "right")
    counts = np.concatenate([[0], np.cumsum(ones[order])])
    amounts = np.concatenate([[0], np.cumsum(amount[order])])
    return counts[high] - counts[low], amounts[high] - amounts[low]


def _latest(asked: _Asked, owner: LongArray, comes: LongArray, at: LongArray) -> LongArray:
    """Per row asked: the greatest `at` among the events of its owner that have come by then; -1 for none."""
    first, last = _span(asked, comes)
    keys = _keys(owner, comes, first, last)
    order = np.argsort(keys, kind="stable")
    keys, least = keys[order], int(at.min()) if len(at) else 0
    size = int(at.max()) - least + 1 if len(at) else 1
    running = np.maximum.accumulate(owner[order] * size + at[order] - least)  # greater than all of the owners before
    low = np.searchsorted(keys, _keys(asked.owner, np.full(len(asked.owner), first), first, last), "left")
    high = np.searchsorted(keys, _keys(asked.owner, asked.upto, first, last), "right")
    found = np.full(len(asked.owner), -1, np.int64)
    some = np.flatnonzero(high > low)
    found[some] = running[high[some] - 1] - asked.owner[some] * size + least
    return found


def _span(asked: _Asked, times: LongArray) -> tuple[int, int]:
    """The first and the last moment there is."""
    both = np.concatenate([times, asked.upto])
    return (int(both.min()), int(both.max())) if len(both) else (0, 0)


def _keys(owner: LongArray, times: LongArray, first: int, last: int) -> LongArray:
    """One number that orders by owner, then by time."""
    return owner * (last - first + 1) + (times - first)


# --- one after another --------------------------------------------------------------------------------------------------


def _in_order(past: Past, plan: Plan, asked: _Asked, names: Sequence[str]) -> dict[str, list[Any]]:
    """All other views: the events of each group are folded in the order in which they became known, and read where a row
    asks."""
    found: dict[str, list[Any]] = {name: [None] * len(asked.owner) for name in names}
    if not names:
        return found
    part = Plan(plan.entity, [plan.bound[name].view for name in names])
    events = past.events[plan.entity]
    owner, place = events.of(asked.groups)
    known = (events.table.visible if asked.axis == "visible" else events.table.sequence)[place]
    by_event = np.lexsort((known, owner))
    by_row = np.lexsort((asked.upto, asked.owner))
    bounds = np.searchsorted(owner[by_event], np.arange(len(asked.groups) + 1)).tolist()
    ordered, when = place[by_event].tolist(), known[by_event].tolist()
    state, group, at = State(), -1, 0
    for row in by_row.tolist():
        if asked.owner[row] != group:
            group = int(asked.owner[row])
            state, at = State(), bounds[group]
        while at < bounds[group + 1] and when[at] <= asked.upto[row]:
            fold(part, state, events.table.rows[ordered[at]])
            at += 1
        for name, value in _read(past, part, asked, row, group, state).items():
            found[name][row] = value.value
    return found


def _read(past: Past, plan: Plan, asked: _Asked, row: int, group: int, state: State) -> dict[str, Value]:
    axis, upto, ids = asked.axis, int(asked.upto[row]), asked.groups[group]
    own = {"properties": past.properties(ids, axis, upto)} if plan.entity == "user" else past.fields(ids[0], axis, upto)
    return read(plan, state, int(asked.now[row]), own=own, items=past.attributes(axis, upto))


# --- as columns ---------------------------------------------------------------------------------------------------------


def _series(name: str, values: Any, bound: Bound) -> pl.Series:
    kind = bound.view.kind
    if isinstance(values, np.ndarray):
        return pl.Series(name, values).fill_nan(None)
    if kind in (*TALLIED, "time_since"):
        return pl.Series(name, values, pl.Float64)
    if kind == "vector":
        return pl.Series(name, values, pl.List(pl.Float64))
    if kind in ("last_n", "top_k"):
        return pl.Series(name, [[text_of(entry) for entry in value] for value in values], pl.List(pl.String))
    return _attributes(name, values)


def _attributes(name: str, values: Sequence[Any]) -> pl.Series:
    """Attributes as one type of column, or as JSON where they differ."""
    there = [value for value in values if value is not None]
    shapes: dict[Any, Callable[[Any], bool]] = {
        pl.String: lambda value: isinstance(value, str),
        pl.Boolean: lambda value: isinstance(value, bool),
        pl.Float64: lambda value: isinstance(value, int | float) and not isinstance(value, bool),
        pl.List(pl.String): lambda value: isinstance(value, list) and all(isinstance(entry, str) for entry in value),
    }
    for shape, fits in shapes.items():
        if all(map(fits, there)):
            return pl.Series(name, values, shape)
    told = [None if value is None else _encode(value).decode() for value in values]
    return pl.Series(name, told, pl.String)
