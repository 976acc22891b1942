"""The job behind the columns: what it reads again and when, after restarts, rebuilds and silence of the fold."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from honeyguide.clock import ManualClock
from honeyguide.config import Settings
from honeyguide.features import ItemBlock
from honeyguide.features.custom import plans_of
from honeyguide.features.plan import Plan
from honeyguide.jobs.feature_columns import FeatureColumns
from honeyguide.jobs.features import FeatureFolding
from honeyguide.jobs.items import ItemRefresh
from honeyguide.monitoring.metrics import Metrics
from honeyguide.stores.sqlite import SqliteStore
from honeyguide.types import LogRow

NOW = 1_700_000_000_000
HOUR = 3_600_000
PLAN = plans_of(Settings())["item"]


class World:
    """A store, its fold, and one process that keeps columns."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(NOW)
        self.store = SqliteStore(folder, self.clock)
        self.metrics = Metrics()
        self.folding = FeatureFolding(self.store.log, self.store.features, [PLAN], self.clock, self.metrics)
        self.start_process()
        self._number = 0

    def start_process(self) -> None:
        """A process that begins now."""
        self.block = ItemBlock()
        self.items = ItemRefresh(self.store.catalogue, self.block, self.metrics)
        self.columns = FeatureColumns(PLAN, self.store.log, self.store.features, self.block, self.clock, self.metrics)
        self.columns.start = asyncio.run(self.store.log.position())
        self.items.load()

    def happen(self, *events: tuple[str, str], heard: bool = True) -> None:
        """Events of (type, item) now; the process hears of them unless told otherwise."""
        rows = []
        for kind, item in events:
            self._number += 1
            row = LogRow(event_id=f"e{self._number}", ts=self.clock.ms, received_at=self.clock.ms, type=kind)
            row.user_id, row.item_id = "u", None if kind == "impression" else item
            row.payload = f'{{"items": ["{item}"]}}' if kind == "impression" else None
            rows.append(row)
        self.tell(rows, heard)

    def tell(self, rows: list[LogRow], heard: bool = True) -> None:
        async def work() -> None:
            appended = await self.store.log.append(rows)
            if heard:
                await self.items.follow(rows, appended)
                await self.columns.follow(rows, appended)

        asyncio.run(work())

    def round(self) -> None:
        asyncio.run(self.columns.round())

    def value(self, name: str, item: str) -> float:
        row = np.array([self.block.number(item)], np.int32)
        return float(self.block.features.gather(row, [name])[0, 0])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    with closing(made.store):
        yield made


def test_events_are_in_the_columns_after_the_fold(world: World) -> None:
    world.happen(("click", "a"), ("click", "a"), ("impression", "a"), ("purchase", "b"))
    world.round()
    assert world.value("clicks_1h", "a") == 0.0, "not folded yet"
    world.folding.refresh()
    world.round()
    assert world.value("clicks_1h", "a") == 2.0
    assert world.value("click_rate_1h", "a") == np.float32((2 + 0.05 * 50) / (1 + 50))
    assert world.value("purchases_30d", "b") == 1.0
    assert world.block.features.sequence == 4


def test_an_item_that_is_new_has_its_place_at_once(world: World) -> None:
    world.happen(("click", "a"))
    world.folding.refresh()
    world.round()
    world.happen(("click", "new"))
    assert np.isnan(world.value("clicks_1h", "new")), "nothing is known yet, and nothing fails"
    world.folding.refresh()
    world.round()
    assert (world.value("clicks_1h", "new"), world.value("clicks_1h", "a")) == (1.0, 1.0)


def test_time_alone_empties_windows_and_makes_items_older(world: World) -> None:
    world.happen(("click", "a"))
    world.folding.refresh()
    world.round()
    assert world.value("age", "a") == 0.0
    world.clock.advance(59 * 60)
    world.round()
    assert world.value("clicks_1h", "a") == 1.0
    world.clock.advance(120)
    world.round()
    assert (world.value("clicks_1h", "a"), world.value("clicks_1d", "a")) == (0.0, 1.0)
    assert world.value("age", "a") == 61 * 60


def test_changes_of_items_are_in_the_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weight = {"name": "weight", "entity": "item", "kind": "attribute", "of": "properties.weight"}
    plan = plans_of(Settings.model_validate({"features": [weight]}))["item"]
    monkeypatch.setattr("tests.jobs.test_feature_columns.PLAN", plan)
    world = World(tmp_path)
    with closing(world.store):
        put = LogRow(kind="item_put", event_id="p", ts=NOW, received_at=NOW, item_id="a")
        put.payload = '{"price": 9.5, "properties": {"weight": 3}}'
        world.tell([put])
        world.round()
        assert (world.value("price", "a"), world.value("weight", "a")) == (9.5, 3.0)
        patch = LogRow(kind="item_patch", event_id="q", ts=NOW, received_at=NOW, item_id="a")
        patch.payload = '{"price": 8, "properties": {"weight": "heavy"}}'
        world.tell([patch])
        world.round()
        assert world.value("price", "a") == 8.0
        assert np.isnan(world.value("weight", "a"))


def test_a_process_that_starts_reads_everything_once(world: World) -> None:
    world.happen(*[("click", f"i{n}") for n in range(300)])
    world.folding.refresh()
    world.start_process()
    world.round()
    assert world.value("clicks_1d", "i299") == 1.0


def test_while_a_long_log_is_folded_for_the_first_time_columns_fill_up(world: World) -> None:
    """The process has not heard of the old rows: it reads everything again when the fold has come as far as it began."""
    for _ in range(4):
        world.happen(*[("click", f"i{n % 40}") for n in range(1_000)], heard=False)
    world.start_process()
    seen = []
    for _ in range(4):
        world.folding._fold_on(PLAN, 1)
        world.round()
        seen.append(world.value("clicks_1d", "i1"))
    assert seen == [25.0, 50.0, 50.0, 100.0]


def test_a_fold_that_begins_anew_leaves_the_columns_until_it_has_come_as_far(world: World) -> None:
    world.happen(("click", "a"))
    world.folding.refresh()
    world.round()
    world.store.features.drop(PLAN.group)
    world.happen(("click", "b"))
    world.round()
    assert world.value("clicks_1d", "a") == 1.0
    world.folding.refresh()
    world.round()
    assert (world.value("clicks_1d", "a"), world.value("clicks_1d", "b")) == (1.0, 1.0)


def test_amended_states_are_read_again(world: World) -> None:
    """Without an event: somebody was erased."""
    world.happen(("click", "a"), ("click", "b"))
    world.folding.refresh()
    world.round()
    world.store.features.amend(PLAN.group, {"a": None}, at=2)
    world.round()
    assert (world.value("clicks_1d", "a"), world.value("clicks_1d", "b")) == (0.0, 1.0)


def test_the_columns_say_since_when_they_may_lack_something(world: World) -> None:
    def exact() -> float | None:
        labels = {"feature_view": "clicks_1d"}
        return world.metrics.registry.get_sample_value("honeyguide_feature_last_refresh_timestamp_seconds", labels)

    world.happen(("click", "a"))
    world.folding.refresh()
    world.round()
    assert world.block.features.exact_at == world.clock.ms
    assert exact() == world.clock.ms / 1000
    start = world.clock.ms
    for _ in range(4):  # the fold is silent
        world.clock.advance(10)
        world.happen(("click", "a"))
        world.round()
    assert world.block.features.exact_at == start
    world.folding.refresh()
    world.clock.advance(10)
    world.happen(("click", "b"))
    world.round()
    assert start < world.block.features.exact_at < world.clock.ms


def test_a_round_that_fails_is_made_up_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.happen(("click", "a"))
    world.folding.refresh()
    world.round()
    world.happen(("click", "a"))
    world.folding.refresh()
    with monkeypatch.context() as patch:
        patch.setattr(world.store.features, "states", lambda group, ids: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            world.round()
    assert world.value("clicks_1d", "a") == 1.0
    world.round()
    assert world.value("clicks_1d", "a") == 2.0


def test_what_waits_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("honeyguide.jobs.feature_columns._MOST_TOUCHED", 50)
    world.happen(*[("click", f"i{n}") for n in range(120)])
    assert len(world.columns._touched) <= 50
    world.folding.refresh()
    world.round()
    assert [world.value("clicks_1d", f"i{n}") for n in (0, 119)] == [1.0, 1.0]


def test_the_plan_under_test_has_every_item_view() -> None:
    assert isinstance(PLAN, Plan)
    assert {"clicks_1h", "click_rate_30d", "popularity", "age", "price"} <= set(PLAN.bound)
