"""What the tables hold of persons: told, and removed."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from honeyguide.pseudonyms import Pseudonyms
from honeyguide.stores.conditions import BESIDE_HISTORY, HISTORY
from honeyguide.stores.sql import Database, Reads, Writes, erase, tombstones
from honeyguide.stores.sql.rows import LOG_COLUMNS, SELECT_LOG, SELECT_USER, properties, user
from honeyguide.types import Expired, Json

_BATCH: Final = 500
_PAGES: Final = tuple(
    f"{SELECT_LOG} WHERE user_id = ? AND {condition} AND (ts, sequence) > (?, ?) AND sequence <= ? "
    f"ORDER BY ts, sequence LIMIT {_BATCH}"
    for condition in (HISTORY, BESIDE_HISTORY)
)
"""Rows of a user in the order of the two indexes by user."""
_OLDEST: Final = (
    "SELECT sequence, kind, received_at FROM log WHERE sequence > ? AND sequence < ? ORDER BY sequence LIMIT 2000"
)
_LINKS: Final = ("user_id", "since", "until", "canonical_id")
_BY_UNIT: Final = {
    "exposures": (
        "experiment", "phase", "unit", "arm", "served_arm", "weight", "reason", "scheme", "first_at", "last_at",
        "request_id", "served", "crossed", "attributes",
    ),
    "unit_totals": ("experiment", "phase", "metric", "unit", "x", "y", "before", "updated_at"),
}  # fmt: skip
"""Tables of experiments that name a unit, and their columns."""
_FIRST: Final = -(2**63)


class TablePeople:
    """`protocols.People` on any database.

    `writes` excludes appends to the log; `position` reads where the log ends; `scrub` is the protocol's."""

    def __init__(
        self,
        writes: Writes,
        reads: Reads,
        pseudonyms: Pseudonyms,
        position: Callable[[Database], int],
        scrub: Callable[[], bool],
    ) -> None:
        self._writes, self._reads, self._position = writes, reads, position
        self.pseudonyms = pseudonyms
        self.scrub = scrub

    def held(self, user_ids: Sequence[str], *, until: int) -> Iterator[tuple[str, list[Json]]]:
        """All rows about these ids, table by table; see `protocols.People`."""
        for name in user_ids:
            found = (("users", self._users(name)), ("user_links", self._links(name)))
            yield from ((table, rows) for table, rows in found if rows)
        for name in user_ids:
            yield from (("log", rows) for rows in self._log(name, until))
        for table in _BY_UNIT:
            yield from ((table, rows) for name in user_ids if (rows := self._units(table, name)))

    def bury(self, user_ids: Collection[str], at: int) -> int:
        """Set tombstones, and read where the log ends; see `protocols.People`."""
        return self._writes.call(self._bury, (sorted(map(self.pseudonyms.of, user_ids)), at))

    def erase(self, user_ids: Sequence[str], *, until: int) -> Iterator[Mapping[str, int]]:
        """Remove all about these ids in short steps; see `protocols.People`."""
        return erase.erase(self._writes, self._reads, user_ids, until)

    def expire(self, before: int, *, after: int) -> Expired:
        """Remove old events in a part of the log; see `protocols.People`."""
        with self._reads.snapshot() as db:
            end = self._position(db)
            rows = db.execute(_OLDEST, (after, end)).fetchall()
        old = [sequence for sequence, kind, received_at in rows if kind == "event" and received_at < before]
        for start in range(0, len(old), erase.ROWS):
            self._writes.call(erase.take_out_all, old[start : start + erase.ROWS], erase.ROWS)
        young = (sequence for sequence, kind, received_at in rows if kind == "event" and received_at >= before)
        through = next(young, rows[-1][0] + 1 if rows else after + 1) - 1
        return Expired(len(old), through, bool(old) or (through > after and bool(rows)))

    def _bury(self, db: Database, asked: Sequence[tuple[Sequence[str], int]]) -> list[int]:
        for pseudonyms, at in asked:
            tombstones.bury(db, pseudonyms, at)
        return [self._position(db)] * len(asked)

    def _users(self, user_id: str) -> list[Json]:
        return [msgspec.to_builtins(user(row)) for row in self._read(f"{SELECT_USER} WHERE user_id = ?", user_id)]

    def _links(self, user_id: str) -> list[Json]:
        sql = f"SELECT {', '.join(_LINKS)} FROM user_links WHERE user_id = ? ORDER BY since"
        return [_named(_LINKS, row) for row in self._read(sql, user_id)]

    def _log(self, user_id: str, until: int) -> Iterator[list[Json]]:
        for sql in _PAGES:
            ts, sequence = _FIRST, 0
            while rows := self._read(sql, user_id, ts, sequence, until):
                told = [_named(LOG_COLUMNS, row) for row in rows]
                ts, sequence = told[-1]["ts"], told[-1]["sequence"]
                for row in told:
                    row["imported"] = bool(row["imported"])
                    row["payload"] = None if row["payload"] is None else properties(row["payload"])
                yield told

    def _units(self, table: str, unit: str) -> list[Json]:
        columns = _BY_UNIT[table]
        return [_named(columns, row) for row in self._read(f"SELECT {', '.join(columns)} FROM {table} WHERE unit = ?", unit)]

    def _read(self, sql: str, *values: Any) -> list[Any]:
        with self._reads.snapshot() as db:
            return db.execute(sql, values).fetchall()


def _named(columns: Sequence[str], values: Sequence[Any]) -> Json:
    return dict(zip(columns, values, strict=True))
