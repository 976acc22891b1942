"""The library: any kind of table goes in, every row is accounted for, the three verbs work without a server."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import honeyguide
from honeyguide import Honeyguide
from honeyguide.errors import ConfigError, InvalidInput, NotEnoughData, NotFound
from tests.shop import NOW, catalogue, history, open_shop, settings

ROWS = {
    "user_id": ["u1", "u1", "u2"],
    "item_id": ["a", "b", "a"],
    "type": ["view", "purchase", "view"],
    "ts": [NOW - 3000, NOW - 2000, NOW - 1000],
}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Honeyguide]:
    with Honeyguide.open(settings(tmp_path)) as hg:
        yield hg


@pytest.mark.parametrize(
    "table",
    [
        pl.DataFrame(ROWS),
        pd.DataFrame(ROWS),
        pa.table(ROWS),
        [dict(zip(ROWS, row, strict=True)) for row in zip(*ROWS.values(), strict=True)],
        (dict(zip(ROWS, row, strict=True)) for row in zip(*ROWS.values(), strict=True)),
    ],
    ids=["polars", "pandas", "arrow", "dicts", "generator"],
)
def test_any_table_goes_in(shop: Honeyguide, table: Any) -> None:
    report = shop.ingest(table)
    assert (report.accepted, report.duplicates, report.rejected) == (3, 0, [])
    state = shop.run(shop.runtime.store.log.user_state("u1", limit=10))
    assert [(event.item_id, event.type, event.ts) for event in state.events] == [
        ("a", "view", NOW - 3000),
        ("b", "purchase", NOW - 2000),
    ]


def test_whole_numbers_are_ids_and_moments_are_times(shop: Honeyguide) -> None:
    moment = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
    table = pl.DataFrame({"user_id": [7], "item_id": [42], "type": ["view"], "ts": [moment]})
    assert shop.ingest(table).accepted == 1
    event = shop.run(shop.runtime.store.log.user_state("7", limit=1)).events[0]
    assert (event.item_id, event.ts) == ("42", int(moment.timestamp() * 1000))


def test_a_row_that_does_not_fit_is_named_by_its_place_and_the_rest_is_taken(shop: Honeyguide) -> None:
    rows: list[dict[str, Any]] = [
        {"user_id": "u", "item_id": "a", "type": "view"},
        {"user_id": "u", "item_id": "a", "type": "view", "colour": "red"},
        {"user_id": "u", "item_id": "a", "type": "no_such"},
        {"user_id": "u", "item_id": "a", "type": "view"},
        {"user_id": "", "item_id": "a", "type": "view"},
    ]
    report = shop.ingest(rows)
    assert report.accepted == 2
    assert sorted(fault.index for fault in report.rejected) == [1, 2, 4]
    assert all(fault.detail for fault in report.rejected)


def test_places_are_those_of_the_whole_table(shop: Honeyguide) -> None:
    rows = [{"user_id": f"u{n}", "item_id": "a", "type": "view"} for n in range(10_050)]
    rows[10_010]["type"] = "no_such"
    report = shop.ingest(rows)
    assert report.accepted == 10_049
    assert [fault.index for fault in report.rejected] == [10_010]


@pytest.mark.parametrize("data", ["events.csv", {"user_id": "u"}, 7])
def test_what_is_not_a_table_is_refused(shop: Honeyguide, data: object) -> None:
    with pytest.raises(InvalidInput, match="is not a table"):
        shop.ingest(data)


def test_a_kind_that_there_is_not_is_refused(shop: Honeyguide) -> None:
    with pytest.raises(InvalidInput) as refused:
        shop.ingest(pl.DataFrame(ROWS), "ratings")
    assert refused.value.errors[0].pointer == "/kind"


def test_nothing_to_train_on_says_what_to_do(shop: Honeyguide) -> None:
    with pytest.raises(NotEnoughData, match="import"):
        shop.train()


def test_the_three_verbs(tmp_path: Path) -> None:
    with open_shop(tmp_path) as hg:
        slate = hg.recommend("u0", n=3)
        frame = hg.to_frame(slate)
        assert frame.columns == ["rank", "item_id", "score", "sources", "reason"]
        assert frame["item_id"].to_list() == [item.item_id for item in slate.items]
        assert hg.explain(slate.request_id).matches
        assert hg.similar("tea", n=2).items[0].item_id != "tea"
        assert hg.to_frame(hg.recommend("u0", n=1, filters={"category": "none"})).height == 0


def test_what_was_ingested_is_there_after_closing(tmp_path: Path) -> None:
    with open_shop(tmp_path) as hg:
        before = hg.recommend("u0")
    with Honeyguide.open(settings(tmp_path)) as hg:
        after = hg.recommend("u0")
        assert [item.item_id for item in after.items] == [item.item_id for item in before.items]
        assert hg.ingest(history()).duplicates == len(history())
        assert hg.ingest(catalogue(), "items").rejected == []


def test_closing_twice_is_no_fault(tmp_path: Path) -> None:
    hg = Honeyguide.open(settings(tmp_path))
    hg.close()
    hg.close()


def test_a_config_file_and_a_data_directory(tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    file.write_text('[project]\nname = "tea house"\ndata_dir = "state"\n')
    with Honeyguide.open(file, environ={}) as hg:
        assert hg.settings.project.name == "tea house"
        assert hg.settings.project.data_dir == tmp_path / "state"
    with Honeyguide.open(file, data_dir=tmp_path / "other", environ={}) as hg:
        assert hg.settings.project.data_dir == tmp_path / "other"
    file.write_text("[projct]\n")
    with pytest.raises(ConfigError, match="project"):
        Honeyguide.open(file, environ={})


def test_a_query_field_that_does_not_fit_is_named(tmp_path: Path) -> None:
    with Honeyguide.open(settings(tmp_path)) as hg:
        with pytest.raises(InvalidInput, match=r"at `\$\.n`"):
            hg.recommend("u", n="ten")
        with pytest.raises(InvalidInput, match="colour"):
            hg.recommend("u", colour="red")


def test_the_public_names_come_when_they_are_asked_for() -> None:
    for name in honeyguide.__all__:
        assert getattr(honeyguide, name)
    with pytest.raises(AttributeError, match="nonsense"):
        honeyguide.nonsense  # noqa: B018


def test_a_person_is_merged_and_exported(shop: Honeyguide) -> None:
    shop.ingest(pl.DataFrame(ROWS))
    assert shop.merge_users("u2", "u1").user_ids == ["u2", "u1"]
    shop.recommend("u1")
    told = list(shop.export_user("u2"))
    rows = told[-1]["rows"]
    assert rows.pop("features") > 3
    assert rows == {"users": 2, "user_links": 1, "log": 4, "slates": 1}
    receipt = shop.erase_user("u1")
    assert (receipt["removed"]["log"], len(receipt["users"])) == (4, 2)
    assert [record["table"] for record in shop.export_user("u1")] == ["export", "jobs", "end"]
    with pytest.raises(NotFound):
        next(shop.export_user("nobody"))


def test_features_are_read_and_replayed(tmp_path: Path) -> None:
    with open_shop(tmp_path, train=False) as hg:
        read = hg.features(["u0"], ["tea"], ["total_purchases", "price", "clicks_1d"])
        assert read.users["u0"]["total_purchases"].value == 2.0
        assert read.items["tea"]["price"].value == 5.0
        first = min(event["ts"] for event in history() if event["user_id"] == "u0" and event["type"] == "purchase")
        rows = pl.DataFrame({"entity_id": ["u0"] * 3, "t": [first, first + 1, NOW]})
        assert hg.replay("user", rows, ["total_purchases"])["total_purchases"].to_list() == [0.0, 1.0, 2.0]
        with pytest.raises(honeyguide.HoneyguideError, match="no feature view 'totl_purchases'"):
            hg.features(["u0"], views=["totl_purchases"])
