"""One leads, whatever happens to it, and however far clocks differ."""

from pathlib import Path

from honeyguide.jobs.leader import LEASE, LEASE_SECONDS
from tests.jobs.processes import HOUR, World, on_a_world


def test_one_of_many_leads_and_the_next_when_it_is_silent(tmp_path: Path) -> None:
    async def body(here: World) -> None:
        first, second = here.process("first"), here.process("second", behind=HOUR)
        assert [await first.turn(), await second.turn()] == [True, False]
        for _ in range(5):  # as long as it prolongs its lease
            here.pass_time(LEASE_SECONDS - 0.5)
            assert [await first.turn(), await second.turn()] == [True, False]
        here.pass_time(LEASE_SECONDS - 0.1)
        assert await second.turn() is False
        here.pass_time(0.1)
        assert await second.turn() is True
        assert first.leader.leads() is False
        assert await first.turn() is False
        assert b"honeyguide_leader 0.0" in first.metrics.render()
        assert b"honeyguide_leader 1.0" in second.metrics.render()

    on_a_world(tmp_path, body)


def test_clocks_an_hour_apart_change_nothing(tmp_path: Path) -> None:
    async def body(here: World) -> None:
        early, late = here.process("early", behind=HOUR), here.process("late", behind=-HOUR)
        assert [await early.turn(), await late.turn()] == [True, False]
        here.pass_time(1.0)
        assert [await late.turn(), await early.turn()] == [False, True]
        assert {process.process_id: process.silent for process in here.store.heartbeats.processes()} == {
            "early": 0,
            "late": 0,
        }

    on_a_world(tmp_path, body)


def test_one_that_was_frozen_does_not_act_before_it_has_asked(tmp_path: Path) -> None:
    async def body(here: World) -> None:
        frozen, awake = here.process("frozen"), here.process("awake")
        assert await frozen.turn() is True
        here.pass_time(LEASE_SECONDS)
        assert frozen.leader.leads() is False  # by its own clock: nobody had to tell it
        assert await awake.turn() is True
        assert await frozen.turn() is False

    on_a_world(tmp_path, body)


def test_the_time_counts_from_before_the_lease_was_asked_for(tmp_path: Path) -> None:
    """An answer that took long leaves less of it, so that the leader's time is over before the database's."""

    async def body(here: World) -> None:
        slow = here.process("slow")
        acquire = here.store.leases.acquire

        def slowly(*asked: object) -> bool:
            got = acquire(*asked)  # type: ignore[arg-type]
            here.pass_time(3.0)
            return got

        here.store.leases.acquire = slowly  # type: ignore[method-assign, assignment]
        assert await slow.turn() is True
        here.pass_time(LEASE_SECONDS - 3.0)
        assert slow.leader.leads() is False

    on_a_world(tmp_path, body)


def test_a_lease_that_cannot_be_prolonged_runs_out(tmp_path: Path) -> None:
    async def body(here: World) -> None:
        leader = here.process("leader").leader
        await leader.round()

        def gone(*_: object) -> bool:
            raise OSError("the database is away")

        here.store.leases.acquire = gone  # type: ignore[method-assign, assignment]
        here.pass_time(LEASE_SECONDS - 0.1)
        assert leader.leads()
        here.pass_time(0.1)
        assert not leader.leads()

    on_a_world(tmp_path, body)


def test_who_ends_in_order_hands_over_at_once(tmp_path: Path) -> None:
    async def body(here: World) -> None:
        first, second = here.process("first"), here.process("second")
        assert [await first.turn(), await second.turn()] == [True, False]
        await first.leader.resign()
        await first.presence.leave()
        assert await second.turn() is True
        assert [process.process_id for process in here.store.heartbeats.processes()] == ["second"]

    on_a_world(tmp_path, body)


def test_a_worker_leads_before_a_server_and_a_server_before_a_library(tmp_path: Path) -> None:
    async def body(here: World) -> None:
        library = here.process("library", "library")
        assert await library.turn() is False  # not at once: most are gone again by then
        here.pass_time(5.0)
        assert await library.turn() is True
        server = here.process("server", "alone")
        assert await server.turn() is False
        assert await library.turn() is False
        assert await server.turn() is True
        worker = here.process("worker")
        assert await worker.turn() is False
        assert await server.turn() is False
        assert [await worker.turn(), await server.turn()] == [True, False]
        here.pass_time(10.0)  # the worker is dead
        assert [await server.turn(), await library.turn()] == [True, False]
        found = here.store.leases.leadership(LEASE)
        assert found is not None
        assert found.holder == "server"

    on_a_world(tmp_path, body)


def test_for_how_long_one_leads(tmp_path: Path) -> None:
    async def body(here: World) -> None:
        leader = here.process("leader").leader
        assert leader.leads_for() == 0.0
        await leader.round()
        for _ in range(4):
            here.pass_time(3.0)
            await leader.round()
        assert leader.leads_for() == 12.0
        here.pass_time(LEASE_SECONDS)
        assert leader.leads_for() == 0.0
        await leader.round()
        assert leader.leads_for() == 0.0

    on_a_world(tmp_path, body)
