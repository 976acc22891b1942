"""The rows of the log in order, in batches of one short read each."""

from collections.abc import Collection, Iterator
from typing import Final

from honeyguide.stores.sql import Reads
from honeyguide.stores.sql.rows import SELECT_LOG, log_row
from honeyguide.types import LogRow

_SCAN: Final = 2_000
_ROWS: Final = f"{SELECT_LOG} WHERE sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?"


_HAPPENED: Final = (
    f"{SELECT_LOG} WHERE ts >= ? AND ts < ? AND (ts > ? OR sequence > ?) AND kind = 'event' AND type IN ({{types}}) "
    "ORDER BY ts, sequence LIMIT ?"
)


def happened(reads: Reads, types: Collection[str], *, since: int, until: int) -> Iterator[list[LogRow]]:
    """See `protocols.EventLog.happened`."""
    sql = _HAPPENED.format(types=", ".join("?" * len(types)) or "NULL")
    start, last = since, 0
    while True:
        with reads.snapshot() as db:
            found = db.execute(sql, (start, until, start, last, *sorted(types), _SCAN)).fetchall()
        rows = [log_row(values) for values in found]
        if rows:
            yield rows
        if len(rows) < _SCAN:
            return
        start, last = rows[-1].ts, rows[-1].sequence


def scan(
    reads: Reads, position: str, *, after: int = 0, until: int | None = None, limit: int | None = None
) -> Iterator[list[LogRow]]:
    """See `protocols.EventLog.scan`; `position` is the statement that tells where the log ends."""
    if until is None:
        with reads.snapshot() as db:
            row = db.execute(position).fetchone()
        until = int(row[0]) if row else 0
    left = limit
    while left is None or left > 0:
        size = _SCAN if left is None else min(_SCAN, left)
        with reads.snapshot() as db:
            rows = [log_row(values) for values in db.execute(_ROWS, (after, until, size)).fetchall()]
        if rows:
            yield rows
        if len(rows) < size:
            return
        after = rows[-1].sequence
        left = None if left is None else left - len(rows)
