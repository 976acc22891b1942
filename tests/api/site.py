"""The API of a real runtime on a real data directory, asked in process."""

import asyncio
from pathlib import Path
from typing import Any

import httpx

from honeyguide.api.app import App, create_app
from honeyguide.bootstrap import open_runtime
from honeyguide.clock import Clock, ManualClock
from honeyguide.config import Settings
from honeyguide.config.settings import Project
from honeyguide.models import REGISTRY
from honeyguide.models.artefact import save
from honeyguide.offline.dataset import dataset_from
from honeyguide.types import ModelVersion

NOW = 1_780_000_000_000


class Site:
    """A runtime, its application and a client. Background jobs run only while a request is under way."""

    def __init__(self, data_dir: Path, *, clock: Clock | None = None, start: bool = True, **sections: Any) -> None:
        self.clock = clock or ManualClock(NOW)
        self.runtime = open_runtime(Settings(project=Project(data_dir=data_dir), **sections), self.clock, role="api")
        self.app: App = create_app(self.runtime)
        self.runner = asyncio.Runner()
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app), base_url="http://localhost")
        self.started = start
        if start:
            self.runner.run(self.runtime.start())

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One exchange. `path` goes out as it is written, escapes included."""
        return self.runner.run(self.client.request(method, path, **request))

    def get(self, path: str, **request: Any) -> httpx.Response:
        return self.ask("GET", path, **request)

    def post(self, path: str, body: Any = None, **request: Any) -> httpx.Response:
        if body is not None:
            request["json"] = body
        return self.ask("POST", path, **request)

    def put(self, path: str, body: Any, **request: Any) -> httpx.Response:
        return self.ask("PUT", path, json=body, **request)

    def delete(self, path: str, **request: Any) -> httpx.Response:
        return self.ask("DELETE", path, **request)

    def close(self) -> None:
        async def close() -> None:
            await self.client.aclose()
            await self.runtime.stop()

        try:
            self.runner.run(close())
        finally:
            self.runner.close()

    def fill(self, items: int = 30, users: int = 8) -> "Site":
        """A catalogue in two categories, and purchases of it."""
        rows = [
            {"item_id": f"i{n}", "title": f"Item {n}", "categories": ["even" if n % 2 == 0 else "odd"], "price": n + 0.5}
            for n in range(items)
        ]
        assert self.post("/v1/items:batch", rows).json()["accepted"] == items
        events = [
            {"type": "purchase" if step else "view", "user_id": f"u{user}", "item_id": f"i{(user * 2 + step * 3) % items}"}
            for user in range(users)
            for step in range(5)
        ]
        assert self.post("/v1/events:batch", events).json()["accepted"] == len(events)
        return self

    def publish(self, name: str = "popular", alias: str | None = "champion") -> ModelVersion:
        """A trained version of a model, complete on disk, as training would leave it."""
        runtime = self.runtime
        dataset = dataset_from(runtime.store.log.interactions(), runtime.settings)
        model = REGISTRY[name]().fit(dataset.interactions)
        number = runtime.store.registry.next_version(name)
        with runtime.artefacts.create(name, number) as folder:
            manifest = save(folder, model, dataset.item_ids, {})
        version = ModelVersion(name, number, self.clock.now_ms(), 1, {"ndcg": 0.5}, manifest)
        runtime.store.registry.publish(version)
        if alias is not None:
            runtime.store.registry.set_alias(alias, name, number)
            self.runner.run(runtime.serving.refresh())
        return version


def problem(answer: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    """The problem that an answer is, checked for its shape."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert list(found) == ["type", "title", "status", "detail", "instance", "code", "errors", "request_id"]
    assert found["status"] == status
    assert found["type"].endswith("#" + found["code"])
    assert found["request_id"] == answer.headers["x-request-id"]
    assert found["detail"].strip()
    if code is not None:
        assert found["code"] == code
    return found


def pointers(answer: httpx.Response) -> list[str]:
    """Where the faults are that a 422 tells of."""
    return [entry["pointer"] for entry in problem(answer, 422)["errors"]]
