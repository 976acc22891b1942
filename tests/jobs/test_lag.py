"""How late the event loop wakes."""

import asyncio

import pytest

from honeyguide.clock import ManualClock
from honeyguide.jobs.lag import LoopLag
from honeyguide.monitoring.metrics import Metrics


def test_a_loop_that_was_held_up_is_noticed() -> None:
    metrics, clock = Metrics(), ManualClock()
    lag = LoopLag(clock, metrics, every=0.1)

    async def scenario() -> None:
        await lag.round()
        for seconds in (0.1, 3.1, 0.05):
            clock.advance(seconds)
            await lag.round()

    asyncio.run(scenario())
    assert metrics.event_loop_lag._sum.get() == pytest.approx(3.0)
