"""Between rows of a database and the nouns of `types`: column lists, SQL that names them, and both directions."""

import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import polars as pl

from honeyguide.stores.fold import Move
from honeyguide.types import Item, Json, LogRow, User

LOG_COLUMNS: Final = LogRow.__struct_fields__
"""Columns of `log` in the order of the struct, so that a row is the struct's own tuple; `sequence` is the last."""
ITEM_COLUMNS: Final = (*Item.__struct_fields__,)
USER_COLUMNS: Final = (*User.__struct_fields__,)

SELECT_LOG: Final = f"SELECT {', '.join(LOG_COLUMNS)} FROM log"
LOG_AFTER: Final = f"{SELECT_LOG} WHERE sequence > ? ORDER BY sequence LIMIT ?"
SELECT_ITEM: Final = f"SELECT {', '.join(ITEM_COLUMNS)} FROM items"
SELECT_USER: Final = f"SELECT {', '.join(USER_COLUMNS)} FROM users"
SELECT_AGED_ITEM: Final = f"SELECT {', '.join(ITEM_COLUMNS)}, first_sequence FROM items"
"""Items with the log position of their first sight, which they are ordered by."""
LINKS_AT: Final = "SELECT user_id, canonical_id FROM user_links WHERE since <= :at AND (until IS NULL OR until > :at)"
"""Users who went by another id at a log position, and which."""

INTERACTIONS: Final = {
    "user_id": pl.String,
    "item_id": pl.String,
    "type": pl.String,
    "value": pl.Float64,
    "quantity": pl.Float64,
    "ts": pl.Int64,
    "sequence": pl.Int64,
}
"""The columns of the history for training."""

Statement = tuple[str, Iterable[Sequence[Any]]]
"""A statement and the values of each of its runs."""

_encode: Final = msgspec.json.Encoder().encode
_object: Final = msgspec.json.Decoder(dict[str, Any]).decode
_texts: Final = msgspec.json.Decoder(tuple[str, ...]).decode


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


_STORE_ITEM: Final = (
    f"INSERT INTO items ({', '.join(ITEM_COLUMNS)}, first_sequence) VALUES ({', '.join('?' * (len(ITEM_COLUMNS) + 1))}) "
    f"ON CONFLICT (item_id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in ITEM_COLUMNS[1:])}"
)
_STORE_USER: Final = (
    f"INSERT INTO users ({', '.join(USER_COLUMNS)}) VALUES (?, ?, ?, ?) "
    f"ON CONFLICT (user_id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in USER_COLUMNS[1:])}"
)
_REMOVE_USER: Final = "DELETE FROM users WHERE user_id = ?"
_END_LINK: Final = "UPDATE user_links SET until = ? WHERE user_id = ? AND until IS NULL"
_BEGIN_LINK: Final = "INSERT INTO user_links (user_id, since, canonical_id) VALUES (?, ?, ?)"


def store_items(changed: Iterable[Item], first: Mapping[str, int]) -> Iterator[Statement]:
    """Insert or replace items; `first` holds the sequence at which each new one was seen first."""
    values = [(*_item_values(item), first.get(item.item_id, item.sequence)) for item in changed]
    if values:
        yield _STORE_ITEM, values


def _item_values(item: Item) -> tuple[Any, ...]:
    found = msgspec.structs.asdict(item)
    found["categories"] = _encode(item.categories).decode()
    found["properties"] = _encode(item.properties).decode()
    found["vector"] = _blob(item.vector)
    return tuple(found.values())


def store_users(changed: Mapping[str, User | None]) -> Iterator[Statement]:
    """Insert, replace or (None) remove users."""
    if gone := [(name,) for name, user in changed.items() if user is None]:
        yield _REMOVE_USER, gone
    kept = [user for user in changed.values() if user is not None]
    if kept:
        yield _STORE_USER, [(u.user_id, u.canonical_id, _encode(u.properties).decode(), u.sequence) for u in kept]


def store_moves(moves: Iterable[Move]) -> Iterator[Statement]:
    """End the links that users leave, begin those that they enter, one after another."""
    for move in moves:
        if move.before is not None:
            yield _END_LINK, [(move.sequence, move.user_id)]
        if move.after is not None:
            yield _BEGIN_LINK, [(move.user_id, move.sequence, move.after)]
