"""A circuit breaker: what does not answer is left alone for a while, and asked now and then whether it is back."""

from collections import deque
from collections.abc import Callable
from typing import Final

from honeyguide.clock import Clock

WINDOW: Final = 2.0
LEAST: Final = 20
IN_A_ROW: Final = 5
PAUSE: Final = 1.0


class Breaker:
    """For one kind of calls to one dependency. It opens when half of at least 20 calls in 2 s fail or are `slow` (seconds),
    or 5 fail in a row; then one call a second (+-10 %) is let through, and the first that goes well closes it.

    `chance` gives numbers in [0, 1); `turned` is told when it opens (True) and closes."""

    def __init__(
        self, clock: Clock, chance: Callable[[], float], *, slow: float, turned: Callable[[bool], None] = lambda open: None
    ) -> None:
        self._now, self._chance, self._slow, self._turned = clock.monotonic, chance, slow, turned
        self._calls: deque[tuple[float, bool]] = deque()
        self._bad = 0
        self._row = 0
        self._probe_at = 0.0
        self.open = False

    def allows(self) -> bool:
        """Whether to make a call now. While open, saying yes is the probe."""
        if not self.open:
            return True
        if self._now() < self._probe_at:
            return False
        self._expect_probe()
        return True

    def succeeded(self, seconds: float) -> None:
        """A call was answered after so long. A slow answer is one, but speaks against the dependency."""
        if self.open:
            if seconds < self._slow:
                self._turn(False)
            return
        self._row = 0
        self._note(seconds >= self._slow)

    def failed(self) -> None:
        """A call got no answer."""
        if self.open:
            return
        self._row += 1
        self._note(True)

    def _note(self, bad: bool) -> None:
        now = self._now()
        self._calls.append((now, bad))
        self._bad += bad
        while self._calls[0][0] < now - WINDOW:
            self._bad -= self._calls.popleft()[1]
        if self._row >= IN_A_ROW or (len(self._calls) >= LEAST and 2 * self._bad >= len(self._calls)):
            self._expect_probe()
            self._turn(True)

    def _expect_probe(self) -> None:
        self._probe_at = self._now() + PAUSE * (0.9 + 0.2 * self._chance())

    def _turn(self, open: bool) -> None:
        self.open, self._row, self._bad = open, 0, 0
        self._calls.clear()
        self._turned(open)
