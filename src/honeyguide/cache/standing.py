"""How it stands with a value: where it is, what it was made from, what may be done with it now. For people who ask why."""

from dataclasses import dataclass

from honeyguide.cache.entry import Entry, State
from honeyguide.cache.generations import POSITION_BYTES, STARTING, position_of
from honeyguide.types import Tokens


@dataclass(frozen=True, slots=True)
class Copy:
    """A value in one tier. Times are seconds: since it was made, until it is stale, until it is of no use. `same_*` compares
    what it was made from with what holds now."""

    payload: bytes
    state: State
    age: float
    fresh_for: float
    usable_for: float
    same_hard: bool
    same_soft: bool
    same_epoch: bool

    @classmethod
    def of(cls, entry: Entry, tokens: Tokens | None, epoch: bytes, now: float) -> "Copy":
        """The entry as it stands; without tokens it is of no use."""
        return cls(
            entry.payload,
            entry.state(tokens, epoch, now) if tokens is not None else "gone",
            now - entry.made_at,
            entry.soft_deadline - now,
            entry.hard_deadline - now,
            tokens is not None and entry.tokens.hard == tokens.hard,
            tokens is not None and entry.tokens.soft == tokens.soft,
            entry.epoch == epoch,
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """`name` is what the value is called in the shared tier, empty without one; `answers`: the shared tier does. `tokens`
    are those of the value's subject now, `trusted` if they may be served from without asking."""

    name: bytes
    tokens: Tokens | None
    trusted: bool
    answers: bool
    l1: Copy | None
    l2: Copy | None


def set_by(token: bytes) -> int | None:
    """The log position of the row that set a token; None for one that was made for want of any."""
    chance = int.from_bytes(token[POSITION_BYTES:], "big")
    return None if chance & STARTING else position_of(token)
