"""Lists that are ordered by item columns are made again on the columns that they were made with."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from honeyguide import Honeyguide
from honeyguide.clock import ManualClock
from honeyguide.config.settings import Recommend, Surface
from honeyguide.features.columns import Columns
from honeyguide.features.then import Taken, columns_then
from honeyguide.messages import EventIn, Slate
from honeyguide.protocols import Request
from honeyguide.recommend.lineup import Pair
from honeyguide.types import ColumnsAt, FloatArray, IntArray, Pool, ServedSlate
from tests.shop import BALL, HOUR, NOW, TEA, open_shop

SURFACES = [
    Surface(name="rising", recipe="trending", max_per_category=0),
    Surface(name="home", max_per_category=0),
    Surface(name="ranked", recipe="ranked", max_per_category=0),
]
FEW = 4


class ByClicks:
    """What was clicked most within the day comes first."""

    label = "ease@1"
    names = ("item:clicks_1d",)

    def score(self, request: Request, pool: Pool) -> FloatArray:
        clicks = request.columns.gather(pool.items, ("clicks_1d",))[:, 0]
        scores: FloatArray = np.nan_to_num(clicks) / np.float32(1000)
        return scores

    def contributions(self, request: Request, pool: Pool, positions: IntArray) -> FloatArray:
        scores = self.score(request, pool)[positions]
        return np.stack([scores, np.zeros_like(scores)], axis=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def shop(tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Honeyguide]:
    with open_shop(tmp_path, clock=clock, surfaces=SURFACES, recommend=Recommend(new_item_impressions=FEW)) as hg:
        real = hg.runtime.serving.pair

        async def pair(name: str, *more: Any) -> Pair:
            found = await real(name, *more)
            return Pair(found.model, found.popular, found.content, {"ranked": ByClicks()})

        monkeypatch.setattr(hg.runtime.serving, "pair", pair)
        refresh(hg)
        yield hg


def refresh(hg: Honeyguide) -> None:
    hg.runtime.folding.refresh()
    hg.run(hg.runtime.columns.round())


def happen(hg: Honeyguide, kind: str, *items: str, by: int = 3) -> None:
    events = [EventIn(type=kind, user_id=f"visitor{number}", item_id=item) for item in items for number in range(by)]
    assert not hg.run(hg.runtime.ingest.events(events)).rejected


def looked_at(hg: Honeyguide, item: str, times: int) -> None:
    seen = [EventIn(type="impression", user_id=f"v{n}", request_id="r", properties={"items": [item]}) for n in range(times)]
    assert not hg.run(hg.runtime.ingest.events(seen)).rejected


def ids(slate: Slate) -> list[str]:
    return [item.item_id for item in slate.items]


def logged(hg: Honeyguide, slate: Slate) -> ServedSlate:
    hg.run(hg.runtime.slates.round())
    found: ServedSlate | None = hg.run(hg.runtime.store.slates.get(slate.request_id))
    assert found is not None
    return found


def test_what_was_rising_is_made_again_after_other_things_rise(shop: Honeyguide, clock: ManualClock) -> None:
    happen(shop, "view", "ball", "bat")
    refresh(shop)
    slate = shop.recommend("u1", n=5, surface="rising", explore=False)
    assert ids(slate)[:2] == ["ball", "bat"]
    columns = logged(shop, slate).columns
    assert columns == ColumnsAt(shop.runtime.items.features.sequence, NOW, True)
    clock.advance(2 * 3600)
    happen(shop, "view", "tea", "pot", by=9)
    refresh(shop)
    assert ids(shop.recommend("u1", n=5, surface="rising", dry_run=True, explore=False))[:2] == ["pot", "tea"][::-1]
    told = shop.explain(slate.request_id)
    assert told.matches
    assert told.replayed == ids(slate)
    assert told.trace["columns"] == {"sequence": columns.sequence, "computed_at": NOW}


def test_windows_are_those_of_then(shop: Honeyguide, clock: ManualClock) -> None:
    """Nothing has happened since; what was of the last day then is not any more."""
    happen(shop, "view", "ball")
    clock.advance(6 * 3600)
    happen(shop, "view", "bat", by=2)
    refresh(shop)
    slate = shop.recommend("u1", n=3, surface="rising", explore=False)
    assert ids(slate)[:2] == ["ball", "bat"]
    clock.advance(20 * 3600)
    refresh(shop)
    assert ids(shop.recommend("u1", n=3, surface="rising", dry_run=True, explore=False))[0] == "bat", (
        "the ball's day is over"
    )
    logged(shop, slate)
    assert shop.explain(slate.request_id).matches


def test_a_condition_on_a_view_holds_for_what_it_held_for(shop: Honeyguide, clock: ManualClock) -> None:
    happen(shop, "click", "cap", "net")
    refresh(shop)
    asked = {"n": 5, "filter": "item.clicks_1d >= 3", "explore": False}
    slate = shop.recommend("u0", **asked)
    assert sorted(ids(slate)) == ["cap", "net"]
    happen(shop, "click", *TEA)
    clock.advance(60)
    refresh(shop)
    assert len(ids(shop.recommend("u0", **{**asked, "n": 16, "dry_run": True}))) > 2
    logged(shop, slate)
    assert shop.explain(slate.request_id).matches


def test_a_rankers_list_is_made_again_after_its_signals_have_changed(shop: Honeyguide, clock: ManualClock) -> None:
    happen(shop, "click", "shoe", by=5)
    happen(shop, "click", "sock", by=2)
    refresh(shop)
    slate = shop.recommend("u2", n=6, surface="ranked", explore=False)
    assert ids(slate)[:2] == ["shoe", "sock"]
    clock.advance(60)
    happen(shop, "click", *TEA, by=7)
    refresh(shop)
    assert ids(shop.recommend("u2", n=6, surface="ranked", dry_run=True, explore=False))[0] in TEA
    logged(shop, slate)
    told = shop.explain(slate.request_id)
    assert told.matches
    assert [item.score for item in told.items] == [item.score for item in slate.items]


def test_a_new_item_had_not_had_its_impressions_then(shop: Honeyguide, clock: ManualClock) -> None:
    shop.ingest([{"item_id": "drone", "categories": ["toys"], "created_at": NOW - HOUR}], "items")
    looked_at(shop, "drone", FEW - 1)
    refresh(shop)
    slate = shop.recommend("u3", n=17, explore=False)
    drone = next(item for item in slate.items if item.item_id == "drone")
    assert "new" in drone.sources
    looked_at(shop, "drone", 1)
    clock.advance(60)
    refresh(shop)
    later = shop.recommend("u3", n=17, dry_run=True, explore=False)
    assert all("new" not in item.sources for item in later.items if item.item_id == "drone")
    logged(shop, slate)
    told = shop.explain(slate.request_id)
    assert told.matches
    assert "new" in next(item for item in told.items if item.item_id == "drone").sources


def test_another_process_makes_it_again_too(tmp_path: Path, clock: ManualClock) -> None:
    with open_shop(tmp_path, clock=clock, surfaces=SURFACES) as hg:
        happen(hg, "view", "ball", "bat")
        refresh(hg)
        slate = hg.recommend("u1", n=5, surface="rising", explore=False)
        logged(hg, slate)
        happen(hg, "view", "tea", by=9)
    clock.advance(100)
    with open_shop(tmp_path, clock=clock, surfaces=SURFACES, train=False) as hg:
        refresh(hg)
        assert hg.explain(slate.request_id).matches


def test_a_list_that_looked_at_none_says_nothing_of_them(shop: Honeyguide, monkeypatch: pytest.MonkeyPatch) -> None:
    slate = shop.recommend("u1", n=5, explore=False)
    assert logged(shop, slate).columns is None
    happen(shop, "view", "ball")
    refresh(shop)

    def scan(*given: Any, **named: Any) -> None:
        raise AssertionError("the log need not be read")

    monkeypatch.setattr(shop.runtime.store.log, "scan", scan)
    told = shop.explain(slate.request_id)
    assert told.matches
    assert told.trace["columns"] is None


def test_while_the_columns_are_those_of_the_list_the_log_is_not_read(
    shop: Honeyguide, monkeypatch: pytest.MonkeyPatch
) -> None:
    slate = shop.recommend("u1", n=5, surface="rising", explore=False)
    logged(shop, slate)
    monkeypatch.setattr(shop.runtime.store.log, "scan", None)
    assert shop.explain(slate.request_id).matches


def test_a_cached_list_keeps_the_columns_that_it_was_made_with(shop: Honeyguide, clock: ManualClock) -> None:
    first = shop.recommend("u1", n=5, surface="rising", explore=False)
    clock.advance(1)
    happen(shop, "view", "tea", by=9)
    refresh(shop)
    again = shop.recommend("u1", n=5, surface="rising", explore=False)
    assert again.cached
    assert logged(shop, again).columns == logged(shop, first).columns
    assert shop.explain(again.request_id).matches


def test_worked_out_columns_are_the_very_columns(shop: Honeyguide, clock: ManualClock) -> None:
    generator = np.random.default_rng(0)
    kept = list[Columns]()
    for _ in range(4):
        for item in generator.choice([*TEA, *BALL], 5).tolist():
            happen(shop, str(generator.choice(["view", "click", "purchase"])), item, by=int(generator.integers(1, 4)))
        looked_at(shop, str(generator.choice(TEA)), 2)
        clock.advance(int(generator.integers(1, 400_000)))
        refresh(shop)
        kept.append(shop.runtime.items.features)
    plan, store = shop.runtime.plans["item"], shop.runtime.store
    for columns in kept:
        at = ColumnsAt(columns.sequence, columns.computed_at)
        found = columns_then(plan, store.log, shop.runtime.items.as_it_was([]), at)
        assert found.names == columns.names
        assert np.array_equal(found.values, columns.values, equal_nan=True)
        assert (found.sequence, found.computed_at) == (columns.sequence, columns.computed_at)


def test_before_there_were_any_columns_nothing_was_known(shop: Honeyguide) -> None:
    found = columns_then(shop.runtime.plans["item"], shop.runtime.store.log, shop.runtime.items, ColumnsAt(0, 0))
    assert found.names == ()


def test_columns_that_were_taken_stay_the_same_and_note_who_looks() -> None:
    columns = Columns(("a",), np.array([[3.0]], np.float32), sequence=5, computed_at=7, through=6)
    assert Taken(columns).at is None
    taken = Taken(columns)
    assert taken.gather(np.array([0], np.int32), ("a",)).tolist() == [[3.0]]
    assert taken.at == ColumnsAt(5, 7, False), "for some items it may hold later events"
    assert taken.names == ("a",)
