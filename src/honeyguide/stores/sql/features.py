"""Feature states on any database: what the fold writes, and what the reading of features begins with."""

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

import msgspec

from honeyguide.clock import Clock
from honeyguide.errors import Conflict
from honeyguide.stores.conditions import BESIDE_HISTORY, HISTORY
from honeyguide.stores.sql import Database, Reads, Writes
from honeyguide.stores.sql.rows import SELECT_LOG, log_row
from honeyguide.types import FeatureCheck, Folded, FoldMark, LogRow

FOLD: Final = "features:"
"""Marks of feature groups in the table `folds` begin with this."""
CHECK: Final = "feature-check"
"""How far served features are compared with the log, in the same table."""
MOST_TAIL: Final = 5_000
"""Events of a user that a read adds to the state; more than that wait only while a long log is folded anew."""
_BATCH: Final = 500
_MARK: Final = "SELECT sequence, state, updated_at FROM folds WHERE fold = ?"
_BEGIN: Final = "INSERT INTO folds (fold, sequence, state, updated_at) VALUES (?, ?, ?, ?) ON CONFLICT (fold) DO NOTHING"
_ADVANCE: Final = "UPDATE folds SET sequence = ?, state = ?, updated_at = ? WHERE fold = ? AND sequence = ?"
_NOTE: Final = (
    "INSERT INTO folds (fold, sequence, state, updated_at) VALUES (?, ?, ?, ?) ON CONFLICT (fold) DO UPDATE SET "
    "sequence = excluded.sequence, state = excluded.state, updated_at = excluded.updated_at"
)
_STORE: Final = (
    "INSERT INTO feature_states (view, entity_id, sequence, updated_at, state) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (view, entity_id) DO UPDATE SET sequence = excluded.sequence, updated_at = excluded.updated_at, "
    "state = excluded.state"
)
_REMOVE: Final = "DELETE FROM feature_states WHERE view = ? AND entity_id = ?"
_STATE: Final = "SELECT state FROM feature_states WHERE view = ? AND entity_id = ?"
_PAGE: Final = (
    f"SELECT entity_id, state FROM feature_states WHERE view = ? AND entity_id > ? ORDER BY entity_id LIMIT {_BATCH}"
)
_TAILS: Final = tuple(
    f"{SELECT_LOG} WHERE user_id = ? AND {condition} AND kind = 'event' AND sequence > ? AND sequence <= ? "
    f"ORDER BY sequence LIMIT {MOST_TAIL + 1}"
    for condition in (HISTORY, BESIDE_HISTORY)
)


class _Carried(msgspec.Struct):
    generation: int = 0


_encode: Final = msgspec.json.Encoder().encode
_carried: Final = msgspec.json.Decoder(_Carried)
_check: Final = msgspec.json.Decoder(FeatureCheck)


def mark_of(db: Database, group: str) -> FoldMark | None:
    """How far a group is folded."""
    row = db.execute(_MARK, (FOLD + group,)).fetchone()
    return None if row is None else _mark(row)


def _mark(row: Sequence[Any]) -> FoldMark:
    return FoldMark(row[0], _carried.decode(row[1]).generation, row[2])


def folded(db: Database, group: str, ids: Sequence[str], until: int) -> Folded:
    """What the features of a user with these ids are read from, at log position `until`.

    States that know of later events are of no use for the past; then all events up to there are the tail."""
    mark = mark_of(db, group)
    after = mark.sequence if mark is not None and mark.sequence <= until else 0
    found = [db.execute(_STATE, (group, name)).fetchone() for name in ids] if after else []
    rows = [log_row(values) for name in ids for sql in _TAILS for values in db.execute(sql, (name, after, until)).fetchall()]
    rows.sort(key=attrgetter("sequence"))
    return folded_rows([bytes(row[0]) for row in found if row], rows, until)


def folded_rows(states: Iterable[bytes], tail: Sequence[LogRow], until: int) -> Folded:
    """States and the rows after them, in log order, cut to `MOST_TAIL`."""
    through = tail[MOST_TAIL - 1].sequence if len(tail) > MOST_TAIL else until
    return Folded(tuple(states), tuple(tail[:MOST_TAIL]), through)


def states_of(db: Database, group: str, ids: Collection[str]) -> dict[str, bytes]:
    """The states of a group for these ids, where there are any."""
    wanted, found = list(ids), dict[str, bytes]()
    for start in range(0, len(wanted), _BATCH):
        part = wanted[start : start + _BATCH]
        places = ", ".join("?" * len(part))
        sql = f"SELECT entity_id, state FROM feature_states WHERE view = ? AND entity_id IN ({places})"
        found |= {name: bytes(state) for name, state in db.execute(sql, (group, *part)).fetchall()}
    return found


@dataclass(frozen=True, slots=True)
class _Change:
    group: str
    states: Mapping[str, bytes | None]
    after: int
    sequence: int
    now: int
    amends: bool


class TableFeatures:
    """The part of `protocols.FeatureStates` that is the same on every database."""

    def __init__(self, writes: Writes, reads: Reads, clock: Clock) -> None:
        self._writes = writes
        self._reads = reads
        self._clock = clock

    def mark(self, group: str) -> FoldMark | None:
        """How far a group is folded."""
        with self._reads.snapshot() as db:
            return mark_of(db, group)

    def groups(self) -> dict[str, FoldMark]:
        """All groups that were begun."""
        sql = "SELECT fold, sequence, state, updated_at FROM folds ORDER BY fold"
        with self._reads.snapshot() as db:
            rows = db.execute(sql, ()).fetchall()
        return {row[0].removeprefix(FOLD): _mark(row[1:]) for row in rows if row[0].startswith(FOLD)}

    def states(self, group: str, ids: Collection[str]) -> dict[str, bytes]:
        """Those states of a group that there are."""
        with self._reads.snapshot() as db:
            return states_of(db, group, ids)

    def scan(self, group: str) -> Iterator[list[tuple[str, bytes]]]:
        """All states of a group, in batches."""
        after = ""
        while True:
            with self._reads.snapshot() as db:
                rows = [(row[0], bytes(row[1])) for row in db.execute(_PAGE, (group, after)).fetchall()]
            if rows:
                yield rows
                after = rows[-1][0]
            if len(rows) < _BATCH:
                return

    def advance(self, group: str, states: Mapping[str, bytes], *, after: int, sequence: int) -> None:
        """Store states and move the mark; raises `Conflict` if it is not at `after`."""
        change = _Change(group, states, after, sequence, self._clock.now_ms(), amends=False)
        self._writes.call(_change, change, size=max(1, len(states)))

    def amend(self, group: str, states: Mapping[str, bytes | None], *, at: int) -> None:
        """Replace or remove states at the position of the mark; raises `Conflict` if it is not at `at`."""
        change = _Change(group, states, at, at, self._clock.now_ms(), amends=True)
        self._writes.call(_change, change, size=max(1, len(states)))

    def forget(self, entity: str, ids: Collection[str]) -> None:
        """Remove the states of these ids from all groups of the entity."""
        gone = dict.fromkeys(ids)
        for group in self.groups():
            while group.startswith(f"{entity}-") and (mark := self.mark(group)) is not None:
                with contextlib.suppress(Conflict):  # it was folded on in between
                    self.amend(group, gone, at=mark.sequence)
                    break

    def drop(self, group: str) -> None:
        """Remove a group, a part at a time."""
        self._writes.call(_unmark, group)
        while self._writes.call(_drop, group, size=_BATCH):
            pass

    def checked(self) -> FeatureCheck:
        """How served features last compared with the log."""
        with self._reads.snapshot() as db:
            row = db.execute(_MARK, (CHECK,)).fetchone()
        return FeatureCheck() if row is None else _check.decode(row[1])

    def note_check(self, check: FeatureCheck) -> None:
        """Keep how they compare."""
        self._writes.call(_note, check)


def _change(db: Database, changes: Sequence[_Change]) -> list[None]:
    for change in changes:
        _move(db, change)
        kept = [(name, state) for name, state in change.states.items() if state is not None]
        if len(kept) < len(change.states):
            gone = [(change.group, name) for name, state in change.states.items() if state is None]
            db.executemany(_REMOVE, gone)
        if kept:
            values = [(change.group, name, change.sequence, change.now, state) for name, state in kept]
            db.executemany(_STORE, values)
    return [None] * len(changes)


def _move(db: Database, change: _Change) -> None:
    """Move the mark, if it is where it must be."""
    mark = mark_of(db, change.group)
    if mark is None and not change.after and not change.amends:
        begun = db.execute(_BEGIN, (FOLD + change.group, change.sequence, _encode(_Carried()).decode(), change.now))
        moved = begun.rowcount
    else:
        generation = 0 if mark is None else mark.generation + change.amends
        carried = _encode(_Carried(generation)).decode()
        moved = db.execute(_ADVANCE, (change.sequence, carried, change.now, FOLD + change.group, change.after)).rowcount
    if not moved:
        at = "not begun" if mark is None else f"at {mark.sequence}"
        raise Conflict(
            f"The feature states of {change.group} are {at}, not at {change.after}: another process folds them.",
            cure="Try again; it goes on from where they are.",
            code="fold_moved",
        )


def _unmark(db: Database, groups: Sequence[str]) -> list[None]:
    db.executemany("DELETE FROM folds WHERE fold = ?", [(FOLD + group,) for group in groups])
    return [None] * len(groups)


def _drop(db: Database, groups: Sequence[str]) -> list[int]:
    """Remove some states of each group; says how many."""
    sql = (
        "DELETE FROM feature_states WHERE view = ? AND entity_id IN "
        f"(SELECT entity_id FROM feature_states WHERE view = ? ORDER BY entity_id LIMIT {_BATCH})"
    )
    return [db.execute(sql, (group, group)).rowcount for group in groups]


def _note(db: Database, checks: Sequence[FeatureCheck]) -> list[None]:
    for check in checks:
        db.execute(_NOTE, (CHECK, check.sequence, _encode(check).decode(), check.checked_at))
    return [None] * len(checks)
