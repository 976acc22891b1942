"""The seam of learned rankers."""

from typing import TYPE_CHECKING, Protocol

from honeyguide.types import FloatArray, IntArray, Pool

if TYPE_CHECKING:
    from honeyguide.protocols import Request


class Ranker(Protocol):
    """A trained order of candidates (`ranking.learned`)."""

    @property
    def label(self) -> str:
        """Its version."""

    @property
    def names(self) -> tuple[str, ...]:
        """The signals that it goes by."""

    def score(self, request: "Request", pool: Pool) -> FloatArray:
        """float32 [candidates], from 0 to 1, higher is better."""

    def contributions(self, request: "Request", pool: Pool, positions: IntArray) -> FloatArray:
        """float32 [positions, signals + 1]: what each signal adds to the logit of the score, and last what all candidates
        have; together they are the logit."""
