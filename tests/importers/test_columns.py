"""Which column is which field."""

import pytest

from honeyguide.errors import InvalidInput
from honeyguide.importers.columns import FIELDS, ColumnMap, Kind, map_columns, read_map


def mapped(kind: Kind, columns: str, *told: str) -> ColumnMap:
    return map_columns(kind, columns.split(), read_map(kind, told))


@pytest.mark.parametrize(
    ("columns", "wanted"),
    [
        ("user_id item_id type ts", {"user_id": "user_id", "item_id": "item_id", "type": "type", "ts": "ts"}),
        ("uid sku action ts_ms", {"user_id": "uid", "item_id": "sku", "type": "action", "ts": "ts_ms"}),
        ("timestamp eventType contentId personId", {"user_id": "personId", "item_id": "contentId", "ts": "timestamp"}),
        ("Customer_ID StockCode InvoiceDate Price Quantity", {"user_id": "Customer_ID", "item_id": "StockCode"}),
        ("timestamp visitorid event itemid transactionid", {"user_id": "visitorid", "type": "event", "item_id": "itemid"}),
        ("USER-ID Item.Id EVENT_TYPE TIMESTAMP Session-Id", {"user_id": "USER-ID", "session_id": "Session-Id"}),
        ("user_id product_id time behavior value rating", {"item_id": "product_id", "type": "behavior", "value": "value"}),
    ],
)
def test_columns_of_events_are_guessed_by_their_names(columns: str, wanted: dict[str, str]) -> None:
    found = mapped("events", columns)
    assert wanted.items() <= dict(found.columns).items()
    assert set(wanted) <= set(found.guessed)


@pytest.mark.parametrize(
    ("columns", "kind"), [("userId movieId rating timestamp", "rating"), ("customer sku qty date", "purchase")]
)
def test_a_file_without_types_speaks_by_its_columns(columns: str, kind: str) -> None:
    found = mapped("events", columns)
    assert found.constants == {"type": kind}
    assert found.shown()["type"] == f"={kind}"
    assert "type" in found.guessed


def test_what_is_told_goes_before_what_is_guessed() -> None:
    found = mapped("events", "uid user item date other", "user_id=user", "ts=date", "type==view", "value=")
    assert dict(found.columns) == {"user_id": "user", "ts": "date", "item_id": "item"}
    assert dict(found.constants) == {"type": "view"}
    assert found.guessed == ("item_id",)
    assert found.rest == ("uid", "other")


def test_a_field_can_be_left_empty() -> None:
    assert "value" in mapped("events", "user item date type price").columns
    assert "value" not in mapped("events", "user item date type price", "value=").columns
    assert "item_id" not in mapped("events", "user item date type", "item_id=").columns


def test_single_properties_and_names_of_types_can_be_told() -> None:
    found = mapped("events", "user item date type country", "properties.land=country", "type.LIKE=wishlist_add")
    assert dict(found.properties) == {"land": "country"}
    assert dict(found.types) == {"LIKE": "wishlist_add"}
    assert found.shown()["properties.land"] == "country"
    assert not found.keeps_rest


def test_columns_of_items_without_a_field_become_properties() -> None:
    found = mapped("items", "id name genres year colour")
    assert dict(found.columns) == {"item_id": "id", "title": "name", "categories": "genres"}
    assert found.rest == ("year", "colour")
    assert found.keeps_rest
    assert not mapped("items", "id name year", "properties=").keeps_rest


def test_the_best_name_wins_and_a_column_is_used_once() -> None:
    assert mapped("items", "id description title").columns["title"] == "title"
    assert mapped("items", "id description").columns["title"] == "description"
    found = mapped("events", "user item timestamp date type")
    assert found.columns["ts"] == "timestamp"
    assert found.rest == ("date",)


@pytest.mark.parametrize(
    ("kind", "columns", "told", "words"),
    [
        ("events", "a b c", [], "--map user_id=COLUMN"),
        ("events", "user item date", [], "--map type==view"),
        ("events", "user item type", [], "--map ts=COLUMN"),
        ("events", "196 242 3", [], "--columns"),
        ("items", "title", [], "item_id"),
        ("users", "age", [], "user_id"),
        ("events", "user item date type", ["user_id=usr"], "Did you mean 'user'?"),
        ("events", "user item date type", ["usr_id=user"], "Did you mean user_id?"),
        ("events", "user item date type", ["user_id"], "type==purchase"),
        ("events", "user item date type", ["=user"], "type==purchase"),
        ("items", "id title", ["type.a=b"], "no field 'type.a'"),
    ],
)
def test_what_cannot_be_mapped_says_how_to_say_it(kind: Kind, columns: str, told: list[str], words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        mapped(kind, columns, *told)
    assert words in str(caught.value)


@pytest.mark.parametrize("kind", ["events", "items", "users"])
def test_every_field_is_found_under_its_own_name(kind: Kind) -> None:
    found = map_columns(kind, FIELDS[kind], read_map(kind, []))
    assert dict(found.columns) == {name: name for name in FIELDS[kind]}
