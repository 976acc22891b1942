"""Exposures, totals and sketches of experiments, on any database."""

from collections.abc import Collection, Iterator, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec

from honeyguide.clock import Clock
from honeyguide.errors import Conflict
from honeyguide.protocols.outcomes import Exposure, FoldStep, Marks, PhaseKey, SketchRow, Total
from honeyguide.pseudonyms import Pseudonyms
from honeyguide.stores.conditions import BESIDE_HISTORY, HISTORY
from honeyguide.stores.sql import Database, Reads, Writes
from honeyguide.stores.sql.rows import SELECT_LOG, log_row
from honeyguide.stores.sql.tombstones import erased_times
from honeyguide.types import LogRow, Unit

FOLD: Final = "experiments"
"""The row of `folds` with the marks."""
SKETCHED: Final = "sketches:"
"""Rows of `folds` that say of which moment the sketches of a phase are begin with this."""
_CHUNK: Final = 500
_PAGE: Final = 5_000
_COLUMNS: Final = ", ".join(Exposure._fields)
_SKETCH_COLUMNS: Final = ", ".join(SketchRow._fields)
_MARK: Final = "SELECT sequence, state FROM folds WHERE fold = ?"
_NOTE: Final = (
    "INSERT INTO folds (fold, sequence, state, updated_at) VALUES (?, ?, ?, ?) ON CONFLICT (fold) DO UPDATE SET "
    "sequence = excluded.sequence, state = excluded.state, updated_at = excluded.updated_at"
)
_EXPOSE: Final = (
    f"INSERT INTO exposures (experiment, phase, {_COLUMNS}) VALUES ({', '.join('?' * (2 + len(Exposure._fields)))}) "
    "ON CONFLICT (experiment, phase, unit) DO UPDATE SET last_at = excluded.last_at, served = excluded.served, "
    "crossed = excluded.crossed"
)
_ADD: Final = (
    "INSERT INTO unit_totals (experiment, phase, metric, unit, x, y, before, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (experiment, phase, metric, unit) DO UPDATE SET x = excluded.x, y = excluded.y, "
    "before = excluded.before, updated_at = excluded.updated_at"
)
_SKETCH: Final = (
    f"INSERT INTO metric_sketches (experiment, phase, {_SKETCH_COLUMNS}) "
    f"VALUES ({', '.join('?' * (2 + len(SketchRow._fields)))})"
)
_OF_USER: Final = tuple(
    f"{SELECT_LOG} WHERE user_id = ? AND {condition} AND kind = 'event' AND ts >= ? AND sequence <= ?"
    for condition in (HISTORY, BESIDE_HISTORY)
)
_OF: Final[dict[Unit, Sequence[str]]] = {
    "user": _OF_USER,
    "session": (f"{SELECT_LOG} WHERE session_id = ? AND ts >= ? AND sequence <= ? AND kind = 'event'",),
    "device": (f"{SELECT_LOG} WHERE device_id = ? AND ts >= ? AND sequence <= ? AND kind = 'event'",),
}
_TABLES: Final = ("exposures", "unit_totals", "metric_sketches")


class _Marks(msgspec.Struct):
    slates: int = 0
    last_slate: str = ""


class _Sketched(msgspec.Struct):
    final: bool = False


class _Sketches(NamedTuple):
    key: PhaseKey
    rows: Sequence[SketchRow]
    as_of: int
    final: bool
    now: int


class _Step(NamedTuple):
    step: FoldStep
    pseudonyms: Pseudonyms
    now: int


_encode: Final = msgspec.json.Encoder().encode
_marks: Final = msgspec.json.Decoder(_Marks).decode
_sketched: Final = msgspec.json.Decoder(_Sketched).decode


class TableOutcomes:
    """`protocols.outcomes.OutcomeTable` on any database."""

    def __init__(self, writes: Writes, reads: Reads, pseudonyms: Pseudonyms, clock: Clock) -> None:
        self._writes, self._reads, self._pseudonyms, self._clock = writes, reads, pseudonyms, clock

    def marks(self) -> Marks:
        """How far the fold is."""
        with self._reads.snapshot() as db:
            return _marks_of(db)

    def advance(self, step: FoldStep) -> None:
        """Store what a step found and move the marks. Raises `Conflict`."""
        size = sum(map(len, step.exposures.values())) + sum(map(len, step.totals.values()))
        self._writes.call(_advance, _Step(step, self._pseudonyms, self._clock.now_ms()), size=max(1, size))

    def rewind(self, to: Marks) -> None:
        """Set the marks."""
        self._writes.call(_rewind, (to, self._clock.now_ms()))

    def exposures(self, key: PhaseKey, units: Collection[str]) -> dict[str, Exposure]:
        """Those of the units that were exposed."""
        sql = f"SELECT {_COLUMNS} FROM exposures WHERE experiment = ? AND phase = ? AND unit"
        return {row[0]: Exposure(*row) for row in self._of_units(sql, key, units)}

    def totals(self, key: PhaseKey, units: Collection[str]) -> dict[str, dict[str, Total]]:
        """What these units have added so far."""
        sql = "SELECT unit, metric, x, y, before FROM unit_totals WHERE experiment = ? AND phase = ?"
        found: dict[str, dict[str, Total]] = {}
        for unit, metric, *total in self._of_units(f"{sql} AND unit", key, units):
            found.setdefault(unit, {})[metric] = Total(*total)
        return found

    def _of_units(self, sql: str, key: PhaseKey, units: Collection[str]) -> list[Any]:
        wanted, found = sorted(units), []
        with self._reads.snapshot() as db:
            for start in range(0, len(wanted), _CHUNK):
                chunk = wanted[start : start + _CHUNK]
                found += db.execute(f"{sql} IN ({', '.join('?' * len(chunk))})", (*key, *chunk)).fetchall()
        return found

    def all_exposures(self, key: PhaseKey) -> Iterator[list[Exposure]]:
        """All units of a phase, in batches."""
        sql = f"SELECT {_COLUMNS} FROM exposures WHERE experiment = ? AND phase = ? AND unit > ? ORDER BY unit LIMIT {_PAGE}"
        after = ""
        while True:
            with self._reads.snapshot() as db:
                rows = [Exposure(*row) for row in db.execute(sql, (*key, after)).fetchall()]
            if rows:
                yield rows
                after = rows[-1].unit
            if len(rows) < _PAGE:
                return

    def all_totals(self, key: PhaseKey) -> Iterator[list[tuple[str, str, Total]]]:
        """All totals of a phase, in batches."""
        sql = (
            "SELECT metric, unit, x, y, before FROM unit_totals WHERE experiment = ? AND phase = ? "
            f"AND (metric, unit) > (?, ?) ORDER BY metric, unit LIMIT {_PAGE}"
        )
        after = ("", "")
        while True:
            with self._reads.snapshot() as db:
                rows = [(row[0], row[1], Total(*row[2:])) for row in db.execute(sql, (*key, *after)).fetchall()]
            if rows:
                yield rows
                after = (rows[-1][0], rows[-1][1])
            if len(rows) < _PAGE:
                return

    def events_of(self, kind: Unit, unit: str, *, since: int, until: int) -> list[LogRow]:
        """The events of a unit from a moment on, up to a log position."""
        with self._reads.snapshot() as db:
            found = [log_row(row) for sql in _OF[kind] for row in db.execute(sql, (unit, since, until)).fetchall()]
        return sorted(found, key=attrgetter("sequence"))

    def put_sketches(self, key: PhaseKey, rows: Sequence[SketchRow], *, as_of: int, final: bool = False) -> None:
        """Replace the sketches of a phase."""
        asked = _Sketches(key, rows, as_of, final, self._clock.now_ms())
        self._writes.call(_put_sketches, asked, size=max(1, len(rows)))

    def sketches(self, key: PhaseKey) -> tuple[list[SketchRow], int, bool]:
        """The sketches of a phase, their moment, and whether they are final."""
        sql = f"SELECT {_SKETCH_COLUMNS} FROM metric_sketches WHERE experiment = ? AND phase = ?"
        with self._reads.snapshot() as db:
            mark = db.execute(_MARK, (_fold_of(key),)).fetchone()
            rows = [SketchRow(*row) for row in db.execute(f"{sql} ORDER BY metric, arm, segment, day", key).fetchall()]
        return rows, int(mark[0]) if mark else 0, bool(mark and _sketched(mark[1]).final)

    def drop(self, key: PhaseKey) -> None:
        """Forget all of a phase."""
        self._writes.call(_drop, key)


def _fold_of(key: PhaseKey) -> str:
    return f"{SKETCHED}{key[0]}:{key[1]}"


def _marks_of(db: Database) -> Marks:
    row = db.execute(_MARK, (FOLD,)).fetchone()
    if row is None:
        return Marks()
    more = _marks(row[1])
    return Marks(more.slates, int(row[0]), more.last_slate)


def _note(db: Database, marks: Marks, now: int) -> None:
    db.execute(_NOTE, (FOLD, marks.log, _encode(_Marks(marks.slates, marks.last_slate)).decode(), now))


def _advance(db: Database, payloads: Sequence[_Step]) -> list[None]:
    for asked in payloads:
        there, step = _marks_of(db), asked.step
        if there != step.before:
            raise Conflict(
                f"Experiments are folded up to {there.log} already, not {step.before.log}: another process folds them.",
                cure="Try again; it goes on from where they are.",
                code="fold_moved",
            )
        _note(db, step.after, asked.now)
        for key, exposures in step.exposures.items():
            gone = _erased(db, exposures.values(), asked.pseudonyms)
            db.executemany(_EXPOSE, [(*key, *each) for each in exposures.values() if each.unit not in gone])
        for key, units in step.totals.items():
            rows = [(*key, metric, unit, *total, asked.now) for unit, own in units.items() for metric, total in own.items()]
            db.executemany(_ADD, rows)
    return [None] * len(payloads)


def _erased(db: Database, exposures: Collection[Exposure], pseudonyms: Pseudonyms) -> set[str]:
    """The units that were erased after the list that exposed them: its slate was read before it went."""
    if db.execute("SELECT 1 FROM tombstones LIMIT 1").fetchone() is None:
        return set()
    names = {pseudonyms.of(each.unit): each for each in exposures if each.served == 1}
    return {names[name].unit for name, at in erased_times(db, names).items() if names[name].first_at < at}


def _rewind(db: Database, payloads: Sequence[tuple[Marks, int]]) -> list[None]:
    for marks, now in payloads:
        _note(db, marks, now)
    return [None] * len(payloads)


def _put_sketches(db: Database, payloads: Sequence[_Sketches]) -> list[None]:
    for asked in payloads:
        db.execute("DELETE FROM metric_sketches WHERE experiment = ? AND phase = ?", asked.key)
        db.executemany(_SKETCH, [(*asked.key, *row) for row in asked.rows])
        db.execute(_NOTE, (_fold_of(asked.key), asked.as_of, _encode(_Sketched(asked.final)).decode(), asked.now))
    return [None] * len(payloads)


def _drop(db: Database, keys: Sequence[PhaseKey]) -> list[None]:
    for key in keys:
        for table in _TABLES:
            db.execute(f"DELETE FROM {table} WHERE experiment = ? AND phase = ?", key)
        db.execute("DELETE FROM folds WHERE fold = ?", (_fold_of(key),))
    return [None] * len(keys)
