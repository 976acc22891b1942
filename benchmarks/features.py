"""Features of a user and 500 items: embedded, and with Redis and PostgreSQL, beside the bare round trips of the same stores.

    python -m benchmarks.features [--trials 100]

Three reads: of the store (what the views are worked out from), of all views by their names (what the API answers with), and
the one that a request makes (the user's history and features, and the items' columns out of memory). The bare ones fetch
the same bytes by the key they lie under and do nothing with them. All take turns, in one process, on one event loop.
"""

import argparse
import asyncio
import random
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import redis.asyncio

from benchmarks.report import Report, median
from benchmarks.servers import behind
from benchmarks.shops import ITEMS, USERS, category_shop
from honeyguide import Honeyguide
from honeyguide.bootstrap import Runtime
from honeyguide.features.online import OfRequest
from honeyguide.stores.conditions import HISTORY

WANTED = 500
REMEMBERED = 500
Ask = Callable[[str, list[str]], Awaitable[Any]]
_ITEMS_SQL = "SELECT entity_id, state FROM feature_states WHERE view = {} AND entity_id {}"
_EVENTS_SQL = (
    "SELECT item_id, type, ts, value, sequence FROM log "
    f"WHERE user_id = {{}} AND {HISTORY} ORDER BY sequence DESC LIMIT {{}}"
)


def ours(runtime: Runtime) -> dict[str, Ask]:
    """The three reads."""
    features, store = runtime.features, runtime.store
    users, items = features.users.group, features.items.group

    async def rows(user: str, wanted: list[str]) -> object:
        return await store.features.read([user], users, wanted, items)

    async def views(user: str, wanted: list[str]) -> object:
        return await features.read([user], wanted)

    async def request(user: str, wanted: list[str]) -> object:
        state = await store.log.user_state(user, limit=REMEMBERED, features=users)
        columns = runtime.items.features
        gathered = columns.gather(runtime.items.numbers_of(wanted), columns.names)
        return OfRequest(features, state, runtime.clock.now_ms()).values, gathered

    return {"store": rows, "all views": views, "a request": request}


def bare_sqlite(path: Path, runtime: Runtime) -> dict[str, Ask]:
    """The same rows by a connection of our own."""
    link = sqlite3.connect(path / "honeyguide.sqlite", isolation_level=None)
    users, items = runtime.features.users.group, runtime.features.items.group
    marks = ", ".join("?" * WANTED)

    async def states(user: str, wanted: list[str]) -> object:
        link.execute("BEGIN")
        own = link.execute(_ITEMS_SQL.format("?", "= ?"), (users, user)).fetchall()
        found = link.execute(_ITEMS_SQL.format("?", f"IN ({marks})"), (items, *wanted)).fetchall()
        link.execute("COMMIT")
        return own, found

    async def history(user: str, wanted: list[str]) -> object:
        return link.execute(_EVENTS_SQL.format("?", "?"), (user, REMEMBERED)).fetchall()

    return {"bare states": states, "bare history": history}


async def bare_postgres(url: str, runtime: Runtime) -> dict[str, Ask]:
    """The same rows by a connection of our own, prepared and binary; and the round trip alone."""
    link = await psycopg.AsyncConnection.connect(url, autocommit=True, options="-c search_path=honeyguide")
    users, items = runtime.features.users.group, runtime.features.items.group
    sql = f"{_ITEMS_SQL.format('%s', '= %s')} UNION ALL {_ITEMS_SQL.format('%s', '= ANY(%s)')}"

    async def ping(user: str, wanted: list[str]) -> object:
        return await (await link.execute("SELECT 1", prepare=True, binary=True)).fetchall()

    async def states(user: str, wanted: list[str]) -> object:
        return await (await link.execute(sql, (users, user, items, wanted), prepare=True, binary=True)).fetchall()

    async def history(user: str, wanted: list[str]) -> object:
        found = await link.execute(_EVENTS_SQL.format("%s", "%s"), (user, REMEMBERED), prepare=True, binary=True)
        return await found.fetchall()

    return {"bare SELECT 1": ping, "bare states": states, "bare history": history}


async def bare_redis(url: str, runtime: Runtime) -> dict[str, Ask]:
    """What a feature store in Redis would ask: one MGET of as many values of the same bytes; and the round trip alone."""
    link = redis.asyncio.Redis.from_url(url)
    for group in (runtime.features.users.group, runtime.features.items.group):
        for batch in runtime.store.features.scan(group):
            await link.mset({f"bench:{entity}": state for entity, state in batch})

    async def ping(user: str, wanted: list[str]) -> object:
        return await link.ping()

    async def states(user: str, wanted: list[str]) -> object:
        return await link.mget([f"bench:{entity}" for entity in (user, *wanted)])

    return {"bare Redis PING": ping, "bare Redis MGET": states}


async def in_turn(asks: Mapping[str, Ask], trials: int) -> dict[str, float]:
    """Median milliseconds of each; every trial asks all of them for the same ids."""
    chance, took = random.Random(3), {name: list[float]() for name in asks}
    for _ in range(trials):
        user = f"user_{chance.randint(1, USERS)}"
        wanted = [f"item_{number}" for number in chance.sample(range(ITEMS), WANTED)]
        for name, ask in asks.items():
            started = time.perf_counter()
            await ask(user, wanted)
            took[name].append((time.perf_counter() - started) * 1000)
    return {name: median(times) for name, times in took.items()}


async def folded(runtime: Runtime) -> None:
    """Wait until the states of all that was ingested are there, and the columns made of them."""
    position = await runtime.store.log.position()
    for plan in (runtime.features.users, runtime.features.items):
        while (mark := runtime.store.features.mark(plan.group)) is None or mark.sequence < position:
            await asyncio.sleep(0.05)
    while runtime.items.features.sequence < position or np.isnan(runtime.items.features.values).all():
        await asyncio.sleep(0.05)


def rows_of(took: Mapping[str, float], states: str) -> list[dict[str, Any]]:
    """Each read beside the bare round trips that fetch its bytes: states for two of them, history for the request's."""
    against = {"store": states, "all views": states, "a request": "bare history"}
    return [
        {
            "read": name,
            "median ms": took[name],
            "against": bare,
            "its median ms": took[bare],
            "ratio": took[name] / took[bare],
        }
        for name, bare in against.items()
    ]


def measure(data_dir: Path, env: dict[str, str], trials: int) -> dict[str, float]:
    """Median milliseconds of our reads and of the bare ones."""

    async def run(runtime: Runtime) -> dict[str, float]:
        await folded(runtime)
        asks = ours(runtime)
        if env:
            asks |= await bare_postgres(env["HONEYGUIDE_STORAGE__URL"], runtime)
            asks |= await bare_redis(env["HONEYGUIDE_REDIS__URL"], runtime)
        else:
            asks |= bare_sqlite(data_dir, runtime)
        await in_turn(asks, 5)
        return await in_turn(asks, trials)

    with Honeyguide.open(data_dir=data_dir, environ=env) as hg:
        took: dict[str, float] = hg.run(run(hg.runtime))
        return took


def main() -> None:
    """Measure both and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100)
    asked = parser.parse_args()
    report = Report(
        "features",
        "Features of a user and 500 items",
        f"Medians of {asked.trials} trials; in each, all reads ask for the same ids in turn. Ratios are what counts.",
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        category_shop(folder / "shop")
        report.table("Embedded (SQLite)", rows_of(measure(folder / "shop", {}, asked.trials), "bare states"))
        with behind() as env:
            category_shop(folder / "cluster", env=env)
            took = measure(folder / "cluster", env, asked.trials)
            report.table("PostgreSQL", rows_of(took, "bare states"))
            trips = [{"what": bare, "median ms": ms} for bare, ms in took.items() if bare.startswith("bare")]
            report.table("Bare round trips, Redis and PostgreSQL, in the same run", trips)
    report.notes += [
        "Features live in the database, with or without Redis: our reads never ask it. Its MGET is of the same bytes.",
        "A request's read fetches the user's history (up to 500 events), attributes and features; items come out of memory.",
        f"All views is {WANTED} items times every view, each with status and times, worked out on a thread.",
    ]
    report.write()


if __name__ == "__main__":
    main()
