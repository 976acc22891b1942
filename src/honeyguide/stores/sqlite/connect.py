"""Connections to SQLite: how each is set up, the readers that a snapshot borrows, and what an error means."""

import os
import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from honeyguide.errors import HoneyguideError, StorageFull, Unavailable

READ_TIMEOUT: Final = 5.0
"""Seconds that a reader waits for the rare moments in which SQLite lets nobody read (recovery after a crash)."""
CHECKPOINT_PAGES: Final = 4_000
"""Pages of write-ahead log (16 MB) after which it is copied back: random index pages are then written once, not often."""
CACHE_KIB: Final = 64_000
_SCARCE_BYTES: Final = 1_000_000


def open_writer(path: Path, *, synchronous: str, timeout: float = 0.0) -> sqlite3.Connection:
    """A connection that writes; `synchronous` FULL survives a power cut with every commit, NORMAL with all but the last.

    With `timeout` 0 a database that another process is writing to is an error at once: the writer asks again itself."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=timeout)
    try:
        db.execute("PRAGMA busy_timeout = 5000")  # switching to WAL waits for its lock
        db.execute("PRAGMA journal_mode = WAL")
        db.execute(f"PRAGMA synchronous = {synchronous}")
        db.execute("PRAGMA fullfsync = ON")  # macOS: fsync alone leaves data in the drive's cache
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA secure_delete = ON")  # what is removed is overwritten: a person who was erased is in no free page
        db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        db.execute(f"PRAGMA busy_timeout = {round(timeout * 1000)}")
    except sqlite3.Error:
        db.close()
        raise
    return db


class Readers:
    """Connections that only read, lent to whoever asks on whatever thread; each snapshot has one for itself.

    Idle ones are kept, so there are never more than there were snapshots at the same time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False

    def connect(self) -> sqlite3.Connection:
        """A reading connection for the caller to keep and to close."""
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=READ_TIMEOUT)
        db.execute("PRAGMA query_only = ON")
        return db

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """A connection whose reads all see the same moment. Raises `Unavailable` for what SQLite cannot do."""
        if self._closed:
            raise Unavailable("The store is closed.", cure="Open it again.", code="store_closed")
        try:
            try:
                db = self._idle.pop()
            except IndexError:
                db = self.connect()
            try:
                db.execute("BEGIN")
                yield db
            finally:
                db.rollback()
                self._give_back(db)
        except sqlite3.Error as error:
            raise meaning(error, self.path) from error

    def _give_back(self, db: sqlite3.Connection) -> None:
        if self._closed:
            db.close()
        else:
            self._idle.append(db)

    def close(self) -> None:
        """Let go of the idle connections; those still lent out close when they come back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code of an error; 0 if it has none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file is no database, or a broken one."""
    return primary_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def meaning(error: sqlite3.Error, path: Path) -> HoneyguideError:
    """What an error of SQLite means to whoever called us, with its cure."""
    code = primary_code(error)
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(path.parent)):
        return StorageFull(
            f"The disk that holds {path.parent} is full; nothing of this write was kept.",
            cure="Free some space there and send it again; no restart is needed.",
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Unavailable(
            f"{path.name} is locked: another process has been writing for too long.",
            cure="Send it again; if it stays so, find the process with: fuser " + str(path),
            code="storage_locked",
        )
    if is_damage(error):
        return Unavailable(
            f"{path} is damaged ({error}).",
            cure="Stop the server, restore the file from a backup, or save what is readable with: sqlite3 FILE .recover",
            code="storage_damaged",
        )
    return Unavailable(
        f"{path} does not answer: {error}.",
        cure="Check that the disk is mounted and that this user may read and write the folder.",
        code="storage_unavailable",
    )


def _is_full(folder: Path) -> bool:
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _SCARCE_BYTES
