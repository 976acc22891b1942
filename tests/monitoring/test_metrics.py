"""The metrics: names that Prometheus accepts, values that are right, labels that are bounded."""

import shutil
import subprocess
from pathlib import Path

import pytest

from honeyguide.messages import EventIn, ItemIn
from honeyguide.monitoring.metrics import Metrics
from tests.shop import open_shop


def sample(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(f"honeyguide_{name}", labels) or 0.0


def test_promtool_finds_no_fault(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing; 'make test' installs it"
    with open_shop(tmp_path) as hg:
        hg.recommend("u1")
        text = hg.runtime.metrics.render()
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


def test_lists_and_the_cache_are_counted(tmp_path: Path) -> None:
    with open_shop(tmp_path) as hg:
        metrics = hg.runtime.metrics
        for _ in range(3):
            hg.recommend("u1")
        assert sample(metrics, "recommend_requests_total", surface="home", served_from="computed", outcome="ok") == 1
        assert sample(metrics, "recommend_requests_total", surface="home", served_from="l1", outcome="ok") == 2
        assert sample(metrics, "cache_requests_total", tier="l1", cache="recommendations", result="hit") == 2
        assert sample(metrics, "cache_entries", tier="l1", cache="recommendations") == 1
        assert sample(metrics, "cache_size_bytes", tier="l1", cache="recommendations") > 500
        assert sample(metrics, "model_predictions_total", model="ease") == 1
        assert sample(metrics, "items_filtered_total", reason="excluded") > 0
        assert sample(metrics, "stage_duration_seconds_count", stage="retrieve") == 1


def test_events_and_items_are_counted(tmp_path: Path) -> None:
    with open_shop(tmp_path, train=False) as hg:
        metrics = hg.runtime.metrics
        assert sample(metrics, "events_received_total", event_type="purchase", source="import") == 80
        assert sample(metrics, "catalog_items", state="available") == 16
        event = EventIn(event_id="once", type="view", user_id="u1", item_id="tea")
        for _ in range(2):
            hg.run(hg.runtime.ingest.events([event]))
        assert sample(metrics, "events_duplicate_total") == 1
        hg.run(hg.runtime.ingest.patch_items([ItemIn(item_id="tea", hidden=True)]))
        assert sample(metrics, "catalog_items", state="blocked") == 1
        assert sample(metrics, "log_position") == hg.run(hg.runtime.store.log.position())
        hard = sample(metrics, "cache_invalidations_total", cause="hard_event")
        hg.run(hg.runtime.ingest.events([EventIn(type="purchase", user_id="u1", item_id="tea")]))
        assert sample(metrics, "cache_invalidations_total", cause="hard_event") == hard + 1


def test_what_serves_is_told(tmp_path: Path) -> None:
    with open_shop(tmp_path) as hg:
        metrics = hg.runtime.metrics
        assert sample(metrics, "model_info", model="ease", alias="champion", version="1") == 1
        hg.train()
        assert sample(metrics, "model_info", model="ease", alias="champion", version="2") == 1
        assert sample(metrics, "model_info", model="ease", alias="champion", version="1") == 0
        assert sample(metrics, "model_loaded_timestamp_seconds", model="ease", alias="champion") > 0


def test_what_was_evicted_is_counted(tmp_path: Path) -> None:
    from honeyguide.config.settings import Cache

    with open_shop(tmp_path, cache=Cache(l1_size=20_000)) as hg:
        for number in range(200):
            hg.recommend(f"u{number}")
        assert sample(hg.runtime.metrics, "cache_size_bytes", tier="l1", cache="recommendations") <= 20_000
        assert sample(hg.runtime.metrics, "cache_evictions_total", tier="l1", reason="size") > 0


@pytest.mark.parametrize("word", ["user_", "item_id", "request_id", "position"])
def test_no_label_names_a_person_or_an_item(word: str) -> None:
    metrics = Metrics()
    labels = {label for metric in vars(metrics).values() for label in getattr(metric, "_labelnames", ())}
    assert labels
    assert not [label for label in labels if word in label]
