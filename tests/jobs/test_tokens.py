"""The relay: whatever the shared cache has lost or not taken, the log tells it again."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from honeyguide.cache import Generations, SharedTier
from honeyguide.cache.generations import POSITION_BYTES
from honeyguide.clock import ManualClock
from honeyguide.errors import Unavailable
from honeyguide.jobs.tokens import TokenRelay
from honeyguide.monitoring.metrics import Metrics
from honeyguide.stores.sqlite import SqliteStore
from honeyguide.testing.shared_cache import MemoryServer, MemoryShared
from honeyguide.types import Invalidation, LogRow, SharedKey
from tests.cache.bench import Counted, numbered


class Bench:
    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.store = SqliteStore(folder, self.clock)
        self.server = MemoryServer(self.clock)
        self.metrics = Metrics()
        self.shared, self.tier, self.relay = self.process()

    def process(self) -> tuple[MemoryShared, SharedTier, TokenRelay]:
        """A relay as another process would run it."""
        shared = MemoryShared(self.server)
        tier = SharedTier(shared, Generations(numbered()), self.clock, Counted(), secret=b"s", value_size=1000, trust=0.5)
        return shared, tier, TokenRelay(shared, tier, self.store.log, self.changes, self.clock, self.metrics)

    async def changes(self, rows: Sequence[LogRow]) -> list[Invalidation]:
        return [Invalidation(row.user_id, row.sequence, row.sequence) for row in rows if row.user_id is not None]

    async def append(self, *users: str) -> int:
        now = self.clock.now_ms()
        stem = f"{await self.store.log.position()}"
        rows = [
            LogRow(event_id=f"{stem}-{at}", ts=now, received_at=now, user_id=user, item_id="i", type="purchase")
            for at, user in enumerate(users)
        ]
        return (await self.store.log.append(rows)).sequence

    async def position_of(self, user: str) -> int | None:
        """The log position of the user's hard token."""
        (read,) = await self.shared.read([SharedKey(self.tier.subject(user), ())])
        return None if read.tokens is None else int.from_bytes(read.tokens.hard[:POSITION_BYTES], "big")

    def lag(self) -> float:
        found = self.metrics.registry.get_sample_value("honeyguide_invalidation_lag_seconds")
        assert found is not None
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.store.close()


def run(body: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(body())


def test_every_row_is_told_and_the_position_is_noted(bench: Bench) -> None:
    async def body() -> None:
        await bench.append("u1", "u2")
        await bench.append("u1")
        await bench.relay.round()
        assert [await bench.position_of(user) for user in ("u1", "u2", "u3")] == [3, 2, None]
        assert (await bench.shared.told()).position == 3
        await bench.append("u3")
        await bench.relay.round()
        assert await bench.position_of("u3") == 4
        told = len(bench.server.stream)
        await bench.relay.round()
        assert len(bench.server.stream) == told, "nothing is told twice"

    run(body)


def test_what_was_told_at_once_is_not_told_again_to_others(bench: Bench) -> None:
    async def body() -> None:
        await bench.tier.pull()
        sequence = await bench.append("u")
        await bench.relay.tell([Invalidation("u", sequence, sequence)])
        assert await bench.position_of("u") == sequence
        told = len(bench.server.stream)
        await bench.relay.round()
        assert len(bench.server.stream) == told
        assert bench.lag() == 0

    run(body)


def test_while_the_shared_cache_is_away_events_are_taken_and_the_lag_grows(bench: Bench) -> None:
    async def body() -> None:
        await bench.append("u")
        await bench.relay.round()
        bench.server.away = True
        bench.clock.advance(10)
        await bench.relay.round()
        assert bench.lag() == 0, "nothing waits"
        sequence = await bench.append("u", "v")
        await bench.relay.tell([Invalidation("u", sequence, sequence)])
        assert bench.metrics.registry.get_sample_value("honeyguide_invalidations_untold_total") == 1
        bench.clock.advance(7)
        await bench.relay.round()
        assert bench.lag() == 7
        bench.clock.advance(3)
        assert bench.lag() == 10, "it grows also when no round says so"
        bench.server.away = False
        await bench.relay.round()
        assert await bench.position_of("v") == sequence
        assert bench.lag() == 0

    run(body)


def test_a_server_with_an_older_copy_says_where_to_go_on_from(bench: Bench) -> None:
    async def body() -> None:
        await bench.append("u")
        await bench.relay.round()
        copy = dict(bench.server.tokens), bench.server.noted, bench.server.salt
        await bench.append("u")
        await bench.relay.round()
        bench.server.tokens, bench.server.noted, bench.server.salt = copy
        bench.server.cut_stream()
        assert await bench.position_of("u") == 1
        await bench.relay.round()
        assert await bench.position_of("u") == 2

    run(body)


def test_after_all_is_lost_the_last_ten_minutes_are_told(bench: Bench) -> None:
    async def body() -> None:
        await bench.append(*(f"old{at}" for at in range(50)))
        bench.clock.advance(700)
        for at in range(50):
            await bench.append(f"new{at}")
            bench.clock.advance(1)
        await bench.relay.round()
        bench.server.wipe()
        await bench.relay.round()
        assert [await bench.position_of(f"new{at}") for at in range(50)] == list(range(51, 101))
        assert await bench.position_of("old49") is None
        assert (await bench.shared.told()).position == 100

    run(body)


def test_under_other_names_all_is_told_again(bench: Bench) -> None:
    async def body() -> None:
        await bench.append("u")
        await bench.relay.round()
        other, _, _ = bench.process()
        await other.clear()
        await bench.relay.round()
        assert await bench.position_of("u") == 1, "under its new name"
        told = await bench.shared.told()
        assert (told.position, told.same) == (1, True)

    run(body)


def test_a_log_that_became_shorter_empties_the_shared_cache(bench: Bench) -> None:
    """The database was restored from a backup: positions in tokens are from a future that never was."""

    async def body() -> None:
        await bench.append("u")
        await bench.tier.pull()
        await bench.tier.replace([Invalidation("u", 900, 900)])
        await bench.shared.tell(900, (await bench.shared.told()).salt)
        assert await bench.position_of("u") == 900
        for _ in range(2):
            await bench.relay.round()
        assert await bench.position_of("u") == 1
        sequence = await bench.append("u")
        await bench.relay.round()
        assert await bench.position_of("u") == sequence

    run(body)


def test_another_leader_goes_on_where_the_last_one_stopped(bench: Bench) -> None:
    async def body() -> None:
        await bench.append("u", "v")
        await bench.relay.round()
        await bench.append("w")
        _, _, other = bench.process()
        told = len(bench.server.stream)
        await other.round()
        assert len(bench.server.stream) == told + 1

    run(body)


def test_a_server_that_takes_nothing_holds_no_event_up(bench: Bench) -> None:
    async def body() -> None:
        await bench.tier.pull()
        stuck = asyncio.Event()

        async def hanging(changes: Sequence[Invalidation]) -> None:
            await stuck.wait()
            raise Unavailable("too late")

        bench.tier.replace = hanging  # type: ignore[method-assign]
        await bench.relay.tell([Invalidation("u", 1, 1)])
        stuck.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(bench.relay.drain(), 5)
        assert bench.metrics.registry.get_sample_value("honeyguide_invalidations_untold_total") == 1

    run(body)
