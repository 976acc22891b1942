"""Trains in a process of its own, so that serving keeps its cores and memory, and a crash of one is none of the other."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Collection, Sequence

import structlog

from honeyguide.clock import Clock
from honeyguide.errors import Conflict, InvalidInput
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import JobTable
from honeyguide.types import Job, Json

log = structlog.get_logger(__name__)

KINDS = ("train",)


class JobRunner:
    """Starts, watches and cancels jobs. One training at a time.

    `command` is the command line that trains, without the models' names; it prints progress lines
    `{"progress": 0.4, "stage": "..."}` on stderr and its report as JSON on stdout."""

    def __init__(
        self, table: JobTable, command: Sequence[str], models: Collection[str], clock: Clock, metrics: Metrics
    ) -> None:
        self._table, self._command, self._models = table, tuple(command), frozenset(models)
        self._clock, self._metrics = clock, metrics
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._starting = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, kind: str, params: Json) -> Job:
        """A queued job that begins at once. Raises InvalidInput for an unknown kind, Conflict while one is running."""
        if kind not in KINDS:
            raise InvalidInput(f"There is no job kind {kind!r}.", cure=f"Known: {', '.join(KINDS)}.")
        if self._running or self._starting:
            raise Conflict("A training is still running.", cure="Wait for it or cancel it.")
        models = params.get("models", [])
        if not isinstance(models, list) or not self._models.issuperset(map(str, models)):
            known = ", ".join(sorted(self._models))
            cure = f"Known: {known}. Leave it out for the usual ones."
            raise InvalidInput("'models' must be a list of model names.", cure=cure)
        self._starting = True
        try:
            return await self._begin(self._table.create(kind, params), models)
        finally:
            self._starting = False

    async def _begin(self, job: Job, models: Sequence[str]) -> Job:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                *models,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            self._end_as_failed(job, f"The training process did not start: {error}")
            return job
        job.state, job.started_at = "running", self._clock.now_ms()
        self._table.update(job)
        self._running[job.job_id] = process
        task = asyncio.create_task(self._watch(job, process))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    def clear_up(self) -> None:
        """Mark what an earlier server left behind as failed; only the server that holds the data may call it."""
        after = None
        while page := self._table.page(limit=100, after=after):
            for job in page:
                if job.state in ("queued", "running"):
                    self._end_as_failed(job, "The server ended while the job was running.")
            after = page[-1].job_id

    def _end_as_failed(self, job: Job, message: str) -> None:
        job.state, job.finished_at, job.message = "failed", self._clock.now_ms(), message
        self._table.update(job)

    def cancel(self, job_id: str) -> Job:
        """Stop a job; the versions that serve stay. Raises NotFound, or Conflict for one that has ended."""
        job = self._table.get(job_id)
        process = self._running.get(job_id)
        if process is None:
            raise Conflict(
                f"Job {job_id} is not running here; it is {job.state}.", cure="Only a running job can be cancelled."
            )
        job.state = "cancelled"
        self._table.update(job)
        _end(process)
        return job

    async def stop(self) -> None:
        """Terminate what runs and wait for it."""
        for process in self._running.values():
            _end(process)
        if self._tasks:
            await asyncio.wait(list(self._tasks))

    async def _watch(self, job: Job, process: asyncio.subprocess.Process) -> None:
        output, last_line = await asyncio.gather(_read_all(process), self._follow_progress(job, process))
        code = await process.wait()
        self._running.pop(job.job_id, None)
        cancelled = self._table.get(job.job_id).state == "cancelled" or code < 0
        job.state = "cancelled" if cancelled else "succeeded" if code == 0 else "failed"
        job.finished_at, job.result = self._clock.now_ms(), _json_object(output)
        job.progress = 1.0 if job.state == "succeeded" else job.progress
        told = job.result.get("error")
        job.message = "" if job.state == "succeeded" else str(told.get("detail")) if isinstance(told, dict) else last_line
        self._table.update(job)
        self._metrics.job_runs.labels(job.kind, job.state).inc()
        self._metrics.job_duration.labels(job.kind).observe((job.finished_at - (job.started_at or 0)) / 1000)
        if job.state == "succeeded":
            self._metrics.job_last_success.labels(job.kind).set(job.finished_at / 1000)
        log.info("job ended", job=job.job_id, kind=job.kind, state=job.state, message=job.message)

    async def _follow_progress(self, job: Job, process: asyncio.subprocess.Process) -> str:
        last = ""
        assert process.stderr is not None
        async for raw in process.stderr:
            line = raw.decode(errors="replace").strip()
            progress = _json_object(line.encode())
            if isinstance(progress.get("progress"), int | float):
                job.progress, job.message = float(progress["progress"]), str(progress.get("stage", ""))
                self._table.update(job)
            elif line:
                last = line[:500]
        return last


def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
        process.terminate()


async def _read_all(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    return await process.stdout.read()


def _json_object(text: bytes) -> Json:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def train_command(config_options: Sequence[str]) -> list[str]:
    """The command line of a training on the same project."""
    return [sys.executable, "-m", "honeyguide", *config_options, "train", "--json", "--progress", "json"]
