"""Slates are written in groups, survive a store that is away, and are counted when they cannot be kept."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from honeyguide.clock import ManualClock
from honeyguide.jobs.slates import SlateWriter
from honeyguide.monitoring.metrics import Metrics
from honeyguide.stores.urls import open_store
from honeyguide.types import ServedSlate
from tests.shop import NOW, settings


def slate(name: str) -> ServedSlate:
    return ServedSlate(
        request_id=name,
        ts=NOW,
        user_id="u",
        surface="home",
        items=["a", "b"],
        n=10,
        served_from="l1",
        rung="personal",
        model="ease@1",
        as_of=7,
        computed_at=NOW,
        seed=1,
        config="c",
    )


def test_a_group_is_written_and_counted(tmp_path: Path) -> None:
    store = open_store(settings(tmp_path), ManualClock(NOW))
    metrics = Metrics()
    writer = SlateWriter(store.slates, metrics)
    for number in range(500):
        writer.add(slate(f"r{number}"))
    asyncio.run(writer.round())
    assert store.slates.count() == 500
    assert asyncio.run(store.slates.get("r7")) == slate("r7")
    assert metrics.registry.get_sample_value("honeyguide_slates_logged_total") == 500
    store.close()


def test_while_the_database_is_away_slates_wait_and_are_written_later(tmp_path: Path) -> None:
    store = open_store(settings(tmp_path), ManualClock(NOW))
    metrics = Metrics()
    writer = SlateWriter(store.slates, metrics)
    holder = sqlite3.connect(tmp_path / "slates.sqlite", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    writer.add(slate("r1"))
    asyncio.run(writer.round())
    assert metrics.registry.get_sample_value("honeyguide_slates_logged_total") == 0
    holder.execute("ROLLBACK")
    holder.close()
    writer.add(slate("r2"))
    asyncio.run(writer.round())
    assert store.slates.count() == 2
    assert metrics.registry.get_sample_value("honeyguide_slates_logged_total") == 2
    assert metrics.registry.get_sample_value("honeyguide_slates_lost_total") == 0
    store.close()


def test_what_does_not_fit_is_counted_as_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("honeyguide.jobs.slates._MOST_WAITING", 3)
    store = open_store(settings(tmp_path), ManualClock(NOW))
    metrics = Metrics()
    writer = SlateWriter(store.slates, metrics)
    for number in range(5):
        writer.add(slate(f"r{number}"))
    assert metrics.registry.get_sample_value("honeyguide_slates_lost_total") == 2
    store.close()
