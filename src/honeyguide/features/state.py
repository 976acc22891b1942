"""The state of one user or item: what all its events so far add up to. `fold`, `merge`, `encode` and `decode` are pure.

Whatever the order of the events, the encoded state is the same: tallies and cells add whole numbers, lasts keep the
greatest, and what is kept of values is always the greatest few by (time, event id) or (bucket, value).
"""

from collections.abc import Iterable, Mapping, Sequence
from struct import Struct, error
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from honeyguide.features.plan import KEPT_CELLS, STEPS, Plan
from honeyguide.features.values import Scalar, happened, micros, scalars, text_of
from honeyguide.types import LogRow

VERSION: Final = 1
_MOST: Final = 2**63 - 1
_COUNT: Final = Struct("<HII")  # part, bucket, how many
_SUM: Final = Struct("<HIIq")  # part, bucket, how many, how much in millionths
_LAST: Final = Struct("<HQ")  # part, ms

Cell = tuple[int, int]
Mark = tuple[int, str]


class State:
    """Decoded, as sparse tables by number of the plan's part.

    `counts` (part, bucket) -> events; `sums` (part, bucket) -> (events, millionths); `lasts` part -> ms; `latest` part ->
    value -> (ms, event id) of its latest event; `cells` part -> (bucket, value) -> weight in millionths."""

    __slots__ = ("cells", "counts", "lasts", "latest", "sums")

    def __init__(self) -> None:
        self.counts: dict[Cell, int] = {}
        self.sums: dict[Cell, tuple[int, int]] = {}
        self.lasts: dict[int, int] = {}
        self.latest: dict[int, dict[Scalar, Mark]] = {}
        self.cells: dict[int, dict[tuple[int, str], int]] = {}


def fold(plan: Plan, state: State, row: LogRow) -> None:
    """Add an event to the state of one of those it is about."""
    steps = plan.steps.get(row.type)
    if steps is None or row.kind != "event":
        return
    at = happened(row)
    for part, width, source, weight in steps.tallies:
        cell = (part, at // width if width else 0)
        if source is None and not weight:
            state.counts[cell] = state.counts.get(cell, 0) + 1
            continue
        amount = weight if source is None else micros(source(row))
        if amount is not None:
            count, total = state.sums.get(cell, (0, 0))
            state.sums[cell] = (count + 1, total + amount)
    for part in steps.lasts:
        state.lasts[part] = max(at, state.lasts.get(part, 0))
    for part, source in steps.latest:
        _note_latest(state.latest.setdefault(part, {}), scalars(source(row)), (at, row.event_id))
    for part, width, source, weight in steps.cells:
        cells = state.cells.setdefault(part, {})
        for value in scalars(source(row)):
            key = (at // width, text_of(value))
            cells[key] = cells.get(key, 0) + weight
        if len(cells) > 2 * KEPT_CELLS:
            state.cells[part] = dict(kept_cells(cells))
    _trim(plan, state, steps.latest)


def _note_latest(latest: dict[Scalar, Mark], values: Iterable[Scalar], mark: Mark) -> None:
    for value in values:
        known = latest.get(value)
        if known is None or mark > known:
            latest[value] = mark


def _trim(plan: Plan, state: State, touched: Iterable[tuple[int, Any]]) -> None:
    """Keep the working copy small while many events are folded; what is kept in the end is decided by `encode`."""
    for part, _ in touched:
        latest = state.latest[part]
        if len(latest) > 2 * plan.parts[part].keep:
            state.latest[part] = dict(kept_latest(latest, plan.parts[part].keep))


def merge(states: Iterable[State]) -> State:
    """The state of all events of several states, each in one of them; the order does not matter."""
    total = State()
    for state in states:
        for cell, count in state.counts.items():
            total.counts[cell] = total.counts.get(cell, 0) + count
        for cell, (count, amount) in state.sums.items():
            before = total.sums.get(cell, (0, 0))
            total.sums[cell] = (before[0] + count, before[1] + amount)
        for part, at in state.lasts.items():
            total.lasts[part] = max(at, total.lasts.get(part, 0))
        for part, latest in state.latest.items():
            known = total.latest.setdefault(part, {})
            for value, mark in latest.items():
                _note_latest(known, (value,), mark)
        for part, cells in state.cells.items():
            into = total.cells.setdefault(part, {})
            for key, weight in cells.items():
                into[key] = into.get(key, 0) + weight
    return total


def kept_latest(latest: Mapping[Scalar, Mark], keep: int) -> list[tuple[Scalar, Mark]]:
    """The latest few values, newest first; of values with the same mark the order is that of their text."""

    def order(entry: tuple[Scalar, Mark]) -> tuple[int, str, bool, str]:
        return (*entry[1], isinstance(entry[0], str), text_of(entry[0]))

    return sorted(latest.items(), key=order, reverse=True)[:keep]


def kept_cells(cells: Mapping[tuple[int, str], int]) -> Mapping[tuple[int, str], int]:
    """The cells of the latest buckets, within a bucket those of the greatest values, at most `KEPT_CELLS`."""
    return cells if len(cells) <= KEPT_CELLS else dict(sorted(cells.items(), reverse=True)[:KEPT_CELLS])


class _Encoded(msgspec.Struct, array_like=True):
    version: int
    counts: bytes
    sums: bytes
    lasts: bytes
    latest: dict[int, list[tuple[Scalar, int, str]]]
    cells: dict[int, list[tuple[int, str, int]]]


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Encoded).decode


def encode(plan: Plan, state: State) -> bytes:
    """The state as bytes: the same bytes for the same events. Buckets that no window can reach any more are left out."""
    floors = _own_floors(plan, state)
    counts = [
        _COUNT.pack(part, at, min(n, 2**32 - 1)) for (part, at), n in sorted(state.counts.items()) if at > floors[part]
    ]
    sums = [
        _SUM.pack(part, at, min(n, 2**32 - 1), max(-_MOST, min(total, _MOST)))
        for (part, at), (n, total) in sorted(state.sums.items())
        if at > floors[part]
    ]
    latest = {
        part: [(value, *mark) for value, mark in kept_latest(values, plan.parts[part].keep)]
        for part, values in sorted(state.latest.items())
        if values
    }
    cells = {
        part: [(at, value, min(n, _MOST)) for (at, value), n in sorted(kept_cells(held).items()) if at > floors[part]]
        for part, held in sorted(state.cells.items())
        if held
    }
    lasts = b"".join(_LAST.pack(part, at) for part, at in sorted(state.lasts.items()))
    return _encode(_Encoded(VERSION, b"".join(counts), b"".join(sums), lasts, latest, cells))


def _own_floors(plan: Plan, state: State) -> list[int]:
    """Per part, the newest bucket that is out of the window as seen from the newest one that the state holds."""
    newest: dict[int, int] = {}
    for part, at in (*state.counts, *state.sums):
        newest[part] = max(at, newest.get(part, 0))
    for part, cells in state.cells.items():
        newest[part] = max((at for at, _ in cells), default=0)
    return [
        newest[number] - STEPS if number in newest and part.width and not part.endless else -1
        for number, part in enumerate(plan.parts)
    ]


def decode(encoded: bytes) -> State:
    """The state again. Raises msgspec.DecodeError for bytes that are none."""
    found, state = _decode(encoded), State()
    if found.version != VERSION:
        raise msgspec.DecodeError(f"a feature state of version {found.version}; this release reads {VERSION}")
    try:
        state.counts = {(part, at): n for part, at, n in _COUNT.iter_unpack(found.counts)}
        state.sums = {(part, at): (n, total) for part, at, n, total in _SUM.iter_unpack(found.sums)}
        state.lasts = dict(_LAST.iter_unpack(found.lasts))
    except error as fault:
        raise msgspec.DecodeError(f"a damaged feature state: {fault}") from None
    state.latest = {part: {value: (at, name) for value, at, name in values} for part, values in found.latest.items()}
    state.cells = {part: {(at, value): n for at, value, n in held} for part, held in found.cells.items()}
    return state


class _Tables(msgspec.Struct, array_like=True):
    """The beginning of an encoded state; what follows is passed over."""

    version: int
    counts: bytes
    sums: bytes
    lasts: bytes


_tables: Final = msgspec.msgpack.Decoder(_Tables).decode
_COUNTS: Final = np.dtype([("part", "<u2"), ("at", "<u4"), ("n", "<u4")])
_SUMS: Final = np.dtype([("part", "<u2"), ("at", "<u4"), ("n", "<u4"), ("amount", "<i8")])
_LASTS: Final = np.dtype([("part", "<u2"), ("at", "<u8")])

Cells = tuple[NDArray[np.intp], NDArray[Any]]
"""For each cell the place of its state in what was given, and the cell."""


def cells_of(encoded: Sequence[bytes]) -> tuple[Cells, Cells, Cells]:
    """The cells of counts (`part`, `at`: the bucket, `n`), sums (and `amount`) and lasts (`part`, `at` ms) of many states.

    Raises msgspec.DecodeError for bytes that are no state."""
    tables = [_tables(state) for state in encoded]
    if any(table.version != VERSION for table in tables):
        raise msgspec.DecodeError(f"a feature state of another version than {VERSION}")
    return (
        _cells([table.counts for table in tables], _COUNTS),
        _cells([table.sums for table in tables], _SUMS),
        _cells([table.lasts for table in tables], _LASTS),
    )


def _cells(parts: Sequence[bytes], kind: "np.dtype[Any]") -> Cells:
    sizes = [len(part) for part in parts]
    if any(size % kind.itemsize for size in sizes):
        raise msgspec.DecodeError("a damaged feature state: a table is cut short")
    rows = np.repeat(np.arange(len(parts)), np.array(sizes, np.int64) // kind.itemsize)
    return rows, np.frombuffer(b"".join(parts), kind)


def state_of(plan: Plan, rows: Iterable[LogRow]) -> State:
    """The state after these events, each about the one whose state it is."""
    state = State()
    for row in rows:
        fold(plan, state, row)
    return state
