"""What all tests share: nothing of the machine's own setting reaches them, and nothing of one test reaches the next."""

import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import structlog
from hypothesis import settings

import honeyguide.stores.sqlite
import honeyguide.stores.sqlite.slates
from honeyguide.config.settings import Surface
from honeyguide.recommend.exploring import Exploring
from tests.migrated import migrate_quickly

for name in [name for name in os.environ if name.startswith("HONEYGUIDE_")]:
    del os.environ[name]  # a developer's own settings

# Files are compiled once, and not by each of the hundreds of processes that tests start.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"  # servers under test are on this machine

os.environ["HONEYGUIDE_EXPLORATION__SHARE"] = "0"  # processes that tests start serve lists as they are ranked


def _share(self: Exploring, surface: Surface) -> float:
    """And so do servers in this process, unless a test says what share of lists is drawn by chance."""
    if surface.explore.share is not None:
        return surface.explore.share
    return self.settings.share if "share" in self.settings.model_fields_set else 0.0


Exploring.share = _share  # type: ignore[method-assign]

# A new SQLite file is a copy of one that was migrated.
honeyguide.stores.sqlite.migrate = migrate_quickly  # type: ignore[attr-defined]
honeyguide.stores.sqlite.slates.migrate = migrate_quickly  # type: ignore[attr-defined]

# So that a failing suite shows what differs.
pytest.register_assert_rewrite("honeyguide.testing.stores", "honeyguide.testing.shared_cache")

settings.register_profile("honeyguide", deadline=None)  # no test asserts a duration
settings.load_profile("honeyguide")


@pytest.fixture(autouse=True)
def _logs_of_its_own() -> Iterator[None]:
    """A command that ran in this process has pointed the logs at a stream which ends with its test."""
    yield
    structlog.reset_defaults()


_CHANCE: dict[int, Any] = {}


@pytest.fixture(autouse=True)
def _same_chance(request: pytest.FixtureRequest) -> None:
    """A generator that tests of a file share draws the same for each of them, whatever ran before."""
    for value in vars(request.module).values() if request.module is not None else ():
        if isinstance(value, np.random.Generator):
            value.bit_generator.state = _CHANCE.setdefault(id(value), value.bit_generator.state)


def pytest_sessionfinish() -> None:
    """A worker of xdist is ended soon after its last test: too soon to stop a server and remove its data at exit."""
    if "tests.postgres" in sys.modules:
        sys.modules["tests.postgres"].close_server()
    if "tests.shop" in sys.modules:
        sys.modules["tests.shop"].remove_shops()
