"""Which tables a project has, in the order in which they can be filled; and rows as any database gives them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

import msgspec
from sqlalchemy import Boolean, LargeBinary, MetaData, Table

from honeyguide.stores import schema
from honeyguide.stores.migrations import Line

Row = Sequence[Any]
_encode: Final = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Copied:
    """A table: its columns, and the key that its rows are read in the order of; `numbered` if that is one number given
    out by the database, so that a table only grows at its end."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    numbered: bool
    clean: Callable[[Row], tuple[Any, ...]] = field(compare=False)
    """The same values from every database: SQLite has numbers for true and false."""

    @property
    def page(self) -> str:
        """A page of rows after a key, in its order."""
        key, marks = ", ".join(self.key), ", ".join("?" * len(self.key))
        return f"{self._select} WHERE ({key}) > ({marks}) ORDER BY {key} LIMIT ?"

    @property
    def first_page(self) -> str:
        """The first rows."""
        return f"{self._select} ORDER BY {', '.join(self.key)} LIMIT ?"

    @property
    def part(self) -> str:
        """Rows of a numbered table after one number and up to another."""
        return f"{self._select} WHERE {self.key[0]} > ? AND {self.key[0]} <= ? ORDER BY {self.key[0]}"

    @property
    def _select(self) -> str:
        return f"SELECT {', '.join(self.columns)} FROM {self.name}"

    def key_of(self, row: Row) -> tuple[Any, ...]:
        """The key of a row."""
        return tuple(row[self.columns.index(name)] for name in self.key)


class Digest:
    """A checksum over rows in their order."""

    def __init__(self) -> None:
        self.rows = 0
        self._hash = blake2b(digest_size=16)

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows in."""
        for row in rows:
            self._hash.update(_encode(row))
            self.rows += 1

    def hex(self) -> str:
        """The checksum alone."""
        return self._hash.hexdigest()

    def __str__(self) -> str:
        return f"{self.rows}:{self._hash.hexdigest()}"


LEFT_BEHIND: Final = ("heartbeats", "leases")
"""Who runs on a database: on the other one nobody does."""


def tables(line: Line) -> list[Copied]:
    """The tables of a line of the schema; those that others refer to come first."""
    metadata: MetaData = schema.truth if line == "truth" else schema.losable
    return [_copied(table) for table in metadata.sorted_tables if table.name not in LEFT_BEHIND]


def _copied(table: Table) -> Copied:
    columns = tuple(str(column.name) for column in table.columns)
    key = tuple(str(column.name) for column in table.primary_key.columns)
    numbered = len(key) == 1 and table.autoincrement_column is not None
    booleans = [at for at, column in enumerate(table.columns) if isinstance(column.type, Boolean)]
    blobs = [at for at, column in enumerate(table.columns) if isinstance(column.type, LargeBinary)]
    return Copied(str(table.name), columns, key, numbered, _cleaner(booleans, blobs))


def _cleaner(booleans: Sequence[int], blobs: Sequence[int]) -> Callable[[Row], tuple[Any, ...]]:
    if not booleans and not blobs:
        return tuple

    def clean(row: Row) -> tuple[Any, ...]:
        values = list(row)
        for at in booleans:
            values[at] = None if values[at] is None else bool(values[at])
        for at in blobs:
            values[at] = None if values[at] is None else bytes(values[at])
        return tuple(values)

    return clean
