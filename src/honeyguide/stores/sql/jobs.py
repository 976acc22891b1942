"""Long-running actions."""

from collections.abc import Sequence
from threading import Lock
from typing import Any, Final

import msgspec

from honeyguide.clock import Clock, RequestIds
from honeyguide.errors import NotFound
from honeyguide.stores.sql import Database, Reads, Writes
from honeyguide.stores.sql.rows import properties
from honeyguide.types import Job, Json

_FIELDS: Final = Job.__struct_fields__
_SELECT: Final = f"SELECT {', '.join(_FIELDS)} FROM jobs"
_INSERT: Final = f"INSERT INTO jobs ({', '.join(_FIELDS)}) VALUES ({', '.join('?' * len(_FIELDS))})"
_UPDATE: Final = f"UPDATE jobs SET {', '.join(f'{name} = ?' for name in _FIELDS[1:])} WHERE job_id = ?"


class TableJobs:
    """`protocols.JobTable` on any database. Job ids are in the order of time."""

    def __init__(self, writes: Writes, reads: Reads, clock: Clock) -> None:
        self._writes = writes
        self._reads = reads
        self._clock = clock
        self._ids = RequestIds(clock)
        self._lock = Lock()

    def create(self, kind: str, params: Json) -> Job:
        """A queued job."""
        with self._lock:
            job_id = self._ids.next()
        job = Job(job_id=job_id, kind=kind, state="queued", created_at=self._clock.now_ms(), params=params)
        self._writes.call(_create, job)
        return job

    def update(self, job: Job) -> None:
        """Store the job's present state; raises `NotFound`."""
        self._writes.call(_update, job)

    def get(self, job_id: str) -> Job:
        """One job; raises `NotFound`."""
        with self._reads.snapshot() as db:
            row = db.execute(f"{_SELECT} WHERE job_id = ?", (job_id,)).fetchone()
        if row is None:
            raise _unknown(job_id)
        return _job(row)

    def page(self, *, limit: int, after: str | None = None) -> list[Job]:
        """Jobs, newest first, after the id `after`."""
        sql = f"{_SELECT} WHERE CAST(? AS TEXT) IS NULL OR job_id < ? ORDER BY job_id DESC LIMIT ?"
        with self._reads.snapshot() as db:
            return [_job(row) for row in db.execute(sql, (after, after, limit)).fetchall()]


def _create(db: Database, jobs: Sequence[Job]) -> list[None]:
    db.executemany(_INSERT, map(_values, jobs))
    return [None] * len(jobs)


def _update(db: Database, jobs: Sequence[Job]) -> list[None]:
    for job in jobs:
        job_id, *values = _values(job)
        if db.execute(_UPDATE, (*values, job_id)).rowcount == 0:
            raise _unknown(job_id)
    return [None] * len(jobs)


def _unknown(job_id: str) -> NotFound:
    return NotFound(f"There is no job {job_id!r}.", cure="List them with GET /v1/jobs.", code="job_not_found")


def _values(job: Job) -> list[Any]:
    values = msgspec.structs.asdict(job)
    values["params"] = msgspec.json.encode(job.params).decode()
    values["result"] = msgspec.json.encode(job.result).decode()
    return list(values.values())


def _job(row: Sequence[Any]) -> Job:
    values = dict(zip(_FIELDS, row, strict=True))
    values["params"], values["result"] = properties(values["params"]), properties(values["result"])
    return Job(**values)
