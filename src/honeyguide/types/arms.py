"""Which arm of an experiment a unit is in."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

Unit = Literal["user", "session", "device"]
HashVersion = Literal[2, 60]
Why = Literal["hash", "uniform", "sticky", "forced", "asked"]
"""How a unit came to its arm: by its hash; as one of a bandit's slice, whose arms are alike and for good; by an earlier
phase, which it stays in; because the experiment names it, or the request named the arm. The last two are left out of every
analysis."""
InterleavingMethod = Literal["team_draft", "probabilistic"]
INTERLEAVED: Final = "interleaved"
"""The arm of the units of an interleaving: they see the lists of both arms in one."""


class Assigned(msgspec.Struct, frozen=True, gc=False):
    """The arm that a unit is in, under a phase of an experiment.

    `weight` is the probability with which a unit gets this arm, `scheme` the version of the hash, `period` that of the
    weights, where they change within a phase."""

    experiment: str
    phase: int
    arm: str
    unit: str
    reason: Why
    weight: float
    scheme: HashVersion = 2
    period: int = 0

    @property
    def label(self) -> str:
        """`experiment:phase:arm`."""
        return f"{self.experiment}:{self.phase}:{self.arm}"


def label_of(assigned: Sequence[Assigned]) -> str:
    """The labels of several arms, joined by commas."""
    return ",".join([each.label for each in assigned])
