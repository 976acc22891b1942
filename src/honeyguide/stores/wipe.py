"""Wipes the unallocated space of an SQLite file in use: `python -m honeyguide.stores.wipe FILE`.

SQLite overwrites what is deleted (secure_delete), but when a page is split or merged, copies of the cells that moved stay
behind in the gap between the page's pointers and its cells. VACUUM would write the whole file anew under one lock; this
fills the gaps with zeros, a few pages at a time. (Layout of pages: sqlite.org/fileformat2.html, section 1.6.)

Why it is safe. The file itself is written by nobody but by checkpoints, which copy pages from the write-ahead log. Here the
write lock is held and the log is empty, so there is nothing to copy and nobody can add to it. Only bytes that the page's own
header calls unallocated are written, on pages that are reached from the schema under that same lock. The commit that ends
the work makes every connection throw its copies of pages away.

Why it is a process of its own. Closing any handle of a file lets go of all locks that the process holds on it; opened
beside SQLite's own handles, this one would take their locks along.
"""

import os
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Final, NamedTuple

BUSY: Final = 75
"""Exit code when readers or writers leave no moment for it: EX_TEMPFAIL."""
_BATCH: Final = 200
"""Pages that are wiped under one lock, which then lasts some ten milliseconds."""
_TURN: Final = 0.005
"""Seconds between two locks: a writer asks for it every millisecond."""
_ATTEMPTS: Final = 40
_PAUSE: Final = 0.025
_INTERIOR: Final = frozenset((2, 5))
_LEAF: Final = frozenset((10, 13))

Way = tuple[int, ...]
"""Page numbers from the root of a tree to one of its pages."""


class Page(NamedTuple):
    """A page of a tree: where its gap is, and the numbers of the pages below it."""

    begin: int
    end: int
    below: frozenset[int]


class Busy(Exception):
    """Somebody reads or writes without a pause."""


class Wiper:
    """One file, opened for reading and writing beside its connections."""

    def __init__(self, path: Path, handle: int, db: sqlite3.Connection) -> None:
        self._wal = path.with_name(path.name + "-wal")
        self._handle, self._db = handle, db
        self._pause = Event()
        header = os.pread(handle, 100, 0)
        size = int.from_bytes(header[16:18], "big")
        self._size = 65_536 if size == 1 else size
        self._usable = self._size - header[20]

    def run(self) -> int:
        """Wipe all pages that there are now; returns how many needed it. Raises Busy."""
        self._lock()
        self._db.execute("ROLLBACK")  # the file now holds all that was committed before this moment
        wiped = 0
        found = self._unclean()
        while ways := list(islice(found, _BATCH)):
            wiped += self._wipe(ways)
            self._pause.wait(_TURN)
        os.fsync(self._handle)
        return wiped

    def _unclean(self) -> Iterator[Way]:
        """Ways to pages whose gap is not empty. Read without a lock, so a hint: `_wipe` looks again."""
        waiting: list[Way] = [(root,) for root in self._roots()]
        while waiting:
            way = waiting.pop()
            data = self._read(way[-1])
            page = self._parse(data, way[-1])
            if page is None:
                continue
            if data[page.begin : page.end].strip(b"\0"):
                yield way
            if len(way) < 20:  # trees are five deep at most; a page that is written just now may say anything
                waiting += [(*way, number) for number in page.below]

    def _wipe(self, ways: Sequence[Way]) -> int:
        """Under the lock: fill the gaps of those pages that are still where they were found."""
        self._lock()
        try:
            roots, wiped = frozenset(self._roots()), 0
            for way in ways:
                page = self._page_at(way, roots)
                if page is not None and page.end > page.begin:
                    os.pwrite(self._handle, bytes(page.end - page.begin), (way[-1] - 1) * self._size + page.begin)
                    wiped += 1
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            self._db.execute(f"PRAGMA user_version = {(version + 1) % 2**31}")
            self._db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise
        return wiped

    def _page_at(self, way: Way, roots: frozenset[int]) -> Page | None:
        """The page at the end of a way, if each page on it still leads to the next."""
        allowed, page = roots, None
        for number in way:
            page = self._parse(self._read(number), number) if number in allowed else None
            if page is None:
                return None
            allowed = page.below
        return page

    def _lock(self) -> None:
        """Take the write lock at a moment when the write-ahead log is empty."""
        for _ in range(_ATTEMPTS):
            with suppress(sqlite3.OperationalError):
                busy = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
                if not busy:
                    self._db.execute("BEGIN IMMEDIATE")
                    if not self._wal.exists() or self._wal.stat().st_size == 0:
                        return
                    self._db.execute("ROLLBACK")
            self._pause.wait(_PAUSE)
        raise Busy

    def _roots(self) -> list[int]:
        return [1, *(row[0] for row in self._db.execute("SELECT rootpage FROM sqlite_master WHERE rootpage > 0"))]

    def _read(self, number: int) -> bytes:
        return os.pread(self._handle, self._size, (number - 1) * self._size)

    def _parse(self, data: bytes, number: int) -> Page | None:
        """What a page of a tree says of itself; None for anything else."""
        start = 100 if number == 1 else 0
        if len(data) < self._size or data[start] not in _INTERIOR | _LEAF:
            return None
        interior = data[start] in _INTERIOR
        cells = int.from_bytes(data[start + 3 : start + 5], "big")
        pointers = start + (12 if interior else 8)
        begin, end = pointers + 2 * cells, int.from_bytes(data[start + 5 : start + 7], "big") or 65_536
        if not begin <= end <= self._usable:
            return None
        below = set()
        if interior:
            below.add(int.from_bytes(data[start + 8 : start + 12], "big"))
            for at in range(pointers, begin, 2):
                cell = int.from_bytes(data[at : at + 2], "big")
                below.add(int.from_bytes(data[cell : cell + 4], "big"))
        return Page(begin, end, frozenset(below))


def wipe(path: Path) -> int:
    """Wipe a file in WAL mode that others may have open; to be called by a process that has not. Raises Busy."""
    handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as db:
            db.execute("PRAGMA wal_autocheckpoint = 0")
            return Wiper(path, handle, db).run()
    finally:
        os.close(handle)  # after the connection, whose locks it would end


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{wipe(Path(sys.argv[1]))}\n")
    except Busy:
        sys.exit(BUSY)
