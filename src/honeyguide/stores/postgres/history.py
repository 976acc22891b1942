"""The history for training: millions of rows of the log as columns, with merges followed."""

from io import BytesIO
from typing import Final

import polars as pl

from honeyguide.stores.conditions import HISTORY
from honeyguide.stores.postgres.pool import ThreadPool
from honeyguide.stores.postgres.position import POSITION
from honeyguide.stores.postgres.work import Snapshots
from honeyguide.stores.sql.rows import INTERACTIONS, LINKS_AT

_CHUNK: Final = 200_000
_READ: Final = (
    f"COPY (SELECT {', '.join(INTERACTIONS)} FROM log WHERE {HISTORY} AND kind = 'event' "
    "AND sequence > %s AND sequence <= %s) TO STDOUT (FORMAT CSV, FORCE_QUOTE (user_id, item_id, type))"
)


def interactions(pool: ThreadPool, until: int | None) -> pl.DataFrame:
    """See `protocols.EventLog.interactions`. Read in chunks, each a short statement: the log only grows at its end."""
    with Snapshots(pool).snapshot() as db:
        end = int(db.execute(f"SELECT {POSITION}").fetchone()[0])
        end = end if until is None else min(until, end)
        canonical = dict(db.execute(LINKS_AT, {"at": end}).fetchall())
    frames = [pl.DataFrame(schema=INTERACTIONS)]
    frames += [_chunk(pool, after, min(after + _CHUNK, end)) for after in range(0, end, _CHUNK)]
    history = pl.concat(frames)
    if canonical:
        history = history.with_columns(pl.col("user_id").replace(canonical))
    return history.sort("ts", "sequence")


def _chunk(pool: ThreadPool, after: int, end: int) -> pl.DataFrame:
    with pool.lend() as connection, connection.cursor().copy(_READ, (after, end)) as copy:
        text = b"".join(copy)
    if not text:
        return pl.DataFrame(schema=INTERACTIONS)
    return pl.read_csv(BytesIO(text), has_header=False, schema=INTERACTIONS)
