"""The document: valid, committed, the same everywhere, and true of every route."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from honeyguide.api import examples as eg
from honeyguide.api import openapi
from honeyguide.api import trial_examples as te
from honeyguide.api.codecs import Codec
from honeyguide.api.fields import FIELDS
from honeyguide.api.openapi import document, text
from honeyguide.api.routes import ROUTES, Route
from honeyguide.messages import Arm, Experiment
from honeyguide.messages import Experiment as Running
from tests.api.site import Site
from tests.api.test_http import address, named
from tests.rules import ROOT

DOCUMENT = document()


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with the document's components at hand."""
    return {**schema, "components": DOCUMENT["components"]}


def operation(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][route.path][route.method.lower()]
    return found


def test_it_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    validate(DOCUMENT)


def test_the_committed_document_is_this_one() -> None:
    committed = (ROOT / "openapi.json").read_text(encoding="utf-8")
    assert committed == text(), "run: honeyguide openapi > openapi.json"


@pytest.mark.parametrize("seed", ["0", "1"])
def test_it_is_the_same_in_every_process(seed: str) -> None:
    program = "import sys; from honeyguide.api.openapi import text; sys.stdout.write(text())"
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": "utf-8"}
    made = subprocess.run([sys.executable, "-c", program], capture_output=True, env=environment, check=True)
    assert made.stdout.decode() == text()


def test_it_is_what_the_server_gives(shop: Site) -> None:
    assert shop.get("/openapi.json").text == text()
    assert shop.app.fastapi.openapi() == DOCUMENT


def test_every_route_is_in_it_and_nothing_else() -> None:
    declared = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert declared == {(route.method, route.path) for route in ROUTES}
    names = [operation(route)["operationId"] for route in ROUTES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_every_route_says_what_it_needs(route: Route) -> None:
    found = operation(route)
    assert found["summary"]
    assert not found["summary"].endswith(".")
    assert found.get("x-scope") == route.scope
    assert bool(found["security"]) == (route.scope is not None)
    assert ("401" in found["responses"]) == (route.scope is not None)
    in_path = {entry["name"] for entry in found["parameters"] if entry["in"] == "path"}
    assert all(f"{{{name}}}" in route.path for name in in_path)
    assert route.path.count("{") == len(in_path)
    for entry in found["parameters"]:
        assert entry["in"] == "header" or entry.get("description"), entry["name"]


@pytest.mark.parametrize("route", [route for route in ROUTES if route.example is not None], ids=named)
def test_every_example_is_of_its_type(route: Route) -> None:
    content = operation(route)["responses"][str(route.status)]["content"]["application/json"]
    Draft202012Validator(resolved(content["schema"])).validate(content["example"])
    if route.sent is not None and route.rows is None:
        sent = operation(route)["requestBody"]["content"]["application/json"]
        Draft202012Validator(resolved(sent["schema"])).validate(sent["example"])
        Codec[Any](route.body).read(json.dumps(route.sent).encode())


def test_every_json_answer_has_an_example() -> None:
    without = [route.path for route in ROUTES if route.example is None and not isinstance(route.answer, str)]
    assert sorted(without) == [
        "/openapi.json",
        "/ui",
        "/v1/aliases/{alias}",
        "/v1/rules/{rule_name}",
    ]  # a redirect and DELETEs say nothing


def structs(kind: Any) -> set[type[msgspec.Struct]]:
    """The structs that a type is made of."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return {kind}.union(*(structs(field.type) for field in msgspec.structs.fields(kind)))
    return set().union(*(structs(inner) for inner in getattr(kind, "__args__", ())))


@pytest.mark.parametrize("route", [route for route in ROUTES if route.body is not None], ids=named)
def test_what_is_read_is_read_strictly_and_leaves_defaults_out(route: Route) -> None:
    for kind in structs(route.body) | structs(route.params):
        assert kind.__struct_config__.forbid_unknown_fields, kind
        assert kind.__struct_config__.omit_defaults, kind


@pytest.mark.parametrize("route", [route for route in ROUTES if route.body is not None], ids=named)
def test_every_field_that_is_read_says_what_it_takes(route: Route) -> None:
    for kind in structs(route.body) | structs(route.params):
        for name in kind.__struct_fields__:
            assert f"{kind.__name__}.{name}" in FIELDS or name in FIELDS, f"{kind.__name__}.{name}"


SHAPED = [route for route in ROUTES if route.example is not None and route.tag != "jobs"]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with what the examples name."""
    site = Site(tmp_path_factory.mktemp("known"))
    site.ask("PUT", "/v1/items/item_1", json={"title": "Teapot"})
    site.ask("PUT", "/v1/users/user_123", json={"properties": {"country": "PT"}})
    site.post("/track/purchase?user_id=user_123&item_id=item_1")
    for _ in range(7):
        site.publish("ease")
    runs: Any = {"state": "running", "phase": 1, "started_at": 1, "goals": ["ctr"]}
    arms = [Arm(name=name, weight=0.5) for name in ("control", "varied")]
    kinds: tuple[tuple[str, Any], ...] = (("more-variety", "ab"), ("rankers", "interleaving"))
    for name, kind in kinds:
        running = Running(name=name, surface="similar", kind=kind, arms=arms, seed=name, **runs)
        site.runtime.store.experiments.put(running, "started", by="ann")
    yield site
    site.close()


def rewind(site: Site, state: Any) -> None:
    """The experiment of the examples, as if it were in this state."""
    table = site.runtime.store.experiments
    fields = {name: value for name, value in te.EXPERIMENT_BODY.items() if name != "by"}
    made = msgspec.convert({**fields, "seed": "variety", "state": state, "phase": int(state == "running")}, Experiment)
    there = [each.revision for each in table.all() if each.name == "variety"]
    table.put(msgspec.structs.replace(made, revision=there[0] if there else 0), "rewound", by="ann")


@pytest.mark.parametrize("route", SHAPED, ids=named)
def test_every_example_can_be_sent_and_answers_as_said(known: Site, route: Route) -> None:
    """The example's request goes to a site that knows its names; the real answer is of the declared type."""
    site = known
    site.ask("PUT", "/v1/items/item_1", json={"title": "Teapot", "categories": ["kitchen"]})
    site.ask("PUT", "/v1/aliases/champion", json={"model": "ease", "version": 6})
    site.ask("PUT", "/v1/aliases/champion", json={"model": "ease", "version": 7})
    site.ask("PUT", "/v1/rules/winter-sale", json=eg.RULE_BODY)
    rewind(site, "running" if route.path.endswith((":ramp", ":phase", ":stop", "history")) else "draft")
    request_id = site.post("/recommendations?user_id=user_123").json()["request_id"]
    path = address(route).replace(route.given.get("request_id", "none"), request_id)
    params = {name: value for name, value in route.given.items() if f"{{{name}}}" not in route.path}
    request: dict[str, Any] = {"params": params} if route.sent is None else {"json": route.sent}
    if route.path == "/v1/experiments" and route.sent is not None:
        request["json"] = {**route.sent, "name": "another"}
    answer = site.ask(route.method, path, **request)
    assert answer.status_code == route.status, answer.text
    if route.answer is not None:
        schema = operation(route)["responses"][str(route.status)]["content"]["application/json"]["schema"]
        Draft202012Validator(resolved(schema)).validate(answer.json())
        assert answer.json().keys() == route.example.keys()


def test_limits_of_the_field_table_reach_the_document() -> None:
    query = DOCUMENT["components"]["schemas"]["RecommendIn"]["properties"]
    assert (query["n"]["minimum"], query["n"]["maximum"]) == (1, 500)
    event = DOCUMENT["components"]["schemas"]["EventIn"]["properties"]
    assert event["item_id"]["anyOf"][0]["maxLength"] == 256
    assert "stars" in event["value"]["description"]
    assert openapi._MEANINGS[422]


def test_the_page_lists_every_route_with_its_scope() -> None:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    rows = [
        line for line in page.splitlines() if line.startswith(("| `GET`", "| `POST`", "| `PUT`", "| `PATCH`", "| `DELETE`"))
    ]
    listed = {
        (method, path, scope)
        for methods, paths, scope in (
            re.findall(r"^\| ((?:`[A-Z]+`(?:, )?)+) ((?:`/[^`]*`(?:, )?)+) \| ([^|]+) \|", row)[0] for row in rows
        )
        for method in re.findall(r"[A-Z]+", methods)
        for path in re.findall(r"`([^`]+)`", paths)
    }
    declared = {(route.method, route.path, f"`{route.scope}`" if route.scope else "none") for route in ROUTES}
    assert listed == declared
