"""The served slates as any database holds them."""

from collections.abc import Iterator
from typing import Final

import msgspec

from honeyguide.stores.sql import Reads
from honeyguide.types import ServedSlate

SELECT_SLATE: Final = "SELECT body FROM slates WHERE request_id = ?"
COUNT_SLATES: Final = "SELECT count(*) FROM slates"
_FIRST: Final = -(2**63)
_OF_USER: Final = (
    "SELECT ts, sequence, body FROM slates WHERE user_id = ? AND (ts, sequence) > (?, ?) ORDER BY ts, sequence LIMIT 200"
)
_AFTER: Final = "SELECT sequence, body FROM slates WHERE sequence > ? ORDER BY sequence LIMIT 500"
encode_slate: Final = msgspec.msgpack.Encoder().encode
"""A slate as its column `body` holds it."""
decode_slate: Final = msgspec.msgpack.Decoder(ServedSlate).decode
"""The slate of a column `body`."""


def slates_of_user(reads: Reads, user_id: str) -> Iterator[list[ServedSlate]]:
    """The stored slates of a user, oldest first, in batches of one short read each."""
    after = (_FIRST, 0)
    while True:
        with reads.snapshot() as db:
            rows = db.execute(_OF_USER, (user_id, *after)).fetchall()
        if not rows:
            return
        yield [decode_slate(row[2]) for row in rows]
        after = rows[-1][:2]


def slates_after(reads: Reads, after: int) -> Iterator[list[tuple[int, ServedSlate]]]:
    """The stored slates after a number, in batches of one short read each."""
    while True:
        with reads.snapshot() as db:
            rows = db.execute(_AFTER, (after,)).fetchall()
        if not rows:
            return
        yield [(row[0], decode_slate(row[1])) for row in rows]
        after = rows[-1][0]
