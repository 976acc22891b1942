"""Who is there, who may be there, and what follows from it."""

import asyncio
from pathlib import Path

import pytest

from honeyguide.errors import Conflict
from honeyguide.jobs.presence import SILENT, Presence
from tests.jobs.processes import MYSELF, World, on_a_world

NO_PROCESS = 2**22 + 1  # above the highest id that Linux gives


async def enter(here: World, presence: Presence, seconds: float = 0.05) -> None:
    """Enter while time passes and nobody else says anything."""
    entering = asyncio.create_task(presence.enter(guarded=False))
    while not entering.done():
        here.pass_time(seconds)
        await asyncio.sleep(0)
        await asyncio.wait([entering], timeout=0.01)
    await entering


@pytest.mark.parametrize(
    ("there", "comes", "missing"),
    [("alone", "alone", "it has no redis.url"), ("alone", "api", "it has no"), ("api", "alone", "this one has no")],
)
def test_a_second_server_without_redis_is_refused(tmp_path: Path, there: str, comes: str, missing: str) -> None:
    async def body(here: World) -> None:
        first = here.process("first", there, port=8123)  # type: ignore[arg-type]
        await first.presence.enter(guarded=False)
        second = here.process("second", comes)  # type: ignore[arg-type]
        entering = asyncio.create_task(second.presence.enter(guarded=False))
        while not entering.done():
            here.pass_time(1.0)
            await first.presence.round()
            await asyncio.wait([entering], timeout=0.01)
        with pytest.raises(Conflict, match=rf"port 8123, and {missing}.*redis\.url = ") as caught:
            await entering
        assert caught.value.code == "second_server"
        assert [process.process_id for process in here.store.heartbeats.processes()] == ["first"]

    on_a_world(tmp_path, body)


def test_servers_that_share_redis_and_workers_stand_side_by_side(tmp_path: Path) -> None:
    async def body(here: World) -> None:
        for name, role in (("a", "api"), ("b", "api"), ("w", "worker"), ("v", "worker")):
            await here.process(name, role).presence.enter(guarded=False)  # type: ignore[arg-type]
        assert len(here.store.heartbeats.processes()) == 4
        await here.process("guarded", "alone").presence.enter(guarded=True)

    on_a_world(tmp_path, body)


def test_a_dead_server_is_waited_for_until_its_silence_is_long_enough(tmp_path: Path) -> None:
    async def body(here: World) -> None:
        await here.process("dead", "alone", host="far").presence.enter(guarded=False)
        began = here.clock.ms
        await enter(here, here.process("next", "alone").presence)
        assert here.clock.ms - began >= SILENT * 1000

    on_a_world(tmp_path, body)


@pytest.mark.parametrize("pid", [NO_PROCESS, MYSELF["pid"]], ids=["gone", "mine"])
def test_one_of_this_machine_that_has_ended_is_waited_for_less(tmp_path: Path, pid: int) -> None:
    """No process has its number, or this one: the first process of a container that was started again."""

    async def body(here: World) -> None:
        await here.process("dead", "alone", **{**MYSELF, "pid": pid}).presence.enter(guarded=False)
        began = here.clock.ms
        await enter(here, here.process("next", "alone", **MYSELF).presence)
        assert here.clock.ms - began < SILENT * 1000
        assert [process.process_id for process in here.store.heartbeats.processes()] == ["next"]

    on_a_world(tmp_path, body)


def test_jobs_are_the_workers_and_the_servers_where_there_is_none(tmp_path: Path) -> None:
    async def body(here: World) -> None:
        server, library = here.process("server", "alone").presence, here.process("library", "library").presence
        for presence in (server, library):
            await presence.enter(guarded=False)
        assert (server.runs_jobs(), library.runs_jobs()) == (True, False)
        worker = here.process("worker").presence
        await worker.enter(guarded=False)
        await server.round()
        assert (server.runs_jobs(), worker.runs_jobs()) == (False, True)
        here.pass_time(SILENT)
        await server.round()
        assert server.runs_jobs() is True
        await worker.round()
        await server.round()
        assert server.runs_jobs() is False
        await worker.leave()
        await server.round()
        assert server.runs_jobs() is True

    on_a_world(tmp_path, body)


def test_a_library_leaves_no_trace(tmp_path: Path) -> None:
    async def body(here: World) -> None:
        library = here.process("library", "library").presence
        await library.enter(guarded=False)
        await library.round()
        await library.leave()
        assert here.store.heartbeats.processes() == []

    on_a_world(tmp_path, body)


def test_only_a_process_of_this_machine_is_known_to_have_ended(tmp_path: Path) -> None:
    async def body(here: World) -> None:
        for name, fields in (("gone", {**MYSELF, "pid": NO_PROCESS}), ("running", {**MYSELF, "pid": 1}), ("far", {})):
            await here.process(name, **fields).presence.enter(guarded=False)
        me = here.process("me", **MYSELF).presence
        await me.round()
        assert me.ended() == []  # it was heard of just now: its number may be another's, in a container of its own
        here.pass_time(6.0)
        await me.round()
        assert me.ended() == ["gone"]

    on_a_world(tmp_path, body)
