"""Many requests at once, and things that change or break while they are answered."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.site import Site, problem

Ask = Callable[..., Awaitable[httpx.Response]]


def together(site: Site, scenario: Callable[[Ask], Awaitable[None]]) -> None:
    """Run a scenario on the site's own event loop."""
    site.runner.run(scenario(site.client.request))  # type: ignore[arg-type]


def test_mixed_requests_at_once_are_all_answered(site: Site) -> None:
    site.fill()
    site.publish("ease")
    chance = random.Random(7)
    before = site.get("/v1/system").json()["position"]

    def request() -> Any:
        user, item = f"u{chance.randrange(12)}", f"i{chance.randrange(30)}"
        return chance.choice(
            [
                ("GET", f"/recommendations?user_id={user}", {}),
                ("POST", "/v1/recommendations", {"json": {"user_id": user, "explain": True}}),
                ("POST", f"/track/click?user_id={user}&item_id={item}", {}),
                ("POST", "/v1/events", {"json": {"type": "purchase", "user_id": user, "item_id": item}}),
                ("PATCH", f"/v1/items/{item}", {"json": {"price": chance.random()}}),
                ("GET", f"/v1/items/{item}/similar", {}),
                ("GET", "/v1/items?limit=3", {}),
            ]
        )

    asked = [request() for _ in range(300)]

    async def scenario(ask: Ask) -> None:
        answers = await asyncio.gather(*(ask(method, path, **rest) for method, path, rest in asked))
        assert Counter(answer.status_code // 100 for answer in answers) == {2: 300}
        assert len({answer.headers["x-request-id"] for answer in answers}) == 300

    together(site, scenario)
    written = sum(path.startswith(("/track", "/v1/events")) or method == "PATCH" for method, path, _ in asked)
    assert site.get("/v1/system").json()["position"] == before + written


def test_one_key_at_once_has_one_effect(site: Site) -> None:
    event = {"type": "view", "user_id": "u", "item_id": "i"}

    async def scenario(ask: Ask) -> None:
        requests = (ask("POST", "/v1/events", json=event, headers={"idempotency-key": "k"}) for _ in range(20))
        statuses = Counter(answer.status_code for answer in await asyncio.gather(*requests))
        assert statuses[202] >= 1
        assert set(statuses) <= {202, 409}

    together(site, scenario)
    assert site.get("/v1/system").json()["position"] == 1


def test_switching_versions_fails_no_request(site: Site) -> None:
    site.fill()
    site.publish("ease")
    site.publish("ease")

    async def scenario(ask: Ask) -> None:
        done = asyncio.Event()
        statuses: Counter[int] = Counter()
        models: Counter[str] = Counter()

        async def reader(user: int) -> None:
            while not done.is_set():
                answer = await ask("GET", f"/v1/recommendations?user_id=u{user}&n=5")
                statuses[answer.status_code] += 1
                models[answer.json()["model"]] += 1
                assert len(answer.json()["items"]) == 5
                await asyncio.sleep(0)  # an answer from memory does not wait by itself

        readers = [asyncio.create_task(reader(user)) for user in range(4)]
        for turn in range(30):
            body = {"model": "ease", "version": turn % 2 + 1}
            assert (await ask("PUT", "/v1/aliases/champion", json=body)).status_code == 200
            told = (await ask("GET", f"/v1/recommendations?user_id=u9&exclude=turn{turn}")).json()
            assert told["model"] == f"ease@{turn % 2 + 1}", "a list that is made now is made by the version that serves now"
        done.set()
        await asyncio.gather(*readers)
        assert set(statuses) == {200}
        assert set(models) == {"ease@1", "ease@2"}

    together(site, scenario)


def test_a_soft_event_leaves_the_list_stale_once(site: Site) -> None:
    site.fill()
    path = "/v1/recommendations?user_id=u1"
    assert [site.get(path).headers["x-honeyguide-cache"] for _ in range(2)] == ["computed", "l1"]
    clicked = site.post("/track/click?user_id=u1&item_id=i5").json()["sequence"]
    stale = site.get(path)
    assert (stale.headers["x-honeyguide-cache"], stale.json()["stale"], stale.json()["cached"]) == ("stale", True, True)
    assert stale.json()["as_of"] < clicked
    site.runner.run(site.runtime.cache.drain())
    fresh = site.get(path)
    assert (fresh.headers["x-honeyguide-cache"], fresh.json()["stale"]) == ("l1", False)
    assert fresh.json()["as_of"] >= clicked


def test_without_the_users_state_the_list_is_poorer_and_says_so(site: Site) -> None:
    site.fill()
    site.publish("popular")

    async def gone(*_: Any, **__: Any) -> Any:
        raise OSError("the disk is gone: /secret/path")

    site.runtime.store.log.user_state = gone  # type: ignore[method-assign]
    answer = site.post("/v1/recommendations", {"user_id": "u1"})
    assert answer.status_code == 200
    assert answer.json()["degraded"] == ["state"]
    assert answer.headers["x-honeyguide-cache"] == "fallback"
    assert answer.json()["items"]
    assert "secret" not in answer.text
    simple = site.post("/recommendations?user_id=u2").json()
    assert (len(simple["items"]), simple["cached"]) == (10, False)


def test_health_and_readiness_ask_nothing_behind_the_process(site: Site) -> None:
    """If they did, all processes would leave at once when the database goes, and nobody would serve what each still can."""

    async def gone(*_: object, **__: object) -> int:
        raise OSError("gone")

    site.runtime.store.log.position = gone  # type: ignore[method-assign]
    site.runtime.store.log.user_state = gone  # type: ignore[method-assign, assignment]
    assert site.get("/healthz").status_code == 200
    assert site.get("/readyz").status_code == 200
    assert site.get("/v1/recommendations?user_id=u").json()["degraded"] == ["state"]


def test_readiness_goes_from_loading_to_ready_to_leaving(tmp_path: Path) -> None:
    site = Site(tmp_path, start=False)
    assert "items, models, lists" in problem(site.get("/readyz"), 503, "not_ready")["detail"]
    assert site.get("/healthz").status_code == 200
    site.runner.run(site.runtime.start())
    assert site.get("/readyz").json()["ready"] is True
    site.runtime.readiness.leave()
    assert "ending" in problem(site.get("/readyz"), 503, "not_ready")["detail"]
    assert site.get("/healthz").status_code == 200
    assert site.post("/v1/recommendations", {"user_id": "u"}).status_code == 200
    site.close()


@pytest.mark.parametrize(
    "override",
    [
        {"model": "champion"},
        {"recipe": {"max_per_category": 1}},
        {"events": [{"type": "view", "user_id": "u", "item_id": "i1"}]},
        {"dry_run": True},
    ],
)
def test_what_if_needs_the_scope_admin(site: Site, override: dict[str, Any]) -> None:
    """Keys with fewer scopes come later; the routes tell them apart already."""
    site.fill()
    site.publish("popular")
    whole = site.post("/v1/recommendations", {"user_id": "u", **override})
    assert whole.status_code == 200
    gate = site.app._gate
    gate._digest = b"a key is set"
    gate.scopes = lambda headers: frozenset(("recommend:read",))  # type: ignore[method-assign]
    assert site.post("/v1/recommendations", {"user_id": "u"}).status_code == 200
    for path, body in (
        ("/v1/recommendations", {"user_id": "u", **override}),
        ("/v1/recommendations:batch", {"queries": [{"user_id": "u", **override}]}),
    ):
        assert "scope admin" in problem(site.post(path, body), 403)["detail"]
    problem(site.post("/recommendations", {"user_id": "u", "model_name": "popular@1"}), 403)
    problem(site.ask("DELETE", "/v1/items/i1"), 403)
    problem(site.post("/track/view?user_id=u&item_id=i1"), 403)


def test_a_caller_who_leaves_does_not_undo_what_was_committed(site: Site) -> None:
    """The request is cancelled while its event is on the way to the disk; the event is there, or nothing is."""
    event = {"type": "view", "user_id": "u", "item_id": "i", "event_id": "once"}

    async def scenario(ask: Ask) -> None:
        for steps in range(6):
            asked = asyncio.ensure_future(ask("POST", "/v1/events", json=event))
            for _ in range(steps * 3):
                await asyncio.sleep(0)
            asked.cancel()
            await asyncio.wait([asked])
        again = await ask("POST", "/v1/events", json=event)
        assert again.json()["accepted"] + again.json()["duplicates"] == 1

    together(site, scenario)
    assert site.get("/v1/system").json()["position"] == 1
