"""Keeping the current items and users true: in the transaction of each append, and anew by `Fold`."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from honeyguide.stores.fold import Catalogue, People, merges_named
from honeyguide.stores.sql import Database
from honeyguide.stores.sql.rows import SELECT_LOG, Statement, log_row, store_items, store_moves, store_users
from honeyguide.types import Item, LogRow, User

_KNOWN_ITEMS: Final = 500_000
EVERYTHING: Final = ("items", "users", "user_links")
"""The derived tables."""


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
        """Remember the items of rows that are committed; a duplicate (sequence 0) has made none."""
        if len(self._ids) > self._most:
            self._ids.clear()
        self._ids.update(row.item_id for row in rows if row.item_id is not None and row.sequence)


class Touched(NamedTuple):
    """Ids that rows may change; users with whom they are merged belong to it too."""

    items: list[str]
    users: list[str]


def touched(rows: Sequence[LogRow]) -> Touched:
    """What must be read before `rows` can be folded."""
    people = [row for row in rows if row.kind.startswith("user")]
    return Touched(
        sorted({row.item_id for row in rows if row.item_id is not None}),
        sorted({row.user_id for row in people if row.user_id is not None} | merges_named(people)),
    )


def changes(rows: Sequence[LogRow], items: Iterable[Item], users: Iterable[User]) -> Iterator[Statement]:
    """What to run so that the tables know `rows`, which are new in the log and carry their sequence.

    `items` and `users` are the present rows of what is `touched`."""
    catalogue, people = Catalogue(items), People(users)
    for row in rows:
        catalogue.apply(row)
        people.apply(row)
    yield from store_items(catalogue.changed.values(), catalogue.first)
    yield from store_users(people.changed)
    yield from store_moves(people.moves)


class Fold:
    """Items and users folded from the log alone, in memory."""

    def __init__(self) -> None:
        self._catalogue = Catalogue()
        self._people = People()
        self._through = 0

    def run(self, db: Database) -> None:
        """Fold what the log holds beyond what was folded before."""
        sql = f"{SELECT_LOG} WHERE sequence > ? ORDER BY sequence"
        for values in db.execute(sql, (self._through,)):
            row = log_row(values)
            self._catalogue.apply(row)
            self._people.apply(row)
            self._through = row.sequence

    def store(self, db: Database) -> None:
        """Replace the tables by what was folded."""
        for table in EVERYTHING:
            db.execute(f"DELETE FROM {table}")
        for sql, values in (
            *store_items(self._catalogue.items.values(), self._catalogue.first),
            *store_users(self._people.users),
            *store_moves(self._people.moves),
        ):
            db.executemany(sql, values)
