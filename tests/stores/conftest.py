"""What the tests of stores share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from honeyguide.clock import ManualClock
from honeyguide.stores.sqlite import SqliteStore


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def open_sqlite(tmp_path: Path, clock: ManualClock) -> Iterator[Callable[[], SqliteStore]]:
    """Opens SQLite stores on the same folder; all are closed after the test."""
    opened: list[SqliteStore] = []

    def open_one() -> SqliteStore:
        opened.append(SqliteStore(tmp_path, clock))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_sqlite: Callable[[], SqliteStore]) -> SqliteStore:
    return open_sqlite()
