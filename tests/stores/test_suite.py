"""The shipped conformance suite on each of our stores."""

from collections.abc import Callable
from pathlib import Path

import pytest

from honeyguide.clock import ManualClock
from honeyguide.config.settings import Project, Settings
from honeyguide.protocols import Store
from honeyguide.stores.urls import open_store
from honeyguide.testing.stores import StoreSuite
from tests import postgres


class TestSqlite(StoreSuite):
    @pytest.fixture
    def open_again(self, tmp_path: Path, clock: ManualClock) -> Callable[[], Store]:
        settings = Settings(project=Project(data_dir=tmp_path / "a folder" / "data"))
        return lambda: open_store(settings, clock)


class TestPostgres(StoreSuite):
    @pytest.fixture
    def url(self) -> str:
        return postgres.new_url()

    @pytest.fixture
    def open_again(self, url: str, tmp_path: Path, clock: ManualClock) -> Callable[[], Store]:
        settings = postgres.patient(url, tmp_path)
        return lambda: open_store(settings, clock)

    @pytest.fixture
    def pass_time(self, url: str) -> Callable[[float], None]:
        """The server's clock cannot be moved: what was noted by it is moved into the past instead."""
        noted = {"heartbeats": "seen_at", "leases": "expires_at", "jobs": "seen_at"}

        def pass_time(seconds: float) -> None:
            for table, column in noted.items():
                sql = f"UPDATE honeyguide.{table} SET {column} = {column} - {round(seconds * 1000)}"
                postgres.server().admin(sql, url.rpartition("/")[2])

        return pass_time
