"""Generation tokens: to invalidate is to replace a token, never to delete a value.

A token is 16 bytes: the log position that it stands for, then chance. The position orders two tokens that arrive by
different ways, so that each is told any number of times, in any order, and the newest stays. The chance makes it
unlike every token before it: a counter alone, once lost, would make old values valid again.
"""

from collections.abc import Callable
from math import inf
from typing import Final

from honeyguide.types import Invalidation, Tokens

POSITION_BYTES: Final = 8
STARTING: Final = 1 << 63
"""The bit of a token's chance that marks one which was made for want of any."""
UNKNOWN: Final = Tokens(b"", b"")
"""Held in the place of tokens that are being asked for; equal to those of no value."""


def position_of(token: bytes) -> int:
    """The log position that a token stands for."""
    return int.from_bytes(token[:POSITION_BYTES], "big")


def newest(one: bytes, other: bytes) -> bytes:
    """The token of the later position; `other` if they are of the same."""
    return one if one[:POSITION_BYTES] > other[:POSITION_BYTES] else other


class Generations:
    """What this process knows of the tokens of the subjects seen lately, at most `limit` of them.

    `held` may be served from until `trusted_until`, on the monotonic clock: whoever tells what changes (the log, the shared
    tier) moves it forward each time it has told all there is. Alone, a process hears all changes and trusts for ever.
    A subject that is forgotten is asked for again, or gets new tokens, so that its values miss: forgetting is always safe.
    """

    def __init__(self, random_bits: Callable[[int], int], *, limit: int = 250_000) -> None:
        self._bits, self._limit = random_bits, limit
        self._digest: Callable[[str], bytes] | None = None
        self.held: dict[str, Tokens] = {}
        self.trusted_until = inf
        self.position = 0
        self.era = 0
        self._subjects: dict[bytes, str] = {}
        self._floors: dict[str, Tokens] = {}
        self._asked: dict[str, int] = {}
        self._passing: set[str] = set()

    def share(self, digest: Callable[[str], bytes]) -> None:
        """There is a shared tier, which knows subjects by their digests: nothing is trusted before somebody has told."""
        self._digest, self.trusted_until = digest, -inf

    def token(self, sequence: int) -> bytes:
        """A new token for a row of the log."""
        return sequence.to_bytes(POSITION_BYTES, "big") + self._bits(63).to_bytes(8, "big")

    def starting(self, least: Tokens | None = None) -> Tokens:
        """Tokens for a subject that has none: they stand for all rows up to the present position and that of the `least`
        tokens, and are marked as such, so that the shared tier tells of them when such a row is told late."""
        known = max(position_of(least.hard), position_of(least.soft)) if least is not None else 0
        position = max(self.position, known).to_bytes(POSITION_BYTES, "big")
        hard, soft = (STARTING | self._bits(63) for _ in range(2))
        return Tokens(position + hard.to_bytes(8, "big"), position + soft.to_bytes(8, "big"))

    def known(self, subject: str) -> Tokens | None:
        """The tokens held for a subject."""
        tokens = self.held.get(subject)
        return tokens if tokens is not None and tokens.hard else None

    def trust(self, until: float) -> None:
        """What is held is known to be all that there was a moment ago, and may be served from until then."""
        self.trusted_until = max(self.trusted_until, until)

    def ask(self, subject: str) -> None:
        """Begin to work on a value of the subject: what is told of it from now on is heard. End with `answer`."""
        if subject not in self.held:
            self._put(subject, UNKNOWN)
            self._passing.add(subject)
        self._asked[subject] = self._asked.get(subject, 0) + 1

    def answer(self, subject: str, *, kept: bool) -> None:
        """The work is over. If no value was kept and nothing else is known of the subject, neither are its tokens."""
        left = self._asked[subject] - 1
        if kept:
            self._passing.discard(subject)
        if left:
            self._asked[subject] = left
            return
        del self._asked[subject]
        if subject in self._passing:
            self._passing.remove(subject)
            self._forget(subject)

    def present(self, subject: str) -> Tokens:
        """The tokens of a subject that is being worked on, made now if nobody knows any."""
        tokens = self.held.get(subject, UNKNOWN)
        if not tokens.hard:
            made = self.starting()
            tokens = Tokens(made.hard, tokens.soft or made.soft)
            self._put(subject, tokens)
        return tokens

    def learn(self, subject: str, tokens: Tokens, *, trusted: bool) -> Tokens:
        """What the shared tier said, in answer to a question of the same era; returns what is true for all that is known.

        It may have lost what was known here. Unless what is held is `trusted` now, that is no reason to take the older token
        for the present one: then a new one, that no value carries, stands for what is known. Tokens are held only for a
        subject that is held already: of others nothing was heard meanwhile."""
        held, floor = self.held.get(subject), self._floors.get(subject, UNKNOWN)
        known = self._bounded(tokens, floor)
        if held is not None:
            known = self.held[subject] = _merged(held, known) if trusted else self._bounded(known, held)
        return known

    def _bounded(self, tokens: Tokens, floor: Tokens) -> Tokens:
        """The tokens, new ones where they stand for less than the floor."""
        return Tokens(self._above(tokens.hard, floor.hard), self._above(tokens.soft, floor.soft))

    def _above(self, token: bytes, floor: bytes) -> bytes:
        if token[:POSITION_BYTES] >= floor[:POSITION_BYTES]:
            return token
        return self.token(position_of(floor))

    def least(self, subject: str) -> Tokens | None:
        """Older tokens of the subject than these are not true; None if nothing is known."""
        least = _merged(self.held.get(subject, UNKNOWN), self._floors.get(subject, UNKNOWN))
        return least if least.hard and least.soft else None

    def note(self, subject: str, tokens: Tokens) -> None:
        """Older tokens than these are not true, whoever says them."""
        self._floors[subject] = _merged(self._floors.get(subject, UNKNOWN), tokens)

    def hear(self, digest: bytes, tokens: Tokens) -> None:
        """The shared tier tells of a change."""
        subject = self._subjects.get(digest)
        if subject is not None:
            self.held[subject] = _merged(self.held[subject], tokens)

    def replace(self, invalidation: Invalidation) -> None:
        """The log tells of events. What was made before the last hard one is not served for the subject again, what was made
        before the last one is stale."""
        subject, hard, soft = invalidation
        held = self.held.get(subject)
        if hard:
            self._passing.discard(subject)
            self._put(subject, _merged(Tokens(self.token(hard), self.token(soft)), held or UNKNOWN))
        elif held is not None:  # a subject without tokens has no values either
            self.held[subject] = Tokens(held.hard, newest(self.token(soft), held.soft))

    def renew(self, subject: str) -> None:
        """Nothing that was made for the subject so far is served again, though no event says so."""
        if subject in self.held:
            self._put(subject, self.starting())

    def forget_all(self) -> None:
        """Something may have been missed: what is held may not be served from any more. It is still true that nothing older
        is: a shared tier that has lost what this process told it does not make that undone."""
        self.era += 1
        floors = {**self._floors, **self.held}
        for subject in list(floors)[: max(0, len(floors) - self._limit)]:
            del floors[subject]
        self._floors = floors
        self.held.clear()
        self._subjects.clear()
        self._passing.update(self._asked)
        for subject in self._asked:
            self._put(subject, UNKNOWN)

    def _put(self, subject: str, tokens: Tokens) -> None:
        if subject not in self.held:
            if len(self.held) >= self._limit:
                self._forget(next(iter(self.held)))  # the one that was put longest ago
            if self._digest is not None:
                self._subjects[self._digest(subject)] = subject
        self.held[subject] = tokens

    def _forget(self, subject: str) -> None:
        self.held.pop(subject, None)
        if self._digest is not None:
            self._subjects.pop(self._digest(subject), None)


def _merged(one: Tokens, other: Tokens) -> Tokens:
    return Tokens(newest(one.hard, other.hard), newest(one.soft, other.soft))
