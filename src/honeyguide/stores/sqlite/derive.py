"""Bringing items and users up to date in the transaction of an append."""

import sqlite3
from collections.abc import Sequence

from honeyguide.stores.sql.derive import changes, touched
from honeyguide.stores.sql.rows import SELECT_ITEM, SELECT_USER, item, user
from honeyguide.stores.sqlite.rows import select_in
from honeyguide.types import LogRow, User


def apply(db: sqlite3.Connection, rows: Sequence[LogRow]) -> None:
    """Bring items and users up to date with `rows`, which are new in the log and carry their sequence."""
    if not rows:
        return
    ids = touched(rows)
    items = map(item, select_in(db, f"{SELECT_ITEM} WHERE item_id", ids.items))
    for sql, values in changes(rows, items, _people(db, ids.users)):
        db.executemany(sql, values)


def _people(db: sqlite3.Connection, ids: Sequence[str]) -> list[User]:
    """The users `ids`, all that they are merged with, and nobody else."""
    wanted = set(ids)
    roots = {row[1] for row in select_in(db, f"{SELECT_USER} WHERE user_id", ids) if row[1] is not None}
    wanted |= roots
    wanted |= {row[0] for row in select_in(db, f"{SELECT_USER} WHERE canonical_id", sorted(wanted))}
    return [user(row) for row in select_in(db, f"{SELECT_USER} WHERE user_id", sorted(wanted))]
