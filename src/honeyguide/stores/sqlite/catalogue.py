"""The current items and users in SQLite."""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from operator import itemgetter
from typing import Any, Final

import msgspec
import polars as pl

from honeyguide.stores.conditions import CHANGES
from honeyguide.stores.fold import People, fold_item, merged_properties
from honeyguide.stores.sqlite import derive
from honeyguide.stores.sqlite.connect import Readers
from honeyguide.stores.sqlite.rows import (
    ITEM_COLUMNS,
    SELECT_ITEM,
    SELECT_LOG,
    SELECT_USER,
    item,
    log_row,
    select_in,
    user,
)
from honeyguide.stores.sqlite.writer import Writer
from honeyguide.types import Item, User

_BATCH: Final = 2_000
_SELECT_AGED: Final = f"SELECT {', '.join(ITEM_COLUMNS)}, first_sequence FROM items"


class SqliteCatalogue:
    """`protocols.CatalogueTable` on SQLite."""

    def __init__(self, writer: Writer, readers: Readers) -> None:
        self._writer = writer
        self._readers = readers

    async def item(self, item_id: str) -> Item | None:
        """One item, deleted ones included; None if the log has never seen it."""
        with self._readers.snapshot() as db:
            values = db.execute(f"{SELECT_ITEM} WHERE item_id = ?", (item_id,)).fetchone()
        return item(values) if values else None

    async def items_by_id(self, item_ids: Collection[str]) -> list[Item]:
        """Those of the items that there are, deleted ones included, in order of first sight."""
        with self._readers.snapshot() as db:
            rows = select_in(db, f"{_SELECT_AGED} WHERE item_id", item_ids)
        return [item(values[:-1]) for values in sorted(rows, key=itemgetter(-1))]

    async def items(self, *, limit: int, after: str | None = None) -> list[Item]:
        """A page of items that are not deleted, in order of id."""
        sql = f"{SELECT_ITEM} WHERE item_id > ? AND deleted_at IS NULL ORDER BY item_id LIMIT ?"
        with self._readers.snapshot() as db:
            return [item(values) for values in db.execute(sql, (after or "", limit)).fetchall()]

    async def user(self, user_id: str) -> User | None:
        """One user, as stored."""
        with self._readers.snapshot() as db:
            values = db.execute(f"{SELECT_USER} WHERE user_id = ?", (user_id,)).fetchone()
        return user(values) if values else None

    async def users(self, *, limit: int, after: str | None = None) -> list[User]:
        """A page of users in order of id."""
        sql = f"{SELECT_USER} WHERE user_id > ? ORDER BY user_id LIMIT ?"
        with self._readers.snapshot() as db:
            return [user(values) for values in db.execute(sql, (after or "", limit)).fetchall()]

    def scan_items(self) -> Iterator[list[Item]]:
        """All items, deleted ones included, in order of first sight."""
        sql = f"{_SELECT_AGED} WHERE first_sequence > ? ORDER BY first_sequence LIMIT ?"
        after = 0
        while True:
            with self._readers.snapshot() as db:
                rows = db.execute(sql, (after, _BATCH)).fetchall()
            if rows:
                yield [item(values[:-1]) for values in rows]
                after = rows[-1][-1]
            if len(rows) < _BATCH:
                return

    def item_at(self, item_id: str, sequence: int) -> Item | None:
        """The item as it was at a log position: the row that it was first seen in, and its changes up to there."""
        with self._readers.snapshot() as db:
            seen = db.execute("SELECT first_sequence, created_at FROM items WHERE item_id = ?", (item_id,)).fetchone()
            if seen is None or seen[0] > sequence:
                return None
            first = db.execute(f"{SELECT_LOG} WHERE sequence = ?", (seen[0],)).fetchall()
            sql = f"{SELECT_LOG} WHERE {CHANGES} AND item_id = ? AND sequence > ? AND sequence <= ? ORDER BY sequence"
            rows = first + db.execute(sql, (item_id, seen[0], sequence)).fetchall()
        found: Item | None = None
        for row in map(log_row, rows):
            found = fold_item(found, row)
        # The event that an item was first seen in may have been removed by retention; the item was there all the same.
        return found or Item(item_id=item_id, created_at=seen[1], sequence=seen[0])

    def items_changed_after(self, sequence: int) -> list[str]:
        """Ids of the items that a row after `sequence` changed, in order of change."""
        sql = "SELECT item_id FROM items WHERE sequence > ? ORDER BY sequence"
        with self._readers.snapshot() as db:
            return [row[0] for row in db.execute(sql, (sequence,)).fetchall()]

    def user_segments(self, attributes: Sequence[str]) -> pl.DataFrame:
        """One row per user with attributes (merged ones as one, under the canonical id): text per attribute."""
        with self._readers.snapshot() as db:
            people = People(map(user, db.execute(SELECT_USER).fetchall()))
        roots = [name for name in people.users if people.root(name) == name]
        told = [merged_properties(people.group(name)) for name in roots]
        columns = {name: [_text(properties.get(name)) for properties in told] for name in attributes}
        return pl.DataFrame({"user_id": roots, **columns}, schema=dict.fromkeys(["user_id", *attributes], pl.String))

    def rebuild(self) -> None:
        """Fold both tables again from the log: in memory first, then the last rows and the exchange in one transaction."""
        fold = derive.Fold()
        with self._readers.snapshot() as db:
            fold.run(db)
        self._writer.call(_exchange, fold)


def _exchange(db: sqlite3.Connection, folds: Sequence[derive.Fold]) -> list[None]:
    for fold in folds:
        fold.run(db)
        fold.store(db)
    return [None] * len(folds)


def _text(value: Any) -> str | None:
    """The value of an attribute as text; lists and objects have none."""
    if value is None or isinstance(value, list | dict):
        return None
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
