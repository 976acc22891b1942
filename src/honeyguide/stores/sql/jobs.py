"""Long-running actions: a queue in a table, whose rows are taken by compare-and-set.

A worker changes only rows that are still its own: one that was silent for too long finds that its job is another's.
"""

from collections.abc import Collection, Sequence
from threading import Lock
from typing import Any, Final

import msgspec

from honeyguide.clock import Clock, RequestIds
from honeyguide.errors import Conflict, NotFound
from honeyguide.stores.sql import Database, Now, Reads, Writes
from honeyguide.stores.sql.rows import properties
from honeyguide.types import Job, Json

MOST_ATTEMPTS: Final = 5
"""How often a job is taken up before it counts as one that ends whoever runs it."""

_FIELDS: Final = Job.__struct_fields__
_SELECT: Final = f"SELECT {', '.join(_FIELDS)} FROM jobs"
_INSERT: Final = f"INSERT INTO jobs ({', '.join(_FIELDS)}) VALUES ({', '.join('?' * len(_FIELDS))})"
_BUSY: Final = "SELECT job_id FROM jobs WHERE kind = ? AND state IN ('queued', 'running') LIMIT 1"
_NEXT: Final = f"{_SELECT} WHERE state = 'queued' AND kind IN ({{kinds}}) ORDER BY job_id LIMIT 1"
_CLAIM: Final = (
    "UPDATE jobs SET state = 'running', worker = ?, started_at = ?, seen_at = ?, message = '', result = ? "
    "WHERE job_id = ? AND state = 'queued'"
)
_CHANGED: Final = ("state", "finished_at", "progress", "message", "result")
_UPDATE: Final = (
    f"UPDATE jobs SET {', '.join(f'{name} = ?' for name in _CHANGED)}, seen_at = ? "
    "WHERE job_id = ? AND worker = ? AND state = 'running'"
)
_PUT_BACK: Final = (
    "UPDATE jobs SET state = 'queued', worker = NULL, started_at = NULL, progress = 0, message = ?, result = ? "
    "WHERE job_id = ? AND worker = ? AND state = 'running'"
)
_END_QUEUED: Final = "UPDATE jobs SET state = 'cancelled', finished_at = ? WHERE job_id = ? AND state = 'queued'"
_ASK_TO_END: Final = "UPDATE jobs SET cancel = ? WHERE job_id = ? AND state = 'running'"
_LEFT: Final = f"{_SELECT} WHERE state = 'running' AND (seen_at < ? OR worker IN ({{dead}})) ORDER BY job_id"
_FAIL: Final = (
    "UPDATE jobs SET state = 'failed', finished_at = ?, message = ? WHERE job_id = ? AND worker = ? AND state = 'running'"
)


class TableJobs:
    """`protocols.JobTable` on any database. Job ids are in the order of time."""

    def __init__(self, writes: Writes, reads: Reads, clock: Clock, now: Now) -> None:
        self._writes, self._reads, self._clock, self._now = writes, reads, clock, now
        self._ids = RequestIds(clock)
        self._lock = Lock()

    def create(self, kind: str, params: Json, *, alone: bool = False) -> Job:
        """A queued job; with `alone` raises `Conflict` while another of its kind waits or runs."""
        with self._lock:
            job_id = self._ids.next()
        job = Job(job_id=job_id, kind=kind, state="queued", created_at=self._clock.now_ms(), params=params)
        self._writes.call(_create, (job, alone))
        return job

    def claim(self, worker: str, kinds: Collection[str]) -> Job | None:
        """Take the job of these kinds that has waited longest."""
        return self._writes.call(self._claim, (worker, sorted(kinds))) if kinds else None

    def update(self, job: Job) -> Job:
        """Store how far a job of `job.worker` is, if it still is that worker's; returns the row. Raises `NotFound`."""
        return self._writes.call(self._update, job)

    def put_back(self, job: Job, message: str) -> None:
        """Queue a job again that `job.worker` will not finish; nothing happens if it is no longer that worker's."""
        self._writes.call(_put_back, (job, message, -1))

    def cancel(self, job_id: str) -> Job:
        """End a job that waits, ask a running one to end; returns the row. Raises `NotFound`, `Conflict` if it has ended."""
        return self._writes.call(_cancel, (job_id, self._clock.now_ms()))

    def abandoned(self, dead: Collection[str], silent: float, again: Collection[str]) -> list[Job]:
        """Take jobs away from workers that are dead or were silent for so many seconds; returns the rows."""
        return self._writes.call(self._abandoned, (sorted(dead), round(silent * 1000), frozenset(again)))

    def get(self, job_id: str) -> Job:
        """One job; raises `NotFound`."""
        with self._reads.snapshot() as db:
            return _get(db, job_id)

    def page(self, *, limit: int, after: str | None = None) -> list[Job]:
        """Jobs, newest first, after the id `after`."""
        sql = f"{_SELECT} WHERE CAST(? AS TEXT) IS NULL OR job_id < ? ORDER BY job_id DESC LIMIT ?"
        with self._reads.snapshot() as db:
            return [_job(row) for row in db.execute(sql, (after, after, limit)).fetchall()]

    def unfinished(self, kind: str) -> list[Job]:
        """Jobs of a kind that are queued or running, oldest first."""
        sql = f"{_SELECT} WHERE state IN ('queued', 'running') AND kind = ? ORDER BY job_id"
        with self._reads.snapshot() as db:
            return [_job(row) for row in db.execute(sql, (kind,)).fetchall()]

    def amend(self, job_id: str, params: Json) -> None:
        """Put other parameters in the place of a job's own; raises `NotFound`."""
        self._writes.call(_amend, (job_id, params))

    def _claim(self, db: Database, claims: Sequence[tuple[str, list[str]]]) -> list[Job | None]:
        taken = []
        for worker, kinds in claims:
            row = db.execute(_NEXT.format(kinds=", ".join("?" * len(kinds))), tuple(kinds)).fetchone()
            taken.append(self._take(db, _job(row), worker) if row else None)
        return taken

    def _take(self, db: Database, job: Job, worker: str) -> Job | None:
        result = _stored("result", _attempts(job, +1))
        values = (worker, self._clock.now_ms(), self._now(db), result, job.job_id)
        return _get(db, job.job_id) if db.execute(_CLAIM, values).rowcount else None  # None: another was faster

    def _update(self, db: Database, jobs: Sequence[Job]) -> list[Job]:
        for job in jobs:
            values = [_stored(name, getattr(job, name)) for name in _CHANGED]
            db.execute(_UPDATE, (*values, self._now(db), job.job_id, job.worker))
        return [_get(db, job.job_id) for job in jobs]

    def _abandoned(self, db: Database, asked: Sequence[tuple[list[str], int, frozenset[str]]]) -> list[list[Job]]:
        told = []
        for dead, silent, again in asked:
            sql = _LEFT.format(dead=", ".join("?" * len(dead)) or "NULL")
            rows = [_job(row) for row in db.execute(sql, (self._now(db) - silent, *dead)).fetchall()]
            for job in rows:
                self._take_away(db, job, again)
            told.append([_get(db, job.job_id) for job in rows])
        return told

    def _take_away(self, db: Database, job: Job, again: frozenset[str]) -> None:
        if job.kind in again and job.attempts < MOST_ATTEMPTS and not job.cancel:
            _put_back(db, [(job, "The process that ran it has ended; it is taken up again.", 0)])
            return
        message = "The process that ran it has ended. Start it again with: POST /v1/jobs"
        if job.attempts >= MOST_ATTEMPTS:
            message = f"The process that ran it has ended, {job.attempts} times. See its log, then start it again."
        db.execute(_FAIL, (self._clock.now_ms(), message, job.job_id, job.worker))


def _create(db: Database, jobs: Sequence[tuple[Job, bool]]) -> list[None]:
    for job, alone in jobs:
        busy = db.execute(_BUSY, (job.kind,)).fetchone() if alone else None
        if busy:
            cure = f"Wait for it, or cancel it: DELETE /v1/jobs/{busy[0]}"
            raise Conflict(f"The {job.kind} job {busy[0]} has not ended yet.", cure=cure, code="job_running")
        db.execute(_INSERT, [_stored(name, getattr(job, name)) for name in _FIELDS])
    return [None] * len(jobs)


def _amend(db: Database, changes: Sequence[tuple[str, Json]]) -> list[None]:
    for job_id, params in changes:
        if not db.execute("UPDATE jobs SET params = ? WHERE job_id = ?", (_stored("params", params), job_id)).rowcount:
            _get(db, job_id)  # raises NotFound
    return [None] * len(changes)


def _put_back(db: Database, jobs: Sequence[tuple[Job, str, int]]) -> list[None]:
    for job, message, more in jobs:
        db.execute(_PUT_BACK, (message, _stored("result", _attempts(job, more)), job.job_id, job.worker))
    return [None] * len(jobs)


def _attempts(job: Job, more: int) -> Json:
    """What stands as the result of a job that has none yet: how often it was taken up."""
    return {"attempts": job.attempts + more}


def _cancel(db: Database, asked: Sequence[tuple[str, int]]) -> list[Job]:
    told = []
    for job_id, now in asked:
        ended = db.execute(_END_QUEUED, (now, job_id)).rowcount + db.execute(_ASK_TO_END, (True, job_id)).rowcount
        job = _get(db, job_id)
        if not ended:
            raise Conflict(f"Job {job_id} has ended: it is {job.state}.", cure="Only one that has not can be cancelled.")
        told.append(job)
    return told


def _get(db: Database, job_id: str) -> Job:
    row = db.execute(f"{_SELECT} WHERE job_id = ?", (job_id,)).fetchone()
    if row is None:
        raise NotFound(f"There is no job {job_id!r}.", cure="List them with GET /v1/jobs.", code="job_not_found")
    return _job(row)


def _stored(name: str, value: Any) -> Any:
    return msgspec.json.encode(value).decode() if name in ("params", "result") else value


def _job(row: Sequence[Any]) -> Job:
    values = dict(zip(_FIELDS, row, strict=True))
    values["params"], values["result"] = properties(values["params"]), properties(values["result"])
    values["cancel"] = bool(values["cancel"])
    return Job(**values)
