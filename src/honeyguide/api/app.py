"""The ASGI application: a dispatcher for the hot routes in front of FastAPI, which serves the rest.

A hot request goes dispatcher -> endpoint -> RECOMMEND or INGEST, and back in two messages. Every other one goes through
FastAPI's router. Both kinds stand in the one table (`routes.py`) and are wrapped in the same `Endpoint`.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MethodType
from typing import Final

from fastapi import FastAPI

import honeyguide
from honeyguide.api import openapi
from honeyguide.api.auth import REASONS, Gatekeeper, Scope
from honeyguide.api.cold import Cold, Service
from honeyguide.api.endpoint import (
    Answer,
    AsgiApp,
    AsgiScope,
    Endpoint,
    Handler,
    Message,
    Meters,
    Ready,
    Receive,
    RequestHeaders,
    Send,
)
from honeyguide.api.idempotency import Idempotency
from honeyguide.api.intake import TRACK, Intake
from honeyguide.api.lists import Lists
from honeyguide.api.problems import MethodNotAllowed
from honeyguide.api.routes import ROUTES, Route
from honeyguide.api.urls import InvalidAddress, routing_path
from honeyguide.bootstrap import Runtime
from honeyguide.errors import HoneyguideError, NotFound

_NONE: Final = "(none)"
_TRACK: Final = TRACK.encode()


def create_app(runtime: Runtime, routes: Sequence[Route] = ROUTES) -> "App":
    """The API of a runtime, or a part of it; the application's lifespan starts and stops the runtime."""
    return App(runtime, routes)


class Methods:
    """The endpoints of one path, by method; HEAD is answered as GET, whose body the server leaves out."""

    def __init__(self, by_method: Mapping[str, Endpoint], refuse: AsgiApp) -> None:
        """`refuse` answers all other methods."""
        self.by_method = {**by_method, **({"HEAD": by_method["GET"]} if "GET" in by_method else {})}
        self._refuse = refuse

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer with the method's endpoint, or say which methods there are."""
        await self.by_method.get(scope["method"], self._refuse)(scope, receive, send)


class WholeSegment:
    """Answers the other methods of a path that ends in `{..._id}:verb`: there an id may end in `:verb` itself."""

    def __init__(self, verb: str, whole: Methods, refuse: AsgiApp) -> None:
        """`whole` answers on the path without the verb; what it has no method for is refused."""
        self._verb, self._whole, self._refuse = verb, whole, refuse

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer as the path without the verb does, the verb being the end of the id."""
        if scope["method"] in self._whole.by_method:
            *rest, (name, text) = scope["path_params"].items()
            params = {**dict(rest), name: f"{text}:{self._verb}"}
            await self._whole({**scope, "path_params": params}, receive, send)
        else:
            await self._refuse(scope, receive, send)


class App:
    """An ASGI application. `fastapi` is the part that serves what is not hot; `failure` is why the start failed.

    `ready` are the endpoints, by method and path, whose short way a server may go that can (`protocol.py`); it leads to the
    same answers."""

    def __init__(self, runtime: Runtime, routes: Sequence[Route]) -> None:
        self.failure: Exception | None = None
        self._routes = routes
        self._runtime = runtime
        settings = runtime.settings
        refusals = {reason: runtime.metrics.auth_failures.labels(reason) for reason in REASONS}
        self._gate = Gatekeeper(settings.auth, lambda reason: refusals[reason].inc())
        self._meters = Meters(runtime.metrics)
        self._max_body = settings.server.max_body
        self._idempotency = Idempotency(runtime.store.idempotency, runtime.clock, window=settings.events.idempotency_window)
        home_model = settings.all_surfaces()["home"].model
        self._lists = Lists(runtime.recommend, self._gate, runtime.clock, max_body=self._max_body, home_model=home_model)
        self._intake = Intake(runtime.ingest, self._idempotency, max_body=self._max_body)
        self._service = Service(runtime, self._lists, self._gate, openapi.text().encode(), runtime.clock.now_ms())
        self._nowhere = self._endpoint(nowhere, _NONE, None)
        paths = {path: self._methods(path) for path in dict.fromkeys(route.path for route in routes)}
        self._hot = {path.encode(): paths[path].by_method for path in _hot_paths(routes)}
        self.ready = {
            (route.method.encode(), route.path.encode()): paths[route.path].by_method[route.method]
            for route in routes
            if route.ready is not None
        }
        self._track = paths["/track/{type}"].by_method if "/track/{type}" in paths else {}
        self.fastapi = self._cold_app(paths)

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answer a request, or follow the server's start and stop."""
        if scope["type"] == "http":
            raw: bytes = scope["raw_path"]
            methods = self._hot.get(raw)
            if methods is None and raw.startswith(_TRACK) and raw.count(b"/") == 2 and b"%" not in raw:
                methods = self._track
            endpoint = methods.get(scope["method"]) if methods is not None else None
            if endpoint is not None:
                return await endpoint(scope, receive, send)
            return await self._through_router(scope, receive, send)
        return await self.fastapi(scope, receive, self._told_shortly(send))

    def _told_shortly(self, send: Send) -> Send:
        """A start that we refuse says why in its error, which whoever called the server shows: no need of its traces."""

        async def told(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed" and isinstance(self.failure, HoneyguideError):
                message = {**message, "message": ""}
            await send(message)

        return told

    async def _through_router(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """FastAPI matches the path with slashes of ids still encoded, so that such ids work."""
        try:
            path = routing_path(scope["raw_path"])
        except InvalidAddress:
            return await self._nowhere(scope, receive, send)
        return await self.fastapi({**scope, "path": path}, receive, send)

    def _cold_app(self, paths: Mapping[str, Methods]) -> FastAPI:
        app = FastAPI(
            title="honeyguide",
            version=honeyguide.__version__,
            docs_url=None,
            redoc_url=None,
            openapi_url=None,
            redirect_slashes=False,
            lifespan=self._lifespan,
        )
        app.openapi = openapi.document  # type: ignore[method-assign]  # made of our own table
        for path, methods in paths.items():
            app.add_route(path, methods, include_in_schema=False)  # type: ignore[arg-type]  # an ASGI app, as Starlette takes
        app.router.default = self._nowhere
        return app

    def _methods(self, path: str) -> Methods:
        allowed = [route.method for route in self._routes if route.path == path]

        async def refuse(scope: AsgiScope, receive: Receive, headers: RequestHeaders) -> Answer:
            raise MethodNotAllowed(scope["method"], [*allowed, *(["HEAD"] if "GET" in allowed else [])])

        refusing: AsgiApp = self._endpoint(refuse, path, None)
        whole, ending, verb = path.rpartition("_id}:")
        if ending:
            refusing = WholeSegment(verb, self._methods(f"{whole}_id}}"), refusing)
        return Methods(self._by_method(path), refusing)

    def _by_method(self, path: str) -> dict[str, Endpoint]:
        found = (route for route in self._routes if route.path == path)
        return {route.method: self._endpoint(self._handler(route), path, route.scope, self._ready(route)) for route in found}

    def _ready(self, route: Route) -> Ready | None:
        return None if route.ready is None else MethodType(route.ready, self._lists)

    def _handler(self, route: Route) -> Handler:
        if route.hot is not None:
            self._meters.expect(route.path, route.method)
            owner = self._lists if route.hot is Lists else self._intake
            handler: Handler = MethodType(route.handler, owner)
            return handler
        return Cold(
            route.handler,
            self._service,
            params=route.params,
            body=route.body,
            rows=route.rows,
            tagged=route.tagged,
            idempotency=self._idempotency if route.once else None,
            max_body=self._max_body,
        )

    def _endpoint(self, handler: Handler, route: str, scope: Scope | None, ready: Ready | None = None) -> Endpoint:
        runtime = self._runtime
        return Endpoint(
            handler,
            route=route,
            scope=scope,
            gate=self._gate,
            meters=self._meters,
            clock=runtime.clock,
            new_id=runtime.ids.next,
            ready=ready,
        )

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        try:
            await self._runtime.start()
        except Exception as error:
            self.failure = error
            raise
        yield
        await self._runtime.stop()


async def nowhere(scope: AsgiScope, receive: Receive, headers: RequestHeaders) -> Answer:
    """No route has this path."""
    path = routing_path(scope["raw_path"])
    raise NotFound(f"There is nothing at {path[:200]!r}.", cure="/docs lists what there is.", code="no_such_route")


def _hot_paths(routes: Iterable[Route]) -> list[str]:
    return [route.path for route in routes if route.hot is not None and "{" not in route.path]
