"""Time and chance, passed in: nothing else in honeyguide asks the operating system for either."""

import os
import random
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol


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


_FETCHED: Final[list[int]] = []
"""Numbers of 64 bits from the operating system, each for one use."""
_WORDS: Final = struct.Struct("512Q")
os.register_at_fork(after_in_child=_FETCHED.clear)  # they are the parent's


class _SystemChance(random.SystemRandom):
    """The operating system's chance, fetched in blocks: each call for it gives up the interpreter's lock, and whoever is
    answering requests waits for its turn again."""

    def getrandbits(self, k: int, /) -> int:
        """`k` bits; none of them is given out twice, to whatever thread."""
        if k > 64:
            return super().getrandbits(k)
        while True:
            try:
                return _FETCHED.pop() >> (64 - k)
            except IndexError:
                _FETCHED.extend(_WORDS.unpack(os.urandom(_WORDS.size)))

    def random(self) -> float:
        """A number in [0, 1)."""
        return self.getrandbits(53) * 2.0**-53


def system_chance() -> Chance:
    """Chance of the machine: for tokens and ids that nobody may guess or repeat."""
    return _SystemChance()


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


def first_id_at(ms: int) -> str:
    """The beginning of the ids of `RequestIds` that were given from a moment on: all of them are above it."""
    return _base32(ms, 10)


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
