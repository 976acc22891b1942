"""Time and chance, passed in: nothing else in honeyguide asks the operating system for either."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


class Clock(Protocol):
    """Where the present comes from."""

    def now_ms(self) -> int:
        """Wall-clock time in milliseconds since 1970-01-01 UTC."""

    def monotonic(self) -> float:
        """Seconds on a clock that never runs backwards; only differences mean anything."""


Chance = random.Random
"""Where chance comes from: a seeded one in tests and simulations."""


class SystemClock:
    """The clock of the machine."""

    def now_ms(self) -> int:
        """Wall-clock time in milliseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds on the system's monotonic clock."""
        return time.monotonic()


def system_chance() -> Chance:
    """Chance of the machine: for tokens and ids that nobody may guess or repeat."""
    return random.SystemRandom()


@dataclass
class ManualClock:
    """A clock that moves only when told to, for tests, simulations and replays."""

    ms: int = 1_700_000_000_000

    def now_ms(self) -> int:
        """The time that was set, in milliseconds."""
        return self.ms

    def monotonic(self) -> float:
        """The same time in seconds."""
        return self.ms / 1000.0

    def advance(self, seconds: float) -> None:
        """Move forward by `seconds`."""
        self.ms += round(seconds * 1000)


_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford base 32: sorts like the number it writes


_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]


def _base32(value: int, length: int) -> str:
    """The lowest `5 * length` bits in `length` characters, an even number of them."""
    return "".join([_PAIRS[(value >> shift) & 1023] for shift in range(5 * (length - 2), -1, -10)])


@dataclass
class RequestIds:
    """Time-ordered ids that are never reused: 48 bits of milliseconds, then 80 of counter and chance.

    The layout is that of ULID (github.com/ulid/spec): 26 characters whose order is the order of time.
    Inside one millisecond the last part counts up from a random start, so ids of one process keep their order.
    """

    clock: Clock
    random_bits: Callable[[int], int] = field(default_factory=lambda: system_chance().getrandbits)
    _last_ms: int = -1
    _prefix: str = ""
    _tail: int = 0

    def next(self) -> str:
        """A new id."""
        now = self.clock.now_ms()
        if now > self._last_ms:
            self._last_ms = now
            self._tail = self.random_bits(39)
            self._prefix = _base32(now, 10) + _base32(self.random_bits(40), 8)
        else:  # the same millisecond, or a wall clock that was set back
            self._tail += 1
        tail = self._tail
        return (
            f"{self._prefix}{_PAIRS[tail >> 30]}{_PAIRS[tail >> 20 & 1023]}{_PAIRS[tail >> 10 & 1023]}{_PAIRS[tail & 1023]}"
        )
