"""Keeping the current items and users true: in the transaction of each append, and anew by `rebuild`."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from honeyguide.stores.fold import Catalogue, People, merges_named
from honeyguide.stores.sqlite.rows import (
    SELECT_ITEM,
    SELECT_LOG,
    SELECT_USER,
    item,
    log_row,
    select_in,
    store_items,
    store_moves,
    store_users,
    user,
)
from honeyguide.types import LogRow

_KNOWN_ITEMS: Final = 500_000


class KnownItems:
    """Ids that are surely in the items table, so that an event that names one costs no look-up. Bounded: it may forget.

    Ids are added only after their commit."""

    def __init__(self, most: int = _KNOWN_ITEMS) -> None:
        self._ids: set[str] = set()
        self._most = most

    def relevant(self, rows: Iterable[LogRow]) -> list[LogRow]:
        """The rows that may change an item or a user."""
        ids = self._ids
        return [row for row in rows if row.kind != "event" or (row.item_id is not None and row.item_id not in ids)]

    def add(self, rows: Iterable[LogRow]) -> None:
        """Remember the items of rows that are committed."""
        if len(self._ids) > self._most:
            self._ids.clear()
        self._ids.update(row.item_id for row in rows if row.item_id is not None)


def apply(db: sqlite3.Connection, rows: Sequence[LogRow]) -> None:
    """Bring items and users up to date with `rows`, which are new in the log and carry their sequence."""
    if rows:
        _apply_items(db, rows)
        _apply_users(db, [row for row in rows if row.kind.startswith("user")])


def _apply_items(db: sqlite3.Connection, rows: Sequence[LogRow]) -> None:
    names = {row.item_id for row in rows if row.item_id is not None}
    catalogue = Catalogue(map(item, select_in(db, f"{SELECT_ITEM} WHERE item_id", sorted(names))))
    for row in rows:
        catalogue.apply(row)
    store_items(db, catalogue.changed.values(), catalogue.first)


def _apply_users(db: sqlite3.Connection, rows: Sequence[LogRow]) -> None:
    if not rows:
        return
    people = People(map(user, load_people(db, {row.user_id for row in rows if row.user_id} | merges_named(rows))))
    for row in rows:
        people.apply(row)
    store_users(db, people.changed)
    store_moves(db, people.moves)


def load_people(db: sqlite3.Connection, ids: Iterable[str]) -> list[tuple[str, str | None, str, int]]:
    """Rows of the users `ids`, of all that they are merged with, and of nobody else."""
    wanted = set(ids)
    roots = {row[1] for row in select_in(db, f"{SELECT_USER} WHERE user_id", sorted(wanted)) if row[1] is not None}
    wanted |= roots
    wanted |= {row[0] for row in select_in(db, f"{SELECT_USER} WHERE canonical_id", sorted(wanted))}
    return [(row[0], row[1], row[2], row[3]) for row in select_in(db, f"{SELECT_USER} WHERE user_id", sorted(wanted))]


class Fold:
    """Items and users folded from the log alone, in memory."""

    def __init__(self) -> None:
        self._catalogue = Catalogue()
        self._people = People()
        self._through = 0

    def run(self, db: sqlite3.Connection) -> None:
        """Fold what the log holds beyond what was folded before."""
        sql = f"{SELECT_LOG} WHERE sequence > ? ORDER BY sequence"
        for values in db.execute(sql, (self._through,)):
            row = log_row(values)
            self._catalogue.apply(row)
            self._people.apply(row)
            self._through = row.sequence

    def store(self, db: sqlite3.Connection) -> None:
        """Replace the tables by what was folded."""
        db.execute("DELETE FROM items")
        db.execute("DELETE FROM users")
        db.execute("DELETE FROM user_links")
        store_items(db, self._catalogue.items.values(), self._catalogue.first)
        store_users(db, self._people.users)
        store_moves(db, self._people.moves)
