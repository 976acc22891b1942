"""The served slates, in a file of their own: its loss is no loss of truth, so it is never waited for."""

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final

from honeyguide.clock import Clock
from honeyguide.stores.spool import Spool
from honeyguide.stores.sql.slates import (
    COUNT_SLATES,
    LAST_SLATE,
    REMOVE_SLATE,
    SELECT_SLATE,
    decode_slate,
    encode_slate,
    expire_slates,
    latest_slates,
    remove_slates,
    slates_after,
    slates_between,
    slates_of,
)
from honeyguide.stores.sqlite.connect import Readers, is_damage, meaning, open_writer
from honeyguide.stores.sqlite.schema import migrate
from honeyguide.stores.sqlite.scrub import Scrub
from honeyguide.types import ServedSlate, SlatesLogged

_LOCK_SECONDS: Final = 0.25
_CHUNKS: Final = (50, 5, 1)
_WIDTH: Final = 4


def _insert(rows: int) -> str:
    values = ", ".join(["(?, ?, ?, ?)"] * rows)
    return f"INSERT OR FAIL INTO slates (request_id, ts, user_id, body) VALUES {values} ON CONFLICT (request_id) DO NOTHING"


_INSERT: Final = {rows: _insert(rows) for rows in _CHUNKS}


class SqliteSlates:
    """`protocols.SlateLog` on SQLite (synchronous=NORMAL: a power cut may take the last groups, a kill takes none)."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Opens or creates the file; one that is damaged is put aside and begun anew."""
        self._path = path
        self._clock = clock
        self._spool = Spool(path.with_suffix(".spool"))
        self._lock = Lock()
        self.scrub = Scrub(path)
        self.recreated = 0
        """How often a damaged file was put aside since this was opened."""
        self._db: sqlite3.Connection | None = None
        self._readers = Readers(path)
        try:
            self._open()
        except sqlite3.Error as error:
            if not is_damage(error):
                raise meaning(error, path) from error
            self._begin_anew()

    def append(self, slates: Sequence[ServedSlate]) -> SlatesLogged:
        """Commit a group and what waited before it; if the database is away, let the group wait in the spool."""
        with self._lock:
            return self._spool.through(slates, self._commit)

    async def get(self, request_id: str) -> ServedSlate | None:
        """The slate of a request id."""
        with self._readers.snapshot() as db:
            row = db.execute(SELECT_SLATE, (request_id,)).fetchone()
        return decode_slate(row[0]) if row else None

    def scan(self, *, after: int = 0) -> Iterator[list[tuple[int, ServedSlate]]]:
        """The stored slates after a number, in batches of one short read each."""
        return slates_after(self._readers, after)

    def latest(self, most: int) -> Iterator[list[ServedSlate]]:
        """The slates stored last, newest first, at most so many, in batches of one short read each."""
        return latest_slates(self._readers, most)

    def served(self, *, since: int, until: int) -> Iterator[list[ServedSlate]]:
        """The slates that were served in a stretch of time, in batches of one short read each."""
        return slates_between(self._readers, since, until)

    def of_users(self, user_ids: Collection[str]) -> Iterator[list[ServedSlate]]:
        """The stored slates of these users, oldest first, in batches of one short read each."""
        for found in slates_of(self._readers, user_ids):
            yield [slate for _, slate in found]

    def expire(self, before: int) -> int:
        """Remove some of the slates that were served before a moment (ms), the oldest; returns how many."""
        return expire_slates(self._readers, self._remove, before)

    def remove_users(self, users: Mapping[str, int]) -> Iterator[Mapping[str, int]]:
        """Remove slates of users (id -> log position) made of what the log held up to there, in short steps.

        Files that were put aside as damaged go altogether: nobody can say whose slates are in them."""
        for aside in self._path.parent.glob(f"{self._path.name}.damaged-*"):
            aside.unlink(missing_ok=True)
        yield self._spool.remove(lambda slate: slate.as_of <= users.get(slate.user_id, -1))
        yield from remove_slates(self._readers, self._remove, users)

    def position(self) -> int:
        """The number of the last stored slate; 0 if there is none."""
        with self._readers.snapshot() as db:
            return int(db.execute(LAST_SLATE).fetchone()[0])

    def count(self) -> int:
        """How many slates are stored."""
        with self._readers.snapshot() as db:
            return int(db.execute(COUNT_SLATES).fetchone()[0])

    def close(self) -> None:
        """Let go of the file."""
        self.scrub.close()
        with self._lock:
            self._readers.close()
            self._drop()

    def _commit(self, slates: Sequence[ServedSlate]) -> None:
        try:
            try:
                self._write(slates)
            except sqlite3.Error as error:
                self._drop()
                if not is_damage(error):
                    raise
                self._begin_anew()
                self._write(slates)
        except sqlite3.Error as error:
            raise meaning(error, self._path) from error

    def _remove(self, sequences: Sequence[int]) -> None:
        try:
            with self._lock, self._connected() as db:
                db.execute("BEGIN IMMEDIATE")
                db.executemany(REMOVE_SLATE, [(sequence,) for sequence in sequences])
        except sqlite3.Error as error:
            self._drop()
            raise meaning(error, self._path) from error

    def _connected(self) -> sqlite3.Connection:
        if self._db is None:
            self._open()
        assert self._db is not None
        return self._db

    def _write(self, slates: Sequence[ServedSlate]) -> None:
        values: list[object] = []
        for slate in slates:
            values += (slate.request_id, slate.ts, slate.user_id, encode_slate(slate))
        with self._connected() as db:  # rolls back when something is raised
            db.execute("BEGIN IMMEDIATE")
            start = 0
            for rows in _CHUNKS:  # many to a statement, for the reason given in rows.insert_log
                while len(values) - start >= rows * _WIDTH:
                    db.execute(_INSERT[rows], values[start : start + rows * _WIDTH])
                    start += rows * _WIDTH

    def _open(self) -> None:
        migrate(self._path, "losable")
        db = open_writer(self._path, synchronous="NORMAL", timeout=_LOCK_SECONDS)
        try:
            db.execute("SELECT max(sequence) FROM slates").fetchone()  # a file cut short says so here, not when it matters
        except sqlite3.Error:
            db.close()
            raise
        self._db = db

    def _begin_anew(self) -> None:
        """Put the damaged file aside and create an empty one."""
        self._drop()
        self._readers.close()
        aside = f"{self._path.name}.damaged-{self._clock.now_ms()}"
        self._path.replace(self._path.with_name(aside))
        for tail in ("-wal", "-shm"):
            self._path.with_name(self._path.name + tail).unlink(missing_ok=True)
        self.recreated += 1
        self._readers = Readers(self._path)
        self._open()

    def _drop(self) -> None:
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None
