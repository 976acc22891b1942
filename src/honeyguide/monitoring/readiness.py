"""Whether requests should come to this process, as distinct from whether it is alive.

What is behind the process does not count once it has started: if the database went away, every process would leave at
the same moment, and nobody would serve the lists that each could still give. `degraded` names it instead.
"""

from collections.abc import Sequence
from typing import Final

from honeyguide.clock import Clock
from honeyguide.errors import Unavailable
from honeyguide.monitoring.metrics import Metrics

SILENCE: Final = 5.0
"""Seconds after which a dependency that was not heard of is named as missing."""


class Readiness:
    """`steps` are what the start has to do before requests may come; each is told when it is `done`."""

    def __init__(self, steps: Sequence[str], clock: Clock, metrics: Metrics) -> None:
        self._clock, self._metrics = clock, metrics
        self._waiting_for = dict.fromkeys(steps)
        self._heard: dict[str, float] = {}
        self.leaving = False

    def done(self, step: str) -> None:
        """A step of the start is done."""
        self._waiting_for.pop(step, None)

    def leave(self) -> None:
        """Requests should no longer come here: the process is about to end."""
        self.leaving = True

    def heard(self, dependency: str) -> None:
        """Something behind the process has just answered."""
        self._heard[dependency] = self._clock.monotonic()
        self._metrics.dependency_up.labels(dependency).set_function(lambda: float(dependency not in self.missing()))

    def missing(self) -> list[str]:
        """Dependencies that have answered before and not in the last seconds."""
        limit = self._clock.monotonic() - SILENCE
        return sorted(name for name, at in self._heard.items() if at < limit)

    def check(self) -> None:
        """Raise `Unavailable`, saying why, unless requests should come here."""
        if self.leaving:
            raise Unavailable("This process is ending.", cure="Ask another one.", code="not_ready")
        if self._waiting_for:
            what = ", ".join(self._waiting_for)
            raise Unavailable(f"Not loaded yet: {what}.", cure="Ask again in a moment.", code="not_ready")
