"""Moving a project from one database to another, while it is in use.

First the rows that only ever come at the end (the log, the slates) are copied part by part: an interruption costs one
part. Then, in one transaction of the target and on one snapshot of the source, comes the rest: the last rows, and every
other table as a whole. Everything is read back and compared before that transaction ends. A second run copies what came
meanwhile, and what was removed (by retention, by an erasure) is found by the comparison and goes from the target, too.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from honeyguide.errors import Conflict
from honeyguide.stores.copying.tables import LEFT_BEHIND, Copied, Digest, Row, tables
from honeyguide.stores.migrations import Line
from honeyguide.stores.sql import Database

__all__ = ["CopyReport", "Copying", "End"]

BATCH: Final = 5_000
MARK: Final = "copied"
"""Name of the row of `meta` that says what a database was filled from."""
_GROWING: Final[dict[Line, str]] = {"truth": "log", "losable": "slates"}
"""The table of each line that only grows at its end."""
_READ_MARK: Final = "SELECT value FROM meta WHERE name = ?"
_STORE_MARK: Final = (
    "INSERT INTO meta (name, value, changed_at) VALUES (?, ?, ?) "
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at"
)
Progress = Callable[[str, float], None]
"""`progress(what, share)`: which table, how far the whole is."""


class End(Protocol):
    """One side of a copy: a project's database, without its store."""

    where: str
    position: str
    """The statement that tells where the log ends."""

    def versions(self) -> dict[Line, str | None]:
        """The version of the schema of each line; None for one that was never made."""

    def reading(self, line: Line) -> AbstractContextManager[Database]:
        """A snapshot of the tables of a line."""

    def writing(self, line: Line) -> AbstractContextManager[Database]:
        """A transaction that nobody else writes beside; committed at the end of the block, undone by an error."""

    def load(self, db: Database, table: Copied, rows: list[Row]) -> None:
        """Add rows to a table."""

    def number_from(self, db: Database, table: Copied, last: int) -> None:
        """Let the next number of a numbered table be above `last`."""

    def finish(self) -> None:
        """Let the database take note of what it holds now."""


class _Mark(msgspec.Struct):
    """What a target was filled from, up to which row of the log, and what its other tables were like then."""

    source: str
    reached: int = 0
    digests: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What was copied: rows by table, which both sides hold now, how many of the log this run added, and the checksum that
    both sides have."""

    source: str
    target: str
    position: int
    added: int
    tables: dict[str, int]
    checksum: str


class Copying:
    """One run from `source` to `target`; `now` (ms) is noted there."""

    def __init__(self, source: End, target: End, now: int, progress: Progress | None = None, batch: int = BATCH) -> None:
        self._source, self._target, self._now, self._batch = source, target, now, batch
        self._tell = progress or (lambda what, share: None)
        self._mark = _Mark(source.where)
        self._length = 1

    def run(self) -> CopyReport:
        """Copy all there is. Raises `Conflict` for a target that holds anything else, or that was used since."""
        self._mark = self._examined()
        before = self._mark.reached
        with self._source.reading("truth") as db:
            self._length = max(1, _number(db, self._source.position))
        self._append("truth")
        self._append("losable")
        digests = {**self._complete("losable"), **self._complete("truth")}
        self._target.finish()
        self._tell("done", 1.0)
        checksum = Digest()
        checksum.add(sorted((name, str(digest)) for name, digest in digests.items()))
        counts = {name: digest.rows for name, digest in sorted(digests.items())}
        reached = self._mark.reached
        return CopyReport(self._source.where, self._target.where, reached, reached - before, counts, checksum.hex())

    def _examined(self) -> _Mark:
        """What the target says that it was filled with; it must be as it was left then."""
        with self._target.reading("truth") as db:
            row = db.execute(_READ_MARK, (MARK,)).fetchone()
            if row is None:
                self._check_empty(db)
                return _Mark(self._source.where)
            mark = msgspec.json.decode(row[0], type=_Mark)
            if mark.source != self._source.where:
                raise Conflict(
                    f"{self._target.where} was filled from {mark.source}.",
                    cure="Copy from there again, or name an empty database or another ?schema=.",
                    code="copy_target_other",
                )
            changed = [name for name, digest in mark.digests.items() if digest != str(self._digest(db, name))]
            changed += [name for name in LEFT_BEHIND if _number(db, f"SELECT count(*) FROM {name}")]
            if _number(db, self._target.position) != mark.reached:
                changed.insert(0, "log")
            if changed:
                raise Conflict(
                    f"{self._target.where} has been used since it was filled: {', '.join(changed)} changed.",
                    cure="It is the project now; copying once more would overwrite it. To begin again, name an empty one.",
                    code="copy_target_used",
                )
        return mark

    def _check_empty(self, db: Database) -> None:
        filled = [table.name for table in tables("truth") if self._holds(db, table)]
        if filled or _number(db, self._target.position):
            raise Conflict(
                f"{self._target.where} is not empty: {', '.join(filled) or 'log'} holds rows.",
                cure="Name an empty database, or another ?schema= of it, which is created.",
                code="copy_target_not_empty",
            )

    def _holds(self, db: Database, table: Copied) -> bool:
        """Whether a table has rows that somebody put there: a store makes its project's key when it is first opened."""
        rows = self._rows(db, table, None)
        return any(table.name != "meta" or row[0] != "pseudonym_key" for row in rows)

    def _append(self, line: Line) -> None:
        """Copy the rows after the last one that the target has, part by part, each in a transaction of its own."""
        table = _named(line, _GROWING[line])
        with self._target.reading(line) as db:
            after = self._mark.reached if line == "truth" else _last(db, table)
        while True:
            with self._source.reading(line) as db:
                rows = self._rows(db, table, (after,))
            if len(rows) < self._batch:  # the last part comes with all else
                return
            after = rows[-1][table.columns.index(table.key[0])]
            with self._target.writing(line) as db:
                self._target.load(db, table, rows)
                if line == "truth":
                    self._mark.reached = after
                    self._store_mark(db)
            self._tell(f"copy {table.name}", 0.5 * min(1.0, after / self._length) if line == "truth" else 0.5)

    def _complete(self, line: Line) -> dict[str, Digest]:
        """Bring the target to one snapshot of the source, and compare; returns what each table is like."""
        growing = _named(line, _GROWING[line])
        others = [table for table in tables(line) if table != growing]
        with self._source.reading(line) as there, self._target.writing(line) as here:
            digests = {growing.name: self._compared(there, here, growing)}
            for table in reversed(others):
                here.execute(f"DELETE FROM {table.name}")
            for table in others:
                self._tell(f"copy {table.name}", 0.95)
                digests[table.name] = self._replaced(there, here, table)
            if line == "truth":
                self._mark.reached = _number(there, self._source.position)
                self._target.number_from(here, growing, self._mark.reached)
                self._mark.digests = {table.name: str(digests[table.name]) for table in others}
                self._store_mark(here)
            else:
                self._target.number_from(here, growing, _last(there, growing))
        return digests

    def _compared(self, there: Database, here: Database, table: Copied) -> Digest:
        """Add the last rows, then look at all of them again, part by part; a part that differs is copied anew."""
        for rows in self._pages(there, table, after=(_last(here, table),)):
            self._target.load(here, table, rows)
        whole, last = Digest(), max(_last(there, table), _last(here, table))
        for start in range(0, last, self._batch):
            span = (start, start + self._batch)
            rows = self._read(there, table, table.part, span)
            if self._read(here, table, table.part, span) != rows:
                here.execute(f"DELETE FROM {table.name} WHERE {table.key[0]} > ? AND {table.key[0]} <= ?", span)
                self._target.load(here, table, rows)
                _check(self._read(here, table, table.part, span) == rows, table)
            whole.add(rows)
            self._tell(f"compare {table.name}", 0.5 + 0.4 * min(1.0, start / last) if table.name == "log" else 0.5)
        return whole

    def _replaced(self, there: Database, here: Database, table: Copied) -> Digest:
        """Fill an empty table from the source, and read it back."""
        sent = Digest()
        for rows in self._pages(there, table):
            sent.add(rows)
            self._target.load(here, table, rows)
        if table.numbered:
            self._target.number_from(here, table, _last(there, table))
        _check(str(self._digest(here, table.name)) == str(sent), table)
        return sent

    def _digest(self, db: Database, name: str) -> Digest:
        """What a table of the truth is like."""
        digest = Digest()
        for rows in self._pages(db, _named("truth", name)):
            digest.add(rows)
        return digest

    def _pages(self, db: Database, table: Copied, after: tuple[Any, ...] | None = None) -> Iterator[list[Row]]:
        while rows := self._rows(db, table, after):
            yield [row for row in rows if not _is_mark(table, row)]
            after = table.key_of(rows[-1])

    def _rows(self, db: Database, table: Copied, after: tuple[Any, ...] | None) -> list[Row]:
        if after is None:
            return self._read(db, table, table.first_page, (self._batch,))
        return self._read(db, table, table.page, (*after, self._batch))

    @staticmethod
    def _read(db: Database, table: Copied, sql: str, values: tuple[Any, ...]) -> list[Row]:
        return [table.clean(row) for row in db.execute(sql, values).fetchall()]

    def _store_mark(self, db: Database) -> None:
        db.execute(_STORE_MARK, (MARK, msgspec.json.encode(self._mark).decode(), self._now))


def _named(line: Line, name: str) -> Copied:
    return next(table for table in tables(line) if table.name == name)


def _is_mark(table: Copied, row: Row) -> bool:
    return table.name == "meta" and row[0] == MARK


def _last(db: Database, table: Copied) -> int:
    return _number(db, f"SELECT max({table.key[0]}) FROM {table.name}")


def _number(db: Database, sql: str) -> int:
    row = db.execute(sql, ()).fetchone()
    return int(row[0] or 0) if row else 0


def _check(same: bool, table: Copied) -> None:
    if not same:
        raise Conflict(
            f"What was written to the table {table.name} is not what is read back; nothing of this step was kept.",
            cure="Look for faults of the target's disk, then run it again.",
            code="copy_differs",
        )
