"""A real project in a temporary folder for the tests of the importers."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from honeyguide.clock import ManualClock, RequestIds
from honeyguide.config.settings import Events, EventType, Settings
from honeyguide.config.settings import Project as ProjectSettings
from honeyguide.ingest import Ingest
from honeyguide.stores.urls import open_store
from honeyguide.types import LogRow

NOW = 1_750_000_000_000
DATA = Path(__file__).parents[2].parent / "shared" / "data"
T = TypeVar("T")


class Project:
    """Settings, clock, store and ingest, wired as the runtime wires them."""

    def __init__(self, folder: Path, *, types: tuple[str, ...] = ()) -> None:
        declared = Events(types={name: EventType(weight=1) for name in types})
        self.settings = Settings(project=ProjectSettings(data_dir=folder / "data"), events=declared)
        self.clock = ManualClock(NOW)
        self.store = open_store(self.settings, self.clock)
        self.ingest = Ingest(self.store.log, self.store.catalogue, self.settings, self.clock, RequestIds(self.clock))

    def rows(self) -> list[LogRow]:
        """The whole log."""
        return [row for batch in self.store.log.scan() for row in batch]


def within(project: Project, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run the work and close the project, whatever happens."""
    try:
        return asyncio.run(work())
    finally:
        project.store.close()


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
