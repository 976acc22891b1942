"""A whole shop on PostgreSQL: it makes the lists that it makes on SQLite, and its servers know of one another."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from honeyguide import Honeyguide
from honeyguide.bootstrap import Runtime, open_runtime
from honeyguide.clock import ManualClock, SystemClock
from honeyguide.config import Settings
from honeyguide.config.settings import Models, Project, Storage
from honeyguide.messages import EventIn, ItemIn, Query, Slate
from honeyguide.stores.postgres.dialect import translated
from honeyguide.types import ModelVersion
from tests import postgres
from tests.shop import NOW, TEA, open_shop

_PATIENT: dict[str, Any] = {"read_timeout": 20.0, "pool_wait": 20.0, "connect_timeout": 20.0}


def shown(slate: Slate) -> list[tuple[str, float]]:
    return [(item.item_id, round(item.score, 6)) for item in slate.items]


def on_postgres(tmp_path: Path, url: str) -> Honeyguide:
    return open_shop(tmp_path, clock=ManualClock(NOW), storage=Storage(url=url, **_PATIENT))


def test_a_shop_makes_the_lists_that_it_makes_on_sqlite(tmp_path: Path, url: str) -> None:
    """The same log, clock and seed: the same models, lists, scores and reasons, and the same replay of a slate."""
    with (
        open_shop(tmp_path / "sqlite", clock=ManualClock(NOW)) as here,
        on_postgres(tmp_path / "postgres", url) as there,
    ):
        for hg in (here, there):
            hg.ingest([{"user_id": "u0", "item_id": "ball", "type": "hide"}])
        for user in ("u0", "u1", "u7", "nobody"):
            mine, theirs = here.recommend(user, n=8), there.recommend(user, n=8)
            assert shown(mine) == shown(theirs)
            assert [item.reason for item in mine.items] == [item.reason for item in theirs.items]
            assert (mine.as_of, mine.model, mine.rung) == (theirs.as_of, theirs.model, theirs.rung)
            assert theirs.degraded == []
        served = there.recommend("u3", n=5)
        there.ingest([{"user_id": "u3", "item_id": served.items[0].item_id, "type": "purchase"}])
        there.ingest([{"item_id": served.items[1].item_id, "title": "Another", "hidden": True}], "items")
        explanation = there.explain(served.request_id)
        assert explanation.matches, "made again from the log as it was"
        assert explanation.replayed == [item.item_id for item in served.items]


def with_two_servers(tmp_path: Path, url: str, body: Callable[[Runtime, Runtime], Coroutine[Any, Any, None]]) -> None:
    """Two servers' runtimes on one database, each with a data directory of its own, background jobs running."""

    async def both() -> None:
        runtimes = [open_runtime(servers(tmp_path / name, url), SystemClock(), role="library") for name in ("a", "b")]
        for runtime in runtimes:
            await runtime.start()
        try:
            await body(runtimes[0], runtimes[1])
        finally:
            for runtime in runtimes:
                await runtime.stop()

    asyncio.run(both())


def servers(folder: Path, url: str) -> Settings:
    models = Models(train=["popular"])
    return Settings(project=Project(data_dir=folder), storage=Storage(url=url, **_PATIENT), models=models)


async def eventually(condition: Callable[[], Coroutine[Any, Any, bool]]) -> None:
    """Poll; the test's own limit of time ends it."""
    while not await condition():
        await asyncio.sleep(0.02)


def test_what_one_server_takes_the_other_reflects(tmp_path: Path, url: str) -> None:
    """Events, hidden items and the target of an alias, without any message between them."""

    async def body(here: Runtime, there: Runtime) -> None:
        await here.ingest.put_items([ItemIn(item_id=name, title=name) for name in TEA])
        await here.ingest.events([EventIn(type="view", user_id=f"u{at}", item_id=TEA[at % 8]) for at in range(16)])

        async def ids(runtime: Runtime, user: str) -> list[str]:
            return [item.item_id for item in (await runtime.recommend.recommend(Query(user_id=user, n=8))).items]

        async def all_there() -> bool:
            return set(await ids(there, "u1")) == set(TEA)

        await eventually(all_there)
        report = await here.ingest.events([EventIn(type="purchase", user_id="u1", item_id="tea")])
        await here.ingest.put_items([ItemIn(item_id="pot", hidden=True)])

        async def reflected() -> bool:
            slate = await there.recommend.recommend(Query(user_id="u1", n=8))
            shown = {item.item_id for item in slate.items}
            return slate.as_of >= report.sequence and not shown & {"tea", "pot"}

        await eventually(reflected)

    with_two_servers(tmp_path, url, body)


def test_a_watch_notices_another_target_of_an_alias(open_postgres: Callable[..., Any], url: str, tmp_path: Path) -> None:
    here, there = open_postgres(), open_postgres()
    watch = here.log.watch()
    for number in (1, 2):
        there.registry.publish(ModelVersion("a", number, 1, 1, {}, {}))
        asyncio.run(watch.changed())
        there.registry.set_alias("champion", "a", number)
        assert asyncio.run(watch.changed())
        assert not asyncio.run(watch.changed())
    there.registry.delete_alias("champion")
    assert asyncio.run(watch.changed())


def test_lists_go_on_while_the_database_is_away(tmp_path: Path) -> None:
    """Promise 3: without the user's state the list is a popular one and says so; afterwards it is personal again."""
    server = postgres.Server()
    url = server.url_of(server.database())
    try:
        with open_shop(tmp_path, clock=SystemClock(), storage=Storage(url=url, read_timeout=5.0, pool_wait=5.0)) as hg:
            assert hg.recommend("u0", n=5).rung == "personal"
            server.stop()
            slate = hg.recommend("u1", n=5)
            assert len(slate.items) == 5
            assert slate.degraded == ["state"]
            server.start()
            while hg.recommend("u2", n=5).degraded:
                pass
            assert hg.recommend("u3", n=5).rung == "personal"
    finally:
        server.close()


@pytest.mark.parametrize("text", ["a ? b", "a :name b", "100% ?", "x::text = :x AND y = :x", "no values"])
def test_sql_is_said_in_the_driver_s_words(text: str) -> None:
    expected = {
        "a ? b": "a %s b", "a :name b": "a %(name)s b", "100% ?": "100%% %s",
        "x::text = :x AND y = :x": "x::text = %(x)s AND y = %(x)s", "no values": "no values",
    }  # fmt: skip
    assert translated(text) == expected[text]
