"""Strict JSON: what is read is what was written, or it is refused with its place."""

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.api.codecs import MAX_DEPTH, Codec, check_rows, explained, pointer
from honeyguide.api.wire.lists import BatchIn, RecommendIn, SimpleIn
from honeyguide.errors import InvalidInput
from honeyguide.ingest.decode import EVENTS, InvalidJson
from honeyguide.messages import EventIn

QUERY = Codec[RecommendIn](RecommendIn)


def fault(data: bytes, codec: Codec[Any] = QUERY) -> tuple[str, str, str]:
    """(code, pointer, detail) of the refusal of `data`."""
    with pytest.raises(InvalidInput) as caught:
        codec.read(data)
    error = caught.value
    first = error.errors[0] if error.errors else None
    return error.code, first.pointer if first else "", first.detail if first else str(error)


def test_a_query_is_read() -> None:
    query = QUERY.read(
        b'{"user_id": "u", "n": 5, "filters": {"price": {"min": 1, "max": 2.5}}, "context": {"a": [1, null]}}'
    )
    assert (query.user_id, query.n, query.context) == ("u", 5, {"a": [1, None]})
    assert query.filters is not None
    assert query.filters.price is not None
    assert (query.filters.price.min, query.filters.price.max) == (1.0, 2.5)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   ",
        b"{",
        b'{"n": NaN}',
        b'{"n": Infinity}',
        b"{'n': 1}",
        b'{"n": 1,}',
        b'{"n": 1} x',
        b'{"n": 1}{"n": 2}',
        b'{"user_id": "\\ud800"}',
        b'{"user_id": "\\udc00\\ud800"}',
        b'{"user_id": "\xff"}',
        b'{"user_id": "\xed\xa0\x80"}',
        b'\xef\xbb\xbf{"n": 1}',
        b'{"user_id": "a\x01b"}',
    ],
)
def test_what_is_no_json_is_refused(data: bytes) -> None:
    code, _, detail = fault(data)
    assert code == "invalid_json"
    assert detail.endswith(".")


@pytest.mark.parametrize(
    ("data", "at", "says"),
    [
        (b'{"n": "ten"}', "/n", "a whole number from 1 to 500"),
        (b'{"n": 1.5}', "/n", "a whole number"),
        (b'{"n": null}', "/n", "a whole number"),
        (b'{"n": 1e999}', "/n", "out of range"),
        (b'{"n": 123456789012345678901234567890}', "/n", "64 bits"),
        (b'{"user_id": 7}', "/user_id", "user"),
        (b'{"nn": 1}', "/nn", "Did you mean n?"),
        (b'{"quite_else": 1}', "/quite_else", "Possible are"),
        (b'{"a/b~c": 1}', "/a~1b~0c", "no field"),
        (b'{"filters": {"price": {"mni": 1}}}', "/filters/price/mni", "Did you mean min?"),
        (b'{"filters": {"price": {"min": "x"}}}', "/filters/price/min", "lowest price"),
        (b'{"candidates": ["a", 1]}', "/candidates/1", "ids of the items"),
        (b'{"events": [{"type": "view", "user_id": "u"}, {"type": "view"}]}', "/events/1/user_id", "missing"),
        (b'{"context": {"deep": 1e999}}', "/context", "out of range"),
        (b"[]", "", "Expected object, got array"),
        (b"3", "", "Expected object, got int"),
    ],
)
def test_a_fault_has_its_place_and_its_cure(data: bytes, at: str, says: str) -> None:
    _, where, detail = fault(data)
    assert where == at
    assert says in detail


@pytest.mark.parametrize(
    ("data", "at"),
    [
        (b'{"n": 1, "n": 2}', "/n"),
        (b'{"n": 1, "n": 1}', "/n"),
        (b'{"n": 1, "\\u006e": 2}', "/n"),
        (b'{"filters": {"price": {"min": 1, "min": 2}}}', "/filters/price/min"),
        (b'{"context": {"a": [{"b": 1, "b": 2}]}}', "/context/a/0/b"),
        (b'{"context": {"a:b": 1, "a:b": 1}}', "/context/a:b"),
        (b'{"surface": null, "surface": "home"}', "/surface"),
        (b'{"context": {"a": "\\u003a", "b": 1, "b": 2}}', "/context/b"),
        (b'{"context": {"a": "x:y", "b": null, "b": null}}', "/context/b"),
        (b'{"candidates": null, "context": {"a": "\\u00e9", "b": 1, "\\u0062": 2}}', "/context/b"),
    ],
)
def test_a_key_twice_is_refused(data: bytes, at: str) -> None:
    code, where, _ = fault(data)
    assert where == at
    assert code in ("invalid_json", "invalid_input")


def test_integers_of_more_than_64_bits_are_refused_and_others_kept() -> None:
    largest, smallest = 2**63 - 1, -(2**63)
    read = QUERY.read(json.dumps({"context": {"a": largest, "b": smallest}}).encode())
    assert read.context == {"a": largest, "b": smallest}
    for beyond in (largest + 1, smallest - 1, 10**40):
        assert fault(json.dumps({"context": {"a": beyond}}).encode())[1] == "/context/a"
    assert QUERY.read(b'{"user_id": "99999999999999999999999999"}').user_id == "9" * 26


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    return b'{"context": {"a": ' + (opening * depth + "1" + closing * depth).encode() + b"}}"


def test_nesting_has_an_end() -> None:
    assert QUERY.read(nested(MAX_DEPTH - 3)).context is not None
    for depth in (MAX_DEPTH, 500, 100_000):
        assert fault(nested(depth))[0] == "invalid_json"
        assert fault(nested(depth, '{"b":', "}"))[0] == "invalid_json"


def test_brackets_in_text_are_no_nesting() -> None:
    text = "[" * 200 + "}" * 200 + "\\"
    assert QUERY.read(json.dumps({"user_id": text}).encode()).user_id == text


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), JSON, max_size=5), st.booleans(), st.sampled_from([None, 2]))
def test_whatever_json_holds_is_read_as_it_was_written(
    context: dict[str, Any], ascii_only: bool, indent: int | None
) -> None:
    data = json.dumps({"user_id": "u", "context": context}, ensure_ascii=ascii_only, indent=indent)
    assert QUERY.read(data.encode()).context == context


@given(st.dictionaries(st.text(max_size=3), st.text(max_size=5), min_size=1, max_size=4), st.data())
def test_a_doubled_key_is_found_wherever_it_is(fields: dict[str, str], data: st.DataObject) -> None:
    again = data.draw(st.sampled_from(sorted(fields)))
    pairs = [(key, fields[key]) for key in fields] + [(again, data.draw(st.text(max_size=5)))]
    text = (
        "{"
        + ", ".join(f"{msgspec.json.encode(key).decode()}: {msgspec.json.encode(value).decode()}" for key, value in pairs)
        + "}"
    )
    code, where, _ = fault(b'{"context": ' + text.encode() + b"}")
    assert code == "invalid_json"
    assert where == pointer(("context", again))


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_bytes_end_in_any_other_error(data: bytes) -> None:
    for codec in (QUERY, Codec[SimpleIn](SimpleIn), Codec[BatchIn](BatchIn), Codec[EventIn](EventIn)):
        with suppress(InvalidInput):
            codec.read(data)


def rows_of(data: bytes, *, lines: bool = False) -> list[object]:
    rows = EVENTS.ndjson(data) if lines else EVENTS.array(data)
    check_rows(data, rows, lines=lines)
    return list(rows)


ROW = b'{"type": "view", "user_id": "u", "item_id": "i"}'


def test_rows_pass_when_they_are_sound() -> None:
    assert len(rows_of(b"[" + ROW + b"," + ROW + b"]")) == 2
    assert len(rows_of(ROW + b"\n" + ROW + b"\n", lines=True)) == 2
    assert len(rows_of(b"[" + ROW + b', {"type": null}]')) == 2
    assert len(rows_of(ROW + b"\nnot json\n", lines=True)) == 2


@pytest.mark.parametrize(
    "twice", [b'{"type": "view", "type": "view", "user_id": "u"}', b'{"type":"a","user_id":"u","properties":{"x":1,"x":1}}']
)
def test_rows_with_a_key_twice_are_refused(twice: bytes) -> None:
    with pytest.raises(InvalidJson, match="stands twice"):
        rows_of(b"[" + ROW + b"," + twice + b"]")
    with pytest.raises(InvalidJson, match="stands twice"):
        rows_of(ROW + b"\n" + twice, lines=True)


def test_pointers_are_escaped() -> None:
    assert pointer(["a/b", "~", "0"]) == "/a~1b/~0/0"
    assert explained("Expected `int`, got `str` - at `$.a.b[3].c`").errors[0].pointer == "/a/b/3/c"
    assert explained("Something unheard of").errors[0].detail.startswith("Something unheard of")
