"""Which processes there are, and which of them leads. Every moment here is the database's own."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from honeyguide.stores.sql import Database, Now, Reads, Writes
from honeyguide.types import Leadership, Process

_DAY_MS: Final = 86_400_000
_FIELDS: Final = ("process_id", "role", "host", "pid", "port", "release", "started_at")
_NAMES: Final = ", ".join(_FIELDS)
_BEAT: Final = (
    f"INSERT INTO heartbeats ({_NAMES}, seen_at) VALUES ({', '.join('?' * len(_FIELDS))}, ?) "
    "ON CONFLICT (process_id) DO UPDATE SET seen_at = excluded.seen_at"
)
_FORGET: Final = "DELETE FROM heartbeats WHERE seen_at < ?"
_IN_THE_WAY: Final = (
    f"SELECT {_NAMES}, seen_at FROM heartbeats WHERE role IN ({{roles}}) AND seen_at >= ? AND process_id <> ? "
    "ORDER BY process_id LIMIT 1"
)
_TAKE: Final = (
    "INSERT INTO leases (name, holder, expires_at) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE "
    "SET holder = excluded.holder, expires_at = excluded.expires_at "
    "WHERE leases.holder = excluded.holder OR leases.expires_at <= ?"
)


class TableHeartbeats:
    """`protocols.Heartbeats` on any database."""

    def __init__(self, writes: Writes, reads: Reads, now: Now) -> None:
        self._writes, self._reads, self._now = writes, reads, now

    def enter(self, process: Process, *, apart_from: Collection[str], within: float) -> Process | None:
        """Note a process that starts, unless another of these roles was heard of in the last seconds; returns that one."""
        return self._writes.call(self._enter, (process, sorted(apart_from), round(within * 1000)))

    def beat(self, process: Process) -> None:
        """Note that a process is still there."""
        self._writes.call(self._beat, process)

    def leave(self, process_id: str) -> None:
        """Forget a process that ends."""
        self._writes.call(_leave, process_id)

    def processes(self) -> list[Process]:
        """All processes that have not left, oldest first; those that died are `silent`."""
        with self._reads.snapshot() as db:
            now = self._now(db)
            rows = db.execute(f"SELECT {_NAMES}, seen_at FROM heartbeats ORDER BY started_at, process_id").fetchall()
            return [_process(row, now) for row in rows]

    def _enter(self, db: Database, asked: Sequence[tuple[Process, list[str], int]]) -> list[Process | None]:
        told: list[Process | None] = []
        for process, roles, within in asked:
            now = self._now(db)
            db.execute(_FORGET, (now - _DAY_MS,))
            sql = _IN_THE_WAY.format(roles=", ".join("?" * len(roles)) or "NULL")
            row = db.execute(sql, (*roles, now - within, process.process_id)).fetchone()
            if row is None:
                self._beat(db, [process])
            told.append(_process(row, now) if row else None)
        return told

    def _beat(self, db: Database, processes: Sequence[Process]) -> list[None]:
        for process in processes:
            db.execute(_BEAT, (*[getattr(process, name) for name in _FIELDS], self._now(db)))
        return [None] * len(processes)


class TableLeases:
    """`protocols.Leases` on any database."""

    def __init__(self, writes: Writes, reads: Reads, now: Now) -> None:
        self._writes, self._reads, self._now = writes, reads, now

    def acquire(self, name: str, holder: str, ttl: float) -> bool:
        """Take a lease that is free or has run out, or prolong one's own, for `ttl` seconds."""
        return self._writes.call(self._acquire, (name, holder, round(ttl * 1000)))

    def release(self, name: str, holder: str) -> None:
        """Give a lease back; nothing happens if it is another's by now."""
        self._writes.call(_release, (name, holder))

    def leadership(self, name: str) -> Leadership | None:
        """Who has a lease, or had it last; None if nobody ever did or it was given back."""
        with self._reads.snapshot() as db:
            row = db.execute("SELECT holder, expires_at FROM leases WHERE name = ?", (name,)).fetchone()
            return Leadership(holder=row[0], left=(row[1] - self._now(db)) / 1000) if row else None

    def _acquire(self, db: Database, asked: Sequence[tuple[str, str, int]]) -> list[bool]:
        told = []
        for name, holder, ttl in asked:
            now = self._now(db)
            told.append(db.execute(_TAKE, (name, holder, now + ttl, now)).rowcount == 1)
        return told


def _leave(db: Database, process_ids: Sequence[str]) -> list[None]:
    db.executemany("DELETE FROM heartbeats WHERE process_id = ?", [(process_id,) for process_id in process_ids])
    return [None] * len(process_ids)


def _release(db: Database, leases: Sequence[tuple[str, str]]) -> list[None]:
    db.executemany("DELETE FROM leases WHERE name = ? AND holder = ?", leases)
    return [None] * len(leases)


def _process(row: Sequence[Any], now: int) -> Process:
    *values, seen_at = row
    return Process(**dict(zip(_FIELDS, values, strict=True)), silent=(now - seen_at) / 1000)
