"""The cache's promises: tokens, epochs, deadlines, one computation, no late write."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from honeyguide.cache import Cache, Generations
from honeyguide.cache.freshness import jittered
from honeyguide.cache.memory import MemoryTier
from honeyguide.clock import ManualClock


class Counted:
    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def looked_up(self, result: str) -> None:
        self.seen[result] += 1

    def waited(self) -> None:
        self.seen["waited"] += 1

    def refused(self) -> None:
        self.seen["refused"] += 1


class Bench:
    """A cache with everything in hand."""

    def __init__(self, *, ttl: float = 60.0, stale: float = 600.0, jitter: float = 0.0) -> None:
        self.clock = ManualClock()
        numbers = iter(range(1, 10_000_000))
        self.generations = Generations(lambda bits: next(numbers))
        self.counted = Counted()
        self.cache = Cache(
            MemoryTier(1_000_000),
            self.generations,
            self.clock,
            self.counted,
            ttl=ttl,
            stale=stale,
            jitter=jitter,
            random=lambda: 0.5,
        )
        self.computed = 0

    async def compute(self) -> tuple[bytes, bool]:
        self.computed += 1
        return b"value %d" % self.computed, True


def run(body: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(body())


def test_a_value_is_fresh_then_stale_then_gone() -> None:
    async def body() -> None:
        bench = Bench(ttl=60, stale=600)
        assert bench.cache.get("k", "u") is None
        assert await bench.cache.fill("k", "u", bench.compute) == b"value 1"
        found = bench.cache.get("k", "u")
        assert found is not None
        assert not found.stale
        bench.clock.advance(60)
        found = bench.cache.get("k", "u")
        assert found is not None
        assert found.stale
        bench.clock.advance(600)
        assert bench.cache.get("k", "u") is None
        assert bench.counted.seen == {"miss": 2, "hit": 1, "stale": 1}

    run(body)


def test_a_hard_token_hides_the_value_at_once_and_a_soft_one_makes_it_stale() -> None:
    async def body() -> None:
        bench = Bench()
        await bench.cache.fill("k", "u", bench.compute)
        bench.generations.replace_soft("u")
        found = bench.cache.get("k", "u")
        assert found is not None
        assert found.stale
        bench.generations.replace_hard("u")
        assert bench.cache.get("k", "u") is None

    run(body)


def test_tokens_of_one_subject_do_not_touch_another() -> None:
    async def body() -> None:
        bench = Bench()
        await bench.cache.fill("a", "u1", bench.compute)
        await bench.cache.fill("b", "u2", bench.compute)
        bench.generations.replace_hard("u1")
        assert bench.cache.get("a", "u1") is None
        assert bench.cache.get("b", "u2") is not None

    run(body)


def test_a_new_epoch_ends_every_value() -> None:
    async def body() -> None:
        bench = Bench()
        await bench.cache.fill("k", "u", bench.compute)
        bench.cache.new_epoch()
        assert bench.cache.get("k", "u") is None

    run(body)


@pytest.mark.parametrize("invalidate", ["hard", "epoch"])
def test_a_computation_that_began_before_an_invalidation_is_not_kept(invalidate: str) -> None:
    async def body() -> None:
        bench = Bench()
        began, go_on = asyncio.Event(), asyncio.Event()

        async def slow() -> tuple[bytes, bool]:
            began.set()
            await go_on.wait()
            return b"old", True

        task = asyncio.create_task(bench.cache.fill("k", "u", slow))
        await began.wait()
        if invalidate == "hard":
            bench.generations.replace_hard("u")
        else:
            bench.cache.new_epoch()
        assert await bench.cache.fill("k", "u", bench.compute) == b"value 1", "must not join the older computation"
        go_on.set()
        assert await task == b"old"
        found = bench.cache.get("k", "u")
        assert found is not None
        assert found.payload == b"value 1"
        assert bench.counted.seen["refused"] == 1

    run(body)


def test_a_soft_event_during_the_computation_leaves_the_value_stale() -> None:
    async def body() -> None:
        bench = Bench()

        async def compute() -> tuple[bytes, bool]:
            bench.generations.replace_soft("u")
            return b"value", True

        await bench.cache.fill("k", "u", compute)
        found = bench.cache.get("k", "u")
        assert found is not None
        assert found.stale

    run(body)


def test_many_who_ask_at_once_share_one_computation() -> None:
    async def body() -> None:
        bench = Bench()

        async def slow() -> tuple[bytes, bool]:
            for _ in range(5):
                await asyncio.sleep(0)
            return await bench.compute()

        answers = await asyncio.gather(*(bench.cache.fill("k", "u", slow) for _ in range(50)))
        assert set(answers) == {b"value 1"}
        assert bench.computed == 1
        assert bench.counted.seen["waited"] == 49

    run(body)


def test_a_cancelled_caller_cancels_nobody_else() -> None:
    async def body() -> None:
        bench = Bench()
        go_on = asyncio.Event()

        async def slow() -> tuple[bytes, bool]:
            await go_on.wait()
            return await bench.compute()

        leader = asyncio.create_task(bench.cache.fill("k", "u", slow))
        followers = [asyncio.create_task(bench.cache.fill("k", "u", slow)) for _ in range(5)]
        await asyncio.sleep(0)
        leader.cancel()
        await asyncio.sleep(0)
        go_on.set()
        assert await asyncio.gather(*followers) == [b"value 1"] * 5
        with pytest.raises(asyncio.CancelledError):
            await leader
        assert bench.cache.get("k", "u") is not None

    run(body)


def test_an_error_reaches_all_who_waited_and_is_never_kept() -> None:
    async def body() -> None:
        bench = Bench()

        async def failing() -> tuple[bytes, bool]:
            await asyncio.sleep(0)
            raise RuntimeError("no")

        answers = await asyncio.gather(*(bench.cache.fill("k", "u", failing) for _ in range(3)), return_exceptions=True)
        assert [str(answer) for answer in answers] == ["no"] * 3
        assert await bench.cache.fill("k", "u", bench.compute) == b"value 1"

    run(body)


def test_a_value_that_may_not_be_kept_is_answered_once() -> None:
    async def body() -> None:
        bench = Bench()

        async def degraded() -> tuple[bytes, bool]:
            return b"poor", False

        assert await bench.cache.fill("k", "u", degraded) == b"poor"
        assert bench.cache.get("k", "u") is None

    run(body)


def test_refresh_runs_once_and_a_failed_one_is_tried_again_by_the_next() -> None:
    async def body() -> None:
        bench = Bench()

        async def failing() -> tuple[bytes, bool]:
            raise RuntimeError("no")

        bench.cache.refresh("k", "u", failing)
        await bench.cache.drain()
        bench.cache.refresh("k", "u", bench.compute)
        bench.cache.refresh("k", "u", bench.compute)
        await bench.cache.drain()
        assert bench.computed == 1
        found = bench.cache.get("k", "u")
        assert found is not None
        assert found.payload == b"value 1"

    run(body)


def test_the_memory_tier_keeps_its_bound_and_refuses_what_cannot_fit() -> None:
    async def body() -> None:
        bench = Bench()
        for number in range(3000):
            await bench.cache.fill(f"key {number}", "u", _constant(b"x" * 1000))
        tier: MemoryTier = bench.cache._tier
        assert 0 < tier.size() <= 1_000_000
        assert tier.count() < 1000
        await bench.cache.fill("huge", "u", _constant(b"x" * 2_000_000))
        assert tier.size() <= 1_000_000
        assert bench.cache.get("huge", "u") is None
        assert tier.count() > 100, "one value that is too big must not flush the others"
        bench.cache.clear()
        assert tier.count() == 0

    run(body)


def _constant(value: bytes) -> Callable[[], Coroutine[Any, Any, tuple[bytes, bool]]]:
    async def compute() -> tuple[bytes, bool]:
        return value, True

    return compute


def test_generations_forget_safely() -> None:
    numbers = iter(range(1, 1000))
    generations = Generations(lambda bits: next(numbers), limit=3)
    first = generations.tokens("a")
    assert generations.tokens("a") == first
    for subject in "bcd":
        generations.tokens(subject)
    assert generations.tokens("a") != first, "a forgotten subject gets tokens that no value carries"


def test_soft_tokens_of_unknown_subjects_take_no_memory() -> None:
    generations = Generations(lambda bits: 1)
    for number in range(1000):
        generations.replace_soft(f"u{number}")
    assert not generations._tokens


@pytest.mark.parametrize(("u", "expected"), [(0.0, 54.0), (0.5, 60.0), (1.0, 66.0)])
def test_jitter_spreads_evenly_around_the_ttl(u: float, expected: float) -> None:
    assert jittered(60.0, 0.1, u) == pytest.approx(expected)
