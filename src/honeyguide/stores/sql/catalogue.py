"""The current items and users as any database holds them: what is read beside the event loop."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
import polars as pl

from honeyguide.stores.conditions import CHANGES
from honeyguide.stores.fold import People, fold_item, merged_properties
from honeyguide.stores.sql import Database, Reads, Writes
from honeyguide.stores.sql.derive import Fold
from honeyguide.stores.sql.rows import SELECT_AGED_ITEM, SELECT_ITEM, SELECT_LOG, SELECT_USER, item, log_row, user
from honeyguide.types import Item

ITEM_PAGE: Final = f"{SELECT_ITEM} WHERE item_id > ? AND deleted_at IS NULL ORDER BY item_id LIMIT ?"
USER_PAGE: Final = f"{SELECT_USER} WHERE user_id > ? ORDER BY user_id LIMIT ?"
ANY_LINK: Final = "SELECT EXISTS (SELECT 1 FROM user_links)"
SELECT_LINK: Final = "SELECT user_id, canonical_id FROM user_links"
_BATCH: Final = 2_000


class TableCatalogue:
    """The sync half of `protocols.CatalogueTable`; a store adds the online reads."""

    def __init__(self, writes: Writes, reads: Reads) -> None:
        self._writes = writes
        self._reads = reads

    def scan_items(self) -> Iterator[list[Item]]:
        """All items, deleted ones included, in order of first sight."""
        sql = f"{SELECT_AGED_ITEM} WHERE first_sequence > ? ORDER BY first_sequence LIMIT ?"
        after = 0
        while True:
            with self._reads.snapshot() as db:
                rows = db.execute(sql, (after, _BATCH)).fetchall()
            if rows:
                yield [item(values[:-1]) for values in rows]
                after = rows[-1][-1]
            if len(rows) < _BATCH:
                return

    def item_ids(self) -> list[str]:
        """Ids of the items that are not deleted, in no order."""
        with self._reads.snapshot() as db:
            return [row[0] for row in db.execute("SELECT item_id FROM items WHERE deleted_at IS NULL").fetchall()]

    def item_at(self, item_id: str, sequence: int) -> Item | None:
        """The item as it was at a log position: the row that it was first seen in, and its changes up to there."""
        with self._reads.snapshot() as db:
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
        with self._reads.snapshot() as db:
            return [row[0] for row in db.execute(sql, (sequence,)).fetchall()]

    def user_segments(self, attributes: Sequence[str]) -> pl.DataFrame:
        """One row per user with attributes (merged ones as one, under the canonical id): text per attribute."""
        with self._reads.snapshot() as db:
            people = People(map(user, db.execute(SELECT_USER).fetchall()))
        roots = [name for name in people.users if people.root(name) == name]
        told = [merged_properties(people.group(name)) for name in roots]
        columns = {name: [_text(properties.get(name)) for properties in told] for name in attributes}
        return pl.DataFrame({"user_id": roots, **columns}, schema=dict.fromkeys(["user_id", *attributes], pl.String))

    def rebuild(self) -> None:
        """Fold both tables again from the log: in memory first, then the last rows and the exchange in one transaction."""
        fold = Fold()
        with self._reads.snapshot() as db:
            fold.run(db)
        self._writes.call(_exchange, fold)


def _exchange(db: Database, folds: Sequence[Fold]) -> list[None]:
    for fold in folds:
        fold.run(db)
        fold.store(db)
    return [None] * len(folds)


def _text(value: Any) -> str | None:
    """The value of an attribute as text; lists and objects have none."""
    if value is None or isinstance(value, list | dict):
        return None
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
