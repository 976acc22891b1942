"""Noticing commits of others without reading anything that they wrote."""

import sqlite3
from contextlib import suppress
from pathlib import Path

from honeyguide.errors import Unavailable
from honeyguide.stores.sqlite.connect import meaning


class Watch:
    """`protocols.LogWatch` on SQLite: a connection's data version changes when any other connection has committed."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db = db
        self._path = path
        self._closed = False
        self._version = self._read()

    async def changed(self) -> bool:
        """True once after commits by any other connection. Any table counts, so the log may be as it was."""
        if self._closed:
            raise Unavailable("The store is closed.", cure="Open it again.", code="store_closed")
        before, self._version = self._version, self._read()
        return before != self._version

    def close(self) -> None:
        """Let go of the connection."""
        self._closed = True
        with suppress(sqlite3.Error):
            self._db.close()

    def _read(self) -> int:
        try:
            return int(self._db.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error as error:
            raise meaning(error, self._path) from error
