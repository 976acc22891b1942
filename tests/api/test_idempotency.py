"""Idempotency-Key: one effect and one answer for each key."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from honeyguide.api.endpoint import Answer
from honeyguide.api.idempotency import Idempotency
from honeyguide.api.problems import IdempotencyMismatch
from honeyguide.clock import ManualClock
from honeyguide.errors import Conflict, InvalidInput
from honeyguide.stores.urls import open_store
from tests.shop import settings

KEY = b"4f8d9a2e-key"
WINDOW = 3600.0


class Desk:
    """Idempotency over a real store, and an action that counts how often it is done."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.store = open_store(settings(folder), self.clock)
        self.desk = Idempotency(self.store.idempotency, self.clock, window=WINDOW)
        self.done = 0

    async def act(self) -> Answer:
        self.done += 1
        await asyncio.sleep(0)
        return Answer(b'{"done":%d}' % self.done, 202)

    async def fail(self) -> Answer:
        self.done += 1
        raise Conflict("Not now.")

    async def ask(self, request: bytes = b"{}", key: bytes = KEY, path: str = "/v1/events") -> Answer:
        return await self.desk.once(key, "POST", path, request, self.act)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.store.close()


def test_the_same_request_gets_the_same_answer_without_a_second_effect(desk: Desk) -> None:
    async def scenario() -> None:
        first, second = await desk.ask(), await desk.ask()
        assert (first.body, first.status) == (second.body, second.status) == (b'{"done":1}', 202)
        assert desk.done == 1
        assert (b"idempotent-replayed", b"true") in second.headers
        assert (b"idempotent-replayed", b"true") not in first.headers

    asyncio.run(scenario())


def test_another_request_under_the_same_key_is_refused(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.ask()
        with pytest.raises(IdempotencyMismatch, match="new key"):
            await desk.ask(b"{ }")
        assert desk.done == 1
        assert (await desk.ask()).body == b'{"done":1}'

    asyncio.run(scenario())


def test_keys_and_routes_are_apart(desk: Desk) -> None:
    async def scenario() -> None:
        bodies = [
            (await desk.ask()).body,
            (await desk.ask(key=b"other")).body,
            (await desk.ask(path="/v1/items:batch")).body,
        ]
        assert bodies == [b'{"done":1}', b'{"done":2}', b'{"done":3}']

    asyncio.run(scenario())


def test_a_request_whose_first_is_under_way_is_told_to_wait(desk: Desk) -> None:
    async def scenario() -> None:
        answers = await asyncio.gather(desk.ask(), desk.ask(), return_exceptions=True)
        assert isinstance(answers[0], Answer)
        assert isinstance(answers[1], Conflict)
        assert answers[1].code == "idempotency_key_in_use"
        assert desk.done == 1
        assert (await desk.ask()).body == b'{"done":1}'

    asyncio.run(scenario())


def test_what_failed_may_be_sent_again(desk: Desk) -> None:
    async def scenario() -> None:
        with pytest.raises(Conflict, match="Not now"):
            await desk.desk.once(KEY, "POST", "/v1/events", b"{}", desk.fail)
        assert (await desk.ask()).body == b'{"done":2}'

    asyncio.run(scenario())


def test_a_key_is_forgotten_after_its_window(desk: Desk) -> None:
    async def scenario() -> None:
        await desk.ask()
        desk.clock.advance(WINDOW - 1)
        assert (await desk.ask()).body == b'{"done":1}'
        desk.clock.advance(2)
        assert (await desk.ask(b"another")).body == b'{"done":2}'

    asyncio.run(scenario())


@pytest.mark.parametrize("key", [b"", b"x" * 256, b"a b", b"\xc3\xa4", b"a\x7f"])
def test_a_key_that_cannot_be_one_is_refused(desk: Desk, key: bytes) -> None:
    with pytest.raises(InvalidInput, match="visible ASCII"):
        asyncio.run(desk.ask(key=key))
    assert desk.done == 0
