"""The served slates, in a file of their own: its loss is no loss of truth, so it is never waited for."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final

import msgspec

from honeyguide.clock import Clock
from honeyguide.errors import Unavailable
from honeyguide.stores.spool import Spool
from honeyguide.stores.sqlite.connect import Readers, is_damage, meaning, open_writer
from honeyguide.stores.sqlite.schema import migrate
from honeyguide.types import ServedSlate, SlatesLogged

_LOCK_SECONDS: Final = 0.25
_CHUNKS: Final = (50, 5, 1)
_WIDTH: Final = 4
_FIRST: Final = -(2**63)
_OF_USER: Final = (
    "SELECT ts, sequence, body FROM slates WHERE user_id = ? AND (ts, sequence) > (?, ?) ORDER BY ts, sequence LIMIT 200"
)
_encode: Final = msgspec.msgpack.Encoder().encode
_slate: Final = msgspec.msgpack.Decoder(ServedSlate)


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
            replayed = unreadable = 0
            try:
                if self._spool:
                    replayed, unreadable = self._spool.drain(self._commit)
                self._commit(slates)
            except (Unavailable, sqlite3.Error, OSError):
                kept = self._spool.add(slates)
                return SlatesLogged(stored=replayed, spooled=kept, lost=len(slates) - kept + unreadable)
            return SlatesLogged(stored=len(slates) + replayed, lost=unreadable)

    async def get(self, request_id: str) -> ServedSlate | None:
        """The slate of a request id."""
        with self._readers.snapshot() as db:
            row = db.execute("SELECT body FROM slates WHERE request_id = ?", (request_id,)).fetchone()
        return _slate.decode(row[0]) if row else None

    def of_user(self, user_id: str) -> Iterator[list[ServedSlate]]:
        """The stored slates of a user, oldest first, in batches of one short read each."""
        after = (_FIRST, 0)
        while True:
            with self._readers.snapshot() as db:
                rows = db.execute(_OF_USER, (user_id, *after)).fetchall()
            if not rows:
                return
            yield [_slate.decode(row[2]) for row in rows]
            after = rows[-1][:2]

    def count(self) -> int:
        """How many slates are stored."""
        with self._readers.snapshot() as db:
            return int(db.execute("SELECT count(*) FROM slates").fetchone()[0])

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._readers.close()
            self._drop()

    def _commit(self, slates: Sequence[ServedSlate]) -> None:
        try:
            self._write(slates)
        except sqlite3.Error as error:
            self._drop()
            if not is_damage(error):
                raise
            self._begin_anew()
            self._write(slates)

    def _write(self, slates: Sequence[ServedSlate]) -> None:
        if self._db is None:
            self._open()
        db = self._db
        assert db is not None
        values: list[object] = []
        for slate in slates:
            values += (slate.request_id, slate.ts, slate.user_id, _encode(slate))
        with db:  # rolls back when something is raised
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
