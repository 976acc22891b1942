"""Bandits: traffic goes to arms by how likely each is the best, in periods of fixed weights.

Batched Thompson sampling: when a period ends, the weights of the next one are the probabilities of the arms to be the best,
as far as is known of units whose outcomes are complete. Three things keep what it finds honest:

    the floor            every arm keeps a share, so that what changes is noticed: f + (1 - K f) w
    the uniform slice    a permanent share of the units, in arms for good and alike, is learnt from by nobody: it measures
    estimates by period  means within periods, weighted by the traffic of all arms in each. Raw totals compare an arm's
                         weekends with another's weekdays wherever weights moved in between (Simpson's paradox)

A unit is drawn anew in each period, independently: what it did in another period then favours no arm, and estimates of
different periods add up as if their units were others. Thompson, Biometrika 1933; Chapelle, Li, NIPS 2011 (batches, delayed
outcomes); weights by period as in GrowthBook's bandits, but with means that the traffic of each period weighs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from honeyguide.experiments.statistics.comparing import Estimate, Law
from honeyguide.experiments.statistics.highest import highest
from honeyguide.experiments.statistics.several import Mismatch, sample_ratio
from honeyguide.experiments.statistics.sums import Sums

Wide = NDArray[np.float64]
Reward = Literal["bernoulli", "gaussian"]
STEPS: Final = 10_000
"""Weights are whole 10,000ths, as the hash has steps: the weight that is logged is the exact probability of the arm."""


@dataclass(frozen=True, slots=True)
class Period:
    """One period of fixed `weights`: per arm the sums over units that were drawn by them, and over those of the slice.

    Only units whose attribution window is over are in the sums."""

    weights: tuple[float, ...]
    drawn: tuple[Sums, ...]
    uniform: tuple[Sums, ...] = ()

    @property
    def traffic(self) -> float:
        """Units that were drawn."""
        return sum(arm.units for arm in self.drawn)


@dataclass(frozen=True, slots=True)
class Learning:
    """How a bandit learns: what an outcome is, the least share of an arm, what a period counts after each further one, the
    units that every arm must have before weights move at all, and the Beta prior of a rate."""

    reward: Reward = "bernoulli"
    floor: float = 0.01
    decay: float = 1.0
    least: int = 100
    prior: tuple[float, float] = (1.0, 1.0)


class Weights(NamedTuple):
    """Weights for the next period, the probabilities to be the best that they are made from, and what was decided."""

    weights: tuple[float, ...]
    chances: tuple[float, ...]
    because: str


def next_weights(periods: Sequence[Period], arms: int, learning: Learning) -> Weights:
    """The weights of the period after these, oldest first; equal ones while an arm has too few units."""
    even = tuple(1 / arms for _ in range(arms))
    known = [sum(period.drawn[arm].units for period in periods) for arm in range(arms)]
    if min(known) < learning.least:
        because = f"an arm has {min(known):,.0f} of {learning.least:,} units with complete outcomes: all alike until then"
        return Weights(in_steps(even, learning.floor), even, because)
    chances = chances_of(estimates(periods, decay=learning.decay), learning)
    weights = in_steps(with_floor(chances, learning.floor), learning.floor)
    return Weights(weights, chances, f"learnt from {sum(known):,.0f} units in {len(periods):,} periods")


def chances_of(arms: Sequence[Estimate], learning: Learning) -> tuple[float, ...]:
    """The probability of each arm to be the best, given its estimate by period."""
    if learning.reward == "bernoulli":
        rates, units = (np.array([[each] for each in column]) for column in zip(*[_rate(arm) for arm in arms], strict=True))
        prior = learning.prior
        law: Law = stats.beta(prior[0] + rates * units, prior[1] + (1 - rates) * units)
    else:
        deviations = np.sqrt([[max(arm.variance, 0.0)] for arm in arms])
        if not deviations.any():
            deviations[:] = 1.0  # nothing varies: what little differs is no knowledge
        # an arm that happens not to vary is as unsure as the surest that does
        deviations[deviations == 0] = deviations[deviations > 0].min()
        law = stats.norm(np.array([[arm.value] for arm in arms]), deviations)
    return tuple(float(chance) for chance in highest(law))


def _rate(arm: Estimate) -> tuple[float, float]:
    return min(max(arm.value, 0.0), 1.0), arm.units


def with_floor(chances: Sequence[float], floor: float) -> tuple[float, ...]:
    """f + (1 - K f) w: every arm has at least the floor, and the order stays. Clipping and scaling what is left would move
    the arms above the floor by how many lie below it.

    Raises `ValueError` for a floor that leaves nothing to learn with."""
    if not 0 <= floor * len(chances) <= 1:
        raise ValueError(f"a floor of {floor} for each of {len(chances)} arms is more than there is")
    return tuple(floor + (1 - len(chances) * floor) * chance for chance in chances)


def in_steps(weights: Sequence[float], floor: float = 0.0) -> tuple[float, ...]:
    """The weights in whole steps of the hash, in sum 1, none below the floor: the largest remainders are rounded up."""
    lowest = int(np.ceil(floor * STEPS - 1e-9))
    exact = np.asarray(weights, dtype=np.float64) / sum(weights) * STEPS
    whole = np.maximum(np.floor(exact + 1e-9), lowest).astype(np.int64)
    while (missing := STEPS - int(whole.sum())) != 0:
        left = exact - whole
        at = int(np.argmax(left)) if missing > 0 else int(np.argmin(np.where(whole > lowest, left, np.inf)))
        whole[at] += 1 if missing > 0 else -1
    return tuple(float(each) / STEPS for each in whole)


def estimates(periods: Sequence[Period], *, decay: float = 1.0) -> list[Estimate]:
    """The mean of each arm: within periods, and over them by the traffic of all arms. NaN where there is none.

    With `decay` below 1 units of a period count so much after each one that follows, the last as it is, in the mean as
    in the number of units: alpha <- a0 + decay (alpha - a0) + x. Periods in which an arm has fewer than two units are taken
    together with their neighbours."""
    joined = _joined(periods)
    if not joined:
        return []
    counts = np.array([decay ** (len(periods) - 1 - latest) for latest, _ in joined])
    traffic = counts * [sum(sums.units for sums in arms) for _, arms in joined]
    shares = traffic / traffic.sum() if traffic.sum() else traffic
    return [_weighed([arms[arm] for _, arms in joined], shares, counts) for arm in range(len(joined[0][1]))]


def _joined(periods: Sequence[Period]) -> list[tuple[int, list[Sums]]]:
    """Neighbours together until every arm has two units in each, what is left over with the last; and the number of the
    latest period in each."""
    found: list[tuple[int, list[Sums]]] = []
    waiting: list[Sums] = []
    for number, period in enumerate(periods):
        waiting = _added(waiting, period.drawn)
        if min(arm.units for arm in waiting) >= 2:
            found.append((number, waiting))
            waiting = []
    if waiting and found:
        _, last = found.pop()
        return [*found, (len(periods) - 1, _added(last, waiting))]
    return found or ([(len(periods) - 1, waiting)] if waiting else [])


def _added(one: Sequence[Sums], other: Sequence[Sums]) -> list[Sums]:
    return [a + b for a, b in zip(one, other, strict=True)] if one else list(other)


def _weighed(arm: Sequence[Sums], shares: Wide, counts: Wide) -> Estimate:
    """Means of periods by these shares, a unit of each counting so much; `units` are as many as would say as much in one
    period (Kish)."""
    units = counts * [sums.units for sums in arm]
    if not units.all():
        return Estimate(np.nan, np.nan, 0)
    value = float(shares @ [sums.mean for sums in arm])
    variance = float(shares**2 / units @ [sums.variance for sums in arm])
    alike = float(1 / (shares**2 / units).sum())
    return Estimate(value, variance * alike, alike)


def measured(periods: Sequence[Period]) -> list[Estimate]:
    """The mean of each arm in the uniform slice: of no weight's making, and learnt from by nobody. Each unit once: where
    units come back, their sums over the whole run make one period of `uniform`."""
    arms = max((len(period.uniform) for period in periods), default=0)
    return [Estimate.mean(sum((period.uniform[arm] for period in periods if period.uniform), Sums())) for arm in range(arms)]


def sizes(periods: Sequence[Period]) -> Mismatch | None:
    """Whether units fell into the arms as the logged weights said: expected is the sum of every unit's weights, over
    periods and the slice; never the weights of today. None while there is too little to say."""
    if not periods:
        return None
    arms = len(periods[0].weights)
    counts, expected = np.zeros(arms), np.zeros(arms)
    for period in periods:
        counts += [sums.units for sums in period.drawn]
        expected += period.traffic * np.asarray(period.weights)
        if period.uniform:
            apart = np.array([sums.units for sums in period.uniform])
            counts, expected = counts + apart, expected + apart.sum() / arms
    return sample_ratio(counts.tolist(), expected.tolist())
