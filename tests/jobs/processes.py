"""Processes as the jobs see them: several on one real store, each with a clock of its own."""

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from honeyguide.clock import ManualClock
from honeyguide.jobs.leader import Leader
from honeyguide.jobs.presence import Presence, Role
from honeyguide.monitoring.metrics import Metrics
from honeyguide.protocols import Store
from honeyguide.stores.urls import open_store
from honeyguide.types import Process
from tests.shop import NOW, settings

HOUR = 3_600.0


@dataclass
class World:
    """A store, the clock of its database, and the processes on it."""

    store: Store
    clock: ManualClock
    clocks: list[ManualClock]

    def process(self, name: str, role: Role = "worker", *, behind: float = 0.0, **fields: Any) -> "Here":
        """A process whose own clock is `behind` the database's."""
        clock = ManualClock(NOW)
        clock.advance(-behind)
        self.clocks.append(clock)
        about = {"host": "elsewhere", "pid": 1, "release": "1", "started_at": NOW, **fields}
        me = Process(process_id=name, role="api" if role == "library" else role, **about)
        presence = Presence(self.store.heartbeats, me, role, clock)
        metrics = Metrics()
        return Here(presence, Leader(self.store.leases, presence, clock, metrics), clock, metrics)

    def pass_time(self, seconds: float) -> None:
        """For all clocks alike."""
        for clock in (self.clock, *self.clocks):
            clock.advance(seconds)


@dataclass
class Here:
    """One process."""

    presence: Presence
    leader: Leader
    clock: ManualClock
    metrics: Metrics

    async def turn(self) -> bool:
        """A heartbeat and a round of the election; whether it leads."""
        await self.presence.round()
        await self.leader.round()
        return self.leader.leads()


MYSELF: dict[str, Any] = {"host": socket.gethostname(), "pid": os.getpid()}


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """A fresh store."""
    clock = ManualClock(NOW)
    store = open_store(settings(folder), clock)
    try:
        yield World(store, clock, [])
    finally:
        store.close()


def on_a_world(folder: Path, body: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    """Run a scenario."""
    with world(folder) as made:
        asyncio.run(body(made))
