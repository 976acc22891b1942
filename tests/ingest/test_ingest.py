"""The main path on a real log: what is acknowledged is in, once, and the subscribers have heard of it."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from honeyguide.clock import ManualClock, RequestIds
from honeyguide.config.settings import Project, Settings
from honeyguide.errors import StorageFull
from honeyguide.ingest import Ingest, Subscriber
from honeyguide.messages import EventIn, ItemIn, Rejected, UserIn
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import EventLog, Store
from honeyguide.stores.urls import open_store
from honeyguide.types import Appended, LogRow

NOW = 1_750_000_000_000


class Shop:
    """A store and the ingest in front of it."""

    def __init__(self, folder: Path, *subscribers: Subscriber, log: Callable[[Any], Any] = lambda log: log) -> None:
        settings = Settings(project=Project(data_dir=folder))
        self.clock = ManualClock(NOW)
        self.metrics = Metrics()
        self.store: Store = open_store(settings, self.clock)
        self.ingest = Ingest(
            log(self.store.log),
            self.store.catalogue,
            settings,
            self.clock,
            RequestIds(self.clock),
            subscribers,
            self.metrics,
        )

    def rows(self) -> list[LogRow]:
        return [row for batch in self.store.log.scan() for row in batch]

    def metric(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"honeyguide_{name}", labels) or 0.0


def view(**fields: Any) -> EventIn:
    return EventIn(**({"type": "view", "user_id": "u1", "item_id": "i1"} | fields))


def run(shop: Shop, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    try:
        return asyncio.run(work())
    finally:
        shop.store.close()


def test_an_acknowledged_event_is_in_the_log_at_its_sequence(tmp_path: Path) -> None:
    shop = Shop(tmp_path)

    async def work() -> None:
        first = await shop.ingest.events([view(event_id="a", ts=NOW - 5, value=3.5), view()])
        assert (first.accepted, first.duplicates, first.rejected, first.sequence) == (2, 0, [], 2)
        second = await shop.ingest.events([view(user_id="u2")], imported=True)
        assert second.sequence == 3
        rows = shop.rows()
        assert [row.sequence for row in rows] == [1, 2, 3]
        assert (rows[0].event_id, rows[0].ts, rows[0].received_at, rows[0].value) == ("a", NOW - 5, NOW, 3.5)
        assert [row.imported for row in rows] == [False, False, True]
        assert (await shop.store.log.user_state("u1", limit=10)).as_of >= first.sequence

    run(shop, work)


def test_ids_that_are_made_are_never_made_twice(tmp_path: Path) -> None:
    shop = Shop(tmp_path)

    async def work() -> None:
        for _ in range(3):
            report = await shop.ingest.events([view()] * 50)
            assert report.accepted == 50
        ids = [row.event_id for row in shop.rows()]
        assert len(set(ids)) == 150
        assert ids == sorted(ids)

    run(shop, work)


def test_an_event_id_counts_once_in_a_batch_and_over_time(tmp_path: Path) -> None:
    shop = Shop(tmp_path)

    async def work() -> None:
        first = await shop.ingest.events([view(event_id="a"), view(event_id="b"), view(event_id="a")])
        assert (first.accepted, first.duplicates) == (2, 1)
        again = await shop.ingest.events([view(event_id="b"), view(event_id="c")])
        assert (again.accepted, again.duplicates) == (1, 1)
        only = await shop.ingest.events([view(event_id="a")])
        assert (only.accepted, only.duplicates) == (0, 1)
        assert only.sequence == 1, "where it is, not where the log ends"
        assert again.sequence == await shop.store.log.position()

    run(shop, work)


def test_what_does_not_fit_is_reported_and_counted_and_the_rest_taken(tmp_path: Path) -> None:
    shop = Shop(tmp_path)

    async def work() -> None:
        report = await shop.ingest.events([view(), Rejected(1, "not_json", "", "no JSON"), view(type="zap"), view()])
        assert report.accepted == 2
        assert [(entry.index, entry.code) for entry in report.rejected] == [(1, "not_json"), (2, "undeclared_type")]
        assert shop.metric("events_rejected_total", reason="undeclared_type") == 1
        nothing = await shop.ingest.events([view(type="zap")])
        assert (nothing.accepted, nothing.sequence) == (0, 0)
        assert (await shop.ingest.events([])).accepted == 0

    run(shop, work)


def test_a_long_list_is_committed_in_parts(tmp_path: Path) -> None:
    heard: list[int] = []
    shop = Shop(tmp_path, lambda rows, appended: heard.append(len(rows)))

    async def work() -> None:
        report = await shop.ingest.events([view(event_id=f"e{number % 2_400}") for number in range(2_500)])
        assert (report.accepted, report.duplicates, report.sequence) == (2_400, 100, 2_400)
        assert heard == [1_000, 1_000, 500]

    run(shop, work)


def test_callers_at_the_same_time_each_get_their_own_sequence(tmp_path: Path) -> None:
    shop = Shop(tmp_path)

    async def work() -> None:
        batches = [
            [view(event_id=f"{caller}-{number}", user_id=f"u{caller}") for number in range(7)] for caller in range(40)
        ]
        reports = await asyncio.gather(*(shop.ingest.events(batch) for batch in batches))
        assert [report.accepted for report in reports] == [7] * 40
        sequences = {row.event_id: row.sequence for row in shop.rows()}
        assert len(sequences) == 280
        assert [report.sequence for report in reports] == [sequences[f"{caller}-6"] for caller in range(40)]

    run(shop, work)


def test_the_same_event_sent_at_the_same_time_counts_once(tmp_path: Path) -> None:
    shop = Shop(tmp_path)

    async def work() -> None:
        reports = await asyncio.gather(*(shop.ingest.events([view(event_id="same")]) for _ in range(20)))
        assert sum(report.accepted for report in reports) == 1
        assert sum(report.duplicates for report in reports) == 19
        assert len(shop.rows()) == 1

    run(shop, work)


def test_subscribers_hear_before_the_acknowledgement_what_was_committed(tmp_path: Path) -> None:
    heard: list[tuple[list[str], Appended]] = []

    async def slow(rows: Sequence[LogRow], appended: Appended) -> None:
        await asyncio.sleep(0)
        heard.append(([row.event_id for row in rows], appended))

    shop = Shop(tmp_path, slow)

    async def work() -> None:
        await shop.ingest.events([view(event_id="a")])
        assert heard[0][0] == ["a"]
        await shop.ingest.events([view(event_id="b"), view(event_id="a")])
        assert heard[1][0] == ["b", "a"]
        assert heard[1][1].duplicates == (1,)

    run(shop, work)


def test_a_subscriber_that_fails_costs_nobody_else_anything(tmp_path: Path) -> None:
    heard: list[int] = []

    def fails(rows: Sequence[LogRow], appended: Appended) -> None:
        raise RuntimeError("out of order")

    shop = Shop(tmp_path, fails, lambda rows, appended: heard.append(appended.sequence))

    async def work() -> None:
        with capture_logs() as logged:
            report = await shop.ingest.events([view()])
        assert report.accepted == 1
        assert heard == [1]
        assert shop.metric("background_errors_total", job="subscriber") == 1
        assert [(entry["event"], entry["sequence"]) for entry in logged] == [("subscriber_failed", 1)]

    run(shop, work)


class Held:
    """A log whose appends wait until they are let through, or fail."""

    def __init__(self, log: EventLog) -> None:
        self._log, self.gate, self.error = log, asyncio.Event(), None

    async def append(self, rows: Sequence[LogRow]) -> Appended:
        await self.gate.wait()
        return await self._log.append(rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


def test_a_caller_that_goes_away_does_not_keep_the_subscribers_from_hearing(tmp_path: Path) -> None:
    heard: list[int] = []
    held: list[Held] = []

    def hold(log: EventLog) -> Held:
        held.append(Held(log))
        return held[0]

    shop = Shop(tmp_path, lambda rows, appended: heard.append(appended.sequence), log=hold)

    async def work() -> None:
        caller = asyncio.ensure_future(shop.ingest.events([view()]))
        await asyncio.sleep(0)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert heard == []
        held[0].gate.set()
        await shop.ingest.drain()
        assert heard == [1]

    run(shop, work)


class Full:
    """A log on a full disk."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    async def append(self, rows: Sequence[LogRow]) -> Appended:
        raise StorageFull("The disk is full.", cure="Free some space.")


def test_what_the_log_does_not_take_is_not_acknowledged(tmp_path: Path) -> None:
    heard: list[int] = []
    shop = Shop(tmp_path, lambda rows, appended: heard.append(1), log=Full)

    async def work() -> None:
        with pytest.raises(StorageFull):
            await shop.ingest.events([view()])
        assert heard == []

    run(shop, work)


def test_items_are_put_patched_and_deleted(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    item = shop.store.catalogue.item

    async def work() -> None:
        put = await shop.ingest.put_items(
            [ItemIn(item_id="a", title="Lamp", price=5, categories=["x"]), ItemIn(item_id="b", price=-1)]
        )
        assert (put.accepted, [(entry.index, entry.pointer) for entry in put.rejected]) == (1, [(1, "/price")])
        patched = await shop.ingest.patch_items([ItemIn(item_id="a", hidden=True), ItemIn(item_id="never", hidden=True)])
        assert (patched.accepted, patched.rejected[0].code) == (1, "not_found")
        lamp = await item("a")
        assert lamp is not None
        assert (lamp.title, lamp.price, lamp.categories, lamp.hidden) == ("Lamp", 5.0, ("x",), True)

        await shop.ingest.put_items([ItemIn(item_id="a", title="Torch")])
        torch = await item("a")
        assert torch is not None
        assert (torch.title, torch.price, torch.categories, torch.hidden) == ("Torch", None, (), False)

        gone = await shop.ingest.delete_items(["a", "never"])
        assert (gone.accepted, gone.duplicates, [entry.index for entry in gone.rejected]) == (1, 0, [1])
        again = await shop.ingest.delete_items(["a"])
        assert (again.accepted, again.duplicates) == (0, 1)
        refused = await shop.ingest.patch_items([ItemIn(item_id="a", title="Ghost")])
        assert refused.rejected[0].code == "not_found"

    run(shop, work)


def test_items_may_be_sent_in_any_number_with_any_id(tmp_path: Path) -> None:
    shop = Shop(tmp_path)

    async def work() -> None:
        odd = ["\ud800", "", "x" * 300, "a b/🐝"]
        put = await shop.ingest.put_items([ItemIn(item_id=name) for name in odd])
        assert put.accepted == 1
        many = await shop.ingest.patch_items([ItemIn(item_id=name) for name in [*odd, *map(str, range(1_500))]])
        assert (many.accepted, len(many.rejected)) == (1, 1_503)

    run(shop, work)


def test_users_are_put_and_patched_and_need_not_be_known(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    user = shop.store.catalogue.user

    async def properties() -> dict[str, Any]:
        found = await user("u")
        assert found is not None
        return found.properties

    async def work() -> None:
        await shop.ingest.patch_users([UserIn(user_id="u", properties={"age": 3, "city": "Ulm"})])
        assert await properties() == {"age": 3, "city": "Ulm"}
        await shop.ingest.patch_users([UserIn(user_id="u", properties={"age": None, "plan": "pro"})])
        assert await properties() == {"city": "Ulm", "plan": "pro"}
        await shop.ingest.put_users([UserIn(user_id="u", properties={"a": 1})])
        assert await properties() == {"a": 1}

    run(shop, work)
