"""Replay: at any moment what was served then, by time and by log position, for every kind and all that can happen."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from honeyguide.clock import ManualClock
from honeyguide.config.settings import FeatureStore
from honeyguide.errors import InvalidInput, NotFound
from honeyguide.features import FeatureReader, ItemBlock
from honeyguide.features.past import Past, Rules
from honeyguide.features.plan import Plan
from honeyguide.features.replay import replay
from honeyguide.features.values import text_of
from honeyguide.jobs.features import FeatureFolding
from honeyguide.jobs.items import ItemRefresh
from honeyguide.monitoring.features import FeatureMetrics
from honeyguide.monitoring.metrics import Metrics
from honeyguide.stores.fold import People, fold_item, fold_properties
from honeyguide.stores.sqlite import SqliteStore
from honeyguide.types import LogRow, RowKind
from tests.features.events import DAY, HOUR, NOW, TAGS, VALUES, view, views

RULES = Rules(fold_item, fold_properties, People)
OF_ITEMS = [
    view("price", "attribute", of="price"),
    view("categories", "attribute", of="categories"),
    view("brand", "attribute", of="properties.brand"),
    view("age", "time_since", of="created_at"),
    view("own", "vector"),
]
PLANS = {
    "user": Plan("user", views()),
    "item": Plan(
        "item",
        [v for v in views("item") if v.name != "country"] + [v.model_copy(update={"entity": "item"}) for v in OF_ITEMS],
    ),
}
USERS, ITEMS = ["ann", "bob", "anon/🍯"], ["a", "b", "c d", "never"]


def past_of(rows: Sequence[LogRow]) -> Past:
    past = Past(PLANS, RULES)
    past.add(rows)
    return past


def shown(value: Any, name: str) -> Any:
    """A value as the replay's column has it."""
    if isinstance(value, list) and name != "own" and name != "taste":
        return [text_of(entry) for entry in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Served:
    """A shop while it serves: rows come in, somebody folds now and then, values are read and written down."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(NOW - NOW % DAY)
        self.store = SqliteStore(folder, self.clock)
        self.block = ItemBlock(keeps_vectors=True)
        self.refresh = ItemRefresh(self.store.catalogue, self.block, Metrics())
        self.folding = FeatureFolding(self.store.log, self.store.features, list(PLANS.values()), self.clock, Metrics())
        self.reader = FeatureReader(
            self.store.features, PLANS, self.block, FeatureStore(), self.clock, FeatureMetrics(Metrics())
        )
        self.told: list[tuple[str, str, int, int, int, dict[str, Any]]] = []

    def take(self, row: LogRow) -> None:
        async def work() -> None:
            appended = await self.store.log.append([row])
            await self.refresh.follow([row], appended)

        asyncio.run(work())

    def read(self) -> None:
        read = asyncio.run(self.reader.read(USERS, ITEMS))
        now = self.clock.ms
        for entity, found in (("user", read.users), ("item", read.items)):
            for name, values in found.items():
                as_of = {value.as_of for value in values.values()}
                assert len(as_of) == 1
                said = {view_name: shown(value.value, view_name) for view_name, value in values.items()}
                self.told.append((entity, name, now + 1, as_of.pop(), read.as_of, said))

    def check(self) -> None:
        past = Past(PLANS, RULES)
        for batch in self.store.log.scan():
            past.add(batch)
        for entity, plan in PLANS.items():
            mine = [told for told in self.told if told[0] == entity]
            frame = pl.DataFrame(
                [told[1:4] for told in mine], schema={"entity_id": pl.String, "t": pl.Int64, "as_of": pl.Int64}, orient="row"
            )
            by_position = replay(past, entity, frame).rows(named=True)
            by_time = replay(past, entity, frame.drop("as_of")).rows(named=True)
            for (_, name, t, as_of, end, said), one, two in zip(mine, by_position, by_time, strict=True):
                for view_name, value in said.items():
                    where = (entity, name, view_name, t - NOW, as_of, plan.bound[view_name].view)
                    # what is of the item alone is as of now, not as of the fold
                    if plan.bound[view_name].view.events or as_of == end:
                        assert one[view_name] == value, where
                    if as_of == end:
                        assert two[view_name] == value, where


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "price": st.sampled_from([None, 1.5, 19.9]),
        "categories": st.sampled_from([[], ["tea"], ["red", "tea"]]),
        "vector": st.sampled_from([None, [1.0, 0.5], [0.25, 1.0], [1.0, 2.0, 3.0]]),
        "properties": st.sampled_from([{"brand": "x"}, {"brand": None}, {"brand": "y", "n": 1}]),
    },
)
STEPS = st.sampled_from([1_000, 1_000, 59_000, 60_000, 24 * 60_000, HOUR, 6 * HOUR, DAY])
"""From one border of a bucket to another, most of the time."""
CHANGES: list[RowKind] = ["item_put", "item_patch", "item_delete", "user_put", "user_patch", "user_merge"]


@st.composite
def rows(draw: st.DrawFn, number: int, now: int) -> LogRow:
    """One row that comes in now: late, early or in time."""
    kind: RowKind = "event" if draw(st.integers(0, 2)) else draw(st.sampled_from(CHANGES))
    late = draw(st.sampled_from([0, 0, 1, 60_000, HOUR, DAY, -1, -60_000]))
    row = LogRow(kind=kind, event_id=f"e{draw(st.integers(0, 999)):03}-{number}", ts=now - late, received_at=now)
    if kind == "event":
        row.type = draw(st.sampled_from(["view", "click", "purchase", "rating", "impression", "hide"]))
        row.user_id = draw(st.sampled_from(USERS))
        row.item_id = None if row.type == "impression" else draw(st.sampled_from(ITEMS[:3]))
        row.value = draw(VALUES)
        row.surface = draw(st.sampled_from([None, "home", "cart", "search"]))
        payload: dict[str, Any] = {
            "tags": draw(TAGS),
            "deep": {"n": draw(st.sampled_from([None, 1, 2.5, "3"]))},
            "items": ITEMS[:2],
        }
    elif kind.startswith("item"):
        row.item_id, payload = draw(st.sampled_from(ITEMS[:3])), draw(FIELDS)
    elif kind == "user_merge":
        row.user_id, payload = draw(st.sampled_from(USERS)), {"canonical_id": draw(st.sampled_from([None, *USERS]))}
    else:
        row.user_id = draw(st.sampled_from(USERS))
        payload = {"properties": {"country": draw(st.sampled_from(["PT", "DE", None]))}}
    row.payload = json.dumps(payload)
    return row


@settings(max_examples=40)
@given(st.data())
def test_what_was_served_is_what_the_replay_says(data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        shop = Served(Path(folder))
        with closing(shop.store):
            for number in range(data.draw(st.integers(1, 25))):
                shop.take(data.draw(rows(number, shop.clock.ms)))
                if data.draw(st.integers(0, 3)) == 0:
                    shop.folding.refresh()
                if data.draw(st.integers(0, 2)) == 0:
                    shop.clock.ms += data.draw(STEPS)
                    shop.read()
                shop.clock.ms += data.draw(STEPS)
            shop.read()
            shop.check()


def event(at: int, item: str = "a", user: str = "ann", **more: Any) -> LogRow:
    given: dict[str, Any] = {"event_id": f"e{at}{item}{user}", "received_at": at, "type": "view", **more}
    return LogRow(ts=at, user_id=user, item_id=item, **given)


def one(past: Past, name: str, t: int, view_name: str, entity: str = "user") -> Any:
    frame = pl.DataFrame({"entity_id": [name], "t": [t]})
    return replay(past, entity, frame, [view_name])[view_name].to_list()[0]


def test_at_a_moment_only_what_was_before_it_and_known_counts() -> None:
    past = past_of([event(NOW), event(NOW + 10, received_at=NOW + 500), event(NOW + 1000)])
    assert [one(past, "ann", NOW + t, "all_views") for t in (0, 1, 11, 499, 500, 1000, 1001)] == [0, 1, 1, 1, 2, 2, 3]


def test_history_counts_from_when_it_happened_whenever_it_was_brought_in() -> None:
    past = past_of([event(NOW - DAY, received_at=NOW, imported=True)])
    assert [one(past, "ann", t, "all_views") for t in (NOW - DAY, NOW - DAY + 1)] == [0, 1]


def test_a_catalogue_that_was_imported_describes_the_past() -> None:
    """Its first put does; what was changed later did not hold before."""
    put = LogRow(kind="item_put", event_id="p", ts=NOW, received_at=NOW, item_id="a", imported=True)
    put.payload = '{"categories": ["tea"], "price": 2.0}'
    change = LogRow(kind="item_patch", event_id="q", ts=NOW + 10, received_at=NOW + 10, item_id="a", payload='{"price": 3}')
    live = LogRow(kind="item_put", event_id="r", ts=NOW, received_at=NOW, item_id="b", payload='{"price": 5}')
    past = past_of([event(NOW - DAY, received_at=NOW - 1, imported=True), put, change, live])
    assert [one(past, "a", t, "price", "item") for t in (NOW - DAY, NOW + 10, NOW + 11)] == [2.0, 2.0, 3.0]
    assert [one(past, "b", t, "price", "item") for t in (NOW, NOW + 1)] == [None, 5.0]
    assert one(past, "ann", NOW - DAY + 1, "latest_categories") == ["tea"]


def test_before_a_merge_two_ids_are_two_people() -> None:
    merge = LogRow(kind="user_merge", event_id="m", ts=NOW + 50, received_at=NOW + 50, user_id="anon")
    merge.payload = '{"canonical_id": "ann"}'
    past = past_of([event(NOW, user="anon"), event(NOW, "b"), event(NOW + 10, "b"), merge, event(NOW + 99, user="anon")])
    for name in ("ann", "anon"):
        assert [one(past, name, NOW + t, "all_views") for t in (51, 100)] == [3, 4]
        assert one(past, name, NOW + 100, "top") is not None
    assert [one(past, name, NOW + 50, "all_views") for name in ("ann", "anon")] == [2, 1]


def test_rows_and_views_that_are_not_there() -> None:
    past = past_of([event(NOW)])
    frame = pl.DataFrame({"entity_id": ["nobody", "ann"], "t": [NOW + 1, NOW + 1], "label": [1, 0]})
    found = replay(past, "user", frame)
    assert found.columns == ["entity_id", "t", "label", *PLANS["user"].bound]
    assert found["all_views"].to_list() == [0.0, 1.0]
    assert found["since"].to_list() == [None, 0.0]
    assert replay(past, "user", frame.clear())["all_views"].to_list() == []
    assert replay(past_of([]), "user", frame)["rate_1h"].to_list() == [None, None]
    with pytest.raises(NotFound, match=r"no feature view 'nothing' of a user.*There are: all_views"):
        replay(past, "user", frame, ["nothing"])
    with pytest.raises(InvalidInput, match="lack the column 't'"):
        replay(past, "user", frame.drop("t"))


def test_attributes_of_several_types_come_as_json() -> None:
    def put(name: str, country: Any) -> LogRow:
        row = LogRow(kind="user_put", event_id=name, ts=NOW, received_at=NOW, user_id=name)
        row.payload = json.dumps({"properties": {"country": country}})
        return row

    frame = pl.DataFrame({"entity_id": ["a", "b", "c"], "t": [NOW + 1] * 3})
    for told, expected in (
        (["PT", "DE"], ["PT", "DE", None]),
        ([1, 2.5], [1.0, 2.5, None]),
        ([True, False], [True, False, None]),
        ([["x"], []], [["x"], [], None]),
        (["PT", 5], ['"PT"', "5", None]),
    ):
        past = past_of([put(name, country) for name, country in zip("ab", told, strict=True)])
        assert replay(past, "user", frame, ["country"])["country"].to_list() == expected


def test_many_rows_are_worked_out_at_once() -> None:
    """A hundred thousand rows on as many events; each row's own count is known."""
    events = [event(NOW + 1000 * n, f"i{n % 100}", f"u{n % 500}", event_id=f"m{n}") for n in range(100_000)]
    past = past_of(events)
    frame = pl.DataFrame(
        {"entity_id": [f"u{n % 500}" for n in range(100_000)], "t": [NOW + 1000 * n + 1 for n in range(100_000)]}
    )
    found = replay(past, "user", frame, ["all_views", "views_1h", "since", "shrunken_rate"])
    assert found["all_views"].to_list() == [n // 500 + 1 for n in range(100_000)]
    assert found["since"].sum() == 0.0
    hour = found["views_1h"].to_list()
    assert max(hour) == 8
    assert hour[:500] == [1.0] * 500
