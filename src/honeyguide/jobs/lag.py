"""Notices when the event loop was held up: by a call that blocks, a pause of the collector, a machine that is too busy."""

from honeyguide.clock import Clock
from honeyguide.monitoring.metrics import Metrics


class LoopLag:
    """Notes how much later than `every` seconds after the last round each round begins."""

    def __init__(self, clock: Clock, metrics: Metrics, every: float) -> None:
        self._clock, self._histogram, self._every = clock, metrics.event_loop_lag, every
        self._last: float | None = None

    async def round(self) -> None:
        """Compare with when it should be."""
        now = self._clock.monotonic()
        if self._last is not None:
            self._histogram.observe(max(0.0, now - self._last - self._every))
        self._last = now
