"""What holds for every route: ids, methods, keys, errors, metrics."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from honeyguide.api.app import create_app
from honeyguide.api.routes import ROUTES, Route
from honeyguide.config.settings import Auth
from honeyguide.errors import StorageFull, Unavailable
from tests.api.site import Site, problem

KEY = "a-long-secret"


def address(route: Route) -> str:
    """The route's path with its example's values."""
    path = route.path
    for name, value in route.given.items():
        path = path.replace(f"{{{name}}}", str(value))
    return path


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize(
    "path", ["/", "/nope", "/v1", "/v1/", "/v1/items/a/b", "/recommendations/", "/track", "/track/a/b", "/docs/x/y"]
)
def test_what_is_nowhere_is_a_problem(shop: Site, path: str) -> None:
    found = problem(shop.get(path), 404, "no_such_route")
    assert found["instance"] == path


@pytest.mark.parametrize(
    "path", ["/v1/items/%", "/v1/items/%zz", "/%ff", "/track/%c3%28?user_id=u", "/recommendations?user_id=%ff"]
)
def test_an_address_that_is_none_is_a_problem(shop: Site, path: str) -> None:
    problem(shop.post(path) if "track" in path else shop.get(path), 422, "invalid_address")


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_another_method_is_refused_with_those_there_are(shop: Site, route: Route) -> None:
    here = {other.method for other in ROUTES if other.path == route.path} | {"HEAD"}
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"):
        if method in here:
            continue
        answer = shop.ask(method, address(route))
        if answer.status_code != 405:  # another route has this path too, such as /docs/problems and /docs/{file}
            continue
        problem(answer, 405, "method_not_allowed")
        allowed = set(answer.headers["allow"].split(", "))
        assert allowed - {"HEAD"} == here - {"HEAD"}
        assert ("HEAD" in allowed) == ("GET" in here)


def test_head_is_get_without_its_body(shop: Site) -> None:
    for path in ("/health", "/v1/items/i1", "/recommendations?user_id=u1"):
        assert shop.ask("HEAD", path).status_code == 200


@pytest.mark.parametrize("sent", ["abc-123", "0HN7:00000001", "a/b+c=@~._", "x" * 128])
def test_the_callers_request_id_is_kept(shop: Site, sent: str) -> None:
    for path in ("/health", "/nope", "/recommendations?user_id=u", "/recommendations"):
        assert shop.get(path, headers={"x-request-id": sent}).headers["x-request-id"] == sent


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, 'a"b', "a,b", "{}", "<script>"])
def test_a_request_id_that_is_none_is_replaced(shop: Site, sent: str) -> None:
    made = shop.get("/health", headers={"x-request-id": sent}).headers["x-request-id"]
    assert made != sent
    assert len(made) == 26


def test_request_ids_are_never_the_same(shop: Site) -> None:
    made = [shop.get(path).headers["x-request-id"] for path in ("/health", "/nope", "/recommendations?user_id=u") * 20]
    assert len(set(made)) == len(made)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with a key."""
    site = Site(tmp_path_factory.mktemp("locked"), auth=Auth(key=SecretStr(KEY)))
    yield site
    site.close()


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_a_route_with_a_scope_needs_the_key(locked: Site, route: Route) -> None:
    request: dict[str, Any] = {} if route.sent is None else {"json": route.sent}
    without = locked.ask(route.method, address(route), **request)
    if route.scope is None:
        assert without.status_code == route.status
        return
    found = problem(without, 401, "unauthorized")
    assert without.headers["www-authenticate"].startswith("Bearer")
    assert KEY not in str(found)
    problem(locked.ask(route.method, address(route), headers={"authorization": "Bearer wrong"}, **request), 401)
    for headers in ({"authorization": f"Bearer {KEY}"}, {"x-api-key": KEY}):
        assert locked.ask(route.method, address(route), headers=headers, **request).status_code not in (401, 403)


def test_only_health_and_docs_are_without_a_scope() -> None:
    free = {route.path for route in ROUTES if route.scope is None}
    assert free == {
        "/health",
        "/healthz",
        "/readyz",
        "/openapi.json",
        "/docs",
        "/docs/problems",
        "/docs/{file}",
        "/ui",
        "/ui/",
        "/ui/{file}",
    }
    assert all(
        route.scope in ("events:write", "catalog:write", "admin", "recommend:read")
        for route in ROUTES
        if route.method != "GET" and route.path != "/v1/sample-size"  # which computes, and changes nothing
    )


def test_the_key_is_asked_for_before_anything_is_read(locked: Site) -> None:
    problem(locked.ask("POST", "/v1/events", content=b"x" * 10_000_000), 401)
    problem(locked.get("/recommendations?n=ten"), 401)


def test_refusals_are_counted_by_reason(locked: Site) -> None:
    def count(reason: str) -> float:
        return locked.runtime.metrics.registry.get_sample_value("honeyguide_auth_failures_total", {"reason": reason}) or 0.0

    before = count("missing"), count("wrong")
    locked.get("/recommendations?user_id=u")
    locked.get("/v1/items", headers={"x-api-key": "no"})
    assert (count("missing"), count("wrong")) == (before[0] + 1, before[1] + 1)


def test_a_page_of_another_site_cannot_write_to_an_open_server(shop: Site) -> None:
    foreign = {"origin": "https://evil.example"}
    problem(shop.post("/track/view?user_id=u&item_id=i1", headers=foreign), 403)
    problem(shop.ask("DELETE", "/v1/aliases/champion", headers=foreign), 403)
    assert shop.post("/track/view?user_id=u&item_id=i1", headers={"origin": "http://localhost"}).status_code == 202
    assert shop.get("/recommendations?user_id=u", headers=foreign).status_code == 200


SECRET = "password=hunter2 in /srv/data/secret.sqlite"


def broken(site: Site, error: Exception) -> None:
    """Let the store fail under every route that is made from now on."""

    async def fails(*args: Any, **kwargs: Any) -> Any:
        raise error

    site.runtime.ingest.events = fails  # type: ignore[method-assign]
    site.runtime.ingest.put_items = fails  # type: ignore[method-assign]
    site.runtime.store.catalogue.item = fails  # type: ignore[method-assign]
    site.app = create_app(site.runtime)
    site.client._transport.app = site.app  # type: ignore[attr-defined]


def test_an_unforeseen_error_is_a_problem_without_our_inside(site: Site) -> None:
    broken(site, RuntimeError(SECRET))
    for answer in (
        site.post("/track/view?user_id=u&item_id=i"),
        site.get("/v1/items/x"),
        site.ask("PUT", "/v1/items/x", json={}, headers={"x-request-id": "mine-1"}),
    ):
        found = problem(answer, 500, "internal_error")
        assert "hunter2" not in answer.text
        assert "Traceback" not in answer.text
        assert found["request_id"] in found["detail"]
    value = site.runtime.metrics.registry.get_sample_value
    assert value("honeyguide_http_errors_total", {"route": "/track/{type}"}) == 1
    assert value("honeyguide_http_errors_total", {"route": "/v1/items/{item_id}"}) == 2


@pytest.mark.parametrize(("error", "code"), [(Unavailable("Gone."), "unavailable"), (StorageFull("Full."), "storage_full")])
def test_what_is_not_there_may_come_back(site: Site, error: Exception, code: str) -> None:
    broken(site, error)
    answer = site.post("/v1/events", {"type": "view", "user_id": "u", "item_id": "i"})
    problem(answer, 503, code)
    assert answer.headers["retry-after"] == "1"


def test_every_answer_is_measured_by_route_and_class(site: Site) -> None:
    site.fill()
    for _ in range(3):
        site.get("/recommendations?user_id=u1")
    site.get("/recommendations?n=ten")
    site.get("/v1/items/i1")
    site.get("/v1/items/nope")
    site.get("/nowhere")

    def count(route: str, method: str, status_class: str) -> float:
        labels = {"route": route, "method": method, "status_class": status_class}
        return (
            site.runtime.metrics.registry.get_sample_value("honeyguide_http_request_duration_seconds_count", labels) or 0.0
        )

    assert count("/recommendations", "GET", "2xx") == 3
    assert count("/recommendations", "GET", "4xx") == 1
    assert count("/v1/items/{item_id}", "GET", "2xx") == 1
    assert count("/v1/items/{item_id}", "GET", "4xx") == 1
    assert count("(none)", "GET", "4xx") == 1
    assert site.runtime.metrics.registry.get_sample_value("honeyguide_http_requests_in_progress") == 0


def test_labels_do_not_grow_with_what_callers_send(site: Site) -> None:
    before = len(list(site.runtime.metrics.render().splitlines()))
    for number in range(50):
        site.ask(f"M{number}", "/health")
        site.get(f"/x{number}")
    site.get("/health")
    assert len(list(site.runtime.metrics.render().splitlines())) < before + 200


def test_the_simple_document_of_what_is_healthy(tmp_path: Path) -> None:
    site = Site(tmp_path)
    assert site.get("/health").json() == {"status": "healthy", "models": []}
    assert site.get("/healthz").json()["status"] == "healthy"
    site.close()
