"""What was planned of an experiment, and what is known of it: the nouns of its results."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from honeyguide.experiments.decision import Decision, Role, Standing
from honeyguide.experiments.gates import Gate

Engine = Literal["always-valid", "fixed", "group-sequential"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What was decided before the start. The first arm is the control; `weights` are the shares of the arms (or what they
    are expected to have), `guardrails` the metrics with the relative loss that is still borne; `planned` units of all arms
    together; times in ms, `stopped_at` None while it runs; `looks` how many are planned, for group-sequential."""

    name: str
    phase: int
    arms: tuple[str, ...]
    weights: tuple[float, ...]
    goals: tuple[str, ...]
    guardrails: Mapping[str, float]
    watched: tuple[str, ...]
    alpha: float
    planned: int
    min_days: int
    started_at: int
    stopped_at: int | None = None
    engine: Engine = "always-valid"
    looks: int = 1

    def role(self, metric: str) -> Role:
        """What a metric is there for."""
        return "goal" if metric in self.goals else "guardrail" if metric in self.guardrails else "watched"

    @property
    def metrics(self) -> tuple[str, ...]:
        """All of them, goals first."""
        return tuple(dict.fromkeys((*self.goals, *self.guardrails, *self.watched)))


class Measured(msgspec.Struct, frozen=True):
    """A treatment beside the control in one metric. Numbers that nobody knows are None.

    `low` to `high` is the interval of the difference at 1 - `level`, by `engine`; `p` and `p_adjusted` go with it; `at_once`
    is the p-value of a single look (Welch), for comparison only. `chance` to be better, the expected losses of shipping and
    of keeping the control (in units of the metric), and `shrunk`, the lift after a sceptical prior, which is what a
    stopped experiment should be believed to bring."""

    metric: str
    role: Role
    arm: str
    units: float
    control: float | None
    value: float | None
    difference: float | None
    low: float | None
    high: float | None
    lift: float | None
    lift_low: float | None
    lift_high: float | None
    p: float | None
    p_adjusted: float | None
    level: float
    engine: Engine
    at_once: float | None
    chance: float | None
    loss_of_shipping: float | None
    loss_of_keeping: float | None
    shrunk: float | None
    standing: Standing
    adjusted: str
    least: float | None
    """The smallest relative lift that so many units find with a power of 80 %."""


class Point(msgspec.Struct, frozen=True):
    """The lift of the units that were first exposed up to a day (ISO date), or in a segment, or in a stretch of days."""

    metric: str
    arm: str
    at: str
    units: float
    difference: float | None
    low: float | None
    high: float | None
    lift: float | None
    lift_low: float | None
    lift_high: float | None


class Results(msgspec.Struct, frozen=True):
    """All that is known of one phase. While `hidden`, an alarm keeps the verdict back: the numbers are there to look for
    what is wrong, and nothing else."""

    experiment: str
    phase: int
    state: Literal["running", "stopped"]
    as_of: int
    arms: list[str]
    units: dict[str, float]
    planned: int
    days: float
    per_day: float
    hidden: bool
    decision: Decision
    gates: list[Gate]
    metrics: list[Measured]
    daily: list[Point]
    segments: list[Point]
    ages: list[Point]
    stratified: list[Point]
