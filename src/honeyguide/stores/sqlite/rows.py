"""Between rows of SQLite and the nouns of `types`: column lists, SQL that names them, and both directions."""

import sqlite3
import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from honeyguide.stores.fold import Move
from honeyguide.types import Item, Json, LogRow, User

LOG_COLUMNS: Final = LogRow.__struct_fields__
"""Columns of `log` in the order of the struct, so that a row is the struct's own tuple; `sequence` is the last."""
LOG_WIDTH: Final = len(LOG_COLUMNS)
ITEM_COLUMNS: Final = (*Item.__struct_fields__,)
USER_COLUMNS: Final = (*User.__struct_fields__,)

SELECT_LOG: Final = f"SELECT {', '.join(LOG_COLUMNS)} FROM log"
SELECT_ITEM: Final = f"SELECT {', '.join(ITEM_COLUMNS)} FROM items"
SELECT_USER: Final = f"SELECT {', '.join(USER_COLUMNS)} FROM users"

_CHUNK: Final = 500
_CHUNKS: Final = (100, 10, 1)
_encode: Final = msgspec.json.Encoder().encode
_object: Final = msgspec.json.Decoder(dict[str, Any]).decode
_texts: Final = msgspec.json.Decoder(tuple[str, ...]).decode


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


def log_row(values: Sequence[Any]) -> LogRow:
    """A row of `SELECT_LOG`."""
    row = LogRow(**dict(zip(LOG_COLUMNS, values, strict=True)))
    row.imported = bool(row.imported)
    return row


def item(values: Sequence[Any]) -> Item:
    """A row of `SELECT_ITEM`."""
    found = dict(zip(ITEM_COLUMNS, values, strict=True))
    found["categories"] = _texts(found["categories"])
    found["properties"] = _object(found["properties"])
    found["available"], found["hidden"] = bool(found["available"]), bool(found["hidden"])
    found["vector"] = None if found["vector"] is None else tuple(_floats(found["vector"]))
    return Item(**found)


def user(values: Sequence[Any]) -> User:
    """A row of `SELECT_USER`."""
    user_id, canonical_id, properties, sequence = values
    return User(user_id=user_id, canonical_id=canonical_id, properties=_object(properties), sequence=sequence)


def properties(text: str) -> Json:
    """The JSON object of a properties column."""
    return _object(text)


def _floats(blob: bytes) -> "array[float]":
    numbers = array("f", blob)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _blob(vector: Sequence[float] | None) -> bytes | None:
    if vector is None:
        return None
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


_ITEM_INSERT: Final = (
    f"INSERT INTO items ({', '.join(ITEM_COLUMNS)}, first_sequence) VALUES ({', '.join('?' * (len(ITEM_COLUMNS) + 1))}) "
    f"ON CONFLICT (item_id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in ITEM_COLUMNS[1:])}"
)
_USER_INSERT: Final = (
    f"INSERT INTO users ({', '.join(USER_COLUMNS)}) VALUES (?, ?, ?, ?) "
    f"ON CONFLICT (user_id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in USER_COLUMNS[1:])}"
)


def store_items(db: sqlite3.Connection, changed: Iterable[Item], first: dict[str, int]) -> None:
    """Insert or replace items; `first` holds the sequence at which each new one was seen first."""
    db.executemany(_ITEM_INSERT, ((*_item_values(item), first.get(item.item_id, item.sequence)) for item in changed))


def _item_values(item: Item) -> tuple[Any, ...]:
    found = msgspec.structs.asdict(item)
    found["categories"] = _encode(item.categories).decode()
    found["properties"] = _encode(item.properties).decode()
    found["vector"] = _blob(item.vector)
    return tuple(found.values())


def store_users(db: sqlite3.Connection, changed: Mapping[str, User | None]) -> None:
    """Insert, replace or (None) remove users."""
    db.executemany("DELETE FROM users WHERE user_id = ?", [(name,) for name, user in changed.items() if user is None])
    db.executemany(
        _USER_INSERT,
        [
            (user.user_id, user.canonical_id, _encode(user.properties).decode(), user.sequence)
            for user in changed.values()
            if user is not None
        ],
    )


def store_moves(db: sqlite3.Connection, moves: Iterable[Move]) -> None:
    """End the links that users leave, begin those that they enter."""
    for move in moves:
        if move.before is not None:
            db.execute("UPDATE user_links SET until = ? WHERE user_id = ? AND until IS NULL", (move.sequence, move.user_id))
        if move.after is not None:
            values = (move.user_id, move.sequence, move.after)
            db.execute("INSERT INTO user_links (user_id, since, canonical_id) VALUES (?, ?, ?)", values)


def select_in(db: sqlite3.Connection, sql: str, ids: Iterable[str]) -> list[tuple[Any, ...]]:
    """All rows of `sql`, which ends in a column's name, for the given values of that column."""
    wanted = list(ids)
    found: list[tuple[Any, ...]] = []
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        found += db.execute(f"{sql} IN ({', '.join('?' * len(chunk))})", chunk)
    return found
