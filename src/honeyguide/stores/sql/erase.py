"""Removing persons from the tables, step by step: each step is one short transaction, and any may be repeated.

A row of the log that an item was first seen in is not removed but emptied: the item stays in its place, with nothing left
that tells of a person. All tables are then what `rebuild` would make of the log.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec

from honeyguide.stores.conditions import BESIDE_HISTORY, HISTORY
from honeyguide.stores.fold import People, merges_named
from honeyguide.stores.sql import Database, Reads, Step, Writes
from honeyguide.stores.sql.rows import SELECT_LOG, log_row, store_moves, store_users
from honeyguide.types import LogRow

ROWS: Final = 100
"""Rows that one step removes: it holds the write lock for a few milliseconds."""
_CHUNK: Final = 500
_ROWS_OF: Final = tuple(
    f"SELECT sequence FROM log WHERE user_id = ? AND {condition} AND sequence <= ? ORDER BY ts LIMIT {ROWS}"
    for condition in (HISTORY, BESIDE_HISTORY)
)
_CHANGES: Final = f"{SELECT_LOG} WHERE {BESIDE_HISTORY} AND kind <> 'event' AND user_id"
_REMOVE_ROW: Final = "DELETE FROM log WHERE sequence = ?"
_EMPTY_ROW: Final = (
    "UPDATE log SET kind = 'item_patch', event_id = ?, user_id = NULL, type = '', value = NULL, quantity = NULL, "
    "session_id = NULL, device_id = NULL, surface = NULL, request_id = NULL, payload = NULL, imported = ? WHERE sequence = ?"
)
"""An imported patch of nothing: the item is as it was when an event made it, created at the row's time."""
_UNITS: Final = {"exposures": ("experiment", "phase", "unit"), "unit_totals": ("experiment", "phase", "metric", "unit")}

Counts = Mapping[str, int]


class _Rows(NamedTuple):
    sql: str
    user_id: str
    until: int


class _Keys(NamedTuple):
    """Rows to remove by key."""

    sql: str
    keys: Sequence[Sequence[Any]]


class _Links(NamedTuple):
    ids: Sequence[str]
    until: int


def erase(writes: Writes, reads: Reads, ids: Sequence[str], until: int) -> Iterator[Counts]:
    """Remove all about these ids, of the log the rows up to `until`; tells after each step what it has removed."""

    def step(work: Step[Any, int], payload: Any, table: str) -> Iterator[Counts]:
        if removed := writes.call(work, payload, ROWS):
            yield {table: removed}

    for user_id in ids:
        for sql in _ROWS_OF:
            while removed := writes.call(remove_rows, _Rows(sql, user_id, until), ROWS):
                yield {"log": removed}
    yield from step(_remove_merges, _Links(ids, until), "log")
    for table, keys in _keyed(reads, ids):
        sql = f"DELETE FROM {table} WHERE {' AND '.join(f'{name} = ?' for name in _KEYS[table])}"
        for start in range(0, len(keys), ROWS):
            yield from step(_remove_keys, _Keys(sql, keys[start : start + ROWS]), table)
    yield from step(_fold_again, ids, "users")


def remove_rows(db: Database, asked: Sequence[_Rows]) -> list[int]:
    """Remove the next rows of a user; returns how many, 0 when none are left."""
    removed = []
    for sql, user_id, until in asked:
        rows = [row[0] for row in db.execute(sql, (user_id, until)).fetchall()]
        take_out(db, rows)
        removed.append(len(rows))
    return removed


def take_out(db: Database, sequences: Sequence[int]) -> None:
    """Remove rows of the log; those that items were first seen in are emptied instead."""
    seen_in = [row[0] for row in _select_in(db, "SELECT first_sequence FROM items WHERE first_sequence", sequences)]
    db.executemany(_EMPTY_ROW, [(f"item-{sequence}", True, sequence) for sequence in seen_in])
    db.executemany(_REMOVE_ROW, [(sequence,) for sequence in set(sequences).difference(seen_in)])


def take_out_all(db: Database, asked: Sequence[Sequence[int]]) -> list[None]:
    """`take_out` as a step."""
    for sequences in asked:
        take_out(db, sequences)
    return [None] * len(asked)


def _remove_merges(db: Database, asked: Sequence[_Links]) -> list[int]:
    """Remove merges of other users that name one of the ids: users who have been one person with them and left."""
    removed = []
    for ids, until in asked:
        others = _linked(db, ids).difference(ids)
        rows = map(log_row, _select_in(db, _CHANGES, sorted(others)))
        naming = [row.sequence for row in rows if row.sequence <= until and not merges_named([row]).isdisjoint(ids)]
        take_out(db, naming)
        removed.append(len(naming))
    return removed


def _linked(db: Database, ids: Iterable[str]) -> set[str]:
    """All who ever were merged with these, directly or by others."""
    known: set[str] = set()
    new = set(ids)
    while new:
        known |= new
        found = _select_in(db, "SELECT user_id FROM user_links WHERE canonical_id", sorted(new))
        found += _select_in(db, "SELECT canonical_id FROM user_links WHERE user_id", sorted(new))
        new = {row[0] for row in found} - known
    return known


def _fold_again(db: Database, asked: Sequence[Sequence[str]]) -> list[int]:
    """Make users and links of the ids, and of all who ever were merged with them, what the log says now.

    Returns how many of the ids had attributes or links of their own."""
    folded = []
    for ids in asked:
        linked = sorted(_linked(db, ids))
        present = {row[0] for row in _select_in(db, "SELECT user_id FROM users WHERE user_id", sorted(ids))}
        people = People()
        rows: Iterable[LogRow] = map(log_row, _select_in(db, _CHANGES, linked))
        for row in sorted(rows, key=attrgetter("sequence")):
            people.apply(row)
        gone = [(name,) for name in {*linked, *people.users}]
        for table in ("users", "user_links"):
            db.executemany(f"DELETE FROM {table} WHERE user_id = ?", gone)
        for sql, values in (*store_users(people.users), *store_moves(people.moves)):
            db.executemany(sql, values)
        folded.append(len(present.difference(people.users)))
    return folded


# --- tables that name a person otherwise than by user_id --------------------------------------------------------------

_KEYS: Final[Mapping[str, Sequence[str]]] = {
    **_UNITS,
    "idempotency_keys": ("key",),
}


def _keyed(reads: Reads, ids: Sequence[str]) -> Iterator[tuple[str, list[Sequence[Any]]]]:
    """(table, keys of rows about these ids); found by reading alone, so that nobody waits for it."""
    for table, names in _UNITS.items():
        with reads.snapshot() as db:
            yield table, _select_in(db, f"SELECT {', '.join(names)} FROM {table} WHERE unit", ids)
    yield "idempotency_keys", [(key,) for key in _answers_naming(reads, ids)]


def _remove_keys(db: Database, asked: Sequence[_Keys]) -> list[int]:
    return [sum(db.execute(sql, key).rowcount for key in keys) for sql, keys in asked]


def _answers_naming(reads: Reads, ids: Sequence[str]) -> Iterator[str]:
    """Keys of the answers that quote one of the ids, as words about a refused row do."""
    after = ""
    named = naming(ids)
    while True:
        with reads.snapshot() as db:
            sql = f"SELECT key, body FROM idempotency_keys WHERE key > ? ORDER BY key LIMIT {_CHUNK}"
            rows = db.execute(sql, (after,)).fetchall()
        yield from (key for key, body in rows if named(bytes(body).decode(errors="replace")))
        if len(rows) < _CHUNK:
            return
        after = rows[-1][0]


_SHOWN: Final = 40


def naming(ids: Iterable[str]) -> Callable[[str], bool]:
    """Tells whether a text of JSON quotes one of the ids: as a value, or in words, cut as words cut it."""
    words = [(repr(name), repr(name[:_SHOWN]), f'"{name}"') for name in ids]
    quoted = {*map(_json, ids), *(_json(word)[1:-1] for each in words for word in each)}
    return lambda text: any(quote in text for quote in quoted)


def _json(text: str) -> str:
    return msgspec.json.encode(text).decode()


def _select_in(db: Database, sql: str, values: Sequence[Any]) -> list[Any]:
    """All rows of `sql`, which ends in a column's name, for the given values of that column."""
    found: list[Any] = []
    for start in range(0, len(values), _CHUNK):
        chunk = values[start : start + _CHUNK]
        found += db.execute(f"{sql} IN ({', '.join('?' * len(chunk))})", chunk).fetchall()
    return found
