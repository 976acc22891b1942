"""What is known of a bandit: its weights, who is likely to be the best, and what its arms bring, honestly measured.

Effects come from the uniform slice, and by period; never from raw totals, which mix weekends and working days wherever
weights moved in between. Both intervals are always-valid.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from honeyguide.experiments.bandits import Learning, Period, Reward, chances_of, estimates, sizes
from honeyguide.experiments.statistics.comparing import Estimate
from honeyguide.experiments.statistics.sequential import always_valid
from honeyguide.experiments.statistics.sums import Sums


class Exposed(Protocol):
    """A unit in an arm."""

    @property
    def unit(self) -> str:
        """Its id."""

    @property
    def arm(self) -> str:
        """The arm it is in."""


def summed(units: Sequence[Exposed], arms: Sequence[str], outcomes: Mapping[str, float], reward: Reward) -> tuple[Sums, ...]:
    """Per arm the sums over its units: of successes (anything above 0), or of amounts."""
    values: dict[str, list[float]] = {arm: [] for arm in arms}
    for each in units:
        if each.arm in values:
            value = outcomes.get(each.unit, 0.0)
            values[each.arm].append(float(value > 0) if reward == "bernoulli" else value)
    return tuple(Sums.of(values[arm]) for arm in arms)


class Slice:
    """The units of the uniform slice over several periods: each is in one arm for good, and counts once."""

    def __init__(self, arms: Sequence[str]) -> None:
        self._totals: dict[str, dict[str, float]] = {arm: {} for arm in arms}

    def add(self, units: Sequence[Exposed], outcomes: Mapping[str, float]) -> None:
        """What came of them in one period."""
        for each in units:
            arm = self._totals.get(each.arm)
            if arm is not None:
                arm[each.unit] = arm.get(each.unit, 0.0) + outcomes.get(each.unit, 0.0)

    def estimates(self) -> list[Estimate]:
        """The total of a unit, on average, of each arm."""
        return [Estimate.mean(Sums.of(list(arm.values()))) for arm in self._totals.values()]


class ArmFound(msgspec.Struct, frozen=True):
    """One arm: its weight now, the units drawn into it, its probability to be the best, its mean by period; and how far it
    is above the control, by period and in the slice, with always-valid intervals. Numbers that nobody knows are None."""

    arm: str
    weight: float
    units: float
    best: float | None
    mean: float | None
    difference: float | None
    low: float | None
    high: float | None
    slice_units: float
    slice_difference: float | None
    slice_low: float | None
    slice_high: float | None


class BanditResults(msgspec.Struct, frozen=True):
    """A bandit: its arms, the control first; `mismatch` is the p-value of the arms' sizes against the sum of the weights
    that were logged, `alarm` that they do not fit."""

    experiment: str
    phase: int
    periods: int
    arms: list[ArmFound]
    mismatch: float | None
    alarm: bool


def found(
    name: str,
    phase: int,
    arms: Mapping[str, float],
    periods: Sequence[Period],
    apart: Slice,
    learning: Learning,
    *,
    planned: int,
    alpha: float = 0.05,
) -> BanditResults:
    """The results of a bandit whose `arms` have these weights now."""
    by_period, in_slice = estimates(periods), apart.estimates()
    known = bool(by_period) and all(arm.units for arm in by_period)
    best = chances_of(by_period, learning) if known else (None,) * len(arms)
    rows = []
    for at, (arm, weight) in enumerate(arms.items()):
        own = by_period[at] if by_period else Estimate(float("nan"), float("nan"), 0)
        apart_units = in_slice[at].units
        rows.append(
            ArmFound(
                arm,
                weight,
                sum(period.drawn[at].units for period in periods),
                best[at],
                _known(own.value),
                *_above(by_period, at, planned, alpha),
                apart_units,
                *_above(in_slice, at, planned, alpha),
            )
        )
    mismatch = sizes(periods)
    return BanditResults(
        experiment=name,
        phase=phase,
        periods=len(periods),
        arms=rows,
        mismatch=mismatch.p if mismatch else None,
        alarm=bool(mismatch and mismatch.alarm),
    )


def _above(arms: Sequence[Estimate], at: int, planned: int, alpha: float) -> tuple[float | None, float | None, float | None]:
    """How far an arm is above the control, and the always-valid interval; nothing of the control itself."""
    if at == 0 or not arms:
        return None, None, None
    control, arm = arms[0], arms[at]
    difference, variance = arm.value - control.value, arm.variance + control.variance
    low, high = always_valid(difference, variance, control.units + arm.units, planned=planned, alpha=alpha)
    return _known(difference), _known(low), _known(high)


def _known(value: float) -> float | None:
    return None if value != value else value
