"""The words for what is wrong: printable, short, and pointing at the right place."""

import json
from calendar import timegm
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.ingest.faults import Fault, escaped, nearest, shown, spelled
from honeyguide.ingest.times import LARGEST_MS, SMALLEST_MS, from_datetime, from_iso, future_fault, read_time
from honeyguide.ingest.validate import id_fault, json_fault, number_fault, plain_id, read_properties, text_fault
from honeyguide.types import MAX_ID_BYTES

TYPES = ["view", "click", "add_to_cart", "wishlist_add", "purchase", "rating"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "'a'"),
        ("x" * 41, f"'{'x' * 40}'..."),
        ("\ud800", "'\\ud800'"),
        (None, "None"),
        (1.5, "1.5"),
        (2**200, "a number of 201 bits"),
        ([1], "a value of type list"),
        (b"x", "a value of type bytes"),
    ],
)
def test_values_are_shown_short_and_printable(value: Any, text: str) -> None:
    assert shown(value) == text


@given(st.one_of(st.text(st.characters()), st.integers(), st.floats(), st.binary(), st.lists(st.integers())))
def test_whatever_is_shown_can_be_sent(value: Any) -> None:
    assert len(json.dumps(shown(value)).encode()) < 600


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("VIEW", "view"),
        ("Add To Cart", "add_to_cart"),
        ("addtocart", "add_to_cart"),
        ("purchse", "purchase"),
        ("ratings", "rating"),
        ("zzz", None),
        ("", None),
        ("view" + "x" * 100_000, None),
    ],
)
def test_the_nearest_word_is_found(word: str, known: str | None) -> None:
    assert nearest(word, TYPES) == known


def test_spelling_leaves_out_case_and_punctuation_of_any_script() -> None:
    assert spelled("Größe (cm)") == spelled("GRÖSSE_cm") == "grössecm"
    assert spelled("--") == ""


def test_a_fault_knows_its_place() -> None:
    assert Fault("x", "a", "d").pointer == "/a"
    assert Fault("x", "", "d").pointer == ""
    assert Fault("x", f"properties/{escaped('a/b~')}", "d").at(3).pointer == "/properties/a~1b~0"
    assert Fault("x", "a", "d").at(3).index == 3


@given(st.text(st.characters(), max_size=300))
def test_the_cheap_look_at_an_id_never_passes_what_the_close_one_refuses(value: str) -> None:
    if plain_id(value):
        assert id_fault(value, "x") is None
    if id_fault(value, "x") is None:
        assert 1 <= len(value.encode()) <= MAX_ID_BYTES
        assert "\0" not in value


@given(st.text(max_size=20), st.integers(1, 20))
def test_texts_have_a_longest_length(value: str, longest: int) -> None:
    fault = text_fault(value, "x", longest)
    assert (fault is None) == (len(value) <= longest and "\0" not in value)


@pytest.mark.parametrize(("value", "least", "fits"), [(0, 0, True), (-0.0, 0, True), (-1e-9, 0, False), (-5, None, True)])
def test_numbers_have_a_least_value(value: float, least: float | None, fits: bool) -> None:
    assert (number_fault(value, "x", least) is None) == fits


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(-(2**63) + 1, 2**63 - 1), st.floats(allow_nan=False), st.text()),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=20,
    )
)
def test_properties_that_are_taken_read_back_as_they_were(value: Any) -> None:
    text = read_properties({"value": value})
    if isinstance(text, Fault):
        assert json_fault({"value": value}, "properties") or "bytes as JSON" in text.detail
    else:
        assert json.loads(text) == {"value": value}


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_iso_text_is_read_to_the_millisecond(moment: datetime) -> None:
    ms = from_iso(moment.isoformat())
    assert ms == from_datetime(moment) == read_time(moment, "ts") == read_time(moment.isoformat(), "ts")
    assert ms == timegm(moment.utctimetuple()) * 1000 + moment.microsecond // 1000


@given(st.one_of(st.integers(), st.floats(), st.text(st.characters()), st.booleans(), st.none(), st.binary()))
def test_any_value_is_a_time_or_a_fault(value: Any) -> None:
    found = read_time(value, "ts")
    if isinstance(found, int) and not isinstance(value, str):
        assert SMALLEST_MS <= found < LARGEST_MS
    assert isinstance(found, int | Fault)


@pytest.mark.parametrize(
    ("ts", "code"), [(0, None), (100, None), (101, "future_time"), (-1, "before_1970"), (10**18, "future_time")]
)
def test_the_range_of_times(ts: int, code: str | None) -> None:
    fault = future_fault(ts, latest=100)
    assert (fault.code if fault else None) == code
