"""From bytes to messages: a malformed row costs that row only, and says why in words that mend it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.errors import InvalidInput, TooLarge
from honeyguide.ingest.decode import EVENTS, ITEMS, USERS, InvalidJson, decode_events, decode_ndjson
from honeyguide.messages import EventIn, ItemIn, Rejected, UserIn

GOOD = b'{"type":"view","user_id":"u","item_id":"i"}'


def row(**fields: Any) -> bytes:
    return json.dumps({"type": "view", "user_id": "u", "item_id": "i"} | fields).encode()


def array(*rows: bytes) -> bytes:
    return b"[" + b" ,\n".join(rows) + b"]"


def test_a_sound_body_is_decoded_as_it_is() -> None:
    assert decode_events(b" [ ] ") == []
    assert decode_events(array(GOOD, row(value=3, ts="2025-01-01"))) == [
        EventIn(type="view", user_id="u", item_id="i"),
        EventIn(type="view", user_id="u", item_id="i", value=3.0, ts="2025-01-01"),
    ]
    assert decode_ndjson(GOOD + b"\r\n\n  \n" + GOOD) == [EventIn(type="view", user_id="u", item_id="i")] * 2


MALFORMED = {
    "nan": (GOOD[:-1] + b',"value":NaN}', "not_json", "", "leave the field out"),
    "minus infinity": (GOOD[:-1] + b',"value":-Infinity}', "not_json", "", "leave the field out"),
    "1e999": (GOOD[:-1] + b',"value":1e999}', "not_finite", "/value", "value is too large"),
    "1e999 in properties": (GOOD[:-1] + b',"properties":{"a":1e999}}', "not_finite", "/properties", "too large"),
    "5000 digits": (GOOD[:-1] + b',"ts":' + b"9" * 5000 + b"}", "not_finite", "/ts", "too large"),
    "lone surrogate": (b'{"type":"view","user_id":"\\ud800","item_id":"i"}', "bad_unicode", "", "whole characters"),
    "low surrogate": (b'{"type":"view","user_id":"\\udc00 x","item_id":"i"}', "bad_unicode", "", "whole characters"),
    "bytes": (b'{"type":"view","user_id":"\xff\xfe","item_id":"i"}', "bad_unicode", "", "encode it as UTF-8"),
    "number for text": (row(user_id=5), "wrong_type", "/user_id", "must be text, not a whole number; write it in double"),
    "float for text": (row(user_id=1e308), "wrong_type", "/user_id", "must be text, not a number"),
    "2**70 for text": (row(user_id=2**70), "wrong_type", "/user_id", "must be text"),
    "text for number": (row(value="3"), "wrong_type", "/value", "must be a number or null, not text; write it without"),
    "list for properties": (row(properties=[]), "wrong_type", "/properties", "must be an object or null, not a list"),
    "true for a time": (row(ts=True), "wrong_type", "/ts", "a whole number or a number or text or null"),
    "missing": (b'{"type":"view"}', "missing_field", "/user_id", "user_id is missing"),
    "misspelt": (row(userid="u"), "unknown_field", "/userid", "did you mean 'user_id'?"),
    "unknown": (row(**{"a/b": 1}), "unknown_field", "/a~1b", "into properties"),
    "no object": (b"3", "wrong_type", "", "A row must be an object, not a whole number; write it as {...}"),
    "null": (b"null", "wrong_type", "", "A row must be an object, not null"),
    "text": (b'"x"', "wrong_type", "", "A row must be an object, not text"),
}


@pytest.mark.parametrize(("bad", "code", "pointer", "words"), MALFORMED.values(), ids=MALFORMED.keys())
@pytest.mark.parametrize("form", ["array", "ndjson"])
def test_a_malformed_row_is_rejected_alone(form: str, bad: bytes, code: str, pointer: str, words: str) -> None:
    rows = [GOOD, bad, GOOD]
    found = decode_events(array(*rows)) if form == "array" else decode_ndjson(b"\n".join(rows))
    assert [type(entry) for entry in found] == [EventIn, Rejected, EventIn]
    rejected = found[1]
    assert isinstance(rejected, Rejected)
    assert (rejected.index, rejected.code, rejected.pointer) == (1, code, pointer)
    assert words in rejected.detail


@pytest.mark.parametrize(("bad", "code", "pointer", "words"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_single_row_raises_the_same_words(bad: bytes, code: str, pointer: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        EVENTS.one(bad)
    assert caught.value.code == code
    assert [fault.pointer for fault in caught.value.errors] == [pointer]
    assert words in str(caught.value)


def test_a_line_that_is_cut_off_is_rejected_alone() -> None:
    found = decode_ndjson(GOOD + b"\n" + GOOD[:-3] + b"\n{]\n" + GOOD)
    assert [type(entry) for entry in found] == [EventIn, Rejected, Rejected, EventIn]


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"{}", GOOD, b"[", b"[1", b"[1 2]", b"[1,]", b"[1]x", b"nonsense", b"\xff\xfe[", b"\xef\xbb\xbf[]", b"[{]"],
)
def test_a_body_that_is_no_array_is_refused_whole(body: bytes) -> None:
    with pytest.raises(InvalidJson) as caught:
        decode_events(body)
    assert caught.value.cure


def test_endless_nesting_is_refused_and_not_followed() -> None:
    deep = b"[" * 100_000
    with pytest.raises(InvalidJson):
        decode_events(deep)
    assert isinstance(decode_ndjson(GOOD[:-1] + b',"properties":{"a":' + deep + b"}}")[0], Rejected)


def test_no_more_rows_are_read_than_allowed() -> None:
    assert len(decode_events(array(GOOD, GOOD), limit=2)) == 2
    for body in (array(GOOD, GOOD, GOOD), b"[" + b"1," * 1_000_000 + b"1]"):
        with pytest.raises(TooLarge):
            decode_events(body, limit=2)
    with pytest.raises(TooLarge):
        decode_ndjson(GOOD + b"\n" + GOOD + b"\n" + GOOD, limit=2)


def test_items_and_users_are_decoded_alike() -> None:
    found = ITEMS.array(b'[{"item_id":"a","price":1},{"item_id":"b","title":null},{"item_id":"c","vector":[1,null]}]')
    assert found[0] == ItemIn(item_id="a", price=1.0)
    assert [entry.pointer for entry in found if isinstance(entry, Rejected)] == ["/title", "/vector/1"]
    assert USERS.ndjson(b'{"user_id":"u","properties":{"age":3}}') == [UserIn(user_id="u", properties={"age": 3})]


def test_python_rows_are_converted_or_rejected() -> None:
    found = EVENTS.convert([{"type": "view", "user_id": "u"}, {"type": "view"}, EventIn(type="view", user_id="u"), 3])
    assert [type(entry) for entry in found] == [EventIn, Rejected, EventIn, Rejected]
    assert [(entry.index, entry.pointer) for entry in found if isinstance(entry, Rejected)] == [(1, "/user_id"), (3, "")]


async def pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def batches_of(body: bytes, size: int, **limits: int) -> list[list[EventIn | Rejected]]:
    return [batch async for batch in EVENTS.stream(pieces(body, size), **limits)]


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
def test_a_stream_is_cut_into_batches_wherever_its_pieces_end(size: int) -> None:
    body = b"\n".join([row(event_id=f"e{number}") for number in range(25)] + [b"", b"bad"])
    batches = asyncio.run(batches_of(body, size, batch=10))
    assert [len(batch) for batch in batches] == [10, 10, 6]
    flat = [entry for batch in batches for entry in batch]
    assert [entry.event_id for entry in flat if isinstance(entry, EventIn)] == [f"e{number}" for number in range(25)]
    assert isinstance(flat[25], Rejected)
    assert flat[25].index == 25


def test_a_stream_without_line_ends_is_stopped() -> None:
    with pytest.raises(TooLarge):
        asyncio.run(batches_of(b"x" * 10_000, 100, longest=5_000))


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(), max_size=8)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=8), inner, max_size=3),
    max_leaves=8,
)
messages = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(EventIn.__struct_fields__, json_values) | {"type": st.just("view"), "user_id": st.text()}
)


@given(st.lists(messages | json_values, max_size=5))
def test_what_any_json_library_writes_is_decoded_row_by_row(rows: list[Any]) -> None:
    found = decode_events(json.dumps(rows).encode())
    assert len(found) == len(rows)
    for index, entry in enumerate(found):
        msgspec.json.encode(entry)
        if isinstance(entry, Rejected):
            assert entry.index == index
            assert entry.detail


@given(
    st.binary(max_size=60) | st.lists(st.sampled_from([GOOD, b",", b"[", b"]", b'"', b"\\", b"\xff", b"1"])).map(b"".join)
)
def test_any_bytes_are_decoded_or_refused(body: bytes) -> None:
    with suppress(InvalidJson):
        decode_events(body)
    for entry in decode_ndjson(body):
        msgspec.json.encode(entry)
