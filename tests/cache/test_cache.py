"""The cache's promises: tokens, epochs, deadlines, one computation, no late write."""

import asyncio

import pytest

from honeyguide.cache import Computed, Generations
from honeyguide.cache.freshness import is_early, jittered
from honeyguide.types import Invalidation
from tests.cache.bench import Bench, constant, failing, numbered, run


def test_a_value_is_fresh_then_stale_then_gone() -> None:
    async def body() -> None:
        bench = Bench(ttl=60, stale=600)
        assert bench.get("k", "u") is None
        assert await bench.fetch("k", "u") == b"value 1"
        found = bench.get("k", "u")
        assert found is not None
        assert (found.served_from, found.stale, found.refresh) == ("l1", False, False)
        bench.clock.advance(60)
        found = bench.get("k", "u")
        assert found is not None
        assert (found.served_from, found.stale, found.refresh) == ("stale", True, True)
        bench.clock.advance(600)
        assert bench.get("k", "u") is None
        assert bench.counted.seen == {"l1 miss": 2, "l1 hit": 1, "l1 stale": 1, "made": 1}

    run(body)


def test_a_hard_token_hides_the_value_at_once_and_a_soft_one_makes_it_stale() -> None:
    async def body() -> None:
        bench = Bench()
        await bench.fetch("k", "u")
        bench.soft("u")
        found = bench.get("k", "u")
        assert found is not None
        assert found.stale
        bench.hard("u")
        assert bench.get("k", "u") is None

    run(body)


def test_tokens_of_one_subject_do_not_touch_another() -> None:
    async def body() -> None:
        bench = Bench()
        await bench.fetch("a", "u1")
        await bench.fetch("b", "u2")
        bench.hard("u1")
        assert bench.get("a", "u1") is None
        assert bench.get("b", "u2") is not None

    run(body)


def test_a_value_of_another_epoch_is_stale_until_it_is_made_anew() -> None:
    async def body() -> None:
        bench = Bench()
        await bench.fetch("k", "u")
        bench.new_epoch()
        found = bench.get("k", "u")
        assert found is not None
        assert found.stale
        assert found.refresh
        bench.refresh("k", "u")
        await bench.cache.drain()
        found = bench.get("k", "u")
        assert found is not None
        assert (found.payload, found.stale) == (b"value 2", False)

    run(body)


def test_a_computation_that_began_before_an_invalidation_is_neither_kept_nor_joined_after_it() -> None:
    async def body() -> None:
        bench = Bench()
        began, go_on = asyncio.Event(), asyncio.Event()

        async def slow() -> Computed:
            began.set()
            await go_on.wait()
            return Computed(b"old")

        task = asyncio.create_task(bench.fetch("k", "u", slow))
        await began.wait()
        bench.hard("u")
        assert await bench.fetch("k", "u") == b"value 1", "must not join the older computation"
        go_on.set()
        assert await task == b"old"
        found = bench.get("k", "u")
        assert found is not None
        assert found.payload == b"value 1"
        assert bench.counted.seen["refused"] == 1

    run(body)


def test_a_soft_event_during_the_computation_leaves_the_value_stale() -> None:
    async def body() -> None:
        bench = Bench()

        async def compute() -> Computed:
            bench.soft("u")
            return Computed(b"value")

        await bench.fetch("k", "u", compute)
        found = bench.get("k", "u")
        assert found is not None
        assert found.stale

    run(body)


def test_many_who_ask_at_once_share_one_computation() -> None:
    async def body() -> None:
        bench = Bench()

        async def slow() -> Computed:
            for _ in range(5):
                await asyncio.sleep(0)
            return await bench.compute()

        answers = await asyncio.gather(*(bench.fetch("k", "u", slow) for _ in range(50)))
        assert set(answers) == {b"value 1"}
        assert bench.computed == 1
        assert bench.counted.seen["waits"] == 49

    run(body)


def test_a_cancelled_caller_cancels_nobody_else() -> None:
    async def body() -> None:
        bench = Bench()
        go_on = asyncio.Event()

        async def slow() -> Computed:
            await go_on.wait()
            return await bench.compute()

        leader = asyncio.create_task(bench.fetch("k", "u", slow))
        followers = [asyncio.create_task(bench.fetch("k", "u", slow)) for _ in range(5)]
        await asyncio.sleep(0)
        leader.cancel()
        await asyncio.sleep(0)
        go_on.set()
        assert await asyncio.gather(*followers) == [b"value 1"] * 5
        with pytest.raises(asyncio.CancelledError):
            await leader
        assert bench.get("k", "u") is not None

    run(body)


def test_an_error_reaches_all_who_waited_and_is_never_kept() -> None:
    async def body() -> None:
        bench = Bench()
        answers = await asyncio.gather(*(bench.fetch("k", "u", failing) for _ in range(3)), return_exceptions=True)
        assert [str(answer) for answer in answers] == ["no"] * 3
        assert bench.counted.seen["failures"] == 1
        assert await bench.fetch("k", "u") == b"value 1"

    run(body)


def test_a_computation_that_is_cancelled_is_not_kept_and_the_next_one_runs() -> None:
    async def body() -> None:
        bench = Bench()

        async def cancelled() -> Computed:
            raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await bench.fetch("k", "u", cancelled)
        assert await bench.fetch("k", "u") == b"value 1"

    run(body)


def test_a_value_that_may_not_be_kept_is_answered_once() -> None:
    async def body() -> None:
        bench = Bench()
        assert await bench.fetch("k", "u", constant(b"poor", keep=False)) == b"poor"
        assert bench.get("k", "u") is None
        assert not bench.generations.held, "whose value was not kept leaves nothing behind"

    run(body)


def test_that_there_is_nothing_is_kept_for_a_short_while() -> None:
    async def body() -> None:
        bench = Bench(negative=5)
        nothing = constant(b"", negative=True)
        first = await bench.cache.fetch(bench.want("k", "u"), nothing)
        assert (first.negative, first.served_from) == (True, "computed")
        again = bench.get("k", "u")
        assert again is not None
        assert again.negative
        bench.clock.advance(5)
        assert bench.get("k", "u") is None

    run(body)


def test_refresh_runs_once_and_a_failed_one_is_tried_again_later() -> None:
    async def body() -> None:
        bench = Bench()
        await bench.fetch("k", "u")
        bench.soft("u")
        bench.refresh("k", "u", failing)
        await bench.cache.drain()
        found = bench.get("k", "u")
        assert found is not None
        assert found.stale
        assert not found.refresh, "not at every reading: the source is not well"
        bench.clock.advance(1)
        found = bench.get("k", "u")
        assert found is not None
        assert found.refresh
        bench.refresh("k", "u")
        bench.refresh("k", "u")
        await bench.cache.drain()
        assert bench.computed == 2
        found = bench.get("k", "u")
        assert found is not None
        assert (found.payload, found.stale) == (b"value 2", False)

    run(body)


def test_refreshes_in_the_background_are_bounded() -> None:
    async def body() -> None:
        bench = Bench()
        bench.machinery.most_refreshes = 3
        for number in range(10):
            await bench.fetch(f"k{number}", "u")
        bench.soft("u")
        for number in range(10):
            bench.refresh(f"k{number}", "u")
        assert bench.counted.seen["refresh dropped"] == 7
        await bench.cache.drain()
        assert bench.computed == 13
        assert bench.machinery.refreshing == 0

    run(body)


def test_a_value_is_made_anew_before_its_end_the_likelier_the_longer_it_takes() -> None:
    async def body() -> None:
        bench = Bench(ttl=60, early=1.0)

        async def slow() -> Computed:
            bench.clock.advance(0.5)
            return await bench.compute()

        await bench.fetch("k", "u", slow)
        found = bench.get("k", "u")
        assert found is not None
        assert not found.refresh
        bench.clock.advance(59.7)  # 0.3 s left; with chance 0.5 it is time from 0.5 * ln 2 = 0.35 s on
        found = bench.get("k", "u")
        assert found is not None
        assert (found.served_from, found.refresh) == ("l1", True)
        bench.refresh("k", "u")
        await bench.cache.drain()
        assert bench.computed == 2, "a fresh value in memory is no reason not to make the next one"

    run(body)


def test_the_chance_of_an_early_refresh_is_the_published_one() -> None:
    draws = [number / 10_000 for number in range(10_000)]
    chance = sum(is_early(9.7, 10.0, 0.3, 1.0, u) for u in draws) / len(draws)
    assert chance == pytest.approx(0.3679, abs=0.001), "exp(-remaining / (beta * seconds)), here exp(-1)"


def test_when_nothing_can_be_made_an_old_value_is_better() -> None:
    async def body() -> None:
        bench = Bench(ttl=60, stale=600, error=300)
        await bench.fetch("k", "u")
        bench.clock.advance(700)
        assert bench.get("k", "u") is None
        found = await bench.cache.fetch(bench.want("k", "u"), failing)
        assert (found.payload, found.served_from, found.stale) == (b"value 1", "stale-error", True)
        found = await bench.cache.fetch(bench.want("k", "u"), constant(b"poor", keep=False, failed=True))
        assert (found.payload, found.served_from) == (b"value 1", "stale-error")
        assert bench.counted.seen["errors_served"] == 2
        bench.clock.advance(300)
        with pytest.raises(RuntimeError):
            await bench.fetch("k", "u", failing)
        assert await bench.fetch("k", "u", constant(b"poor", keep=False, failed=True)) == b"poor"

    run(body)


def test_a_value_known_to_be_invalid_is_not_served_even_when_nothing_can_be_made() -> None:
    async def body() -> None:
        bench = Bench(error=300)
        await bench.fetch("k", "u")
        bench.hard("u")
        with pytest.raises(RuntimeError):
            await bench.fetch("k", "u", failing)

    run(body)


def test_computations_at_once_are_bounded() -> None:
    async def body() -> None:
        bench = Bench()
        running, most = 0, 0

        async def watched() -> Computed:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1
            return Computed(b"x")

        await asyncio.gather(*(bench.fetch(f"k{n}", "u", watched) for n in range(50)))
        assert most == 8

    run(body)


def test_many_values_are_one_computation_of_those_that_nobody_has_or_makes() -> None:
    async def body() -> None:
        bench = Bench()
        asked: list[list[int]] = []
        wants = [bench.want(f"k{number}", f"u{number}") for number in range(5)]
        await bench.fetch("k1", "u1", constant(b"kept"))
        go_on = asyncio.Event()

        async def slow() -> Computed:
            await go_on.wait()
            return Computed(b"joined")

        joined = asyncio.create_task(bench.fetch("k3", "u3", slow))
        await asyncio.sleep(0)

        async def rest(places: "list[int]") -> list[Computed]:
            asked.append(list(places))
            go_on.set()
            return [Computed(b"made %d" % place) for place in places]

        found = await bench.cache.fetch_many([*wants, wants[0]], rest)  # type: ignore[arg-type]
        payloads = [each.payload for each in found]
        assert payloads == [b"made 0", b"kept", b"made 2", b"joined", b"made 4", b"made 0"]
        assert asked == [[0, 2, 4]]
        await joined
        assert [each.served_from for each in await bench.cache.fetch_many(wants, rest)] == ["l1"] * 5  # type: ignore[arg-type]

    run(body)


def test_the_memory_tier_keeps_its_bound_and_refuses_what_cannot_fit() -> None:
    async def body() -> None:
        bench = Bench()
        for number in range(3000):
            await bench.fetch(f"key {number}", "u", constant(b"x" * 1000))
        tier = bench.memory
        assert 0 < tier.size() <= 1_000_000
        assert tier.count() < 1000
        await bench.fetch("huge", "u", constant(b"x" * 2_000_000))
        assert tier.size() <= 1_000_000
        assert bench.get("huge", "u") is None
        assert tier.count() > 100, "one value that is too big must not flush the others"
        bench.cache.clear()
        assert tier.count() == 0

    run(body)


def test_what_is_forgotten_is_never_valid_again() -> None:
    generations = Generations(numbered(), limit=3)
    generations.ask("a")
    first = generations.present("a")
    assert generations.present("a") == first
    generations.answer("a", kept=True)
    for sequence, subject in enumerate("bcd", start=1):
        generations.replace(Invalidation(subject, sequence, sequence))
    assert generations.known("a") is None
    assert generations.present("a") != first, "a forgotten subject gets tokens that no value carries"


def test_what_is_renewed_is_not_valid_any_more_though_no_event_says_so() -> None:
    async def body() -> None:
        bench = Bench()
        bench.generations.renew("nobody")
        await bench.fetch("k", "u")
        await bench.fetch("l", "v")
        bench.generations.renew("u")
        assert bench.get("k", "u") is None
        assert bench.get("l", "v") is not None
        standing = await bench.cache.inspect(bench.want("k", "u"))
        assert standing.l1 is not None
        assert (standing.l1.state, standing.l1.same_hard) == ("gone", False)
        with pytest.raises(RuntimeError):
            await bench.fetch("k", "u", failing)
        assert await bench.fetch("k", "u") == b"value 3"
        bench.hard("u")
        assert bench.get("k", "u") is None, "the next event is one"

    run(body)


def test_soft_tokens_of_unknown_subjects_take_no_memory() -> None:
    generations = Generations(numbered())
    for number in range(1000):
        generations.replace(Invalidation(f"u{number}", 0, number))
    assert not generations.held


def test_tokens_come_in_any_order_and_any_number_of_times() -> None:
    generations = Generations(numbered())
    generations.replace(Invalidation("u", 7, 7))
    later = generations.known("u")
    for hard, soft in ((7, 7), (5, 5), (0, 6)):
        generations.replace(Invalidation("u", hard, soft))
        assert generations.known("u") == later
    generations.replace(Invalidation("u", 0, 8))
    known = generations.known("u")
    assert known is not None
    assert later is not None
    assert known.hard == later.hard
    assert known.soft > later.soft


@pytest.mark.parametrize(("u", "expected"), [(0.0, 54.0), (0.5, 60.0), (1.0, 66.0)])
def test_jitter_spreads_evenly_around_the_ttl(u: float, expected: float) -> None:
    assert jittered(60.0, 0.1, u) == pytest.approx(expected)
