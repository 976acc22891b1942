"""Generation tokens: to invalidate is to replace a token, never to delete a value.

A token is 16 bytes: the log position that it stands for, then chance. The position orders two tokens that arrive by
different ways, so that each is told any number of times, in any order, and the newest stays. The chance makes it
unlike every token before it: a counter alone, once lost, would make old values valid again.
"""

from collections.abc import Callable
from math import inf
from typing import Final

from honeyguide.types import Tokens

POSITION_BYTES: Final = 8
UNKNOWN: Final = Tokens(b"", b"")
"""Held in the place of tokens that are being asked for; equal to those of no value."""


def newest(one: bytes, other: bytes) -> bytes:
    """The token of the later position; `other` if they are of the same."""
    return one if one[:POSITION_BYTES] > other[:POSITION_BYTES] else other


class Generations:
    """What this process knows of the tokens of the subjects seen lately, at most `limit` of them.

    `held` may be served from until `trusted_until`, on the monotonic clock: whoever tells what changes (the log, the shared
    tier) moves it forward each time it has told all there is. Alone, a process hears all changes and trusts for ever.
    A subject that is forgotten is asked for again, or gets new tokens, so that its values miss: forgetting is always safe.
    `digest` names a subject in the shared tier, for what that tier tells of; None where there is no such tier.
    """

    def __init__(
        self,
        random_bits: Callable[[int], int],
        *,
        limit: int = 250_000,
        digest: Callable[[str], bytes] | None = None,
    ) -> None:
        self._bits, self._limit, self._digest = random_bits, limit, digest
        self.held: dict[str, Tokens] = {}
        self.trusted_until = inf if digest is None else -inf
        self.position = 0
        self.era = 0
        self._subjects: dict[bytes, str] = {}
        self._asked: dict[str, int] = {}
        self._passing: set[str] = set()

    def token(self, sequence: int) -> bytes:
        """A new token for a log position."""
        return sequence.to_bytes(POSITION_BYTES, "big") + self._bits(64).to_bytes(8, "big")

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
            tokens = Tokens(self.token(self.position), tokens.soft or self.token(self.position))
            self._put(subject, tokens)
        return tokens

    def learn(self, subject: str, tokens: Tokens, *, era: int) -> Tokens:
        """What the shared tier said, asked in the era `era`; returns the newest that is known.

        What it said before all was forgotten counts for this once and is not held."""
        held = self.held.get(subject)
        if held is None or self.era != era:
            return tokens
        known = _merged(held, tokens)
        self.held[subject] = known
        return known

    def hear(self, digest: bytes, tokens: Tokens) -> None:
        """The shared tier tells of a change."""
        subject = self._subjects.get(digest)
        if subject is not None:
            self.held[subject] = _merged(self.held[subject], tokens)

    def replace_hard(self, subject: str, sequence: int) -> Tokens:
        """Nothing made before this log position is served for the subject again. Returns the tokens for it."""
        token = Tokens(self.token(sequence), self.token(sequence))
        self._passing.discard(subject)
        held = self.held.get(subject, UNKNOWN)
        self._put(subject, _merged(token, held))
        return token

    def replace_soft(self, subject: str, sequence: int) -> Tokens:
        """What was made before this log position is stale. Returns the tokens for it; only the soft one is to be told."""
        token = Tokens(self.token(sequence), self.token(sequence))
        held = self.held.get(subject)
        if held is not None:  # a subject without tokens has no values either
            self.held[subject] = Tokens(held.hard, newest(token.soft, held.soft))
        return token

    def forget_all(self) -> None:
        """Something may have been missed: no token is known any more."""
        self.era += 1
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
