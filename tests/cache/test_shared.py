"""Nodes that share a tier: what one made the other serves, and never what it may not."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence

import pytest

from honeyguide.cache import Computed, Epoch, set_by
from honeyguide.cache.making import POLLS
from honeyguide.types import Invalidation, SharedKey, SharedRead
from tests.cache.bench import TRUST, Node, Nodes, constant, failing, run


async def two(nodes: Nodes, **how: float) -> tuple[Node, Node]:
    """Two nodes that have pulled once; the second one's clock may be ahead."""
    one, other = nodes.node(), nodes.node(**how)
    await one.tier.pull()
    await other.tier.pull()
    return one, other


def test_what_one_node_made_the_other_serves() -> None:
    async def body() -> None:
        one, other = await two(Nodes())
        assert (await one.fetch("k", "u")).served_from == "computed"
        found = await other.fetch("k", "u")
        assert (found.payload, found.served_from) == (b"value 1", "l2")
        assert other.computed == 0
        there = other.get("k", "u")
        assert there is not None
        assert there.served_from == "l1", "it came to stay"
        assert other.counted.seen["l2 hit"] == 1

    run(body)


def test_a_hard_event_is_known_on_the_other_node_after_a_pull_and_a_soft_one_makes_stale() -> None:
    async def body() -> None:
        one, other = await two(Nodes())
        await one.fetch("k", "u")
        await other.fetch("k", "u")
        await one.event("u", hard=False)
        await other.tier.pull()
        stale = other.get("k", "u")
        assert stale is not None
        assert stale.stale
        await one.event("u")
        assert one.get("k", "u") is None, "at once where it was taken"
        await other.tier.pull()
        assert other.get("k", "u") is None
        assert (await other.fetch("k", "u")).served_from == "computed"
        assert (await one.fetch("k", "u")).served_from == "l2"

    run(body)


def test_without_a_pull_what_is_held_is_trusted_for_half_a_second() -> None:
    async def body() -> None:
        nodes = Nodes()
        one, other = await two(nodes)
        await one.fetch("k", "u")
        await other.fetch("k", "u")
        await one.event("u")
        assert other.get("k", "u") is not None
        nodes.clock.advance(TRUST)
        assert other.get("k", "u") is None, "nobody told, so nobody knows"
        assert other.counted.seen["l1 unverified"] == 1
        assert (await other.fetch("k", "u")).payload == b"value 1", "made now by this node"
        assert other.computed == 1

    run(body)


def test_what_is_not_trusted_is_asked_for_once_and_not_made_again() -> None:
    async def body() -> None:
        nodes = Nodes()
        one, _ = await two(nodes)
        for number in range(20):
            await one.fetch(f"k{number}", f"u{number}")
        nodes.server.cut_stream()
        await one.tier.pull()
        assert one.get("k1", "u1") is None
        reads: list[int] = []
        read = one.store.read

        async def counting(wanted: Sequence[SharedKey]) -> list[SharedRead]:
            reads.append(len(wanted))
            return await read(wanted)

        one.store.read = counting  # type: ignore[method-assign]
        found = await asyncio.gather(*(one.fetch(f"k{number}", f"u{number}") for number in range(20)))
        assert {each.served_from for each in found} == {"l1"}
        assert one.computed == 20
        assert reads == [20], "one question for all of a turn of the event loop"

    run(body)


def test_lost_tokens_are_misses_and_never_valid_again() -> None:
    async def body() -> None:
        nodes = Nodes()
        one, other = await two(nodes)
        await one.fetch("k", "u")
        nodes.server.tokens.clear()
        assert (await other.fetch("k", "u")).served_from == "computed"
        nodes.server.wipe()
        await one.tier.pull()
        assert one.get("k", "u") is None
        assert (await one.fetch("k", "u")).served_from == "computed"

    run(body)


def test_a_slow_computation_from_before_an_invalidation_is_refused_by_the_shared_tier() -> None:
    async def body() -> None:
        one, other = await two(Nodes())

        async def slow() -> Computed:
            await other.event("u")
            return Computed(b"old")

        assert (await one.fetch("k", "u", slow)).payload == b"old"
        assert one.counted.seen["refused"] == 1
        assert (await other.fetch("k", "u")).payload == b"value 1"
        again = one.get("k", "u")
        assert again is None, "the refusal told of the new token"

    run(body)


@pytest.mark.parametrize("ahead", [-3600.0, 3600.0, 315_360_000.0])
def test_clocks_may_be_hours_apart(ahead: float) -> None:
    async def body() -> None:
        nodes = Nodes()
        one, other = await two(nodes, ahead=ahead)
        await one.fetch("k", "u")
        nodes.clock.advance(59)
        await other.tier.pull()
        assert (await other.fetch("k", "u")).served_from == "l2"
        fresh = other.get("k", "u")
        assert fresh is not None
        assert not fresh.stale
        nodes.clock.advance(1.1)
        await other.tier.pull()
        stale = other.get("k", "u")
        assert stale is not None
        assert stale.stale, "the deadline travels with the value: memory does not prolong it"
        nodes.clock.advance(600)
        await other.tier.pull()
        assert other.get("k", "u") is None

    run(body)


def test_who_loses_the_lease_waits_for_the_winner() -> None:
    async def body() -> None:
        one, other = await two(Nodes())
        began, go_on = asyncio.Event(), asyncio.Event()

        async def slow() -> Computed:
            began.set()
            await go_on.wait()
            return Computed(b"made once")

        winner = asyncio.create_task(one.fetch("k", "u", slow))
        await began.wait()
        sleep = other.machinery.sleep

        async def sleeping(seconds: float) -> None:
            go_on.set()
            await winner
            await sleep(seconds)

        other.machinery.sleep = sleeping
        found = await other.fetch("k", "u")
        assert (found.payload, found.served_from) == (b"made once", "l2")
        assert other.slept == [POLLS[0]]
        assert (one.counted.seen["lease won"], other.counted.seen["lease lost"]) == (1, 1)

    run(body)


def test_a_holder_that_died_is_waited_for_a_tenth_of_a_second_and_no_longer() -> None:
    async def body() -> None:
        nodes = Nodes()
        one, other = await two(nodes)

        async def dying() -> Computed:
            await asyncio.Event().wait()
            raise AssertionError

        dead = asyncio.create_task(one.fetch("k", "u", dying))
        await asyncio.sleep(0.01)
        found = await other.fetch("k", "u")
        assert (found.served_from, found.payload) == ("computed", b"value 1")
        assert other.slept == list(POLLS)
        assert sum(other.slept) == pytest.approx(0.1)
        assert other.counted.seen["lease late"] == 1
        assert (await other.fetch("k", "u")).served_from == "l1", "it is kept all the same"
        dead.cancel()

    run(body)


def test_a_failed_computation_gives_the_lease_back() -> None:
    async def body() -> None:
        nodes = Nodes()
        one, other = await two(nodes)
        for broken in (failing, constant(b"poor", keep=False)):
            with contextlib.suppress(RuntimeError):
                await one.fetch("k", "u", broken)
            await one.tier.drain()
            assert not nodes.server.leases
        assert (await other.fetch("k", "u")).served_from == "computed"
        assert other.slept == []

    run(body)


def test_a_stale_value_is_made_anew_by_one_node_and_found_by_the_other() -> None:
    async def body() -> None:
        nodes = Nodes()
        one, other = await two(nodes)
        await one.fetch("k", "u")
        await other.fetch("k", "u")
        nodes.clock.advance(61)
        for node in (one, other):
            await node.tier.pull()
            stale = node.get("k", "u")
            assert stale is not None
            assert stale.refresh
        one.cache.refresh(one.want("k", "u"), one.compute)
        other.cache.refresh(other.want("k", "u"), other.compute)
        await one.cache.drain()
        await other.cache.drain()
        assert one.computed + other.computed == 2, "the first one and one more"
        nodes.clock.advance(1)
        for node in (one, other):
            await node.tier.pull()
            there = node.get("k", "u")
            if there is not None and there.refresh:
                node.cache.refresh(node.want("k", "u"), node.compute)
                await node.cache.drain()
            fresh = node.get("k", "u")
            assert fresh is not None
            assert (fresh.payload, fresh.stale) == (b"value 2", False)
        assert one.computed + other.computed == 2

    run(body)


def test_after_a_switch_the_list_from_before_is_found_in_the_shared_tier_too() -> None:
    async def body() -> None:
        one, other = await two(Nodes())
        await one.fetch("k", "u")
        other.epoch = Epoch(b"epoch 2", b"epoch 1")
        found = await other.fetch("k", "u")
        assert (found.payload, found.served_from) == (b"value 1", "stale")
        await other.cache.drain()
        assert other.computed == 1, "made anew behind it"
        fresh = other.get("k", "u")
        assert fresh is not None
        assert not fresh.stale
        there = one.get("k", "u")
        assert there is not None
        assert (there.payload, there.served_from) == (b"value 1", "l1"), "nodes that switch later never mix"

    run(body)


def test_while_the_shared_tier_is_away_each_node_goes_on_alone() -> None:
    async def body() -> None:
        nodes = Nodes()
        one, other = await two(nodes)
        await one.fetch("k", "u")
        nodes.server.away = True
        assert one.get("k", "u") is not None
        assert (await other.fetch("k", "u")).served_from == "computed"
        assert not await other.tier.pull()
        assert other.counted.seen["pull failed"] == 1
        for second in range(3):
            nodes.clock.advance(1)
            other.generations.trust(other.clock.monotonic() + TRUST)  # the log was followed
            found = other.get("k", "u")
            assert found is not None, second
        nodes.server.away = False
        await other.tier.pull()
        assert (await other.fetch("k", "u")).served_from in ("l1", "l2")

    run(body)


def test_when_nobody_can_tell_and_nothing_can_be_made_memory_is_served_for_a_while() -> None:
    async def body() -> None:
        nodes = Nodes()
        one = nodes.node(error=30)
        await one.tier.pull()
        await one.fetch("k", "u")
        nodes.server.away = True
        nodes.clock.advance(10)
        assert one.get("k", "u") is None
        found = await one.cache.fetch(one.want("k", "u"), failing)
        assert (found.payload, found.served_from) == (b"value 1", "stale-error")
        nodes.clock.advance(25)
        with pytest.raises(RuntimeError):
            await one.cache.fetch(one.want("k", "u"), failing)

    run(body)


def test_what_the_shared_tier_lacks_the_log_tells() -> None:
    """The node that took the event could not tell the shared tier; another one has it from the log."""

    async def body() -> None:
        nodes = Nodes()
        one, other = await two(nodes)
        await one.fetch("k", "u")
        await one.event("u", told=False)
        other.generations.replace(Invalidation("u", nodes.sequence, nodes.sequence))
        assert (await other.fetch("k", "u")).served_from == "computed", "the old value in the shared tier is known to be old"

    run(body)


def test_a_server_that_knows_less_than_the_nodes_is_told_and_keeps_values_again() -> None:
    """It lost its tokens, and heard of an old row before anybody asked."""

    async def body() -> None:
        nodes = Nodes()
        one, other = await two(nodes)
        for node in (one, other):
            node.generations.position = 255
            await node.fetch("k", "u")
        nodes.server.wipe()
        for node in (one, other):
            await node.tier.pull()
        await one.tier.replace([Invalidation("u", 30, 30)])
        before = one.computed + other.computed
        for node in (one, other, one, other):
            await node.fetch("k", "u")
            await node.tier.drain()
        for node in (one, other):
            assert (await node.fetch("k", "u")).served_from == "l1"
        assert one.computed + other.computed == before + 1

    run(body)


def test_clearing_empties_all_nodes() -> None:
    async def body() -> None:
        one, other = await two(Nodes())
        await one.fetch("k", "u")
        await other.fetch("k", "u")
        await one.tier.clear()
        await other.tier.pull()
        for node in (one, other):
            assert node.get("k", "u") is None
        assert (await other.fetch("k", "u")).served_from == "computed"
        assert (await one.fetch("k", "u")).served_from == "l2"

    run(body)


def test_a_subject_that_is_forgotten_has_no_values_on_any_node_and_others_keep_theirs() -> None:
    async def body() -> None:
        nodes = Nodes()
        one, other = await two(nodes)
        await one.event("u")
        for node in (one, other):
            for subject in ("u", "v"):
                await node.fetch(f"k {subject}", subject)
            node.generations.position = nodes.sequence  # as it follows the log
        assert (await one.cache.inspect(one.want("k u", "u"))).l1 is not None
        await one.tier.forget(["u"])
        await other.tier.pull()
        for node in (one, other):
            assert node.get("k u", "u") is None
        standing = await other.cache.inspect(other.want("k u", "u"))
        assert (standing.tokens, standing.trusted, standing.answers) == (None, True, True)
        assert (await other.fetch("k u", "u")).served_from == "computed"
        assert (await one.fetch("k u", "u")).payload == b"value 1", "what the other node made"
        assert (await one.fetch("k v", "v")).served_from == "l1"
        assert one.computed == 2

    run(body)


def test_a_value_is_looked_at_in_both_tiers_and_nothing_changes() -> None:
    async def body() -> None:
        nodes = Nodes()
        one, other = await two(nodes)
        nobody = await one.cache.inspect(one.want("k", "u"))
        assert (nobody.tokens, nobody.l1, nobody.l2) == (None, None, None)
        assert not nodes.server.tokens, "nobody gets tokens by being asked about"
        await one.fetch("k", "u")
        nodes.clock.advance(10.0)
        await other.tier.pull()
        seen = Counter(other.counted.seen)
        standing = await other.cache.inspect(other.want("k", "u"))
        assert other.counted.seen == seen, "nothing is counted"
        assert standing.l1 is None
        assert standing.l2 is not None
        assert (standing.l2.state, round(standing.l2.age), round(standing.l2.fresh_for)) == ("fresh", 10, 50)
        await one.event("u", hard=False)
        await other.tier.pull()
        standing = await other.cache.inspect(other.want("k", "u"))
        assert standing.l2 is not None
        assert (standing.l2.state, standing.l2.same_hard, standing.l2.same_soft) == ("stale", True, False)
        assert standing.tokens is not None
        assert (set_by(standing.tokens.hard), set_by(standing.tokens.soft)) == (None, 1)
        assert other.get("k", "u") is None
        nodes.server.away = True
        assert not (await other.cache.inspect(other.want("k", "u"))).answers

    run(body)


def test_values_that_are_too_large_stay_here() -> None:
    async def body() -> None:
        nodes = Nodes()
        one, other = await two(nodes)
        await one.fetch("k", "u", constant(b"x" * 200_000))
        assert not nodes.server.values
        assert one.counted.seen["skipped"] == 1
        assert one.get("k", "u") is not None
        assert (await other.fetch("k", "u")).served_from == "computed"

    run(body)


def test_many_values_are_one_question_one_computation_and_shared() -> None:
    async def body() -> None:
        one, other = await two(Nodes())
        await one.fetch("k1", "u1", constant(b"kept"))

        async def rest(places: Sequence[int]) -> list[Computed]:
            return [Computed(b"made %d" % place) for place in places]

        wants = [other.want(f"k{number}", f"u{number}") for number in range(4)]
        found = await other.cache.fetch_many(wants, rest)
        assert [each.payload for each in found] == [b"made 0", b"kept", b"made 2", b"made 3"]
        assert [each.served_from for each in found] == ["computed", "l2", "computed", "computed"]
        await other.cache.drain()
        found = await one.cache.fetch_many([one.want(f"k{number}", f"u{number}") for number in range(4)], rest)
        assert [each.served_from for each in found] == ["l2", "l1", "l2", "l2"]

    run(body)


@pytest.mark.parametrize("garbage", ["truncated", "swapped", "foreign", "no end", "long end"])
def test_damaged_values_are_misses_and_counted(garbage: str) -> None:
    async def body() -> None:
        nodes = Nodes()
        one, other = await two(nodes)
        await one.fetch("k", "u")
        await one.fetch("k2", "u")
        first, second = nodes.server.values
        (data, end), (data2, _) = nodes.server.values[first], nodes.server.values[second]
        damaged = {
            "truncated": (data[:-3], end),
            "swapped": (data2, end),
            "foreign": (b"not a value at all, and rather long", end),
            "no end": (data, end + 1e9),
            "long end": (data, end + 100),
        }
        nodes.server.values[first] = damaged[garbage]
        assert (await other.fetch("k", "u")).served_from == "computed"
        assert sum(count for what, count in other.counted.seen.items() if what.startswith("unreadable")) == 1

    run(body)
