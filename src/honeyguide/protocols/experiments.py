"""The seam to the table of experiments."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from honeyguide.messages import Experiment

Guard = Callable[[Sequence[Experiment]], None]
"""Raises `Conflict` where an experiment may not stand beside those that run."""


class ExperimentTable(Protocol):
    """Experiments, with all that became of them. Sync, for use off the event loop."""

    def all(self) -> list[Experiment]:
        """All experiments, by name."""

    def running(self) -> list[Experiment]:
        """Those that run, by name."""

    def get(self, name: str) -> Experiment:
        """One experiment; raises `NotFound`, naming those there are."""

    def put(self, experiment: Experiment, change: str, *, by: str, why: str = "", beside: Guard | None = None) -> Experiment:
        """Keep a new experiment (`revision` 0), or what a `change` has made of the one at this revision; as it is kept, with
        its next `revision` and the time (`changed_at`).

        Raises `Conflict` if there is one of this name already, or if it has changed since. `beside` is asked about those
        that run, in the same transaction."""

    def history(self, name: str) -> list["ExperimentChange"]:
        """What became of an experiment, latest first; empty if there never was one of this name."""

    def at(self, phases: Collection[tuple[str, int]]) -> dict[tuple[str, int], Experiment]:
        """The experiments as they were last in these (name, phase), those that there are."""

    def first_arms(self, unit: str, names: Collection[str]) -> Mapping[str, str]:
        """For those of these experiments that a unit was exposed to, in any phase: the arm that it met last as its first of
        a phase."""


@dataclass(frozen=True, slots=True)
class ExperimentChange:
    """One change: what it was (`created`, `edited`, `started`, `ramped`, `phase`, `weighed`, `stopped`), by whom, when (ms),
    why, and what the experiment was after it."""

    change: str
    changed_at: int
    changed_by: str
    why: str
    experiment: Experiment
