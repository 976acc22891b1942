"""The document and the server compared by machine: requests made from the schema, answers checked against it."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, assume, settings
from schemathesis import Case, SerializationContext
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from honeyguide.api.openapi import document
from honeyguide.jobs.training import Training
from honeyguide.models import REGISTRY
from tests.api.site import Site

CONFIG = SchemathesisConfig.from_dict(
    {"checks": {"negative_data_rejection": {"expected-statuses": ["401", "404", "405", "409", "413", "415", "422"]}}}
)
SCHEMA = schemathesis.openapi.from_dict(document(), config=CONFIG)
CONFORMS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def open_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A filled site whose jobs end at once."""
    site = Site(tmp_path_factory.mktemp("contract")).fill()
    site.publish("ease")
    site.publish("ease")
    runtime = site.runtime
    runtime.queue.kinds["train"] = Training([sys.executable, "-c", ""], REGISTRY)
    yield site
    site.close()


@schemathesis.serializer("application/x-ndjson", "application/ndjson", "application/jsonl")
def lines(_: SerializationContext, value: Any) -> bytes:
    """Text as it is, rows one a line."""
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


def send(site: Site, case: Case[Any]) -> httpx.Response:
    """The case as it would go over the wire."""
    request = requests.Request(**case.as_transport_kwargs(base_url="http://localhost")).prepare()
    fields = [(name.encode(), value.encode()) for name, value in request.headers.items()]
    path = str(request.url).removeprefix("http://localhost")
    assume(len(path) < 65_536)  # the client refuses longer ones by itself
    return site.ask(str(request.method), path, content=request.body or b"", headers=fields)


@SCHEMA.parametrize()
@settings(max_examples=12, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_the_document_says(open_site: Site, case: Case[Any]) -> None:
    takes_rows = case.path.endswith(("events:batch", "items:batch"))  # rows that do not fit are listed in a good answer
    checks = CONFORMS if takes_rows else [*CONFORMS, negative_data_rejection]
    case.validate_response(send(open_site, case), checks=checks)
