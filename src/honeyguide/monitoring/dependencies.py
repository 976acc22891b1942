"""What is counted of the calls to something behind the process."""

from typing import Final

from honeyguide.monitoring.metrics import Metrics

_KINDS: Final = ("values", "tokens")


class RedisCalls:
    """Calls to Redis (`stores.redis.RedisMetrics`)."""

    def __init__(self, metrics: Metrics) -> None:
        self._durations, self._errors = metrics.dependency_duration, metrics.dependency_errors
        self._breakers = {kind: metrics.circuit_breaker_open.labels("redis", kind) for kind in _KINDS}
        for kind in _KINDS:
            self._breakers[kind].set(0)

    def answered(self, operation: str, seconds: float) -> None:
        """A call was answered."""
        self._durations.labels("redis", operation).observe(seconds)

    def failed(self, kind: str) -> None:
        """A call got no answer, or a command was refused."""
        self._errors.labels("redis", kind).inc()

    def breaker(self, kind: str, open: bool) -> None:
        """A breaker has turned."""
        self._breakers[kind].set(open)
