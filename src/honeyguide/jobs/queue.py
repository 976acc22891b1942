"""Long-running actions: put into a table by any process, taken from it by those that run jobs, followed from everywhere."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

import structlog

from honeyguide.clock import Clock
from honeyguide.errors import Conflict, HoneyguideError, InvalidInput
from honeyguide.jobs.presence import Presence
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import JobTable
from honeyguide.types import Job, Json

log = structlog.get_logger(__name__)

_POLL: Final = 0.1

Tell = Callable[[float, str], None]
"""Says how far a job is, from 0 to 1, and what it does."""


class JobFailed(HoneyguideError):
    """A job that did not reach its end; `result` is what it says of it."""

    code = "job_failed"

    def __init__(self, detail: str, result: Json | None = None) -> None:
        super().__init__(detail)
        self.result = result or {}


class Kind(Protocol):
    """A kind of job. `alone`: one of it at a time, in all processes; `again`: safe to begin anew after its process died;
    `final`: once asked for it cannot be called off."""

    alone: bool
    again: bool
    final: bool

    def check(self, params: Json) -> None:
        """Raise `InvalidInput` for parameters that do not fit."""

    async def run(self, job: Job, tell: Tell) -> Json:
        """The result. Raises `JobFailed`; on cancellation, ends what it began before it lets go."""


@dataclass(slots=True, eq=False)
class _Running:
    job: Job
    task: "asyncio.Task[None] | None" = None
    ended_by: Literal["", "cancel", "stop", "loss"] = ""
    reporting: asyncio.Lock = field(default_factory=asyncio.Lock)


class Queue:
    """The queue as one process sees it. `kinds` by name; of each, a process runs one job at a time."""

    def __init__(self, table: JobTable, kinds: dict[str, Kind], presence: Presence, clock: Clock, metrics: Metrics) -> None:
        self._table, self._presence, self._clock, self._metrics = table, presence, clock, metrics
        self._running: dict[str, _Running] = {}
        self._taking = asyncio.Lock()
        self._stopped = False
        self.kinds = kinds

    async def put(self, kind: str, params: Json) -> Job:
        """A queued job, begun at once if this process runs jobs. Raises `InvalidInput`, and `Conflict` for a second one of a
        kind that runs alone."""
        found = self.kinds.get(kind)
        if found is None:
            raise InvalidInput(f"There is no job kind {kind!r}.", cure=f"Known: {', '.join(sorted(self.kinds))}.")
        found.check(params)
        job = await asyncio.to_thread(self._table.create, kind, params, alone=found.alone)
        if not self._presence.runs_jobs():
            return job
        await self._take()
        return await asyncio.to_thread(self._table.get, job.job_id)

    async def cancel(self, job_id: str) -> Job:
        """Stop a job, wherever it runs; one that runs here has ended when this returns. Raises NotFound, Conflict."""
        kind = self.kinds.get((await asyncio.to_thread(self._table.get, job_id)).kind)
        if kind is not None and kind.final:
            raise Conflict("This cannot be called off.", cure="Wait for its end: GET the job again.", code="job_final")
        job = await asyncio.to_thread(self._table.cancel, job_id)
        running = self._running.get(job_id)
        if running is None:
            return job
        await self._end(running, "cancel")
        return await asyncio.to_thread(self._table.get, job_id)

    async def finished(self, job_id: str) -> Job:
        """Wait for the end of a job. Where no other process takes jobs up, jobs of its kind are run here meanwhile."""
        job = await asyncio.to_thread(self._table.get, job_id)
        while job.state in ("queued", "running"):
            if not self._presence.others_run_jobs():
                await self._take({job.kind})
            running = self._running.get(job_id)
            if running is not None and running.task is not None:
                await asyncio.wait([running.task], timeout=_POLL)
                await self._report(running)
            else:
                await asyncio.sleep(_POLL)
            job = await asyncio.to_thread(self._table.get, job_id)
        return job

    async def round(self) -> None:
        """Say how far the running jobs are, hear whether they shall go on, and take up what waits."""
        for running in list(self._running.values()):
            await self._report(running)
        await self._take()

    async def stop(self) -> None:
        """Put back what runs: another process, or the next start, begins it anew."""
        self._stopped = True
        await asyncio.gather(*(self._end(running, "stop") for running in list(self._running.values())))

    async def _take(self, kinds: Collection[str] | None = None) -> None:
        """Take up what waits, of these kinds or of all."""
        async with self._taking:
            while not self._stopped:
                free = set(self.kinds if kinds is None else kinds) - {running.job.kind for running in self._running.values()}
                job = await asyncio.to_thread(self._table.claim, self._presence.me.process_id, free) if free else None
                if job is None:
                    return
                log.info("job begins", job=job.job_id, kind=job.kind, attempt=job.attempts)
                running = self._running[job.job_id] = _Running(job)
                running.task = asyncio.create_task(self._run(running))

    async def _run(self, running: _Running) -> None:
        job = running.job

        def tell(progress: float, stage: str) -> None:
            job.progress, job.message = progress, stage

        try:
            result = await self.kinds[job.kind].run(job, tell)
            self._finish(job, "succeeded", "", result)
        except asyncio.CancelledError:
            if running.ended_by in ("stop", "loss"):
                await self._let_go(running)
                return
            self._finish(job, "cancelled", "", {})
        except HoneyguideError as error:
            self._finish(job, "failed", str(error), error.result if isinstance(error, JobFailed) else {})
        except Exception:  # counted; nobody waits here who could be told
            self._metrics.background_errors.labels(job.kind).inc()
            log.exception("job failed", job=job.job_id, kind=job.kind)
            self._finish(job, "failed", f"A fault of our own; the log has it under job {job.job_id}.", {})
        await self._report(running)

    def _finish(self, job: Job, state: str, message: str, result: Json) -> None:
        job.state, job.message, job.result = state, message, result
        job.finished_at = self._clock.now_ms()
        job.progress = 1.0 if state == "succeeded" else job.progress

    async def _let_go(self, running: _Running) -> None:
        self._running.pop(running.job.job_id, None)
        if running.ended_by == "stop":
            await asyncio.to_thread(self._table.put_back, running.job, "The process that ran it was stopped.")

    async def _report(self, running: _Running) -> None:
        """Store how far a job is. An end that cannot be stored now is stored by a later round."""
        async with running.reporting:
            job = running.job
            if job.job_id not in self._running:
                return
            told = job.state
            row = await asyncio.to_thread(self._table.update, job)
            mine = row.worker == job.worker
            if told != "running":
                self._running.pop(job.job_id)
                if mine:
                    self._count(job)
                return
        if not mine or row.state != "running":
            log.warning("a job is another's by now and is ended here", job=job.job_id, kind=job.kind)
            await self._end(running, "loss")
        elif row.cancel:
            await self._end(running, "cancel")

    async def _end(self, running: _Running, by: Literal["cancel", "stop", "loss"]) -> None:
        if running.task is None or running.task.done():
            return
        if running.job.state == "running":  # else it has ended by itself and is about to say so
            running.ended_by = running.ended_by or by
            running.task.cancel()
        await asyncio.wait([running.task])

    def _count(self, job: Job) -> None:
        assert job.finished_at is not None
        self._metrics.job_runs.labels(job.kind, job.state).inc()
        self._metrics.job_duration.labels(job.kind).observe((job.finished_at - (job.started_at or 0)) / 1000)
        if job.state == "succeeded":
            self._metrics.job_last_success.labels(job.kind).set(job.finished_at / 1000)
        log.info("job ended", job=job.job_id, kind=job.kind, state=job.state, message=job.message)
