"""Changes of items and users: cleaned, or refused with place and cure."""

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.ingest.catalogue import change_rows, delete_rows, read_item, read_user, valid_ids
from honeyguide.ingest.faults import Fault
from honeyguide.messages import ItemIn, Rejected, UserIn
from honeyguide.types import Json

NOW = 1_750_000_000_000


def fields(**given: Any) -> Json:
    found = read_item(ItemIn(item_id="i1", **given))
    assert not isinstance(found, Fault)
    return found


def fault(**given: Any) -> Fault:
    found = read_item(ItemIn(**({"item_id": "i1"} | given)))
    assert isinstance(found, Fault)
    return found


def test_only_what_was_given_is_in_the_payload() -> None:
    assert fields() == {}
    assert fields(title="Lamp", price=None, available=False) == {"title": "Lamp", "price": None, "available": False}


def test_all_fields_are_kept() -> None:
    given = {
        "title": "Lamp",
        "categories": ["home", "light"],
        "price": 9.5,
        "image_url": "data:image/svg+xml,%3Csvg/%3E",
        "url": "/items/1",
        "available": True,
        "hidden": False,
        "created_at": NOW,
        "properties": {"watt": 5},
        "vector": [0.5, -1.0],
    }
    assert fields(**given) == given


def test_categories_are_cleaned_in_their_order() -> None:
    assert fields(categories=[" light ", "home", "", "  ", "light"])["categories"] == ["light", "home"]


@pytest.mark.parametrize(
    ("written", "ms"),
    [("1937-01-01", -1_041_379_200_000), ("2999-01-01", 32_472_144_000_000), (NOW, NOW), ("2025-06-15", 1_749_945_600_000)],
)
def test_items_may_be_older_than_1970_and_announced_ahead(written: Any, ms: int) -> None:
    assert fields(created_at=written) == {"created_at": ms}


def test_no_creation_time_is_the_same_as_none() -> None:
    assert fields(created_at=None) == {}


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"item_id": ""}, "empty_id", "item_id"),
        ({"item_id": "x" * 257}, "id_too_long", "item_id"),
        ({"title": "x" * 1001}, "too_long", "title"),
        ({"title": "\ud800"}, "bad_unicode", "title"),
        ({"title": None}, "wrong_type", "title"),
        ({"categories": "home"}, "wrong_type", "categories"),
        ({"categories": ["a", 3]}, "wrong_type", "categories/1"),
        ({"categories": ["a", "x" * 129]}, "too_long", "categories/1"),
        ({"categories": [str(number) for number in range(51)]}, "too_many", "categories"),
        ({"price": -0.01}, "too_small", "price"),
        ({"price": math.nan}, "not_finite", "price"),
        ({"price": "9.50"}, "wrong_type", "price"),
        ({"url": "javascript:alert(1)"}, "bad_address", "url"),
        ({"image_url": "data:text/html,<script>"}, "bad_address", "image_url"),
        ({"url": "https://" + "x" * 16_384}, "too_long", "url"),
        ({"available": 1}, "wrong_type", "available"),
        ({"created_at": NOW // 1000}, "seconds_not_ms", "created_at"),
        ({"created_at": "0001-01-01T00:00:00+14:00"}, "bad_time", "created_at"),
        ({"properties": {"a": math.inf}}, "not_finite", "properties/a"),
        ({"vector": []}, "wrong_type", "vector"),
        ({"vector": [1.0] * 4097}, "wrong_type", "vector"),
        ({"vector": [1.0, math.nan]}, "not_finite", "vector/1"),
        ({"vector": [1e39]}, "too_large", "vector/0"),
    ],
)
def test_what_does_not_fit_is_refused_where_it_is(given: Json, code: str, field: str) -> None:
    found = fault(**given)
    assert (found.code, found.field) == (code, field)
    assert found.detail


def test_users_have_properties() -> None:
    assert read_user(UserIn(user_id="u", properties={"age": 3})) == {"properties": {"age": 3}}
    assert read_user(UserIn(user_id="u")) == {}
    found = read_user(UserIn(user_id="u", properties={"age": math.nan}))
    assert isinstance(found, Fault)
    assert found.pointer == "/properties/age"


def test_changes_become_rows_and_only_unfit_ones_are_refused() -> None:
    messages: list[ItemIn | UserIn | Rejected] = [
        ItemIn(item_id="a", title="A"),
        Rejected(1, "x", "", "d"),
        ItemIn(item_id="b", price=-1),
        ItemIn(item_id="c"),
    ]
    rows, rejected = change_rows("item_put", messages, now=NOW, stem="S")
    assert [(row.kind, row.item_id, row.event_id, row.ts, row.payload) for row in rows] == [
        ("item_put", "a", "S-0000", NOW, '{"title":"A"}'),
        ("item_put", "c", "S-0003", NOW, "{}"),
    ]
    assert [entry.index for entry in rejected] == [1, 2]


def test_users_are_changed_by_rows_of_their_own_kind() -> None:
    (row,), _ = change_rows("user_patch", [UserIn(user_id="u", properties={"a": 1})], now=NOW, stem="S")
    assert (row.kind, row.user_id, row.item_id, row.payload) == ("user_patch", "u", None, '{"properties":{"a":1}}')


@pytest.mark.parametrize(
    ("created", "imported", "ts"),
    [(NOW - 9, True, NOW - 9), (NOW - 9, False, NOW), ("1937-01-01", True, 0), ("2999-01-01", True, NOW), (None, True, NOW)],
)
def test_an_imported_item_has_been_there_since_it_was_made(created: Any, imported: bool, ts: int) -> None:
    message = ItemIn(item_id="a", created_at=created)
    (row,), _ = change_rows("item_put", [message], now=NOW, stem="S", imported=imported)
    assert (row.ts, row.received_at, row.imported) == (ts, NOW, imported)


def test_only_known_items_are_patched_and_deleted() -> None:
    rows, rejected = change_rows("item_patch", [ItemIn(item_id="a"), ItemIn(item_id="b")], now=NOW, stem="S", known={"a"})
    assert [row.item_id for row in rows] == ["a"]
    assert [(entry.index, entry.code, entry.pointer) for entry in rejected] == [(1, "not_found", "/item_id")]

    rows, rejected = delete_rows(["here", "gone", "never", ""], {"here": False, "gone": True}, now=NOW, stem="S")
    assert [(row.kind, row.item_id) for row in rows] == [("item_delete", "here")]
    assert [(entry.index, entry.code) for entry in rejected] == [(2, "not_found"), (3, "empty_id")]


def test_only_what_may_be_an_id_is_looked_up() -> None:
    assert valid_ids(["a", "", "\ud800", 5, None, "x" * 257, "a"]) == {"a"}


odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(), max_size=300),
    st.lists(st.one_of(st.text(st.characters(), max_size=4), st.floats(), st.integers()), max_size=4),
    st.dictionaries(
        st.text(st.characters(), max_size=3), st.floats() | st.integers() | st.text(st.characters()), max_size=3
    ),
)


@given(st.dictionaries(st.sampled_from(ItemIn.__struct_fields__), odd, max_size=4))
def test_any_item_is_cleaned_or_refused(given: dict[str, Any]) -> None:
    (rows, rejected) = change_rows("item_put", [ItemIn(**({"item_id": "i"} | given))], now=NOW, stem="S", imported=True)
    assert len(rows) + len(rejected) == 1
    for entry in rejected:
        msgspec.json.encode(entry)
    for row in rows:
        msgspec.json.encode(row)
        assert isinstance(json.loads(row.payload or ""), dict)
        assert 0 <= row.ts <= NOW
