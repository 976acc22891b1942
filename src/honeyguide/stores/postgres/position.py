"""Where the log ends, and who may add to it."""

from typing import Final

from honeyguide.stores.sql import Database

POSITION: Final = (
    "greatest(coalesce((SELECT max(sequence) FROM log), 0), "
    "(SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM log_sequence_seq))"
)
"""The last number that the log gave out, as SQL. Once the newest rows were erased the sequence object says it."""
KEEP_POSITION: Final = f"SELECT setval('log_sequence_seq', {POSITION}) WHERE {POSITION} > 0"
"""To be run, under the lock, before the newest rows are removed: a position never goes back."""
LOG_LOCK: Final = "SELECT pg_advisory_xact_lock(1752133221, 'log'::regclass::oid::int)"
"""Who holds it gives out the numbers of the log, and keeps the tables that follow it, until the end of its transaction.

So numbers become visible in their order: whoever has read up to S has missed nothing that comes later with a lower number.
A lock and not a row that counts: under one long transaction anywhere on the server (a dump) every commit would leave a
dead version of that row behind, for every reader of the position to step over."""
RECORDS_LOCK: Final = "SELECT pg_advisory_xact_lock(1752133221, 'jobs'::regclass::oid::int)"
"""Who holds it writes registry, jobs and whatever else people and processes decide."""
FOLDS_LOCK: Final = "SELECT pg_advisory_xact_lock(1752133221, 'folds'::regclass::oid::int)"
"""Who holds it writes what is folded from the log in the background."""
SLATES_LOCK: Final = "SELECT pg_advisory_xact_lock(1752133221, 'slates'::regclass::oid::int)"
"""Who holds it appends served slates: their numbers become visible in order, too."""


def position(db: Database) -> int:
    """The last number that the log gave out, in an open transaction."""
    return int(db.execute(f"SELECT {POSITION}").fetchone()[0])
