"""Jobs: taken up, followed, cancelled and lost, by several processes on one real table."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from honeyguide.errors import Conflict, InvalidInput, NotFound
from honeyguide.jobs.abandoned import Abandoned
from honeyguide.jobs.presence import SILENT
from honeyguide.jobs.queue import JobFailed, Queue, Tell
from honeyguide.jobs.training import Training
from honeyguide.types import Job, Json
from tests.jobs.processes import Here, World, on_a_world

Body = Callable[[Job, Tell], Coroutine[Any, Any, Json]]


class Work:
    """A kind of job that does what the test says."""

    def __init__(self, body: Body, *, alone: bool = False, again: bool = False) -> None:
        self._body = body
        self.alone, self.again, self.final = alone, again, False
        self.ended: list[str] = []

    def check(self, params: Json) -> None:
        if params.get("bad"):
            raise InvalidInput("bad")

    async def run(self, job: Job, tell: Tell) -> Json:
        try:
            return await self._body(job, tell)
        finally:
            self.ended.append(job.job_id)


async def for_ever(job: Job, tell: Tell) -> Json:
    tell(0.5, "half")
    await asyncio.Event().wait()
    return {}


async def at_once(job: Job, tell: Tell) -> Json:
    return {"did": job.params}


def queue_of(here: World, process: Here, **kinds: Work | Training) -> Queue:
    return Queue(here.store.jobs, dict(kinds), process.presence, process.clock, process.metrics)


async def until(here: World, job_id: str, state: str) -> Job:
    """The job once it is in that state."""
    while (job := here.store.jobs.get(job_id)).state != state:
        await asyncio.sleep(0.005)
    return job


def test_a_job_begins_where_it_was_put_if_that_process_runs_jobs(tmp_path: Path) -> None:
    async def body(here: World) -> None:
        server = here.process("server", "alone")
        queue = queue_of(here, server, work=Work(at_once))
        job = await queue.put("work", {"a": 1})
        assert job.worker == "server"
        done = await until(here, job.job_id, "succeeded")
        assert (done.result, done.progress, done.message, done.attempts) == ({"did": {"a": 1}}, 1.0, "", 0)
        await queue.stop()  # waits for what has ended to be counted
        assert b'honeyguide_job_runs_total{job="work",status="succeeded"} 1.0' in server.metrics.render()

    on_a_world(tmp_path, body)


def test_where_a_worker_is_the_worker_takes_it(tmp_path: Path) -> None:
    async def body(here: World) -> None:
        server, worker = here.process("server", "alone"), here.process("worker")
        await worker.presence.round()
        await server.presence.round()
        put, taken = queue_of(here, server, work=Work(at_once)), queue_of(here, worker, work=Work(at_once))
        job = await put.put("work", {})
        assert (job.state, job.worker) == ("queued", None)
        await taken.round()
        assert (await until(here, job.job_id, "succeeded")).worker == "worker"

    on_a_world(tmp_path, body)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    async def body(here: World) -> None:
        queue = queue_of(here, here.process("server", "alone"), work=Work(for_ever, alone=True))
        with pytest.raises(InvalidInput, match="Known: work"):
            await queue.put("dance", {})
        with pytest.raises(InvalidInput):
            await queue.put("work", {"bad": True})
        job = await queue.put("work", {})
        with pytest.raises(Conflict, match=job.job_id):
            await queue.put("work", {})
        with pytest.raises(NotFound):
            await queue.cancel("none")
        await queue.stop()

    on_a_world(tmp_path, body)


def test_progress_is_seen_from_everywhere(tmp_path: Path) -> None:
    async def body(here: World) -> None:
        queue = queue_of(here, here.process("worker"), work=Work(for_ever))
        job = await queue.put("work", {})
        while here.store.jobs.get(job.job_id).progress != 0.5:
            await queue.round()
        assert here.store.jobs.get(job.job_id).message == "half"
        await queue.stop()

    on_a_world(tmp_path, body)


@pytest.mark.parametrize("elsewhere", [True, False])
def test_a_job_is_cancelled_wherever_it_runs(tmp_path: Path, elsewhere: bool) -> None:
    async def body(here: World) -> None:
        work = Work(for_ever)
        queue = queue_of(here, here.process("worker"), work=work)
        other = queue_of(here, here.process("server", "alone"), work=Work(for_ever))
        job = await queue.put("work", {})
        told = await (other if elsewhere else queue).cancel(job.job_id)
        if elsewhere:
            assert told.state == "running"
            await queue.round()
        assert (await until(here, job.job_id, "cancelled")).finished_at is not None
        assert work.ended == [job.job_id]
        with pytest.raises(Conflict):
            await queue.cancel(job.job_id)

    on_a_world(tmp_path, body)


def test_of_a_kind_one_runs_here_at_a_time_and_other_kinds_beside_it(tmp_path: Path) -> None:
    async def body(here: World) -> None:
        queue = queue_of(here, here.process("worker"), work=Work(for_ever), other=Work(for_ever))
        first, second, third = [await queue.put(kind, {}) for kind in ("work", "work", "other")]
        assert [here.store.jobs.get(job.job_id).state for job in (first, second, third)] == ["running", "queued", "running"]
        await queue.cancel(first.job_id)
        await queue.round()
        assert here.store.jobs.get(second.job_id).state == "running"
        await queue.stop()

    on_a_world(tmp_path, body)


def test_a_stop_puts_back_what_was_running(tmp_path: Path) -> None:
    async def body(here: World) -> None:
        work = Work(for_ever)
        queue = queue_of(here, here.process("worker"), work=work)
        job = await queue.put("work", {})
        await queue.stop()
        await queue.round()
        found = here.store.jobs.get(job.job_id)
        assert (found.state, found.worker, found.attempts, work.ended) == ("queued", None, 0, [job.job_id])
        await queue_of(here, here.process("next"), work=Work(at_once)).round()
        await until(here, job.job_id, "succeeded")

    on_a_world(tmp_path, body)


async def fails(job: Job, tell: Tell) -> Json:
    raise JobFailed("too little data", {"rows": 3})


async def breaks(job: Job, tell: Tell) -> Json:
    raise ZeroDivisionError("secret")


@pytest.mark.parametrize(("how", "message"), [(fails, "too little data"), (breaks, "A fault of our own")])
def test_a_job_that_fails_says_why(tmp_path: Path, how: Body, message: str) -> None:
    async def body(here: World) -> None:
        queue = queue_of(here, here.process("worker"), work=Work(how))
        found = await until(here, (await queue.put("work", {})).job_id, "failed")
        assert found.message.startswith(message)
        assert "secret" not in found.message
        assert found.result == ({"rows": 3} if how is fails else {})

    on_a_world(tmp_path, body)


def test_an_end_that_could_not_be_stored_is_stored_later(tmp_path: Path) -> None:
    async def body(here: World) -> None:
        gate = asyncio.Event()

        async def waits(job: Job, tell: Tell) -> Json:
            await gate.wait()
            return {"done": True}

        worker = here.process("worker")
        queue = queue_of(here, worker, work=Work(waits))
        job = await queue.put("work", {})
        update, table = here.store.jobs.update, here.store.jobs

        def gone(job: Job) -> Job:
            raise OSError("the database is away")

        table.update = gone  # type: ignore[method-assign]
        gate.set()
        (running,) = queue._running.values()
        assert running.task is not None
        await asyncio.wait([running.task])
        assert isinstance(running.task.exception(), OSError)
        table.update = update  # type: ignore[method-assign]
        await queue.round()
        assert here.store.jobs.get(job.job_id).result == {"done": True}
        assert queue._running == {}

    on_a_world(tmp_path, body)


def test_a_frozen_worker_finds_that_its_job_is_anothers(tmp_path: Path) -> None:
    """Taken up again by the next, and what the first still says of it is not heard."""

    async def body(here: World) -> None:
        frozen, next_one = here.process("frozen"), here.process("next")
        work = Work(for_ever, again=True)
        queue = queue_of(here, frozen, work=work)
        job = await queue.put("work", {})
        abandoned = Abandoned(here.store.jobs, next_one.presence, next_one.leader, ["work"])
        for _ in range(5):
            await next_one.turn()
            here.pass_time(3.0)
        await next_one.turn()
        assert next_one.leader.leads_for() > SILENT
        await abandoned.round()
        taken = queue_of(here, next_one, work=Work(at_once))
        await taken.round()
        done = await until(here, job.job_id, "succeeded")
        assert done.worker == "next"
        await queue.round()
        assert work.ended == [job.job_id]
        assert here.store.jobs.get(job.job_id) == done

    on_a_world(tmp_path, body)


def test_after_an_outage_nobody_counts_as_dead_who_had_no_time_to_speak(tmp_path: Path) -> None:
    async def body(here: World) -> None:
        worker, leader = here.process("worker"), here.process("leader")
        queue = queue_of(here, worker, work=Work(for_ever))
        job = await queue.put("work", {})
        abandoned = Abandoned(here.store.jobs, leader.presence, leader.leader, [])
        await leader.turn()
        here.pass_time(60.0)  # the database was away for all of them
        await leader.turn()
        await abandoned.round()
        assert here.store.jobs.get(job.job_id).state == "running"
        await queue.stop()

    on_a_world(tmp_path, body)


def test_a_killed_training_says_what_killed_it(tmp_path: Path) -> None:
    async def body(here: World) -> None:
        kills = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
        queue = queue_of(here, here.process("worker"), train=Training(kills, []))
        found = await until(here, (await queue.put("train", {})).job_id, "failed")
        assert "memory" in found.message
        queue.kinds["train"] = Training(["/no/such/program"], [])
        found = await until(here, (await queue.put("train", {})).job_id, "failed")
        assert "did not start" in found.message

    on_a_world(tmp_path, body)


def test_what_is_final_is_not_called_off(tmp_path: Path) -> None:
    async def body(here: World) -> None:
        work = Work(for_ever)
        work.final = True
        queue = queue_of(here, here.process("server", "alone"), work=work)
        job = await queue.put("work", {})
        with pytest.raises(Conflict, match="cannot be called off"):
            await queue.cancel(job.job_id)
        assert here.store.jobs.get(job.job_id).state == "running"
        await queue.stop()

    on_a_world(tmp_path, body)


def test_a_library_runs_a_job_where_nobody_else_does(tmp_path: Path) -> None:
    """It waits for it where others do, and takes up no other kind."""

    async def body(here: World) -> None:
        library = here.process("library", "library")
        queue = queue_of(here, library, work=Work(at_once), other=Work(at_once))
        other, job = await queue.put("other", {}), await queue.put("work", {"a": 1})
        assert (await queue.finished(job.job_id)).result == {"did": {"a": 1}}
        assert here.store.jobs.get(other.job_id).state == "queued"
        server = here.process("server", "alone")
        await server.presence.round()
        await library.presence.round()
        second = await queue.put("work", {"a": 2})
        waiting = asyncio.create_task(queue.finished(second.job_id))
        for _ in range(5):
            await asyncio.sleep(0)
        assert here.store.jobs.get(second.job_id).state == "queued"
        await queue_of(here, server, work=Work(at_once)).round()
        assert (await waiting).worker == "server"

    on_a_world(tmp_path, body)
