"""Retention: what is too old goes by itself, what people see stays as it was."""

from pathlib import Path

from honeyguide.clock import ManualClock
from honeyguide.config.settings import Retention as Limits
from honeyguide.jobs.retention import Retention
from honeyguide.monitoring.metrics import Metrics
from tests.shop import NOW, open_shop

DAY = 86_400.0


def test_events_and_slates_go_when_their_time_has_come(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    with open_shop(tmp_path, clock=clock) as shop:
        slate = shop.recommend("u1")
        shop.run(shop.runtime.slates.round())
        store, metrics = shop.runtime.store, Metrics()
        job = Retention(store, Limits(), clock, metrics)
        items = [item for batch in store.catalogue.scan_items() for item in batch]

        def removed(table: str) -> float:
            return metrics.registry.get_sample_value("honeyguide_retention_removed_total", {"table": table}) or 0.0

        shop.run(job.round())
        assert (removed("log"), removed("slates")) == (0, 0)
        clock.advance(31 * DAY)
        shop.run(job.round())
        assert (removed("log"), removed("slates")) == (0, 1)
        assert shop.run(store.slates.get(slate.request_id)) is None
        clock.advance(400 * DAY)
        shop.ingest([{"event_id": "new", "user_id": "u1", "item_id": "tea", "type": "view", "ts": NOW - 10_000}])
        shop.run(job.round())
        assert removed("log") == 200
        assert removed("idempotency_keys") == 0
        shop.run(store.idempotency.put("key", "hash", 202, b"", expires_at=clock.now_ms() + 1000))
        clock.advance(2)
        shop.run(job.round())
        assert removed("idempotency_keys") == 1
        left = [row.event_id for batch in store.log.scan() for row in batch if row.kind == "event"]
        assert left == ["new"], "history that is imported today is kept from today on"
        assert [item for batch in store.catalogue.scan_items() for item in batch] == items
        assert len(shop.recommend("u1").items) == 10
        assert metrics.registry.get_sample_value("honeyguide_job_last_success_timestamp_seconds", {"job": "retention"})
