"""From the cells of a table to messages."""

import math
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.config.settings import Events
from honeyguide.importers import cells
from honeyguide.importers.cells import CellFault
from honeyguide.importers.columns import map_columns, read_map
from honeyguide.importers.moments import find_unit
from honeyguide.importers.rows import EventReader, ItemReader, UserReader, snake
from honeyguide.ingest.faults import Fault
from honeyguide.messages import EventIn, ItemIn, UserIn

MS = 1_749_988_800_000
ROW = {"user": "u", "item": "i", "type": "view", "ts": str(MS)}
TYPES = Events().all_types()


def event_reader(row: dict[str, Any], *told: str, times: tuple[Any, ...] = ()) -> EventReader:
    columns = map_columns("events", list(row), read_map("events", told))
    return EventReader(columns, find_unit(times or [MS]), TYPES)


def event(*told: str, times: tuple[Any, ...] = (), **cells_given: Any) -> EventIn | Fault:
    row = ROW | cells_given
    return event_reader(row, *told, times=times)(row)


def code(found: object) -> str:
    return found.code if isinstance(found, Fault) else ""


def test_a_row_becomes_an_event() -> None:
    found = event(value="4.5", quantity="2", session_id="s", device_id="d", event_id="e", request_id="r", surface="home")
    assert found == EventIn(
        type="view",
        user_id="u",
        item_id="i",
        ts=MS,
        value=4.5,
        quantity=2.0,
        session_id="s",
        device_id="d",
        event_id="e",
        request_id="r",
        surface="home",
    )


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("view", "view"),
        ("VIEW", "view"),
        (" View ", "view"),
        ("ADD TO CART", "add_to_cart"),
        ("addToCart", "add_to_cart"),
        ("wishlist-add", "wishlist_add"),
    ],
)
def test_types_are_known_by_their_spelling(written: str, kind: str) -> None:
    found = event(type=written)
    assert isinstance(found, EventIn)
    assert found.type == kind


def test_an_undeclared_type_is_refused_with_its_line_and_counted() -> None:
    row = ROW | {"type": "COMMENT CREATED"}
    read = event_reader(row)
    for _ in range(3):
        found = read(row)
        assert isinstance(found, Fault)
        assert found.code == "undeclared_type"
        assert "events.types.comment_created.weight = 1" in found.detail
        assert "--map 'type.COMMENT CREATED=" in found.detail
    assert read.undeclared == {"COMMENT CREATED": 3}


def test_types_of_the_file_can_be_renamed_and_made_constant() -> None:
    assert getattr(event("type.LIKE=wishlist_add", type="LIKE"), "type", "") == "wishlist_add"
    assert getattr(event("type==purchase"), "type", "") == "purchase"
    assert code(event("type==zap")) == "undeclared_type"


@pytest.mark.parametrize(
    ("cell", "known"),
    [
        ("17", "17"),
        (" 17 ", " 17 "),
        ("017", "017"),
        ("17.0", "17.0"),
        (17, "17"),
        (17.0, "17"),
        (-3, "-3"),
        ("NA", "NA"),
        ("a/b 🐝", "a/b 🐝"),
        ("", None),
        (None, None),
        (math.nan, None),
        ("nan", None),
        ("NULL", None),
        ("None", None),
        ("\\N", None),
    ],
)
def test_ids_are_kept_exactly_and_what_is_no_id_is_missing(cell: Any, known: str | None) -> None:
    assert cells.identifier(cell, "user_id") == known
    assert code(event(user=cell)) == ("" if known else "missing_user")


@pytest.mark.parametrize("cell", [17.5, True, [1], b"x", 2.0**60, 10**100])
def test_what_cannot_be_an_id_is_refused(cell: Any) -> None:
    assert code(event(user=cell)) == "wrong_type"
    assert code(event(item=cell)) == "wrong_type"


@pytest.mark.parametrize(
    ("cell", "number"),
    [("4", 4.0), (" 4.5 ", 4.5), (4, 4.0), (Decimal("1.50"), 1.5), ("", None), (None, None), ("n/a", None), ("NaN", None)],
)
def test_numbers_are_read_and_empty_cells_left_out(cell: Any, number: float | None) -> None:
    assert cells.number(cell, "value") == number


@pytest.mark.parametrize("cell", ["four", "4,5", "4 EUR", [4], True, 10**400])
def test_what_is_no_number_is_refused(cell: Any) -> None:
    assert code(event(value=cell)) == "bad_number"


def test_times_are_read_in_the_unit_of_the_column() -> None:
    seconds = (1749988800,)
    assert getattr(event(ts="1749988800", times=seconds), "ts", None) == MS
    assert code(event(ts="soon", times=seconds)) == "bad_time"
    assert code(event(ts="", times=seconds)) == "missing_time"
    assert code(event(ts=None)) == "missing_time"
    assert getattr(event(ts="86400", times=(86400,)), "ts", None) == "1970-01-02T00:00:00+00:00"
    assert getattr(event("ts==2025-06-15T12:00:00Z", times=("2025-06-15",)), "ts", None) == MS


def test_properties_come_from_a_column_of_objects_and_from_single_columns() -> None:
    found = event("properties.land=country", properties='{"a":1,"none":null}', country="DE")
    assert isinstance(found, EventIn)
    assert found.properties == {"a": 1, "land": "DE"}
    assert getattr(event(properties={"a": date(2025, 1, 2)}), "properties", None) == {"a": "2025-01-02"}
    assert getattr(event(properties=""), "properties", 0) is None
    assert code(event(properties="{")) == "not_json"
    assert code(event(properties="[1]")) == "not_json"


def item(*told: str, separator: str | None = None, **row: Any) -> ItemIn | Fault:
    given = {"id": "i1"} | row
    columns = map_columns("items", list(given), read_map("items", told))
    numeric = cells.number_columns([given], columns.rest)
    unit = find_unit([given["created_at"]]) if "created_at" in given else None
    return ItemReader(columns, unit, numeric, separator)(given)


def test_a_row_becomes_an_item() -> None:
    found = item(
        name="Lamp",
        genres="home|light",
        price="9.50",
        image="/a.png",
        url="",
        in_stock="yes",
        hidden="0",
        created_at="1995",
        embedding="[1, 2.5]",
        watt="5",
        code="007",
        colour="NaN",
    )
    assert found == ItemIn(
        item_id="i1",
        title="Lamp",
        categories=["home", "light"],
        price=9.5,
        image_url="/a.png",
        available=True,
        hidden=False,
        created_at=788_918_400_000,
        vector=[1.0, 2.5],
        properties={"watt": 5, "code": "007"},
    )


def test_empty_cells_of_an_item_are_not_given() -> None:
    assert item(name="", genres=None, price="nan", in_stock=" ") == ItemIn(item_id="i1")


@pytest.mark.parametrize(
    ("cell", "separator", "wanted"),
    [
        ("a|b|c", None, ["a", "b", "c"]),
        ("a; b", None, ["a", "b"]),
        ("Home > Light", None, ["Home", "Light"]),
        ("Clothing, Shoes & Jewelry", None, ["Clothing, Shoes & Jewelry"]),
        ("Action, Comedy", ",", ["Action", "Comedy"]),
        ('["a","b|c"]', None, ["a", "b|c"]),
        (["a", 2], None, ["a", "2"]),
    ],
)
def test_several_categories_in_a_cell_are_taken_apart(cell: Any, separator: str | None, wanted: list[str]) -> None:
    assert getattr(item(genres=cell, separator=separator), "categories", None) == wanted


@pytest.mark.parametrize(
    "row",
    [
        {"price": "cheap"},
        {"in_stock": "maybe"},
        {"genres": "[a"},
        {"embedding": "1 2"},
        {"embedding": ["x"]},
        {"properties": "3"},
        {"blob": b"\x00"},
    ],
)
def test_cells_of_an_item_that_cannot_be_read_are_refused(row: dict[str, Any]) -> None:
    assert code(item(**row))


def test_a_row_becomes_a_user() -> None:
    columns = map_columns("users", ["id", "age", "city"], read_map("users", []))
    read = UserReader(columns, frozenset({"age"}))
    assert read({"id": 7, "age": "31", "city": "Ulm"}) == UserIn(user_id="7", properties={"age": 31, "city": "Ulm"})
    assert read({"id": 7, "age": "", "later": "kept"}) == UserIn(user_id="7", properties={"later": "kept"})
    assert code(read({"id": ""})) == "missing_user"


def test_a_column_is_one_of_numbers_only_if_all_of_it_is() -> None:
    rows = [{"year": "1995", "zip": "01234", "mixed": "1", "price": "1.5", "empty": ""}, {"year": "", "mixed": "x"}]
    assert cells.number_columns(rows, ["year", "zip", "mixed", "price", "empty"]) == {"year", "price"}
    assert cells.typed("1995", True) == 1995
    assert cells.typed("1.5", True) == 1.5
    assert cells.typed("late", True) == "late"
    assert cells.typed("1995", False) == "1995"


def test_cells_become_what_json_holds() -> None:
    cell = {"d": datetime(2025, 1, 2, 3), "t": timedelta(seconds=1.5), "l": (Decimal("1.5"), None)}  # noqa: DTZ001
    assert cells.plain(cell, "p") == {"d": "2025-01-02T03:00:00", "t": 1.5, "l": [1.5, None]}
    with pytest.raises(CellFault):
        cells.plain(object(), "p")


@pytest.mark.parametrize(
    ("word", "name"), [("COMMENT CREATED", "comment_created"), ("Add-To  cart!", "add_to_cart"), ("?", "?")]
)
def test_types_are_spelled_in_the_usual_way(word: str, name: str) -> None:
    assert snake(word) == name


cell_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.binary(max_size=3),
    st.lists(st.integers(), max_size=2),
    st.datetimes(),
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys([*ROW, "value", "session_id", "properties"], cell_values)))
def test_any_row_is_an_event_or_a_fault(cells_given: dict[str, Any]) -> None:
    found = event(**cells_given)
    assert isinstance(found, EventIn | Fault)


@given(st.dictionaries(st.sampled_from(["name", "genres", "price", "in_stock", "embedding", "x"]), cell_values))
def test_any_row_is_an_item_or_a_fault(row: dict[str, Any]) -> None:
    assert isinstance(item(**row), ItemIn | Fault)
