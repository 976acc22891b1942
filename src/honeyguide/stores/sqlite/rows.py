"""Many rows to and from SQLite in few statements."""

import sqlite3
from collections.abc import Iterable
from itertools import chain
from typing import Any, Final

from msgspec.structs import astuple

from honeyguide.stores.sql.rows import LOG_COLUMNS
from honeyguide.types import LogRow

LOG_WIDTH: Final = len(LOG_COLUMNS)

_CHUNK: Final = 500
_CHUNKS: Final = (100, 10, 1)


def _insert_log(rows: int) -> str:
    values = ", ".join([f"({', '.join('?' * LOG_WIDTH)})"] * rows)
    return f"INSERT OR FAIL INTO log ({', '.join(LOG_COLUMNS)}) VALUES {values} ON CONFLICT (event_id) DO NOTHING"


_INSERT_LOG: Final = {rows: _insert_log(rows) for rows in _CHUNKS}


def flat(rows: Iterable[LogRow]) -> list[Any]:
    """The values of all rows in one list, as `insert_log` wants them."""
    return list(chain.from_iterable(map(astuple, rows)))


def insert_log(db: sqlite3.Connection, values: list[Any]) -> None:
    """Insert rows whose event id is new.

    Many rows to a statement: each statement lets go of the interpreter's lock, and a busy event loop gives it back
    only after its switch interval (5 ms). Beside one, on free cores, one statement per row was 25 times slower.
    OR FAIL: the transaction is rolled back on any error, so SQLite need not keep a copy of every page that the
    statement touches, to undo it alone; that took a third of the time."""
    start = 0
    for rows in _CHUNKS:
        width = rows * LOG_WIDTH
        while len(values) - start >= width:
            db.execute(_INSERT_LOG[rows], values[start : start + width])
            start += width


def select_in(db: sqlite3.Connection, sql: str, ids: Iterable[str]) -> list[tuple[Any, ...]]:
    """All rows of `sql`, which ends in a column's name, for the given values of that column."""
    wanted = list(ids)
    found: list[tuple[Any, ...]] = []
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        found += db.execute(f"{sql} IN ({', '.join('?' * len(chunk))})", chunk)
    return found
