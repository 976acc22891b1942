"""The OpenAPI 3.1 document, made of the route table: the same table gives the same text, byte for byte."""

import inspect
import json
from collections.abc import Iterable, Iterator
from functools import cache
from types import UnionType
from typing import Any, Final, get_args

import msgspec

import honeyguide
from honeyguide.api.bodies import NDJSON_TYPES
from honeyguide.api.fields import FIELDS, FieldRule
from honeyguide.api.problems import Problem
from honeyguide.api.routes import ROUTES, Route
from honeyguide.types import MAX_BATCH

Json = dict[str, Any]

_REF: Final = "#/components/schemas/{name}"
_PROBLEM: Final = "application/problem+json"
_MEANINGS: Final = {
    401: "No key was sent, or a wrong one.",
    403: "The key does not hold the scope that this needs.",
    404: "Something that was named does not exist.",
    405: "The method is not possible here; Allow says which are.",
    409: "The present state forbids it.",
    413: "The body, or the batch, is above its limit.",
    415: "The body is of a media type that is not read here.",
    422: "Something in the request does not fit; errors say what, where, and what mends it.",
    500: "A fault of the server; its log has the rest under request_id.",
    503: "Something behind the server does not answer. Try again.",
}
_TAGS: Final = {
    "simple": "The first curl works: lists by parameters, events by parameters.",
    "recommendations": "Lists with all that can be asked for and all that can be said about them.",
    "events": "What people did. An acknowledged event is durable; `sequence` says from where on lists know it.",
    "items": "The catalogue.",
    "users": "What is known of people beside their events.",
    "features": "Feature views: what is known of users and items, and how fresh it is.",
    "models": "Trained versions and the aliases that point at them.",
    "rules": "What the shop decides about its lists: filters, boosts, buries, promotions, pins.",
    "jobs": "Long-running actions.",
    "system": "Health, metrics, documentation.",
}
_INTRO: Final = """Events in, personal and explained lists out.

Errors are `application/problem+json` (RFC 9457); `code` is stable and `errors` point at each fault.
Every answer carries `X-Request-Id`: the caller's own, if it sent one, else one made here.
Lists are pages `{items, next_cursor}`; a cursor is opaque and null at the end. Times are ISO 8601 in UTC; epoch
milliseconds are read too. Ids are opaque text of 1 to 256 bytes; in a path, percent-encode them (`/` is `%2F`)."""


def document() -> Json:
    """The document as an object."""
    schemas, components = _schemas(ROUTES)
    paths: Json = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "honeyguide",
            "version": honeyguide.__version__,
            "description": _INTRO,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "./"}],  # beside the document, so that a prefix of a proxy does not break it
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": components,
            "headers": {
                "RequestId": {"description": "Names this exchange in logs.", "schema": {"type": "string"}, "required": True}
            },
            "responses": {str(status): _problem(text) for status, text in _MEANINGS.items()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "The setting auth.key."},
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The setting auth.key."},
            },
        },
    }


@cache
def text() -> str:
    """The document as it is committed in `openapi.json`."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def _schemas(routes: Iterable[Route]) -> tuple[dict[Any, Json], Json]:
    """Schema of each type that a route names, and the components that they refer to."""
    kinds = list(dict.fromkeys(kind for route in routes for kind in _kinds(route)))
    found, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    for name, component in components.items():
        _describe(name, component)
    return dict(zip(kinds, found, strict=True)), {name: components[name] for name in sorted(components)}


def _kinds(route: Route) -> Iterator[Any]:
    yield Problem
    yield route.params
    for kind in (route.body, route.answer):
        if isinstance(kind, UnionType):
            yield from get_args(kind)
        elif kind is not None and not isinstance(kind, str):
            yield kind


def _describe(component: str, schema: Json) -> None:
    """Add words and limits of the field table; requests only, since answers are what they are."""
    strict = schema.get("additionalProperties") is False
    for name, field in schema.get("properties", {}).items():
        rule = FIELDS.get(f"{component}.{name}") or FIELDS.get(name)
        if rule is None or "$ref" in field:
            continue
        field.setdefault("description", f"{rule.takes[0].upper()}{rule.takes[1:]}.")
        if strict:
            _limit(field, rule)


def _limit(field: Json, rule: FieldRule) -> None:
    wanted = {"string": "Length", "array": "Items", "integer": "imum", "number": "imum"}
    for branch in field.get("anyOf", [field]):
        ending = wanted.get(branch.get("type", ""))
        branch.update({key: value for key, value in rule.limits.items() if ending and key.endswith(ending)})


def _operation(route: Route, schemas: dict[Any, Json]) -> Json:
    summary, _, rest = (inspect.getdoc(route.handler) or "").partition("\n")
    found: Json = {
        "operationId": f"{route.method.lower()}_{_name(route)}",
        "summary": summary.rpartition("`: ")[2].rstrip(".").capitalize() if "`: " in summary else summary.rstrip("."),
        "tags": [route.tag],
        "parameters": [*_parameters(route, schemas), *_header_parameters(route)],
    }
    if rest.strip():
        found["description"] = rest.strip()
    if route.scope is not None:
        found["security"] = [{"bearer": []}, {"key": []}]
        found["x-scope"] = route.scope
    else:
        found["security"] = []
    if route.body is not None:
        found["requestBody"] = _body(route, schemas)
    found["responses"] = _responses(route, schemas)
    return found


def _name(route: Route) -> str:
    words = route.path.replace("{", "").replace("}", "").replace(":", "_").replace(".", "_").strip("/")
    return words.replace("/", "_") + ("_home" if route.path.endswith("/") else "")


def _parameters(route: Route, schemas: dict[Any, Json]) -> Iterator[Json]:
    schema = _resolved(route.params)
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        in_path = f"{{{name}}}" in route.path
        shown = {key: value for key, value in field.items() if key != "description"}
        if "anyOf" in shown:  # null cannot be written in an address; leaving the parameter out means it
            branches = [branch for branch in shown.pop("anyOf") if branch != {"type": "null"}]
            shown.update(branches[0] if len(branches) == 1 else {"anyOf": branches})
        if shown.get("default", 0) is None:
            del shown["default"]
        entry: Json = {
            "name": name,
            "in": "path" if in_path else "query",
            "required": in_path or (name in required and not route.body_optional),
            "schema": shown,
        }
        if "description" in field:
            entry["description"] = field["description"]
        if name in route.given:
            entry["example"] = route.given[name]
        yield entry


def _resolved(params: type[msgspec.Struct]) -> Json:
    _, components = msgspec.json.schema_components([params], ref_template=_REF)
    component: Json = components[params.__name__]
    _describe(params.__name__, component)
    return component


def _header_parameters(route: Route) -> Iterator[Json]:
    if route.once:
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "The same key with the same request gets the same answer, and has no second effect.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        }


def _body(route: Route, schemas: dict[Any, Json]) -> Json:
    schema = schemas[route.body]
    if route.rows is None:
        content = {"application/json": _with_example({"schema": schema}, route.sent)}
    else:
        array = {"type": "array", "items": schema, "maxItems": MAX_BATCH}
        lines = "\n".join(json.dumps(row) for row in route.sent)
        content = {"application/json": _with_example({"schema": array}, route.sent)}
        described = {"type": "string", "description": "One JSON object a line."}
        content |= {kind.decode(): {"schema": described, "example": lines} for kind in sorted(NDJSON_TYPES)}
    return {"required": not route.body_optional, "content": content}


def _responses(route: Route, schemas: dict[Any, Json]) -> Json:
    good: Json = {"description": _MEANING_OF_GOOD[route.status], "headers": _headers(route)}
    if isinstance(route.answer, str):
        good["content"] = {route.answer: {"schema": {} if route.answer == "*/*" else {"type": "string"}}}
    elif route.answer is not None:
        kinds = get_args(route.answer) if isinstance(route.answer, UnionType) else (route.answer,)
        schema = schemas[kinds[0]] if len(kinds) == 1 else {"anyOf": [schemas[kind] for kind in kinds]}
        good["content"] = {"application/json": _with_example({"schema": schema}, route.example)}
    responses: Json = {str(route.status): good}
    if route.tagged:
        responses["304"] = {"description": "What the caller has is still so.", "headers": _headers(route)}
    for status in sorted(_errors(route)):
        responses[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return responses


_MEANING_OF_GOOD: Final = {
    200: "Done.",
    201: "Made.",
    202: "Taken.",
    204: "Done; there is nothing to say.",
    308: "It is at Location.",
}


def _errors(route: Route) -> set[int]:
    statuses = {422, 500, 503, *route.errors}
    if route.scope is not None:
        statuses |= {401, 403}
    if route.body is not None:
        statuses |= {413, 415}
    return statuses


def _headers(route: Route) -> Json:
    found: Json = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    if route.tagged:
        found["ETag"] = {"description": "Changes with the resource.", "schema": {"type": "string"}}
    if route.status == 202 and route.tag == "jobs":
        found["Location"] = {"description": "Where the job is.", "schema": {"type": "string"}}
    if "recommend" in route.path and route.hot is not None:
        tiers = {"type": "string", "enum": ["l1", "computed", "stale", "fallback"]}
        found["X-Honeyguide-Cache"] = {"description": "Where the list came from.", "schema": tiers}
    return found


def _problem(meaning: str) -> Json:
    return {
        "description": meaning,
        "headers": {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}},
        "content": {_PROBLEM: {"schema": {"$ref": _REF.format(name="Problem")}}},
    }


def _with_example(content: Json, example: Any) -> Json:
    return content if example is None else {**content, "example": example}
