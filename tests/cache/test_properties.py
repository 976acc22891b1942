"""The cache against a model of itself, under any order of reads, writes and invalidations."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from tests.cache.bench import Bench, constant

STEPS = st.lists(
    st.tuples(st.sampled_from(["read", "hard", "soft", "epoch", "tick"]), st.sampled_from("abc"), st.sampled_from("uv")),
    max_size=40,
)


@given(STEPS)
def test_no_read_ever_returns_a_value_from_before_an_invalidation(steps: list[tuple[str, str, str]]) -> None:
    async def body() -> None:
        bench = Bench(ttl=5, stale=20)
        world = {"u": 0, "v": 0}
        seen_soft = {"u": 0, "v": 0}

        for step, key, subject in steps:
            if step == "read":
                found = bench.get(key + subject, subject)
                version = await _read(bench, key + subject, subject, world[subject], seen_soft[subject])
                hard, soft = (int(part) for part in version.split(b":"))
                assert hard == world[subject]
                if found is not None and not found.stale:
                    assert soft == seen_soft[subject]
            elif step == "hard":
                world[subject] += 1
                bench.hard(subject)
            elif step == "soft":
                seen_soft[subject] += 1
                bench.soft(subject)
            elif step == "epoch":
                bench.new_epoch()
            else:
                bench.clock.advance(3)

    asyncio.run(body())


async def _read(bench: Bench, key: str, subject: str, hard: int, soft: int) -> bytes:
    found = bench.get(key, subject)
    if found is not None:
        return found.payload
    return await bench.fetch(key, subject, constant(b"%d:%d" % (hard, soft)))
