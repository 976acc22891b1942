"""A project on disk with a log that is worth learning from."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from honeyguide.clock import ManualClock
from honeyguide.config.settings import Models, Project, Settings, Training
from honeyguide.protocols import Store
from honeyguide.stores.files import FileArtefacts
from honeyguide.stores.urls import open_store
from honeyguide.train import TrainReport, train
from honeyguide.types import LogRow

QUICK = ["popular", "knn", "markov"]
Progress = Callable[[str, float], None]


@dataclass
class Shop:
    """One project: its store, its artefacts, and a clock that the tests move."""

    folder: Path
    store: Store
    artefacts: FileArtefacts
    clock: ManualClock
    settings: Settings
    written: int = field(default=0)

    def log(self, rows: Sequence[tuple[str, str, str]], *, start: int = 1_600_000_000_000, step: int = 60_000) -> None:
        """Events (user, item, type), `step` milliseconds apart."""
        made = []
        for user, item, kind in rows:
            self.written += 1
            ts = start + step * self.written
            made.append(
                LogRow(
                    event_id=f"e{self.written}", ts=ts, received_at=ts, user_id=user, item_id=item, type=kind, imported=True
                )
            )
        asyncio.run(self.store.log.append(made))

    def user(self, user: str, properties: str) -> None:
        """A user with properties, as JSON text."""
        self.written += 1
        row = LogRow(
            kind="user_put",
            event_id=f"e{self.written}",
            ts=1,
            received_at=1,
            user_id=user,
            payload=f'{{"properties": {properties}}}',
        )
        asyncio.run(self.store.log.append([row]))

    def train(self, settings: Settings | None = None, **more: Any) -> TrainReport:
        """A training run."""
        return train(self.store, self.artefacts, settings or self.settings, self.clock, **more)

    def champion(self) -> str:
        """What the alias points at."""
        champion = self.store.registry.aliases().get("champion")
        return champion.label if champion else ""

    def labels(self) -> list[str]:
        """Every recorded version, in order of name and number."""
        return sorted(version.label for version in self.store.registry.versions())

    def folders(self) -> list[str]:
        """Every folder of model files."""
        return sorted(f"{model}@{version}" for model, version in self.artefacts.folders())


def tastes(users: int = 60, items: int = 24) -> list[tuple[str, str, str]]:
    """Each user walks around every third item of their own group: the next one is easy to guess from the last."""
    generator = np.random.default_rng(7)
    rows = []
    for user in range(users):
        start = int(generator.integers(0, items // 3))
        rows += [(f"u{user}", f"i{user % 3 + 3 * ((start + step) % (items // 3))}", "view") for step in range(6)]
    return rows


def quick(folder: Path, **training: Any) -> Settings:
    """Settings of a project that trains in a blink."""
    return Settings(project=Project(data_dir=folder), models=Models(train=QUICK), training=Training(k=3, **training))


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Shop]:
    """A project without events."""
    clock = ManualClock()
    settings = quick(tmp_path)
    store = open_store(settings, clock)
    yield Shop(tmp_path, store, FileArtefacts(tmp_path / "models"), clock, settings)
    store.close()


@pytest.fixture
def shop(empty: Shop) -> Shop:
    """A project with something to learn."""
    empty.log(tastes())
    return empty
