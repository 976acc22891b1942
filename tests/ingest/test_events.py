"""What is taken as an event, what is refused, and in which words."""

import math
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.config.settings import Events, EventType
from honeyguide.ingest.events import EventRules
from honeyguide.ingest.times import from_iso
from honeyguide.messages import EventIn, Rejected
from honeyguide.types import LogRow

NOW = 1_750_000_000_000
RULES = EventRules(Events())


def check(*events: Any, rules: EventRules = RULES, imported: bool = False) -> tuple[list[LogRow], list[Rejected]]:
    return rules.check(events, now=NOW, stem="01JSTEM", imported=imported)


def event(**fields: Any) -> EventIn:
    return EventIn(**({"type": "view", "user_id": "u1", "item_id": "i1"} | fields))


def taken(**fields: Any) -> LogRow:
    rows, rejected = check(event(**fields))
    assert rejected == []
    return rows[0]


def refused(**fields: Any) -> Rejected:
    rows, rejected = check(event(**fields))
    assert rows == []
    return rejected[0]


def test_an_event_becomes_a_row_of_the_log_field_by_field() -> None:
    full = event(
        type="purchase",
        event_id="e-1",
        ts=NOW - 5,
        value=9.5,
        quantity=2,
        session_id="s",
        device_id="d",
        surface="home",
        request_id="r",
        properties={"colour": "blau", "n": [1, {"deep": None}]},
    )
    (row,), _ = check(full, imported=True)
    assert msgspec.to_builtins(row) == {
        "event_id": "e-1",
        "ts": NOW - 5,
        "received_at": NOW,
        "user_id": "u1",
        "item_id": "i1",
        "type": "purchase",
        "value": 9.5,
        "quantity": 2.0,
        "session_id": "s",
        "device_id": "d",
        "surface": "home",
        "request_id": "r",
        "payload": '{"colour":"blau","n":[1,{"deep":null}]}',
        "imported": True,
    }


def test_what_is_missing_is_made_time_and_an_id_in_the_order_of_the_events() -> None:
    rows, _ = check(event(), event(), event(event_id="mine"))
    assert [row.event_id for row in rows] == ["01JSTEM-0000", "01JSTEM-0001", "mine"]
    assert {row.ts for row in rows} == {NOW}


@pytest.mark.parametrize("name", ["user_id", "item_id", "event_id", "session_id", "device_id", "surface", "request_id"])
@pytest.mark.parametrize(
    "good", [" ", "with space", "a/b?c#d", "🐝" * 64, "x" * 256, "ä" * 128, "\u202ertl", "'; DROP TABLE log; --", "\t\n"]
)
def test_ids_are_kept_exactly(name: str, good: str) -> None:
    assert getattr(taken(**{name: good}), name) == good


@pytest.mark.parametrize("name", ["user_id", "item_id", "event_id", "session_id", "device_id", "surface", "request_id"])
@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ("", "empty_id"),
        ("x" * 257, "id_too_long"),
        ("ä" * 129, "id_too_long"),
        ("🐝" * 65, "id_too_long"),
        ("a\0b", "nul"),
        ("\ud800", "bad_unicode"),
        (5, "wrong_type"),
        (b"bytes", "wrong_type"),
    ],
)
def test_ids_that_cannot_be_kept_are_refused_by_name(name: str, bad: Any, code: str) -> None:
    found = refused(**{name: bad})
    assert (found.code, found.pointer) == (code, f"/{name}")
    assert name in found.detail
    found.detail.encode()


def test_an_undeclared_type_names_the_nearest_one_and_the_line_that_declares_it() -> None:
    found = refused(type="Add To Cart")
    assert (found.code, found.pointer) == ("undeclared_type", "/type")
    assert "did you mean 'add_to_cart'?" in found.detail
    assert 'events.types."Add To Cart".weight = 1' in found.detail
    assert "events.types.share.weight = 1" in refused(type="share").detail
    assert "'view'" in refused(type="viwe").detail


def test_a_declared_type_is_taken_and_its_rules_hold() -> None:
    rules = EventRules(Events(types={"share": EventType(weight=2), "visit": EventType(needs_item=False)}))
    rows, rejected = check(
        event(type="share"), event(type="share", item_id=None), event(type="visit", item_id=None), rules=rules
    )
    assert [row.type for row in rows] == ["share", "visit"]
    assert [(entry.index, entry.code, entry.pointer) for entry in rejected] == [(1, "missing_item", "/item_id")]


@pytest.mark.parametrize("bad", ["", "t" * 65, "t\0", "\udfff", 3, None])
def test_a_type_is_short_text(bad: Any) -> None:
    assert refused(type=bad).pointer == "/type"


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        (NOW, NOW),
        (float(NOW) + 0.9, NOW),
        ("2025-06-15T12:00:00Z", 1_749_988_800_000),
        ("2025-06-15T14:00:00+02:00", 1_749_988_800_000),
        ("2025-06-15T12:00:00", 1_749_988_800_000),
        ("2025-06-15", 1_749_945_600_000),
        ("2025-06-15 12:00:00.123456", 1_749_988_800_123),
        ("1970-01-01T00:00:00Z", 0),
        ("1973-02-01", from_iso("1973-02-01")),
        (NOW + 299_000, NOW + 299_000),
    ],
)
def test_times_are_milliseconds_or_iso_text(written: Any, ms: int) -> None:
    assert taken(ts=written).ts == ms


@pytest.mark.parametrize(
    ("written", "code", "cure"),
    [
        (NOW // 1000, "seconds_not_ms", "multiply by 1000"),
        (0, "seconds_not_ms", "multiply by 1000"),
        (NOW * 1000, "not_ms", "milliseconds"),
        (NOW * 1_000_000, "not_ms", "milliseconds"),
        (2**70, "not_ms", "milliseconds"),
        pytest.param(10**5000, "not_ms", "milliseconds", id="huge"),
        (1e308, "not_ms", "milliseconds"),
        (NOW + 301_000, "future_time", "clock"),
        ("2999-01-01", "future_time", "events.max_future"),
        ("9999-12-31T23:59:59-23:00", "future_time", "clock"),
        ("1969-12-31", "before_1970", "unit"),
        (-5, "bad_time", "ISO 8601"),
        (math.nan, "bad_time", "ISO 8601"),
        ("yesterday", "bad_time", "ISO 8601"),
        ("1750000000000", "bad_time", "ISO 8601"),
        ("", "bad_time", "ISO 8601"),
        (True, "bad_time", "ISO 8601"),
    ],
)
def test_other_times_are_refused_with_the_unit_that_was_meant(written: Any, code: str, cure: str) -> None:
    found = refused(ts=written)
    assert (found.code, found.pointer) == (code, "/ts")
    assert cure in found.detail


def test_the_future_begins_where_the_settings_say() -> None:
    rules = EventRules(Events(max_future=0))
    rows, rejected = check(event(ts=NOW), event(ts=NOW + 1), rules=rules)
    assert len(rows) == 1
    assert rejected[0].code == "future_time"


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 2**70, True, "3"])
@pytest.mark.parametrize("name", ["value", "quantity"])
def test_numbers_are_finite(name: str, bad: Any) -> None:
    assert refused(**{name: bad}).pointer == f"/{name}"


def test_numbers_at_the_edge_of_their_type_are_kept() -> None:
    assert taken(value=1e308).value == 1e308
    assert taken(value=-1e308).value == -1e308
    assert taken(value=5).value == 5.0
    assert isinstance(taken(value=5).value, float)


def test_a_negative_quantity_is_a_return_not_a_purchase() -> None:
    found = refused(type="purchase", quantity=-12)
    assert found.code == "negative_quantity"
    assert "events.types.return.weight = 0" in found.detail


def test_a_rating_needs_its_stars() -> None:
    assert taken(type="rating", value=0.5).value == 0.5
    assert refused(type="rating").code == "missing_value"
    assert refused(type="rating", value=-1).code == "negative_value"


def nested(depth: int) -> Any:
    return {"a": nested(depth - 1)} if depth else 1


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ({"a": "x" * 9000}, "properties_too_large"),
        (nested(9), "properties_too_deep"),
        ({"a": math.nan}, "not_finite"),
        ({"a": [1, math.inf]}, "not_finite"),
        ({"a": 2**64}, "not_finite"),
        ({"a": "\ud800"}, "bad_unicode"),
        ({"\ud800": 1}, "bad_unicode"),
        ({"a": "\0"}, "nul"),
        ({"a": {"b\0": 1}}, "nul"),
        ({1: 1}, "wrong_type"),
        ({"a": object()}, "not_json"),
        ({"a": b""}, "not_json"),
        ([1], "wrong_type"),
    ],
)
def test_properties_are_small_and_json(bad: Any, code: str) -> None:
    found = refused(properties=bad)
    assert found.code == code
    assert found.pointer.startswith("/properties")


def test_the_place_in_properties_is_a_json_pointer() -> None:
    assert refused(properties={"a/b": [{"c~": math.nan}]}).pointer == "/properties/a~1b/0/c~0"


def test_properties_at_the_limits_are_kept() -> None:
    assert taken(properties=nested(8)).payload is not None
    assert taken(properties={"a": "x" * (8192 - 8)}).payload is not None
    assert taken(properties={}).payload == "{}"
    assert taken(properties={"ü": "🐝", "n": 2**53 + 2, "t": (1, 2)}).payload == '{"ü":"🐝","n":9007199254740994,"t":[1,2]}'


@dataclass
class Impression:
    fields: dict[str, Any]
    pointer: str = ""


SEEN = {"request_id": "r1", "item_id": None}


@pytest.mark.parametrize(
    "case",
    [
        Impression(SEEN | {"properties": {"items": ["a", "b"]}}),
        Impression(SEEN | {"properties": {"positions": [1, 2, 500]}}),
        Impression(SEEN | {"request_id": None, "properties": {"items": ["a"]}}, "/request_id"),
        Impression(SEEN | {"item_id": "i1", "properties": {"items": ["a"]}}, "/item_id"),
        Impression(SEEN, "/properties"),
        Impression(SEEN | {"properties": {"items": []}}, "/properties"),
        Impression(SEEN | {"properties": {"items": [""]}}, "/properties/items"),
        Impression(SEEN | {"properties": {"positions": [0]}}, "/properties"),
        Impression(SEEN | {"properties": {"positions": [True]}}, "/properties"),
        Impression(SEEN | {"properties": {"positions": [501]}}, "/properties"),
    ],
)
def test_an_impression_is_of_one_slate_and_says_what_was_seen(case: Impression) -> None:
    rows, rejected = check(event(type="impression", **case.fields))
    assert [entry.pointer for entry in rejected] == ([case.pointer] if case.pointer else [])
    assert len(rows) == (not case.pointer)


def test_a_bad_row_costs_only_itself_and_keeps_its_index() -> None:
    undecodable = Rejected(1, "not_json", "", "The row is not JSON.")
    rows, rejected = check(event(), undecodable, event(user_id=""), "no event", None, event(event_id="last"))
    assert [row.event_id for row in rows] == ["01JSTEM-0000", "last"]
    assert [entry.index for entry in rejected] == [1, 2, 3, 4]
    assert rejected[0] is undecodable


anything: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(), max_size=300),
    st.text(st.characters(categories=["Cs", "Cc", "L"]), max_size=5),
    st.binary(max_size=3),
    st.recursive(
        st.one_of(st.none(), st.integers(), st.floats(), st.text(st.characters(), max_size=5)),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=10,
    ),
)
field_names = st.sampled_from(EventIn.__struct_fields__)
plausible = {
    "type": st.sampled_from(sorted(RULES.types)),
    "user_id": st.text(min_size=1, max_size=100),
    "ts": st.integers(0, 2 * NOW),
    "value": st.floats(),
}


@given(st.fixed_dictionaries({}, optional=plausible), st.dictionaries(field_names, anything, max_size=3))
def test_whatever_comes_is_taken_or_refused_in_printable_words(likely: dict[str, Any], odd: dict[str, Any]) -> None:
    rows, rejected = check(event(**(likely | odd)))
    assert len(rows) + len(rejected) == 1
    for entry in rejected:
        assert entry.code
        assert entry.detail
        msgspec.json.encode(entry)
    for row in rows:
        assert msgspec.json.decode(msgspec.json.encode(row), type=LogRow) == row
        assert 0 <= row.ts <= NOW + 300_000
        assert all(math.isfinite(number) for number in (row.value, row.quantity) if number is not None)


@given(st.fixed_dictionaries({}, optional=plausible), st.dictionaries(field_names, anything, max_size=2))
def test_the_short_way_agrees_with_the_close_look(likely: dict[str, Any], odd: dict[str, Any]) -> None:
    candidate = event(**(likely | odd))
    if RULES._usual(candidate):
        assert list(RULES._faults(candidate)) == []
