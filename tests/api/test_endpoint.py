"""The wrapper of every route: one answer whatever happens, named, measured, and nothing said twice."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from pydantic import SecretStr

from honeyguide.api.auth import Gatekeeper
from honeyguide.api.endpoint import Answer, Disconnected, Endpoint, Meters, request_id_of
from honeyguide.clock import ManualClock
from honeyguide.config.settings import Auth
from honeyguide.errors import Conflict, HoneyguideError, InvalidInput
from honeyguide.monitoring.metrics import Metrics


class Stage:
    """An endpoint around one handler, and what it sent."""

    def __init__(self, handler: Callable[..., Any], *, key: str | None = None) -> None:
        self.clock = ManualClock()
        self.metrics = Metrics()
        self.meters = Meters(self.metrics)
        self.sent: list[dict[str, Any]] = []
        self.made = 0
        self.endpoint = Endpoint(
            handler,
            route="/thing",
            scope="admin",
            gate=Gatekeeper(Auth(key=SecretStr(key) if key else None), lambda reason: None),
            meters=self.meters,
            clock=self.clock,
            new_id=self.new_id,
        )

    def new_id(self) -> str:
        self.made += 1
        return f"made-{self.made}"

    async def receive(self) -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    def ask(
        self, method: str = "GET", *headers: tuple[bytes, bytes], raw_path: bytes = b"/thing"
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        self.sent.clear()
        scope = {
            "type": "http",
            "method": method,
            "path": "/thing",
            "raw_path": raw_path,
            "query_string": b"",
            "headers": list(headers),
        }
        asyncio.run(self.endpoint(scope, self.receive, self.send))
        start, *_, body = self.sent
        return start["status"], dict(start["headers"]), body["body"]

    def count(self, status_class: str, method: str = "GET") -> float:
        labels = {"route": "/thing", "method": method, "status_class": status_class}
        return self.metrics.registry.get_sample_value("honeyguide_http_request_duration_seconds_count", labels) or 0.0


def answers(answer: Answer) -> Callable[..., Any]:
    async def handler(*_: Any) -> Answer:
        return answer

    return handler


def fails(error: BaseException) -> Callable[..., Any]:
    async def handler(*_: Any) -> Answer:
        raise error

    return handler


def test_an_answer_gets_its_length_and_its_id() -> None:
    stage = Stage(answers(Answer(b"hello", 201, [(b"x", b"y")])))
    status, fields, body = stage.ask()
    assert (status, body) == (201, b"hello")
    assert fields == {b"x": b"y", b"content-length": b"5", b"x-request-id": b"made-1"}
    assert stage.count("2xx") == 1


def test_the_answer_is_not_changed_by_being_sent() -> None:
    answer = Answer(b"a", 200, [(b"x", b"y")])
    stage = Stage(answers(answer))
    stage.ask()
    stage.ask()
    assert answer.headers == [(b"x", b"y")]


def test_an_answers_own_id_is_used_and_none_is_made() -> None:
    stage = Stage(answers(Answer(b"", 200, [], b"slate-1")))
    assert stage.ask()[1][b"x-request-id"] == b"slate-1"
    assert stage.made == 0
    assert stage.ask("GET", (b"x-request-id", b"mine"))[1][b"x-request-id"] == b"mine"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidInput("Odd.", code="odd"), 422, "odd"),
        (Conflict("Not now."), 409, "conflict"),
        (HoneyguideError("Hm."), 500, "error"),
        (RuntimeError("secret"), 500, "internal_error"),
        (RecursionError("secret"), 500, "internal_error"),
    ],
)
def test_an_error_becomes_a_problem(error: Exception, status: int, code: str) -> None:
    stage = Stage(fails(error))
    sent, fields, body = stage.ask()
    found = json.loads(body)
    assert (sent, found["status"], found["code"]) == (status, status, code)
    assert found["request_id"].encode() == fields[b"x-request-id"]
    assert b"secret" not in body
    assert fields[b"cache-control"] == b"no-store"
    assert stage.count(f"{status // 100}xx") == 1
    assert stage.meters.in_progress == 0


def test_a_problem_names_the_callers_id() -> None:
    stage = Stage(fails(RuntimeError("x")))
    _, fields, body = stage.ask("GET", (b"x-request-id", b"mine"))
    assert json.loads(body)["request_id"] == "mine"
    assert fields[b"x-request-id"] == b"mine"


def test_a_problem_names_the_address_as_it_was_sent() -> None:
    stage = Stage(fails(Conflict("x")))
    assert json.loads(stage.ask(raw_path=b"/a%2Fb")[2])["instance"] == "/a%2Fb"


def test_nobody_is_answered_who_has_left() -> None:
    stage = Stage(fails(Disconnected()))
    with pytest.raises(ValueError, match="not enough values"):
        stage.ask()
    assert stage.sent == []
    assert stage.meters.in_progress == 0


def test_a_cancelled_request_is_no_error_of_ours() -> None:
    stage = Stage(fails(asyncio.CancelledError()))
    with pytest.raises(asyncio.CancelledError):
        stage.ask()
    assert stage.meters.in_progress == 0
    assert stage.metrics.registry.get_sample_value("honeyguide_http_errors_total", {"route": "/thing"}) is None


def test_without_the_key_the_handler_is_not_reached() -> None:
    stage = Stage(fails(AssertionError("reached")), key="a-key-of-length")
    assert stage.ask()[0] == 401
    assert stage.ask("GET", (b"x-api-key", b"a-key-of-length"))[0] == 500


def test_requests_under_way_are_counted() -> None:
    seen = []
    stage = Stage(answers(Answer(b"")))

    async def looks(*_: Any) -> Answer:
        seen.append(stage.metrics.registry.get_sample_value("honeyguide_http_requests_in_progress"))
        return Answer(b"")

    stage.endpoint._handler = looks  # type: ignore[assignment]
    stage.ask()
    assert seen == [1]
    assert stage.metrics.registry.get_sample_value("honeyguide_http_requests_in_progress") == 0


def test_the_time_taken_is_measured() -> None:
    stage = Stage(answers(Answer(b"")))

    async def slow(*_: Any) -> Answer:
        stage.clock.advance(0.3)
        return Answer(b"")

    stage.endpoint._handler = slow  # type: ignore[assignment]
    stage.ask()
    labels = {"route": "/thing", "method": "GET", "status_class": "2xx"}
    total = stage.metrics.registry.get_sample_value("honeyguide_http_request_duration_seconds_sum", labels)
    assert total == pytest.approx(0.3)


def test_made_up_methods_share_one_label() -> None:
    stage = Stage(answers(Answer(b"")))
    for number in range(30):
        stage.ask(f"M{number}")
    assert stage.count("2xx", "(other)") == 30
    assert len(stage.meters._observers) == 0


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (None, b""),
        (b"", b""),
        (b"a" * 128, b"a" * 128),
        (b"a" * 129, b""),
        (b"a b", b""),
        (b"a\xc3\xa4", b""),
        (b"01KAR8J5S0ZJ6M3W4T8N2Q7X5Y", b"01KAR8J5S0ZJ6M3W4T8N2Q7X5Y"),
    ],
)
def test_what_a_request_id_may_be(sent: bytes | None, kept: bytes) -> None:
    assert request_id_of({} if sent is None else {b"x-request-id": sent}) == kept


def test_an_answer_in_parts_is_sent_as_it_comes() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async def handler(scope: Any, receive: Any, headers: Any) -> Answer:
        return Answer(b"", parts=parts())

    stage = Stage(handler)
    stage.ask()
    assert [(message.get("body"), message.get("more_body")) for message in stage.sent[1:]] == [
        (b"one", True), (b"two", True), (b"", None)
    ]  # fmt: skip
    assert b"content-length" not in dict(stage.sent[0]["headers"])
    stage.ask("HEAD")
    assert [message.get("body") for message in stage.sent[1:]] == [b""]


def test_parts_that_break_off_are_counted_and_never_ended() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        raise ValueError("inside")

    async def handler(scope: Any, receive: Any, headers: Any) -> Answer:
        return Answer(b"", parts=parts())

    stage = Stage(handler)
    with pytest.raises(ValueError, match="inside"):  # the server that gets it closes the connection
        stage.ask()
    assert [message.get("body") for message in stage.sent[1:]] == [b"one"]
    assert stage.metrics.registry.get_sample_value("honeyguide_http_errors_total", {"route": "/thing"}) == 1
