"""The application as a server sees it: start, stop, and which way a request goes."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from honeyguide.api.app import App, create_app
from honeyguide.api.routes import ROUTES
from honeyguide.api.server import bind, run
from honeyguide.bootstrap import open_runtime
from honeyguide.errors import DamagedArtefact
from tests.api.site import Site
from tests.shop import settings


class Lifespan:
    """The start and stop of an application, step by step."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def say(self, step: str) -> str:
        await self.said.put({"type": f"lifespan.{step}"})
        kind: str = (await self.heard.get())["type"]
        return kind

    async def run(self) -> None:
        await self.app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, self.said.get, self.heard.put)  # type: ignore[arg-type]


def test_the_runtime_starts_and_stops_with_the_server(tmp_path: Path) -> None:
    async def scenario() -> None:
        runtime = open_runtime(settings(tmp_path))
        steps: list[str] = []
        start, stop = runtime.start, runtime.stop

        async def starts() -> None:
            steps.append("start")
            await start()

        async def stops() -> None:
            steps.append("stop")
            await stop()

        runtime.start, runtime.stop = starts, stops  # type: ignore[method-assign]
        lifespan = Lifespan(create_app(runtime))
        running = asyncio.create_task(lifespan.run())
        assert await lifespan.say("startup") == "lifespan.startup.complete"
        assert steps == ["start"]
        assert await lifespan.say("shutdown") == "lifespan.shutdown.complete"
        assert steps == ["start", "stop"]
        await running

    asyncio.run(scenario())


def broken_start(folder: Path) -> App:
    """An application whose runtime does not start."""
    runtime = open_runtime(settings(folder))

    async def fails() -> None:
        runtime.store.close()
        raise DamagedArtefact("The champion is damaged.")

    runtime.start = fails  # type: ignore[method-assign]
    return create_app(runtime)


def test_a_start_that_fails_is_remembered(tmp_path: Path) -> None:
    async def scenario() -> None:
        app = broken_start(tmp_path)
        lifespan = Lifespan(app)
        running = asyncio.create_task(lifespan.run())
        assert await lifespan.say("startup") == "lifespan.startup.failed"
        assert isinstance(app.failure, DamagedArtefact)
        await asyncio.wait([running])
        assert isinstance(running.exception(), DamagedArtefact)

    asyncio.run(scenario())


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_start_that_fails_ends_the_server_with_its_error(tmp_path: Path) -> None:
    app = broken_start(tmp_path)
    ready: list[bool] = []
    with bind("127.0.0.1", 0) as listener, pytest.raises(DamagedArtefact, match="champion is damaged"):
        run(app, listener, settings(tmp_path), lambda _: ready.append(True))
    assert ready == []


HOT = [route for route in ROUTES if route.hot is not None]


def test_hot_routes_do_not_pass_through_the_router(shop: Site) -> None:
    through: list[str] = []
    cold = shop.app.fastapi

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        through.append(scope["path"])
        await cold(scope, receive, send)

    shop.app.fastapi = watched  # type: ignore[assignment]
    try:
        for route in HOT:
            path = route.path.replace("{type}", "view")
            assert shop.ask(route.method, path).status_code != 405
        assert through == []
        shop.get("/v1/items")
        assert through == ["/v1/items"]
    finally:
        shop.app.fastapi = cold


def test_a_hot_route_written_oddly_still_answers(shop: Site) -> None:
    event = {"type": "view", "user_id": "u", "item_id": "i1"}
    assert shop.post("/v1/events%3Abatch", [event]).json()["accepted"] == 1
    assert shop.post("/track/vi%65w?user_id=u&item_id=i1").json()["accepted"] == 1
    assert shop.get("/%72ecommendations?user_id=u").status_code == 200
    assert shop.ask("HEAD", "/%72ecommendations?user_id=u").status_code == 200


def test_every_hot_route_is_declared_with_its_type() -> None:
    assert {(route.method, route.path) for route in HOT} == {
        ("GET", "/recommendations"),
        ("POST", "/recommendations"),
        ("GET", "/v1/recommendations"),
        ("POST", "/v1/recommendations"),
        ("POST", "/track/{type}"),
        ("POST", "/v1/events"),
        ("POST", "/v1/events:batch"),
    }
    assert all(route.answer is not None for route in HOT)
