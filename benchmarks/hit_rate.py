"""The hit rate of the list cache on a Zipf trace, beside the trace's own upper bound, and what a flush costs.

    python -m benchmarks.hit_rate [--requests 200000]

The whole request path in this process, on a clock that moves with the trace: 100 requests a second, 5 % of all steps are
purchases, which invalidate. The upper bound is a cache without limits or deadlines: a request misses only if it is the
user's first, or the first after a purchase of theirs.
"""

import argparse
import asyncio
import itertools
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.report import Report
from benchmarks.shops import ITEMS, category_shop
from honeyguide import Honeyguide
from honeyguide.bootstrap import Runtime
from honeyguide.clock import ManualClock
from honeyguide.messages import EventIn, Query

USERS, EVENT_SHARE, STEP_SECONDS, TOGETHER = 10_000, 0.05, 0.01, 32


def trace(steps: int, seed: int) -> Iterator[tuple[str, bool]]:
    """(user, whether it is a purchase) by Zipf's law with s = 1."""
    chance = random.Random(seed)
    cumulative = list(itertools.accumulate(1.0 / rank for rank in range(1, USERS + 1)))
    users = [f"user_{number}" for number in range(1, USERS + 1)]
    for user in chance.choices(users, cum_weights=cumulative, k=steps):
        yield user, chance.random() < EVENT_SHARE


def upper_bound(steps: int, seed: int) -> float:
    """The share of requests that an infinite cache answers."""
    held: set[str] = set()
    hits = requests = 0
    for user, purchase in trace(steps, seed):
        if purchase:
            held.discard(user)
            continue
        requests += 1
        hits += user in held
        held.add(user)
    return hits / requests


async def replay(runtime: Runtime, clock: ManualClock, steps: int, seed: int) -> dict[str, int]:
    """Run the trace; counts how each request was served, and all lists that were made."""
    served: dict[str, int] = {}
    chance = random.Random(seed + 1)
    made = _made(runtime)
    for place, (user, purchase) in enumerate(trace(steps, seed)):
        clock.advance(STEP_SECONDS)
        if purchase:
            item = f"item_{chance.randrange(ITEMS)}"
            await runtime.ingest.events([EventIn(type="purchase", user_id=user, item_id=item)])
            continue
        origin = (await runtime.recommend.serve(Query(user_id=user))).served_from
        served[origin] = served.get(origin, 0) + 1
        if place % 10 == 0:
            await runtime.cache.drain()
            await runtime.slates.round()
    await runtime.cache.drain()
    return served | {"made": round(_made(runtime) - made)}


async def after_a_flush(runtime: Runtime, requests: int, seed: int) -> dict[str, float]:
    """All values gone at once: how many lists are made for how many users, 32 requests at a time."""
    runtime.cache.clear()
    made = _made(runtime)
    users = [user for user, purchase in trace(requests, seed) if not purchase]
    for start in range(0, len(users), TOGETHER):
        await asyncio.gather(*(runtime.recommend.serve(Query(user_id=user)) for user in users[start : start + TOGETHER]))
    return {"requests": len(users), "users": len(set(users)), "lists made": _made(runtime) - made}


def _made(runtime: Runtime) -> float:
    labels = {"stage": "select"}
    return runtime.metrics.registry.get_sample_value("honeyguide_stage_duration_seconds_count", labels) or 0.0


def main() -> None:
    """Run the trace and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200_000)
    steps = round(parser.parse_args().requests / (1 - EVENT_SHARE))
    report = Report(
        "hit_rate",
        "Cache: hit rate",
        f"{USERS:,} users by Zipf's law (s = 1.0), {steps:,} steps of {STEP_SECONDS * 1000:.0f} ms, "
        f"{EVENT_SHARE:.0%} of them "
        "purchases. Default settings; the whole request path in one process.",
    )
    clock = ManualClock(1_790_000_000_000)
    with tempfile.TemporaryDirectory() as name:
        category_shop(Path(name), users=USERS)
        with Honeyguide.open(data_dir=name, clock=clock, environ={}) as hg:
            served = hg.run(replay(hg.runtime, clock, steps, 1))
            flushed = hg.run(after_a_flush(hg.runtime, 20_000, 2))
    requests = sum(count for origin, count in served.items() if origin != "made")
    hits = served.get("l1", 0) + served.get("stale", 0)
    bound = upper_bound(steps, 1)
    report.table(
        "Hits",
        [
            {"what": "hit rate", "value": hits / requests, "target": ">= 0.80"},
            {"what": "upper bound of the trace", "value": bound, "target": ""},
            {"what": "share of the bound", "value": hits / requests / bound, "target": ">= 0.97"},
            {"what": "served stale (counted as hits)", "value": served.get("stale", 0) / requests, "target": ""},
            {"what": "lists made per request, behind stale ones too", "value": served["made"] / requests, "target": ""},
        ],
    )
    report.table(
        "After a flush", [{**flushed, "per user": flushed["lists made"] / flushed["users"], "target": "<= 1.2 per user"}]
    )
    report.write()


if __name__ == "__main__":
    main()
