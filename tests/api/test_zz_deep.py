"""Whatever is sent, the answer is a good one or a problem of the caller's; never a fault of ours."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from honeyguide.api.routes import ROUTES, Route
from tests.api.site import Site
from tests.api.test_http import named

TEXT = st.text(max_size=20) | st.sampled_from(
    ["", "\0", "u1", "i1", "null", "true", "🍯", "a/b", "..", "%", "x" * 257, "1e999"]
)
NUMBER = st.integers() | st.floats() | st.sampled_from([0, -1, 1, 500, 501, 2**63, 10**30, 1e308, -0.0])
VALUE = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
NAMES = sorted(
    {
        name
        for route in ROUTES
        for kind in (route.params, route.body)
        if hasattr(kind, "__struct_fields__")
        for name in kind.__struct_fields__
    }
)
FIELDS = st.dictionaries(st.sampled_from(NAMES) | TEXT, VALUE, max_size=6)
WRITES = [route for route in ROUTES if route.body is not None and route.path != "/v1/jobs"]
READS = [route for route in ROUTES if route.method == "GET" and route.path != "/metrics"]
ASKED = settings(max_examples=600, suppress_health_check=list(HealthCheck))


def believable(route: Route) -> st.SearchStrategy[Any]:
    """The route's example with some of its fields replaced."""
    whole = route.sent[0] if isinstance(route.sent, list) else (route.sent or route.given)
    return FIELDS.map(lambda fields: {**whole, **fields})


def path_of(route: Route, draw: Any) -> str:
    path = route.path
    for name in route.params.__struct_fields__:
        path = path.replace(f"{{{name}}}", quote(draw(TEXT), safe=""))
    return path


def check(site: Site, method: str, path: str, **request: Any) -> None:
    answer = site.ask(method, path, **request)
    assert answer.status_code < 500, (method, path, request, answer.text)
    assert answer.headers["x-request-id"]
    if answer.status_code >= 400:
        found = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert found["code"]
        assert found["detail"].strip()
    elif answer.content and answer.headers["content-type"] == "application/json":
        answer.json()


@pytest.mark.parametrize("route", WRITES, ids=named)
@given(data=st.data())
@ASKED
def test_bodies(shop: Site, route: Route, data: st.DataObject) -> None:
    one = believable(route) | VALUE
    body = data.draw(st.lists(one, max_size=4) | one if route.rows is not None else one)
    content = json.dumps(body, ensure_ascii=data.draw(st.booleans())).encode("utf-8", "surrogatepass")
    kind = data.draw(st.sampled_from(["application/json"] * 5 + ["application/x-ndjson", "text/plain", ""]))
    check(shop, route.method, path_of(route, data.draw), content=content, headers={"content-type": kind})


@pytest.mark.parametrize("route", [route for route in WRITES if route.hot is not None], ids=named)
@given(
    content=st.binary(max_size=100)
    | st.text(max_size=50).map(lambda text: b'{"user_id": "' + text.encode("utf-8", "replace"))
)
@ASKED
def test_bodies_that_are_hardly_any(shop: Site, route: Route, content: bytes) -> None:
    path = route.path.replace("{type}", "view")
    check(shop, route.method, path, content=content, headers={"content-type": "application/json"})


@pytest.mark.parametrize(
    "route", [*READS, *(route for route in ROUTES if route.hot is not None and route.body_optional)], ids=named
)
@given(data=st.data())
@ASKED
def test_parameters(shop: Site, route: Route, data: st.DataObject) -> None:
    names = st.sampled_from([*route.params.__struct_fields__, "zzz"]) if route.params.__struct_fields__ else TEXT
    values = TEXT | NUMBER.map(str) | st.sampled_from(list(map(str, route.given.values())) or ["x"])
    pairs = data.draw(st.lists(st.tuples(names, values), max_size=5))
    query = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in pairs)
    path = path_of(route, data.draw)
    check(shop, route.method, f"{path}?{query}")


@given(raw=st.binary(max_size=30), query=st.binary(max_size=30), method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]))
@settings(max_examples=1500, suppress_health_check=list(HealthCheck))
def test_addresses(shop: Site, raw: bytes, query: bytes, method: str) -> None:
    """Any bytes as path and query, past what a client library would let through."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    for prefix in (b"/", b"/v1/items/", b"/track/", b"/v1/aliases/", b"/docs/"):
        scope = {
            "type": "http",
            "method": method,
            "path": "/ignored",
            "raw_path": prefix + raw,
            "query_string": query,
            "headers": [(b"host", b"site")],
            "http_version": "1.1",
            "scheme": "http",
            "server": ("site", 80),
            "client": ("127.0.0.1", 1),
            "root_path": "",
        }
        sent.clear()
        shop.runner.run(shop.app(scope, receive, send))
        assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
        assert sent[0]["status"] < 500, scope


HEADERS = st.dictionaries(
    st.sampled_from(
        [b"authorization", b"x-api-key", b"x-request-id", b"content-type", b"idempotency-key", b"if-none-match", b"origin"]
    ),
    st.binary(max_size=40).map(lambda value: value.translate(None, b"\r\n\0")),
)


@given(headers=HEADERS)
@settings(max_examples=1000, suppress_health_check=list(HealthCheck))
def test_header_fields(shop: Site, headers: dict[bytes, bytes]) -> None:
    fields = list(headers.items())
    body = b'{"type":"view","user_id":"u","item_id":"i"}'
    for method, path in (("GET", "/recommendations?user_id=u"), ("GET", "/v1/items/i1"), ("POST", "/v1/events")):
        answer = shop.ask(method, path, headers=fields, content=body if method == "POST" else b"")
        assert answer.status_code < 500, answer.text
