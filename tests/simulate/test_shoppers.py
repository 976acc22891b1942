"""Shoppers at a real server: what they tell it is what they did, and it is the same each time."""

import asyncio
from collections import Counter
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from honeyguide.clock import ManualClock
from honeyguide.simulate import Shop, arrivals, history, owned
from honeyguide.simulate.service import Failed
from honeyguide.simulate.shop import DAY_MS
from honeyguide.simulate.shoppers import Pace
from honeyguide.simulate.traffic import Traffic
from tests.simulate.serving import DAYS, Shopping, copied, fill, log_rows, rates


@pytest.fixture(scope="module")
def filled(small: Shop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that nobody has shopped in."""
    data_dir = tmp_path_factory.mktemp("filled") / "data"
    fill(small, data_dir)
    return data_dir


@pytest.fixture
def project(filled: Path, tmp_path: Path) -> Path:
    """The same, to shop in."""
    with copied(filled, tmp_path / "data") as data_dir:
        return data_dir


def shop_on(small: Shop, project: Path, lists: int = 60, **options: Any) -> Traffic:
    shopping = Shopping(small, project)
    return asyncio.run(shopping.run(shopping.shoppers(**options), lists=lists))


def test_the_log_has_what_the_shoppers_did(small: Shop, project: Path) -> None:
    before = log_rows(project)[-1].sequence
    traffic = shop_on(small, project)
    assert not traffic.failures
    rows = [row for row in log_rows(project, before) if row.kind == "event"]
    counts = Counter(row.type for row in rows)
    ours = traffic.ours
    assert ours.lists >= 60
    assert counts["impression"] == ours.lists
    assert counts["click"] == counts["view"] == ours.clicks > 0
    assert counts["purchase"] == ours.purchases > 0
    assert counts["add_to_cart"] == ours.carts
    assert counts["hide"] == ours.hides
    assert traffic.events == len(rows)
    assert traffic.visits > 5


def test_events_name_the_slate_that_they_come_from(small: Shop, project: Path) -> None:
    before = log_rows(project)[-1].sequence
    shop_on(small, project)
    rows = [row for row in log_rows(project, before) if row.kind == "event" and row.type != "rating"]
    shown = {row.request_id: row.payload or "" for row in rows if row.type == "impression"}
    for row in rows:
        assert row.surface == "home"
        assert row.session_id is not None
        assert row.session_id.startswith(f"{row.user_id}-")
        assert row.request_id in shown
        if row.item_id:
            assert f'"{row.item_id}"' in shown[row.request_id]
    purchase = next(row for row in rows if row.type == "purchase")
    assert purchase.value == small.items.price[small.item_number[purchase.item_id or ""]]
    assert purchase.quantity == 1.0
    assert next(row for row in rows if row.type == "view").value


def test_the_same_seed_shops_the_same(small: Shop, filled: Path, tmp_path: Path) -> None:
    results = []
    for name in ("one", "two"):
        with copied(filled, tmp_path / name) as data_dir:
            traffic = shop_on(small, data_dir)
            results.append({maker: rates(tally) for maker, tally in traffic.tallies.items()})
    assert results[0] == results[1]


def test_references_are_shown_to_the_same_users_in_the_same_visits(small: Shop, project: Path) -> None:
    traffic = shop_on(small, project)
    assert set(traffic.tallies) == {"ours", "random", "popularity", "oracle"}
    lists = {name: tally.lists for name, tally in traffic.tallies.items()}
    assert lists["random"] == lists["popularity"] == lists["oracle"]
    assert lists["ours"] - 12 <= lists["oracle"] <= lists["ours"]  # the last visit was cut short
    assert traffic.tallies["oracle"].ctr > traffic.ours.ctr


def test_many_shop_together(small: Shop, project: Path) -> None:
    traffic = shop_on(small, project, lists=120, pace=Pace(lists=0, together=6))
    assert not traffic.failures
    assert traffic.ours.lists >= 120
    assert traffic.cached > 0
    assert sum(each.ours.lists for each in traffic.slices) == traffic.ours.lists


def test_items_are_listed_when_their_time_has_come(small: Shop, project: Path) -> None:
    new = [number for number, at in enumerate(small.items.created_at.tolist()) if at > small.opened_at]
    assert new
    first = int(small.items.created_at[new[0]])
    lists = sum(1 for _ in takewhile(lambda session: session.at < first, arrivals(small, small.opened_at)))
    shopping = Shopping(small, project)
    shoppers = shopping.shoppers(past=False, begin=first - 1)
    asyncio.run(shopping.run(shoppers, lists=30))
    assert lists > 0
    assert shoppers.simulated > first
    put = {row.item_id for row in log_rows(project) if row.kind == "item_put"}
    due = {small.item_ids[number] for number in new if small.items.created_at[number] <= shoppers.simulated}
    assert small.item_ids[new[0]] in put
    assert put & {small.item_ids[number] for number in new} == due


def test_simulated_time_runs_by_arrivals_not_by_the_clock(small: Shop, project: Path) -> None:
    shopping = Shopping(small, project)
    shoppers = shopping.shoppers(past=False)
    asyncio.run(shopping.run(shoppers, lists=40))
    assert shopping.clock.now_ms() == small.opened_at
    assert small.opened_at < shoppers.simulated < small.opened_at + 5 * DAY_MS


def test_refusals_are_counted_and_end_the_visit(small: Shop, project: Path) -> None:
    shopping = Shopping(small, project, key="a key of some length", sent_key="not that one")
    shoppers = shopping.shoppers(past=False, pace=Pace(lists=0, together=2))

    async def run() -> Traffic:
        await shopping.runtime.start()
        running = asyncio.create_task(shoppers.run())
        while not shoppers.traffic.failures:
            await asyncio.sleep(0)
        shoppers.stop()
        await running
        await shopping.client.aclose()
        await shopping.runtime.stop()
        return shoppers.traffic

    traffic = asyncio.run(run())
    assert set(traffic.failures) == {"/v1/recommendations: 401"}
    assert traffic.ours.lists == traffic.visits == 0


def test_with_the_key_they_may(small: Shop, project: Path) -> None:
    shopping = Shopping(small, project, key="a key of some length", sent_key="a key of some length")
    traffic = asyncio.run(shopping.run(shopping.shoppers(past=False), lists=5))
    assert not traffic.failures


def test_what_the_server_does_not_take_is_a_failure(small: Shop, project: Path) -> None:
    shopping = Shopping(small, project)

    async def send() -> None:
        await shopping.runtime.start()
        try:
            await shopping.service.send([{"type": "no such type", "user_id": "user_1", "item_id": "item_1"}])
        finally:
            await shopping.client.aclose()
            await shopping.runtime.stop()

    with pytest.raises(Failed, match="/v1/events:batch: rejected undeclared_type"):
        asyncio.run(send())


class Sleeping:
    """A clock that passes only while somebody sleeps, and remembers how long each time."""

    def __init__(self, now_ms: int) -> None:
        self.clock, self.slept = ManualClock(now_ms), list[float]()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)


def test_the_pace_is_kept(small: Shop, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    time = Sleeping(small.opened_at)
    monkeypatch.setattr("honeyguide.simulate.shoppers.asyncio.sleep", time.sleep)
    shopping = Shopping(small, project)
    shopping.clock = time.clock
    shoppers = shopping.shoppers(past=False, pace=Pace(lists=20, together=3))
    traffic = asyncio.run(shopping.run(shoppers, lists=40))
    assert sum(time.slept) == pytest.approx(len(time.slept) / 20, abs=0.01)
    assert traffic.seconds == pytest.approx(traffic.ours.lists / 20, abs=0.3)


def test_after_so_many_seconds_it_is_over(small: Shop, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    time = Sleeping(small.opened_at)
    monkeypatch.setattr("honeyguide.simulate.shoppers.asyncio.sleep", time.sleep)
    shopping = Shopping(small, project)
    shopping.clock = time.clock
    shoppers = shopping.shoppers(past=False, pace=Pace(lists=10, together=2), slice_seconds=1.0)
    traffic = asyncio.run(shopping.run(shoppers, seconds=3.0))
    assert 28 <= traffic.ours.lists <= 33
    assert [each.begun for each in traffic.slices][:3] == [0.0, 1.0, 2.0]
    assert sum(each.ours.clicks for each in traffic.slices) == traffic.ours.clicks


def test_what_was_owned_before_is_not_bought_again(small: Shop, project: Path) -> None:
    shopping = Shopping(small, project)
    before = owned(small, history(small, DAYS))
    after = log_rows(project)[-1].sequence
    asyncio.run(shopping.run(shopping.shoppers(past=False), lists=150))
    bought = [row for row in log_rows(project, after) if row.type == "purchase"]
    assert bought
    again = [
        row
        for row in bought
        if small.item_number[row.item_id or ""] in before.get(small.user_ids.index(row.user_id or ""), set())
    ]
    assert len(again) <= len(bought) // 20
