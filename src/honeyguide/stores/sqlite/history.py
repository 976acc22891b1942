"""The history for training: millions of rows of the log as columns, with merges followed."""

from typing import Final

import polars as pl

from honeyguide.stores.conditions import HISTORY
from honeyguide.stores.sql.rows import INTERACTIONS, LINKS_AT
from honeyguide.stores.sqlite.connect import Readers
from honeyguide.stores.sqlite.state import position

_CHUNK: Final = 50_000
# NOT INDEXED: most rows are wanted, so the table in its own order beats any index.
_READ: Final = (
    f"SELECT {', '.join(INTERACTIONS)} FROM log NOT INDEXED "
    f"WHERE {HISTORY} AND kind = 'event' AND sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?"
)


def interactions(readers: Readers, until: int | None) -> pl.DataFrame:
    """See `protocols.EventLog.interactions`. Read in chunks, each a short snapshot: the log only grows at its end."""
    with readers.snapshot() as db:
        end = position(db) if until is None else min(until, position(db))
        canonical = dict(db.execute(LINKS_AT, {"at": end}).fetchall())
    frames = [pl.DataFrame(schema=INTERACTIONS)]
    after = 0
    while True:
        with readers.snapshot() as db:
            rows = db.execute(_READ, (after, end, _CHUNK)).fetchall()
        if rows:
            frames.append(pl.DataFrame(rows, schema=INTERACTIONS, orient="row"))
            after = rows[-1][-1]
        if len(rows) < _CHUNK:
            break
    history = pl.concat(frames)
    if canonical:
        history = history.with_columns(pl.col("user_id").replace(canonical))
    return history.sort("ts", "sequence")
