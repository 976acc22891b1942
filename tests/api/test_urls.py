"""Paths and query strings, read strictly."""

from contextlib import suppress
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.api.urls import InvalidAddress, QueryReader, pairs, routing_path, segment_text, unquoted
from honeyguide.api.wire.base import In, PageParams
from honeyguide.api.wire.lists import RecommendParams, SimilarParams, SimpleParams
from honeyguide.errors import InvalidInput

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


class Kinds(In):
    """One parameter of each kind."""

    text: str = ""
    whole: int = 0
    number: float | None = None
    flag: bool = False
    many: list[str] | None = None


KINDS = QueryReader(Kinds)


def fault(query_string: bytes, reader: QueryReader = KINDS) -> tuple[str, str]:
    with pytest.raises(InvalidInput) as caught:
        reader.read(query_string)
    return caught.value.errors[0].pointer, caught.value.errors[0].detail


def test_the_quick_start_is_read() -> None:
    read: SimpleParams = QueryReader(SimpleParams).read(b"user_id=user_123&n=10")
    assert (read.user_id, read.n, read.model_name) == ("user_123", 10, None)


@pytest.mark.parametrize(
    ("query_string", "name", "value"),
    [
        (b"", "text", ""),
        (b"text=a+b%2Bc", "text", "a b+c"),
        (b"text=", "text", ""),
        (b"text", "text", ""),
        (b"text=a=b", "text", "a=b"),
        (b"text=%F0%9F%8D%AF", "text", "🍯"),
        (b"text=null", "text", "null"),
        (b"&&text=x&", "text", "x"),
        (b"whole=-3", "whole", -3),
        (b"whole=007", "whole", 7),
        (b"number=1.5e2", "number", 150.0),
        (b"number=-0.5", "number", -0.5),
        (b"flag=true", "flag", True),
        (b"flag=0", "flag", False),
        (b"many=a&many=b&many=a%2Cb", "many", ["a", "b", "a,b"]),
        (b"t%65xt=x", "text", "x"),
    ],
)
def test_values_are_read_as_their_kind(query_string: bytes, name: str, value: Any) -> None:
    assert getattr(KINDS.read(query_string), name) == value


@pytest.mark.parametrize(
    ("query_string", "at", "says"),
    [
        (b"whole=ten", "/whole", "'ten' is not a whole number"),
        (b"whole=", "/whole", "not a whole number"),
        (b"whole=1.0", "/whole", "not a whole number"),
        (b"whole=1e2", "/whole", "not a whole number"),
        (b"whole=+1", "/whole", "not a whole number"),
        (b"whole=1_0", "/whole", "not a whole number"),
        (b"whole=%D9%A3", "/whole", "not a whole number"),
        (b"whole=" + b"9" * 400, "/whole", "not a whole number"),
        (b"whole=--1", "/whole", "not a whole number"),
        (b"number=nan", "/number", "not a number"),
        (b"number=inf", "/number", "not a number"),
        (b"number=1e999", "/number", "not a number"),
        (b"number=1_0", "/number", "not a number"),
        (b"number=x", "/number", "not a number"),
        (b"flag=yes", "/flag", "neither true nor false"),
        (b"flag=True", "/flag", "neither true nor false"),
        (b"text=a&text=b", "/text", "stands twice"),
        (b"texd=a", "/texd", "Did you mean text?"),
        (b"zzzzz=a", "/zzzzz", "Possible are flag, many, number, text, whole"),
        (b"=x", "/", "no parameter"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(query_string: bytes, at: str, says: str) -> None:
    where, detail = fault(query_string)
    assert where == at
    assert says in detail


def test_what_is_missing_is_named_with_what_it_takes() -> None:
    where, detail = fault(b"n=3", QueryReader(SimpleParams))
    assert where == "/user_id"
    assert "missing" in detail
    assert "256 bytes" in detail


def test_fields_of_the_path_are_no_parameters() -> None:
    reader = QueryReader(SimilarParams)
    read: SimilarParams = reader.read(b"n=3", {"item_id": "a/b"})
    assert (read.item_id, read.n) == ("a/b", 3)
    with pytest.raises(InvalidInput, match="does not fit") as caught:
        reader.read(b"item_id=c", {"item_id": "a"})
    assert caught.value.errors[0].pointer == "/item_id"


@pytest.mark.parametrize("raw", [b"%", b"%2", b"%zz", b"a%g0", b"%%41", b"%+1", b"% 1"])
def test_broken_escapes_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidAddress, match="%25"):
        unquoted(raw, "The path")
    with pytest.raises(InvalidAddress):
        pairs(b"a=" + raw)
    with pytest.raises(InvalidAddress):
        routing_path(b"/v1/items/" + raw)


@pytest.mark.parametrize("raw", [b"%FF", b"%C3%28", b"%ED%A0%80", b"\xff", b"%F5%80%80%80"])
def test_bytes_that_are_no_utf8_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidAddress, match="UTF-8"):
        pairs(b"a=" + raw)
    with pytest.raises(InvalidAddress, match="UTF-8"):
        routing_path(b"/" + raw)


@given(TEXT)
def test_any_text_goes_through_a_path_segment(text: str) -> None:
    path = routing_path(b"/v1/items/" + quote(text, safe="").encode() + b"/similar")
    segments = path.split("/")
    assert len(segments) == 5
    assert segment_text(segments[3]) == text


@given(TEXT)
def test_any_text_goes_through_a_parameter(text: str) -> None:
    assert pairs(b"x=" + quote(text, safe="").encode()) == [("x", text)]
    assert pairs(b"x=" + quote_plus(text).encode()) == [("x", text)]


def test_a_path_means_the_same_with_needless_escapes() -> None:
    assert routing_path(b"/v1/events%3Abatch") == "/v1/events:batch"
    assert routing_path(b"/v1/%69tems/a%2fb") == "/v1/items/a%2Fb"
    assert segment_text("a%252Fb") == "a%2Fb"


@given(st.binary(max_size=40))
def test_no_query_string_ends_in_any_other_error(query_string: bytes) -> None:
    for kind in (Kinds, RecommendParams, PageParams):
        with suppress(InvalidInput):
            QueryReader(kind).read(query_string)
