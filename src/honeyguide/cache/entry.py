"""A value in the memory tier, and what may be done with it now."""

from dataclasses import dataclass
from math import inf
from typing import Final, Literal, NamedTuple

from honeyguide.cache.freshness import early_from
from honeyguide.types import Tokens

OVERHEAD: Final = 400
"""Bytes of an entry's objects beside its payload: the key, the tokens, the numbers, its place in the table."""

State = Literal["fresh", "stale", "gone"]


class Epoch(NamedTuple):
    """What values of a kind are made with, such as models and configuration: `now`, and what came `before` it if known."""

    now: bytes
    before: bytes | None = None


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long values of a cache last, in seconds: `ttl` fresh, `stale` longer while a new one is made, `error` longer still
    when none can be made, `negative` if there is nothing. `early` scales early refreshes, 0 is none."""

    ttl: float
    stale: float = 0.0
    error: float = 0.0
    negative: float = 0.0
    jitter: float = 0.1
    early: float = 1.0


@dataclass(slots=True)
class Entry:
    """Encoded bytes with the tokens and epoch that they were made from. Times are of this process's monotonic clock.

    `seconds` is how long the making took. `quiet_until` holds back the next attempt to make it anew."""

    payload: bytes
    tokens: Tokens
    epoch: bytes
    made_at: float
    soft_deadline: float
    hard_deadline: float
    seconds: float = 0.0
    negative: bool = False
    early_at: float = inf
    quiet_until: float = -inf

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, estimated."""
        return len(self.payload) + OVERHEAD

    def expect_early(self, beta: float) -> None:
        """Work out from when on an early refresh is to be thought of."""
        if beta and not self.negative:
            self.early_at = early_from(self.soft_deadline, self.seconds, beta)

    def state(self, tokens: Tokens, epoch: bytes, now: float) -> State:
        """What may be done with it now that the subject's tokens are `tokens`."""
        if self.tokens.hard != tokens.hard or self.hard_deadline <= now:
            return "gone"
        fresh = self.tokens.soft == tokens.soft and self.epoch == epoch and now < self.soft_deadline
        return "fresh" if fresh else "stale"
