"""Reading while serving: values with what they are worth, of users and items together, whatever is asked for."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from honeyguide.clock import ManualClock
from honeyguide.config import Settings
from honeyguide.errors import NotFound
from honeyguide.features import FeatureReader, FeatureValue, ItemBlock
from honeyguide.features.custom import plans_of
from honeyguide.jobs.features import FeatureFolding
from honeyguide.monitoring.features import FeatureMetrics
from honeyguide.monitoring.metrics import Metrics
from honeyguide.stores.sqlite import SqliteStore
from honeyguide.testing.stores.rows import ODD_IDS
from honeyguide.types import Item, LogRow

NOW = 1_700_000_000_000
MINUTE = 60_000


class Shop:
    """A store with its fold and a reader."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.clock = ManualClock(NOW)
        self.store = SqliteStore(folder, self.clock)
        self.block = ItemBlock(keeps_vectors=True)
        self.settings = Settings.model_validate(settings)
        plans = plans_of(self.settings)
        self.folding = FeatureFolding(self.store.log, self.store.features, tuple(plans.values()), self.clock, Metrics())
        self.metrics = Metrics()
        self.reader = FeatureReader(
            self.store.features,
            plans,
            self.block,
            self.settings.feature_store,
            self.clock,
            FeatureMetrics(self.metrics),
        )
        self._number = 0

    def happen(self, kind: str, user: str, item: str | None, **more: Any) -> int:
        self._number += 1
        given: dict[str, Any] = {"ts": self.clock.ms, "received_at": self.clock.ms, **more}
        row = LogRow(event_id=f"e{self._number}", user_id=user, item_id=item, type=kind, **given)
        return asyncio.run(self.store.log.append([row])).sequence

    def user(self, name: str, view: str) -> FeatureValue:
        return asyncio.run(self.reader.read([name], views=[view])).users[name][view]

    def item(self, name: str, view: str) -> FeatureValue:
        return asyncio.run(self.reader.read(items=[name], views=[view])).items[name][view]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    with closing(made.store):
        yield made


def test_a_users_value_is_exact_at_once_with_and_without_the_fold(shop: Shop) -> None:
    for count in range(1, 6):
        sequence = shop.happen("purchase", "u", "a", value=10.0)
        found = shop.user("u", "total_spent")
        assert (found.value, found.status, found.as_of) == (10.0 * count, "present", sequence)
        assert (found.event_at, found.computed_at) == (shop.clock.ms, shop.clock.ms)
        shop.clock.advance(1)
        if count % 2:
            shop.folding.refresh()
            assert shop.user("u", "total_spent").value == 10.0 * count


def test_an_items_value_is_exact_where_the_fold_is(shop: Shop) -> None:
    shop.happen("click", "u", "a")
    assert (shop.item("a", "clicks_1h").value, shop.item("a", "clicks_1h").status) == (0.0, "missing")
    shop.folding.refresh()
    shop.happen("click", "u", "a")
    found = shop.item("a", "clicks_1h")
    assert (found.value, found.status, found.as_of) == (1.0, "present", 1)
    shop.folding.refresh()
    assert (shop.item("a", "clicks_1h").value, shop.item("a", "clicks_1h").as_of) == (2.0, 2)


def test_values_grow_stale_by_their_lifetime(shop: Shop) -> None:
    """An item's, if the fold is silent; one that nothing has happened to since is as good as new."""
    shop.happen("click", "u", "a")
    shop.folding.refresh()
    shop.clock.advance(7200)
    assert shop.item("a", "clicks_1d").status == "present"
    shop.happen("view", "u", "b")
    assert shop.item("a", "clicks_1d").status == "stale"
    assert shop.item("a", "clicks_1d").value == 1.0
    assert shop.item("z", "clicks_1d").status == "missing"
    shop.folding.refresh()
    assert shop.item("a", "clicks_1d").status == "present"


def test_a_view_may_have_a_lifetime_of_its_own(tmp_path: Path) -> None:
    views = [{"name": "clicks_1h", "ttl": "3h"}, {"name": "clicks_1d", "ttl": "0s"}]
    shop = Shop(tmp_path, features=views, feature_store={"item_ttl": "1m"})
    with closing(shop.store):
        shop.happen("click", "u", "a")
        shop.folding.refresh()
        shop.happen("view", "u", "b")
        shop.clock.advance(7200)
        found = asyncio.run(shop.reader.read(items=["a"])).items["a"]
        statuses = [found[f"clicks_{window}"].status for window in ("1h", "1d", "7d")]
        assert statuses == ["present", "stale", "stale"]
        assert [shop.reader.ttl(shop.reader.view(name)) for name in ("clicks_1h", "clicks_7d")] == [10_800, 60]


def test_very_many_events_that_wait_for_the_fold_make_a_value_stale(shop: Shop) -> None:
    rows = [
        LogRow(event_id=f"m{n}", user_id="u", item_id="a", type="view", ts=NOW - n, received_at=NOW) for n in range(6_000)
    ]
    for start in range(0, 6_000, 1_000):
        asyncio.run(shop.store.log.append(rows[start : start + 1_000]))
    found = shop.user("u", "user_views_1d")
    assert (found.status, found.value, found.as_of) == ("stale", 5_000.0, 5_000)
    shop.folding.refresh()
    found = shop.user("u", "user_views_1d")
    assert (found.status, found.value, found.as_of) == ("present", 6_000.0, 6_000)


def test_unknown_ids_are_missing_and_unknown_views_are_named(shop: Shop) -> None:
    read = asyncio.run(shop.reader.read(["nobody"], ["nothing"]))
    assert {value.status for value in (*read.users["nobody"].values(), *read.items["nothing"].values())} == {"missing"}
    assert read.users["nobody"]["total_purchases"].value == 0.0
    assert read.users["nobody"]["avg_rating"].value is None
    assert read.items["nothing"]["click_rate_1d"].value == 0.05
    with pytest.raises(NotFound, match=r"no feature view 'clicks_2h'.*There are: total_purchases, .*clicks_1h") as refused:
        shop.item("a", "clicks_2h")
    assert refused.value.code == "view_not_found"


def test_a_user_and_five_hundred_items_are_one_round_trip(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(50):
        shop.happen("click", "u", f"i{n}")
    shop.folding.refresh()
    asked, snapshot = [], shop.store._readers.snapshot

    def counted() -> Any:
        asked.append(1)
        return snapshot()

    monkeypatch.setattr(shop.store._readers, "snapshot", counted)
    read = asyncio.run(shop.reader.read(["u"], [f"i{n}" for n in range(500)]))
    assert len(asked) == 1
    assert read.users["u"]["user_clicks_1d"].value == 50.0
    assert [read.items[f"i{n}"]["clicks_1d"].value for n in (0, 49, 50, 499)] == [1.0, 1.0, 0.0, 0.0]
    monkeypatch.undo()
    assert asyncio.run(shop.reader.read(["u"], ["i0"])).items["i0"] == read.items["i0"], "in a thread or not"


def test_merged_users_have_the_features_of_both(shop: Shop) -> None:
    shop.happen("purchase", "anon", "a", value=2.0)
    shop.folding.refresh()
    shop.happen("purchase", "ann", "b", value=3.0)
    merge = LogRow(kind="user_merge", event_id="m", ts=NOW, received_at=NOW, user_id="anon")
    merge.payload = '{"canonical_id": "ann"}'
    assert shop.user("ann", "total_spent").value == 3.0
    asyncio.run(shop.store.log.append([merge]))
    for name in ("ann", "anon"):
        assert shop.user(name, "total_spent").value == 5.0
        assert shop.user(name, "recent_purchases").value[0] == "b"
    shop.folding.refresh()
    assert shop.user("ann", "total_spent").value == 5.0


def test_attributes_are_those_of_now(shop: Shop) -> None:
    shop.block.put([Item(item_id="a", categories=("tea", "red"), price=19.9, created_at=NOW - 5 * MINUTE)])
    put = LogRow(kind="user_put", event_id="p", ts=NOW, received_at=NOW, user_id="u")
    put.payload = '{"properties": {"interests": ["tea", 7]}}'
    asyncio.run(shop.store.log.append([put]))
    assert shop.user("u", "interests").value == ["tea", 7]
    found = asyncio.run(shop.reader.read(items=["a"])).items["a"]
    assert (found["price"].value, found["categories"].value, found["age"].value) == (19.9, ["tea", "red"], 300.0)
    shop.happen("purchase", "u", "a")
    assert shop.user("u", "favorite_categories").value == ["red", "tea"]
    shop.block.put([Item(item_id="a", categories=("hats",))])
    assert shop.user("u", "favorite_categories").value == ["hats"]


def test_taste_is_the_mean_of_what_the_user_chose(shop: Shop) -> None:
    shop.block.put([Item(item_id="a", vector=(1.0, 0.0)), Item(item_id="b", vector=(0.0, 1.0)), Item(item_id="c")])
    for item in ("a", "a", "a", "b", "c"):
        shop.happen("click", "u", item)
    assert shop.user("u", "taste").value == [0.75, 0.25]


def test_odd_ids_are_read_exactly(shop: Shop) -> None:
    for number, name in enumerate(ODD_IDS):
        for _ in range(number + 1):
            shop.happen("click", name, name)
    shop.folding.refresh()
    read = asyncio.run(shop.reader.read(ODD_IDS, ODD_IDS))
    assert [read.users[name]["user_clicks_1d"].value for name in ODD_IDS] == [n + 1.0 for n in range(len(ODD_IDS))]
    assert [read.items[name]["clicks_1d"].value for name in ODD_IDS] == [n + 1.0 for n in range(len(ODD_IDS))]


def test_a_damaged_state_is_missing_and_not_an_error(shop: Shop) -> None:
    shop.happen("click", "u", "a")
    shop.folding.refresh()
    for plan in (shop.reader.users, shop.reader.items):
        shop.store.features.amend(plan.group, {"u": b"honey", "a": b"\x00"}, at=1)
    assert shop.user("u", "user_clicks_1d").status == "missing"
    assert shop.item("a", "clicks_1d").status == "missing"


def test_reads_are_counted_by_what_they_are(shop: Shop) -> None:
    shop.happen("click", "u", "a")
    asyncio.run(shop.reader.read(["u"], ["a"], ["user_clicks_1d", "user_views_1d", "clicks_1h"]))
    told = {("item", "missing"): 1, ("user", "missing"): 1, ("user", "present"): 1, ("item", "present"): None}
    value = shop.metrics.registry.get_sample_value
    assert {
        key: value("honeyguide_feature_reads_total", dict(zip(("entity", "status"), key, strict=True))) for key in told
    } == told
    assert value("honeyguide_feature_read_duration_seconds_count") == 1
