"""Tombstones: who was erased, and when. What such a user did before does not come back, neither late nor from an old file.

The check is made in the transaction of the append. It costs nothing while nobody was erased, and live events cost a
comparison each: only those that are older than the latest erasure are looked up, all of a batch together.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from honeyguide.clock import system_chance
from honeyguide.pseudonyms import KEY_BYTES, Pseudonyms
from honeyguide.stores.sql import Database, Reads, Writes
from honeyguide.types import Appended, LogRow

LAST_ERASED: Final = "(SELECT value FROM meta WHERE name = 'last_erased')"
"""The mark of all erasures (`erased_before` reads it), NULL if there was none; to be read with the position of the log.

It is another after each erasure, whatever clock that one went by."""
_KEY: Final = "SELECT value FROM meta WHERE name = 'pseudonym_key'"
_SET_KEY: Final = "INSERT INTO meta (name, value, changed_at) VALUES ('pseudonym_key', ?, ?) ON CONFLICT (name) DO NOTHING"
_SET_LAST: Final = (
    "INSERT INTO meta (name, value, changed_at) VALUES ('last_erased', ?, ?) ON CONFLICT (name) DO UPDATE SET "
    "value = excluded.value, changed_at = excluded.changed_at"
)
_SET: Final = (
    "INSERT INTO tombstones (key_hash, erased_at) VALUES (?, ?) ON CONFLICT (key_hash) DO UPDATE SET "
    "erased_at = excluded.erased_at WHERE tombstones.erased_at < excluded.erased_at"
)
_CHUNK: Final = 500


def project_pseudonyms(writes: Writes, reads: Reads, now: int) -> Pseudonyms:
    """The project's pseudonyms; their key is made the first time that anybody opens the store."""
    with reads.snapshot() as db:
        row = db.execute(_KEY).fetchone()
    key = row[0] if row else writes.call(_make_key, (system_chance().getrandbits(8 * KEY_BYTES), now))
    return Pseudonyms(bytes.fromhex(key))


def _make_key(db: Database, made: Sequence[tuple[int, int]]) -> list[str]:
    for number, now in made:
        db.execute(_SET_KEY, (number.to_bytes(KEY_BYTES, "big").hex(), now))
    return [str(db.execute(_KEY).fetchone()[0])] * len(made)


def bury(db: Database, pseudonyms: Sequence[str], at: int) -> None:
    """Set tombstones of `at`; one that is there already moves on to then."""
    db.executemany(_SET, [(pseudonym, at) for pseudonym in pseudonyms])
    (mark,) = db.execute(f"SELECT {LAST_ERASED}").fetchone()
    number = int(mark.partition(" ")[2]) if mark else 0
    db.execute(_SET_LAST, (f"{max(at, erased_before(mark) or 0)} {number + 1}", at))


def erased_before(mark: str | None) -> int | None:
    """When the latest erasure was, in ms: what is no older is of no user who was erased."""
    return None if mark is None else int(mark.partition(" ")[0])


class Kept(NamedTuple):
    """The rows of an append that are to be written, where each stood, and where those stood that are not."""

    rows: list[LogRow]
    places: list[int]
    erased: tuple[int, ...]

    def told(self, appended: Appended) -> Appended:
        """What became of all rows, given what became of those that were to be written."""
        duplicates = tuple(self.places[place] for place in appended.duplicates)
        return Appended(appended.sequence, appended.accepted, duplicates, self.erased, appended.held)


class Suspect(NamedTuple):
    """A row that may be of the time before its user was erased: its place among the rows, and the user's pseudonym."""

    place: int
    row: LogRow
    pseudonym: str


def suspects(rows: Sequence[LogRow], last_erased: int, pseudonyms: Pseudonyms) -> list[Suspect]:
    """The rows that have to be looked up: events from before the latest erasure, and imported attributes of whatever time,
    since a file does not say when they were given."""
    return [
        Suspect(place, row, pseudonyms.of(row.user_id))
        for place, row in enumerate(rows)
        if row.user_id is not None and _is_old(row, last_erased)
    ]


def _is_old(row: LogRow, last_erased: int) -> bool:
    return row.ts < last_erased if row.kind == "event" else row.imported and row.kind.startswith("user")


def without(rows: Sequence[LogRow], suspected: Sequence[Suspect], erased_at: Mapping[str, int]) -> Kept | None:
    """Leave out what users did before they were erased; None if that is nothing. `erased_at` by pseudonym, ms."""
    erased = set()
    for place, row, pseudonym in suspected:
        at = erased_at.get(pseudonym)
        if at is not None and (row.kind != "event" or row.ts < at):
            erased.add(place)
            row.sequence = 0
    if not erased:
        return None
    places = [place for place in range(len(rows)) if place not in erased]
    return Kept([rows[place] for place in places], places, tuple(sorted(erased)))


def keep(db: Database, rows: Sequence[LogRow], last_erased: int, pseudonyms: Pseudonyms) -> Kept | None:
    """Look up the suspects among rows, and leave out those that are to be left out; None if there are none."""
    suspected = suspects(rows, last_erased, pseudonyms)
    return without(rows, suspected, erased_times(db, {each.pseudonym for each in suspected})) if suspected else None


def erased_times(db: Database, pseudonyms: Iterable[str]) -> dict[str, int]:
    """When those of the users were erased that were, by pseudonym."""
    wanted, found = sorted(pseudonyms), dict[str, int]()
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        marks = ", ".join("?" * len(chunk))
        found.update(db.execute(f"SELECT key_hash, erased_at FROM tombstones WHERE key_hash IN ({marks})", chunk).fetchall())
    return found
