"""Lists made before anybody asks: at the start, before other versions serve, and never for ever."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from honeyguide.bootstrap import Runtime, open_runtime
from honeyguide.cache import Cache as CacheOrgan
from honeyguide.cache import Want
from honeyguide.clock import ManualClock
from honeyguide.config.settings import Cache
from honeyguide.errors import Unavailable
from honeyguide.messages import EventIn, Filters, Query
from honeyguide.recommend.lineup import Lineup
from honeyguide.types import ModelVersion, UserState
from tests.shop import NOW, open_shop, settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A shop whose users asked for lists: u0 most often, u9 least."""
    with open_shop(tmp_path, clock=ManualClock(NOW)) as hg:
        for user in range(10):
            for _ in range(20 - user):
                hg.recommend(f"u{user}", n=10)
        hg.recommend("u0", n=90)
        hg.recommend("u1", filters=Filters(category="kitchen"))
        hg.recommend("nobody", n=5)
        hg.recommend("u0", personalised=False)
    return tmp_path


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


def opened(folder: Path, **cache: Any) -> Runtime:
    return open_runtime(settings(folder, cache=Cache(**cache)), ManualClock(NOW), role="api")


async def until_ready(runtime: Runtime) -> None:
    async with asyncio.timeout(30):
        while not is_ready(runtime):
            await asyncio.sleep(0.001)


def is_ready(runtime: Runtime) -> bool:
    with contextlib.suppress(Unavailable):
        runtime.readiness.check()
        return True
    return False


def cached(runtime: Runtime, user: str, n: int = 10) -> bool:
    served = runtime.recommend.serve_cached(Query(user_id=user, n=n))
    return served is not None


def warmed(runtime: Runtime, occasion: str) -> float | None:
    return runtime.metrics.registry.get_sample_value("honeyguide_cache_warmed_total", {"occasion": occasion})


def failed(runtime: Runtime) -> float | None:
    return runtime.metrics.registry.get_sample_value("honeyguide_background_errors_total", {"job": "warming"})


def other_version(runtime: Runtime) -> ModelVersion:
    """One that does not serve now."""
    served = runtime.serving.lineup.champion.label
    return next(version for version in runtime.store.registry.versions() if version.label != served)


def test_the_usual_lists_are_those_asked_for_most_often(folder: Path, runner: asyncio.Runner) -> None:
    async def body() -> None:
        runtime = opened(folder)
        usual = runtime.warming.usual(4)
        assert [(query.user_id, query.n) for query in usual] == [(f"u{user}", 1) for user in range(4)]
        everything = runtime.warming.usual(1000)
        assert ("u0", 500) in [(query.user_id, query.n) for query in everything], "the long list has a bucket of its own"
        assert not any(query.filters for query in everything)
        assert runtime.warming.usual(0) == []
        await runtime.stop()

    runner.run(body())


def test_a_server_is_ready_once_they_are_made(folder: Path, runner: asyncio.Runner) -> None:
    async def body() -> None:
        runtime = opened(folder, warm_users=5, warm_workers=2)
        await runtime.start()
        with pytest.raises(Unavailable, match="Not loaded yet: lists"):
            runtime.readiness.check()
        assert (await runtime.recommend.serve(Query(user_id="u7"))).items, "it answers meanwhile"
        await until_ready(runtime)
        assert [cached(runtime, f"u{user}") for user in range(8)] == [True] * 5 + [False, False, True]
        assert warmed(runtime, "start") == 5
        await runtime.stop()

    runner.run(body())


def test_a_user_of_whom_nothing_is_known_has_the_list_that_such_users_share(folder: Path, runner: asyncio.Runner) -> None:
    async def body() -> None:
        runtime = opened(folder)
        assert await runtime.recommend.keep(Query(user_id="nobody"))
        assert runtime.recommend.serve_cached(Query(user_id="", personalised=False)) is not None
        assert not await runtime.recommend.keep(Query(user_id="u0", surface="of the past"))
        await runtime.stop()

    runner.run(body())


def test_so_many_are_made_at_once_and_one_that_fails_is_left_out(folder: Path, runner: asyncio.Runner) -> None:
    async def body() -> None:
        runtime = opened(folder, warm_users=8, warm_workers=2)
        keep, at_once, most = runtime.recommend.keep, 0, 0

        async def watched(query: Query) -> bool:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            try:
                if query.user_id == "u1":
                    raise RuntimeError("broken")
                return await keep(query)
            finally:
                at_once -= 1

        runtime.recommend.keep = watched  # type: ignore[method-assign]
        await runtime.start()
        await until_ready(runtime)
        assert (most, failed(runtime), warmed(runtime, "start")) == (2, 1, 7)
        await runtime.stop()

    runner.run(body())


@pytest.mark.parametrize("what", ["keep", "usual"])
def test_when_the_time_is_over_a_server_is_ready_without_the_rest(folder: Path, runner: asyncio.Runner, what: str) -> None:
    async def body() -> None:
        runtime, release = opened(folder, warm_users=8, warm_workers=1, warm_time=0.05), threading.Event()
        keep = runtime.recommend.keep

        async def held_up(query: Query) -> bool:
            if query.user_id == "u2":
                await asyncio.Event().wait()
            return await keep(query)

        def silent(most: int) -> list[Query]:
            release.wait(60)
            return []

        if what == "keep":
            runtime.recommend.keep = held_up  # type: ignore[method-assign]
        else:
            runtime.warming.usual = silent  # type: ignore[method-assign]
        await runtime.start()
        await until_ready(runtime)
        release.set()
        assert (warmed(runtime, "start") or 0) <= (2 if what == "keep" else 0)
        await runtime.stop()

    runner.run(body())


def test_a_stop_does_not_wait_for_them(folder: Path, runner: asyncio.Runner) -> None:
    async def body() -> None:
        runtime = opened(folder, warm_users=8, warm_time=86_400.0)

        async def never(query: Query) -> bool:
            await asyncio.Event().wait()
            return True

        runtime.recommend.keep = never  # type: ignore[method-assign]
        await runtime.start()
        await asyncio.sleep(0)
        async with asyncio.timeout(60):
            await runtime.stop()

    runner.run(body())


def test_slates_that_cannot_be_read_hold_nobody_up(folder: Path, runner: asyncio.Runner) -> None:
    async def body() -> None:
        runtime = opened(folder)

        def broken(most: int) -> list[Query]:
            raise Unavailable("The slates are away.", cure="Wait.")

        runtime.warming.usual = broken  # type: ignore[method-assign]
        await runtime.start()
        await until_ready(runtime)
        assert failed(runtime) == 1
        target = other_version(runtime)
        runtime.store.registry.set_alias("champion", target.model, target.version)
        assert await runtime.serving.refresh()
        assert runtime.serving.lineup.champion.label == target.label
        await runtime.stop()

    runner.run(body())


def test_before_other_versions_serve_their_lists_are_made(folder: Path, runner: asyncio.Runner) -> None:
    async def body() -> None:
        runtime = opened(folder, warm_users=5)
        await runtime.start()
        await until_ready(runtime)
        before, target = (await runtime.recommend.serve(Query(user_id="u0"))).model, other_version(runtime)
        for user in range(7):
            await runtime.recommend.serve(Query(user_id=f"u{user}"))
        made: list[str] = []
        prepare = runtime.recommend.prepare

        async def watched(query: Query, lineup: Lineup, cache: CacheOrgan) -> Want | None:
            want = await prepare(query, lineup, cache)
            served = runtime.recommend.serve_cached(query)
            assert served is not None
            assert (served.model, served.stale) == (before, False), "what serves meanwhile is left alone"
            made.append(query.user_id)
            if query.user_id == "u3":
                await runtime.ingest.events([EventIn(type="purchase", user_id="u3", item_id="i1")])
            return want

        runtime.recommend.prepare = watched  # type: ignore[method-assign]
        runtime.store.registry.set_alias("champion", target.model, target.version)
        assert await runtime.serving.refresh()
        assert sorted(made) == [f"u{user}" for user in range(5)]
        assert warmed(runtime, "switch") == 5
        for user in (0, 1, 2, 4, 5, 6):
            served = runtime.recommend.serve_cached(Query(user_id=f"u{user}"))
            assert served is not None
            expected = (target.label, "l1") if user < 5 else (before, "stale")
            assert (served.model, served.served_from) == expected
        assert not cached(runtime, "u3"), "it was made before the purchase"
        await runtime.stop()

    runner.run(body())


def test_a_list_is_kept_as_made_by_the_versions_that_made_it(
    folder: Path, runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others begin to serve after it was seen that a user is unknown and before the list that such users share is made."""

    async def body() -> None:
        runtime = opened(folder, warm_users=0)
        await runtime.start()
        before, target, read = runtime.serving.lineup.champion.label, other_version(runtime), runtime.store.log.user_state

        async def switching(user_id: str, **asked: Any) -> UserState:
            runtime.store.registry.set_alias("champion", target.model, target.version)
            assert await runtime.serving.refresh()
            return await read(user_id, **asked)

        monkeypatch.setattr(runtime.store.log, "user_state", switching)
        assert (await runtime.recommend.serve(Query(user_id="new here"))).model == before
        shared = await runtime.recommend.serve(Query(personalised=False))
        assert (shared.model, shared.stale) in ((target.label, False), (before, True))
        await runtime.stop()

    runner.run(body())


def test_versions_that_no_surface_asks_for_change_no_list(folder: Path, runner: asyncio.Runner) -> None:
    async def body() -> None:
        runtime = opened(folder, warm_users=5)
        await runtime.start()
        await until_ready(runtime)
        target = other_version(runtime)
        runtime.store.registry.set_alias("challenger", target.model, target.version)
        assert await runtime.serving.refresh()
        assert warmed(runtime, "switch") == 0
        assert cached(runtime, "u0")
        await runtime.stop()

    runner.run(body())


def test_a_server_that_served_nothing_yet_is_ready_at_once(tmp_path: Path, runner: asyncio.Runner) -> None:
    async def body() -> None:
        runtime = opened(tmp_path)
        await runtime.start()
        assert is_ready(runtime)
        await runtime.stop()

    runner.run(body())


def test_the_command_line_warms_nothing(folder: Path) -> None:
    with open_shop(folder, clock=ManualClock(NOW), train=False) as hg:
        assert hg.runtime.caches.memory.count() == 0
        hg.runtime.readiness.check()
