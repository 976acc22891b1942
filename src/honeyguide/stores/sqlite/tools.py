"""What the commands of `honeyguide db` do with SQLite files, beside the store."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from honeyguide.config.settings import Settings
from honeyguide.stores.copying.tables import Copied, Row
from honeyguide.stores.migrations import Line
from honeyguide.stores.sql import Database
from honeyguide.stores.sqlite import SLATES, TRUTH, folder_of
from honeyguide.stores.sqlite.connect import Readers, meaning, open_writer
from honeyguide.stores.sqlite.schema import version

FILES: Final[dict[Line, str]] = {"truth": TRUTH, "losable": SLATES}
_PATIENCE: Final = 60.0


class SqliteTools:
    """`copying.End` in a folder."""

    position = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'log'), 0)"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.where = f"sqlite:///{folder.resolve()}"

    def versions(self) -> dict[Line, str | None]:
        """The version of the schema in each file; None for one that is not there."""
        return {line: version(self._folder / name) for line, name in FILES.items()}

    @contextmanager
    def reading(self, line: Line) -> Iterator[Database]:
        """A snapshot of a file."""
        with closing(Readers(self._folder / FILES[line])) as readers, readers.snapshot() as db:
            yield db

    @contextmanager
    def writing(self, line: Line) -> Iterator[Database]:
        """A transaction; others may write when it has ended."""
        path = self._folder / FILES[line]
        try:
            with closing(open_writer(path, synchronous="FULL", timeout=_PATIENCE)) as db:
                db.execute("BEGIN IMMEDIATE")
                try:
                    yield db
                except BaseException:
                    db.execute("ROLLBACK")
                    raise
                db.execute("COMMIT")
        except sqlite3.Error as error:
            raise meaning(error, path) from error

    def load(self, db: Database, table: Copied, rows: list[Row]) -> None:
        """Add rows to a table."""
        marks = ", ".join("?" * len(table.columns))
        db.executemany(f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})", rows)

    def number_from(self, db: Database, table: Copied, last: int) -> None:
        """Let the next number of a table be above `last`."""
        db.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table.name,))
        db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table.name, last))

    def finish(self) -> None:
        """Nothing is left to do."""


def open_tools(url: str, settings: Settings) -> SqliteTools:
    """The tools for the folder that a URL names."""
    return SqliteTools(folder_of(url, settings))
