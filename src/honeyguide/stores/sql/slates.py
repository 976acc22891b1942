"""The served slates as any database holds them."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from honeyguide.clock import first_id_at
from honeyguide.stores.sql import Reads
from honeyguide.types import ServedSlate

SELECT_SLATE: Final = "SELECT body FROM slates WHERE request_id = ?"
COUNT_SLATES: Final = "SELECT count(*) FROM slates"
LAST_SLATE: Final = "SELECT coalesce(max(sequence), 0) FROM slates"
_AFTER: Final = "SELECT sequence, body FROM slates WHERE sequence > ? ORDER BY sequence LIMIT 500"
_BEFORE: Final = "SELECT sequence, body FROM slates WHERE sequence < ? ORDER BY sequence DESC LIMIT ?"
_BETWEEN: Final = "SELECT request_id, body FROM slates WHERE request_id > ? AND request_id < ? ORDER BY request_id LIMIT 500"
_LATE: Final = 60_000
"""Milliseconds by which a slate's id and its own time may differ."""
_NO_END: Final = 2**63 - 1
_WINDOW: Final = 2_000
"""Slates that one short read looks at."""
_CHUNK: Final = 500
REMOVE_SLATE: Final = "DELETE FROM slates WHERE sequence = ?"
_OLDEST: Final = "SELECT sequence, ts FROM slates ORDER BY sequence LIMIT 200"
_REMOVED: Final = 200
"""Slates that are removed in one transaction."""
encode_slate: Final = msgspec.msgpack.Encoder().encode
"""A slate as its column `body` holds it."""
decode_slate: Final = msgspec.msgpack.Decoder(ServedSlate).decode
"""The slate of a column `body`."""


def slates_of(reads: Reads, user_ids: Collection[str]) -> Iterator[list[tuple[int, ServedSlate]]]:
    """(sequence, slate) of these users in order of sequence, a list for each part that has any; up to the end of now.

    All slates are looked at: an index by user would cost every list a random page."""
    ids = sorted(set(user_ids))
    with reads.snapshot() as db:
        first, last = db.execute("SELECT min(sequence), max(sequence) FROM slates").fetchone()
    for after in range((first or 1) - 1, last or 0, _WINDOW):
        found = []
        with reads.snapshot() as db:
            for start in range(0, len(ids), _CHUNK):
                chunk = ids[start : start + _CHUNK]
                sql = (
                    "SELECT sequence, body FROM slates WHERE sequence > ? AND sequence <= ? "
                    f"AND user_id IN ({', '.join('?' * len(chunk))})"
                )
                found += db.execute(sql, (after, min(after + _WINDOW, last), *chunk)).fetchall()
        if found:
            yield [(sequence, decode_slate(bytes(body))) for sequence, body in sorted(found)]


def remove_slates(
    reads: Reads, remove: Callable[[Sequence[int]], None], users: Mapping[str, int]
) -> Iterator[Mapping[str, int]]:
    """See `protocols.SlateLog.remove_users`; `remove` takes out slates by number, in a transaction."""
    for found in slates_of(reads, users):
        old = [(sequence, slate.user_id) for sequence, slate in found if slate.as_of <= users[slate.user_id]]
        for start in range(0, len(old), _REMOVED):
            part = old[start : start + _REMOVED]
            remove([sequence for sequence, _ in part])
            yield Counter(user_id for _, user_id in part)


def expire_slates(reads: Reads, remove: Callable[[Sequence[int]], None], before: int) -> int:
    """See `protocols.SlateLog.expire`."""
    with reads.snapshot() as db:
        rows = db.execute(_OLDEST).fetchall()
    old = [sequence for sequence, ts in rows if ts < before]
    if old:
        remove(old)
    return len(old)


def slates_after(reads: Reads, after: int) -> Iterator[list[tuple[int, ServedSlate]]]:
    """The stored slates after a number, in batches of one short read each."""
    while True:
        with reads.snapshot() as db:
            rows = db.execute(_AFTER, (after,)).fetchall()
        if not rows:
            return
        yield [(row[0], decode_slate(row[1])) for row in rows]
        after = rows[-1][0]


def slates_between(reads: Reads, since: int, until: int) -> Iterator[list[ServedSlate]]:
    """See `protocols.SlateLog.served`. Request ids are in order of time, and have an index."""
    after, end = first_id_at(max(0, since - _LATE)), first_id_at(until + _LATE)
    while True:
        with reads.snapshot() as db:
            rows = db.execute(_BETWEEN, (after, end)).fetchall()
        found = [slate for slate in (decode_slate(bytes(row[1])) for row in rows) if since <= slate.ts < until]
        if found:
            yield found
        if len(rows) < _CHUNK:
            return
        after = rows[-1][0]


def latest_slates(reads: Reads, most: int) -> Iterator[list[ServedSlate]]:
    """The slates stored last, newest first, at most so many, in batches of one short read each."""
    before = _NO_END
    while most > 0:
        with reads.snapshot() as db:
            rows = db.execute(_BEFORE, (before, min(most, _CHUNK))).fetchall()
        if not rows:
            return
        yield [decode_slate(bytes(row[1])) for row in rows]
        before, most = rows[-1][0], most - len(rows)
