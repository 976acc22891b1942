"""Two real nodes on one PostgreSQL and one Redis, each behind a proxy of its own that can do to it what networks do."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from honeyguide.clock import SystemClock
from honeyguide.config.settings import Storage
from honeyguide.testing.faults import Fault, FaultProxy
from tests import postgres
from tests.e2e.server import Server, eventually, serving
from tests.redis_server import RedisServer
from tests.shop import open_shop

AWAY = Fault("timeout")
"""Nothing passes and nothing is closed: worse than a refused connection."""
DOWN = Fault("down")


@dataclass
class Node:
    """A node, and the proxies through which it sees the world."""

    name: str
    data_dir: Path
    database: FaultProxy
    redis: FaultProxy
    environ: dict[str, str]
    _stack: ExitStack = field(default_factory=ExitStack)
    _server: Server | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._server = self._stack.enter_context(serving(self.data_dir, **self.environ))

    def stop(self) -> None:
        """Stop it in good order, if it runs."""
        self._stack.close()
        self._server = None

    def kill(self) -> None:
        """kill -9."""
        self.server.kill()
        self.stop()

    def revived(self) -> str:
        """How it ended, if it does not run; it runs again."""
        end = "it was not started again" if self._server is None else self._server.end()
        if end:
            self.stop()
            self.start()
        return end

    @property
    def server(self) -> Server:
        assert self._server is not None, f"node {self.name} does not run"
        return self._server

    @property
    def pid(self) -> int:
        return self.server.process.pid

    def ask(self, user: str, n: int = 10, **fields: Any) -> dict[str, Any]:
        """A list; it must be answered."""
        return self.server.recommend(user, n, **fields)

    def ids(self, user: str, n: int = 10) -> list[str]:
        return [item["item_id"] for item in self.ask(user, n)["items"]]

    def send(self, kind: str, user: str, item: str) -> int:
        """An event that must be acknowledged; its sequence."""
        return self.server.send(kind, user, item)

    def comes_to_know(self, user: str, sequence: int) -> None:
        """Wait until its list of a user knows of a log position."""
        eventually(lambda: self.ask(user)["as_of"] >= sequence, f"node {self.name} knowing of {sequence}")

    def comes_to_serve(self, model: str) -> None:
        """Wait until its lists are made by a version."""
        eventually(lambda: self.ask("switched")["model"] == model, f"{model} on node {self.name}")

    def comes_to_take(self, event: dict[str, Any]) -> None:
        """Wait until it acknowledges an event."""
        eventually(lambda: self.post("/v1/events:batch", [event]).status_code == 202, f"node {self.name} taking events")

    def comes_to_miss(self, dependency: str) -> None:
        """Wait until it says that something behind it is gone."""
        ready = self.server.http.get
        eventually(lambda: dependency in ready("/readyz").json()["degraded"], f"{dependency} named by {self.name}")

    def comes_to_be_sound(self) -> None:
        """Wait until everything behind it is there again."""
        eventually(self._sound, f"node {self.name} as it should be")

    def _sound(self) -> bool:
        answer = self.server.http.get("/readyz").json()
        fresh = self.ask(f"nobody-{os.urandom(4).hex()}")
        return bool(answer.get("ready")) and not answer["degraded"] and not fresh["degraded"]

    def post(self, path: str, body: Any) -> httpx.Response:
        return self.server.http.post(path, json=body)

    def metric(self, name: str, *labels: str) -> float:
        """The sum of a metric's series whose text holds all of `labels`."""
        lines = self.server.http.get("/metrics").text.splitlines()
        found = [
            line for line in lines if line.startswith((f"{name}{{", f"{name} ")) and all(label in line for label in labels)
        ]
        return sum(float(line.rpartition(" ")[2]) for line in found)

    def files(self) -> int:
        """How many files and sockets it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))


@dataclass
class Site:
    """Everything; `a` and `b` are the nodes."""

    redis: RedisServer
    url: str
    a: Node
    b: Node

    @property
    def database(self) -> str:
        return self.url.rpartition("/")[2]

    def heal(self) -> None:
        """All as it should be again, also for a test that left something broken. A node that has ended by itself is started
        again for the next test; why it ended is said by this one."""
        for node in (self.a, self.b):
            node.database.clear()
            node.redis.clear()
        if not self.redis.alive:
            self.redis.start()
        self.redis.thaw()
        server = postgres.server()
        if not server.alive:
            server.start()
        ends = [f"node {node.name}: {end}" for node in (self.a, self.b) if (end := node.revived())]
        for node in (self.a, self.b):
            node.comes_to_be_sound()
        assert not ends, "\n".join(ends)


@contextmanager
def standing(folder: Path) -> Iterator[Site]:
    """Two nodes with the tiny shop in them, trained."""
    url = postgres.new_url()
    data_dir = folder / "shop"
    open_shop(data_dir, clock=SystemClock(), storage=Storage(url=url)).close()
    with ExitStack() as stack:
        redis = stack.enter_context(RedisServer(folder / "redis"))
        nodes = [stack.enter_context(_node(name, data_dir, url, redis)) for name in ("a", "b")]
        yield Site(redis, url, *nodes)


@contextmanager
def _node(name: str, data_dir: Path, url: str, redis: RedisServer) -> Iterator[Node]:
    port = postgres.server().port
    with FaultProxy(("127.0.0.1", port)) as database, FaultProxy(("127.0.0.1", redis.port)) as cache:
        environ = {
            "HONEYGUIDE_STORAGE__URL": url.replace(f":{port}/", f":{database.address[1]}/"),
            "HONEYGUIDE_REDIS__URL": redis.url.replace(str(redis.port), str(cache.address[1])),
            "HONEYGUIDE_MODELS__TRAIN": '["popular", "ease"]',
        }
        node = Node(name, data_dir, database, cache, environ)
        node.start()
        try:
            yield node
        finally:
            node.stop()


def together(times: int, do: Callable[[int], Any]) -> list[Any]:
    """Do something so many times at once, in threads; what came of each."""
    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(do, range(times)))
