"""What a cache counts. `monitoring` gives the real thing."""

from collections.abc import Mapping
from typing import Protocol


class Count(Protocol):
    """A counter of one series."""

    def inc(self, amount: float = 1.0) -> object:
        """Add."""


class Observed(Protocol):
    """A histogram of one series."""

    def observe(self, value: float) -> object:
        """Take a value in."""


class CacheMetrics(Protocol):
    """The counters of one named cache."""

    @property
    def results(self) -> Mapping[tuple[str, str], Count]:
        """Look-ups by tier (`l1`, `l2`) and result (`hit`, `stale`, `miss`, `unverified`, `negative`)."""

    @property
    def made(self) -> Count:
        """Values that were made."""

    @property
    def waits(self) -> Count:
        """Requests that joined a computation under way."""

    @property
    def refused(self) -> Count:
        """Values that were not stored because a token changed while they were made."""

    @property
    def failures(self) -> Count:
        """Computations that failed."""

    @property
    def errors_served(self) -> Count:
        """Old values that were served since none could be made."""

    @property
    def refreshes(self) -> Mapping[str, Count]:
        """Those that were thought of `early`, all that were `begun`, those `dropped` since enough were under way."""

    @property
    def leases(self) -> Mapping[str, Count]:
        """Leases `won`, `lost`, and `late` where the winner took too long."""

    @property
    def ages(self) -> Mapping[str, Observed]:
        """How old a value was when it was served, by tier; in memory one of many hits."""

    def unreadable(self, why: str) -> None:
        """A value of the shared tier was not ours."""


class TierMetrics(Protocol):
    """The counters of the shared tier."""

    @property
    def pulls(self) -> Mapping[str, Count]:
        """Pulls by how they went: `whole`, `gap`, `failed`."""

    @property
    def failures(self) -> Count:
        """Calls without an answer."""

    @property
    def skipped(self) -> Count:
        """Values that were not offered: too large, or too many at once."""
