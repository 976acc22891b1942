"""Following the log: what others wrote is told once, what was written here is passed over."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from honeyguide.clock import ManualClock
from honeyguide.errors import Unavailable
from honeyguide.jobs.follow import DELIVERIES, Follow
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import Store
from honeyguide.stores.urls import open_store
from honeyguide.types import LogRow
from tests.shop import NOW, settings


def row(name: str) -> LogRow:
    return LogRow(event_id=name, ts=NOW, received_at=NOW, user_id="u", item_id="i", type="view")


class Listener:
    def __init__(self, here: Store) -> None:
        self.told: list[str] = []
        self.follow = Follow(here.log, [self.hear], Metrics())

    async def hear(self, rows: Sequence[LogRow]) -> None:
        self.told += [each.event_id for each in rows]


def test_only_what_others_wrote_is_told_and_each_row_once(tmp_path: Path) -> None:
    async def body(here: Store, there: Store) -> None:
        listener = Listener(here)
        follow = listener.follow
        await follow.round()
        assert listener.told == []

        for turn in range(5):
            mine = [row(f"mine {turn} {n}") for n in range(3)]
            await follow.appended_here(mine, await here.log.append(mine))
            await there.log.append([row(f"theirs {turn} {n}") for n in range(3)])
            again = [row(f"mine {turn} 0"), row(f"mine {turn} new")]  # a duplicate inside leaves no gap in what is told
            await follow.appended_here(again, await here.log.append(again))
            if turn % 2:
                await follow.round()
        await follow.round()
        await follow.round()
        assert listener.told == [f"theirs {turn} {n}" for turn in range(5) for n in range(3)]
        assert follow.position == await here.log.position()

    with_two_stores(tmp_path, body)


def test_a_round_that_fails_is_taken_up_again(tmp_path: Path) -> None:
    async def body(here: Store, there: Store) -> None:
        listener = Listener(here)
        failures = iter([True, False])

        async def hear(rows: Sequence[LogRow]) -> None:
            if next(failures, False):
                raise RuntimeError("no")
            await listener.hear(rows)

        follow = Follow(here.log, [hear], Metrics())
        await there.log.append([row("one"), row("two")])
        with pytest.raises(RuntimeError):
            await follow.round()
        await follow.round()
        assert listener.told == ["one", "two"]

    with_two_stores(tmp_path, body)


def test_a_row_that_cannot_be_told_is_passed_over_after_five_times(tmp_path: Path) -> None:
    async def body(here: Store, there: Store) -> None:
        listener, metrics = Listener(here), Metrics()

        async def hear(rows: Sequence[LogRow]) -> None:
            if any(each.event_id == "poison" for each in rows):
                raise KeyError("poison")
            await listener.hear(rows)

        follow = Follow(here.log, [hear], metrics)
        await there.log.append([row("before"), row("poison"), row("after")])
        for _ in range(DELIVERIES - 1):
            with pytest.raises(KeyError):
                await follow.round()
        assert listener.told == []
        await follow.round()
        assert listener.told == ["before", "after"]
        assert metrics.log_rows_passed_over._value.get() == 1
        await there.log.append([row("later")])
        await follow.round()
        assert listener.told == ["before", "after", "later"]

    with_two_stores(tmp_path, body)


def test_while_something_is_away_no_row_is_passed_over(tmp_path: Path) -> None:
    async def body(here: Store, there: Store) -> None:
        listener, metrics, away = Listener(here), Metrics(), [True]

        async def hear(rows: Sequence[LogRow]) -> None:
            if away[0]:
                raise Unavailable("The database is away.")
            await listener.hear(rows)

        follow = Follow(here.log, [hear], metrics)
        await there.log.append([row("one"), row("two")])
        for _ in range(3 * DELIVERIES):
            with pytest.raises(Unavailable):
                await follow.round()
        away[0] = False
        await follow.round()
        assert listener.told == ["one", "two"]
        assert metrics.log_rows_passed_over._value.get() == 0

    with_two_stores(tmp_path, body)


def test_a_quiet_log_costs_no_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(here: Store, there: Store) -> None:
        listener = Listener(here)
        await there.log.append([row("one")])
        await listener.follow.round()
        assert listener.told == ["one"]
        monkeypatch.setattr(here.log, "scan", lambda **_: pytest.fail("the log was read"))
        for _ in range(10):
            await listener.follow.round()

    with_two_stores(tmp_path, body)


def test_many_rows_are_caught_up_with_in_order(tmp_path: Path) -> None:
    async def body(here: Store, there: Store) -> None:
        listener = Listener(here)
        for start in range(0, 5000, 500):
            await there.log.append([row(f"{n:05}") for n in range(start, start + 500)])
        await listener.follow.round()
        assert listener.told == [f"{n:05}" for n in range(5000)]

    with_two_stores(tmp_path, body)


def with_two_stores(folder: Path, body: object) -> None:
    here = open_store(settings(folder), ManualClock(NOW))
    there = open_store(settings(folder), ManualClock(NOW))
    try:
        asyncio.run(body(here, there))  # type: ignore[operator]
    finally:
        here.close()
        there.close()
