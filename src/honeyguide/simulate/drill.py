"""The drill of a cluster: what is behind the nodes is frozen and killed in turn while shoppers go on, and then a node."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from honeyguide.simulate.balanced import PatientService
from honeyguide.simulate.child import Server
from honeyguide.simulate.private import PrivatePostgres, PrivateRedis
from honeyguide.simulate.screen import Screen
from honeyguide.simulate.traffic import Traffic
from honeyguide.types import Json


@dataclass(frozen=True, slots=True)
class Times:
    """How long each part takes, in seconds."""

    calm: float = 5.0
    frozen: float = 20.0
    away: float = 5.0


@dataclass(frozen=True, slots=True)
class Drill:
    """Redis frozen, PostgreSQL killed and started again, a node killed and started again; each followed by calm."""

    redis: PrivateRedis
    postgres: PrivatePostgres
    node: Server
    times: Times = Times()

    async def run(self, traffic: Traffic, service: PatientService, screen: Screen) -> list[Json]:
        """Do it while the traffic runs; what each part came to."""
        told: list[Json] = []
        times = self.times
        parts: list[tuple[str, float, Callable[[], None], Callable[[], None]]] = [
            (f"Redis frozen (SIGSTOP) for {times.frozen:.0f} s", times.frozen, self._freeze, self._thaw),
            ("PostgreSQL killed, and started again", times.away, self.postgres.kill, self.postgres.start),
            (f"node {self.node.url} killed (-9), and started again", times.away, self.node.kill, self.node.start),
        ]
        for label, seconds, begin, end in parts:
            with _counted("all in order", traffic, service, screen, told):
                await asyncio.sleep(times.calm)
            with _counted(label, traffic, service, screen, told):
                await asyncio.to_thread(begin)
                try:
                    await asyncio.sleep(seconds)
                finally:
                    await asyncio.to_thread(end)
        with _counted("all in order", traffic, service, screen, told):
            await asyncio.sleep(times.calm)
        return told

    def _freeze(self) -> None:
        self.redis.signal(signal.SIGSTOP)

    def _thaw(self) -> None:
        self.redis.signal(signal.SIGCONT)


@contextmanager
def _counted(label: str, traffic: Traffic, service: PatientService, screen: Screen, told: list[Json]) -> Iterator[None]:
    """Count what happens during the block, and say it."""
    lists, degraded, failed = len(traffic.milliseconds), traffic.degraded, sum(traffic.failures.values())
    yield
    took = sorted(traffic.milliseconds[lists:])
    part: Json = {
        "what": label,
        "lists": len(took),
        "failed": sum(traffic.failures.values()) - failed,
        "degraded": traffic.degraded - degraded,
        "p95_ms": round(took[int(0.95 * len(took))], 1) if took else None,
        "slowest_ms": round(took[-1], 1) if took else None,
        "events_waiting": service.waiting,
    }
    told.append(part)
    slow = f"p95 {part['p95_ms']} ms, slowest {part['slowest_ms']} ms, " if took else ""
    counts = f"{part['lists']} lists, {part['failed']} failed, {part['degraded']} degraded, "
    screen.line("drill", label, f"{counts}{slow}{service.waiting} events wait")
