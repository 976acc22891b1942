"""The shipped conformance suite on each of our stores."""

from collections.abc import Callable
from pathlib import Path

import pytest

from honeyguide.clock import ManualClock
from honeyguide.config.settings import Project, Settings
from honeyguide.protocols import Store
from honeyguide.stores.urls import open_store
from honeyguide.testing.stores import StoreSuite


class TestSqlite(StoreSuite):
    @pytest.fixture
    def open_again(self, tmp_path: Path, clock: ManualClock) -> Callable[[], Store]:
        settings = Settings(project=Project(data_dir=tmp_path / "a folder" / "data"))
        return lambda: open_store(settings, clock)
