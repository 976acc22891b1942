"""Vectors that were paid for, in a file of their own: losable, but not asked for twice."""

import sqlite3
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

_SCHEMA: Final = "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID"


class FileVectors:
    """Bytes by key in a SQLite file, of all threads and processes on a machine. The file is made by the first write."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def read(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those that there are; none where there is no file."""
        if not keys or not self._path.exists():
            return {}
        found: dict[bytes, bytes] = {}
        with self._lock, closing(self._open()) as db:
            for key in keys:
                row = db.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()
                if row is not None:
                    found[key] = row[0]
        return found

    def write(self, found: Mapping[bytes, bytes]) -> None:
        """Keep more, in one commit."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock, closing(self._open()) as db, db:
            db.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", list(found.items()))

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=10.0)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(_SCHEMA)
        return db
