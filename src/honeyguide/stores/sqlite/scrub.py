"""Leaving nothing of what was removed in a file: its gaps are wiped, its write-ahead log is copied back and cut."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import Final

from honeyguide.errors import Unavailable
from honeyguide.stores import wipe
from honeyguide.stores.sqlite.connect import meaning, primary_code

_TIMEOUT: Final = 0.02


class Scrub:
    """Scrubs one file; the wiping is done by a process of its own (`stores/wipe.py` says why)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._door = Lock()
        self._child: subprocess.Popen[str] | None = None
        self._closed = False

    def __call__(self) -> bool:
        """False while readers leave no moment for it; ask again then. Raises `Unavailable`."""
        command = [sys.executable, "-m", wipe.__name__, str(self._path)]
        with self._door:
            if self._closed:
                raise Unavailable("The store is closed.", cure="Open it again.", code="store_closed")
            child = self._child = subprocess.Popen(  # noqa: S603 - a module of ours
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
        _, said = child.communicate()
        if child.returncode == wipe.BUSY:
            return False
        if child.returncode:
            *_, reason = ["it was ended", *said.strip().splitlines()]
            raise Unavailable(
                f"The free space of {self._path.name} was not wiped: {reason}.",
                cure="Check that this user may write the folder, and that the disk is not full.",
                code="storage_unavailable",
            )
        return self._cut_log()

    def _cut_log(self) -> bool:
        try:
            with closing(sqlite3.connect(self._path, isolation_level=None, timeout=_TIMEOUT)) as db:
                return int(db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]) == 0
        except sqlite3.Error as error:
            if primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                return False
            raise meaning(error, self._path) from error

    def close(self) -> None:
        """End what is under way; it may be begun again at any time."""
        with self._door:
            self._closed = True
            if self._child is not None and self._child.poll() is None:
                self._child.kill()
