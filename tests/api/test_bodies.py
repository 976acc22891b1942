"""Bodies: read up to a limit as they arrive, in the media types that are read."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from honeyguide.api.bodies import JSON_TYPES, NDJSON_TYPES, has_body, media_type, read_body
from honeyguide.api.endpoint import Disconnected
from honeyguide.api.problems import UnsupportedMediaType
from honeyguide.errors import TooLarge


class Sender:
    """A caller that sends its body in these parts; `asked` counts how many were taken."""

    def __init__(self, parts: Sequence[bytes], *, leaves: bool = False) -> None:
        self._parts, self._leaves = list(parts), leaves
        self.asked = 0

    async def __call__(self) -> dict[str, Any]:
        self.asked += 1
        if not self._parts:
            return {"type": "http.disconnect"}
        part = self._parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(self._parts) or self._leaves}


def read(sender: Sender, headers: dict[bytes, bytes] | None = None, limit: int = 10) -> bytes:
    return asyncio.run(read_body(sender, headers or {}, limit))


@pytest.mark.parametrize("parts", [[b""], [b"abc"], [b"a", b"b", b"", b"c"], [b"0123456789"], [b"01234", b"56789", b""]])
def test_a_body_is_put_together(parts: list[bytes]) -> None:
    assert read(Sender(parts)) == b"".join(parts)


def test_a_body_announced_too_large_is_not_read_at_all() -> None:
    sender = Sender([b"x"] * 20)
    with pytest.raises(TooLarge, match=r"server\.max_body"):
        read(sender, {b"content-length": b"11"})
    assert sender.asked == 0


@pytest.mark.parametrize("parts", [[b"x" * 11], [b"x" * 6, b"x" * 5, b"x" * 5], [b"x"] * 30])
def test_a_body_that_grows_too_large_is_read_no_further(parts: list[bytes]) -> None:
    sender = Sender(parts)
    with pytest.raises(TooLarge):
        read(sender, {b"transfer-encoding": b"chunked"})
    assert sender.asked <= 11


@pytest.mark.parametrize("parts", [[], [b"half"]])
def test_a_caller_who_leaves_is_not_answered(parts: list[bytes]) -> None:
    with pytest.raises(Disconnected):
        read(Sender(parts, leaves=True))


@pytest.mark.parametrize(
    ("headers", "present"),
    [
        ({}, False),
        ({b"content-length": b"0"}, False),
        ({b"content-length": b"2"}, True),
        ({b"transfer-encoding": b"chunked"}, True),
    ],
)
def test_whether_there_is_a_body(headers: dict[bytes, bytes], present: bool) -> None:
    assert has_body(headers) is present


@pytest.mark.parametrize(
    "sent",
    [b"application/json", b"Application/JSON", b"application/json; charset=utf-8", b'application/json;charset="UTF-8"'],
)
def test_json_is_read(sent: bytes) -> None:
    assert media_type({b"content-type": sent}) == b"application/json"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {b"content-type": b""},
        {b"content-type": b"application/x-www-form-urlencoded"},
        {b"content-type": b"text/plain"},
        {b"content-type": b"application/jsonx"},
        {b"content-type": b"application/json; charset=latin-1"},
        {b"content-type": b"application/x-ndjson"},
        {b"content-type": b"\xff\xfe"},
        {b"content-type": b"application/json", b"content-encoding": b"gzip"},
    ],
)
def test_other_media_types_are_refused_with_what_to_send(headers: dict[bytes, bytes]) -> None:
    with pytest.raises(UnsupportedMediaType, match="Content-Type: application/json"):
        media_type(headers)


def test_lines_are_read_where_rows_are() -> None:
    for kind in NDJSON_TYPES:
        assert media_type({b"content-type": kind + b";charset=utf-8"}, JSON_TYPES | NDJSON_TYPES) == kind
