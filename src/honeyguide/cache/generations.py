"""Generation tokens: to invalidate is to replace a token, never to delete a value.

Tokens are random, not counters: a counter that is lost restarts and makes old values valid again.
"""

from collections.abc import Callable
from typing import NamedTuple


class Tokens(NamedTuple):
    """`hard`: replaced by events that invalidate at once. `soft`: replaced by every event."""

    hard: int
    soft: int


class Generations:
    """The tokens of the subjects seen lately, at most `limit` of them.

    A subject that fell out gets new tokens when it is next asked for, so its values miss: forgetting is always safe.
    """

    def __init__(self, random_bits: Callable[[int], int], *, limit: int = 1_000_000) -> None:
        self._bits = random_bits
        self._limit = limit
        self._tokens: dict[str, Tokens] = {}

    def tokens(self, subject: str) -> Tokens:
        """The present tokens of a subject."""
        found = self._tokens.get(subject)
        return found if found is not None else self._put(subject, Tokens(self._bits(63), self._bits(63)))

    def replace_hard(self, subject: str) -> None:
        """Nothing made before this moment is served for the subject again."""
        self._put(subject, Tokens(self._bits(63), self._bits(63)))

    def replace_soft(self, subject: str) -> None:
        """What was made before this moment is stale."""
        found = self._tokens.get(subject)
        if found is not None:  # a subject without tokens has no values either
            self._put(subject, Tokens(found.hard, self._bits(63)))

    def _put(self, subject: str, tokens: Tokens) -> Tokens:
        if len(self._tokens) >= self._limit and subject not in self._tokens:
            del self._tokens[next(iter(self._tokens))]  # the one that was put longest ago
        self._tokens[subject] = tokens
        return tokens
