"""Bandits that never were: many runs at once of arms whose rates are known, period by period.

Users come back, and each is drawn anew in every period; a share of them is in the uniform slice for good. Weights are made
by the same formulas as those of real bandits (`bandits.py`; a test compares them run by run), with outcomes as means.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from honeyguide.experiments.statistics.highest import highest
from honeyguide.experiments.statistics.sequential import tuning

Wide = NDArray[np.float64]
Way = Literal["raw totals", "by period", "uniform slice"]
WAYS: Final[tuple[Way, ...]] = ("raw totals", "by period", "uniform slice")


@dataclass(frozen=True, slots=True)
class BanditWorld:
    """What is simulated: `users`, each of whom comes in a period with the chance `active` and then has a success by a rate
    of their own (mean `rate`, a Beta of `alike` units), times 1 + lift of the arm (the first arm is the control), times
    `weekend` in two periods of seven. `floor` is the least share of an arm, `uniform` that of the users in the slice."""

    users: int = 2_000
    periods: int = 14
    rate: float = 0.1
    lifts: tuple[float, ...] = (0.0, 0.0)
    active: float = 0.3
    alike: float = 20.0
    weekend: float = 1.0
    floor: float = 0.05
    uniform: float = 0.1
    least: int = 100

    def __post_init__(self) -> None:
        sound = {"users": (2, 10_000_000), "periods": (1, 366), "rate": (1e-6, 0.5), "weekend": (0.1, 10)}
        for name, (least, most) in sound.items():
            if not least <= (given := getattr(self, name)) <= most:
                raise ValueError(f"{name} = {given:g} cannot be simulated: it is within {least:g} and {most:g}")
        if not all(-1 <= lift <= 10 for lift in self.lifts):
            raise ValueError(f"lifts of {self.lifts} cannot be simulated: each is within -1 and 10")


@dataclass(frozen=True, slots=True)
class BanditRuns:
    """Float64 [runs, periods, arms]: the `weights` of each period; units that were `drawn` in it, and their `successes`; and
    of the slice up to its end the users who came, their successes, and these squared; `regret` [runs]: successes that were
    missed by not always taking the best arm, and `even` what equal weights would have missed."""

    weights: Wide
    drawn: Wide
    successes: Wide
    slice_units: Wide
    slice_x: Wide
    slice_xx: Wide
    regret: Wide
    even: Wide


_CELLS: Final = 4_000_000


def bandits(world: BanditWorld, *, runs: int, seed: int) -> BanditRuns:
    """So many runs; the seed settles all of it."""
    rng, together = np.random.default_rng(seed), max(1, _CELLS // world.users)
    parts = [_part(world, min(together, runs - begin), rng) for begin in range(0, runs, together)]
    names = BanditRuns.__dataclass_fields__
    return BanditRuns(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _part(world: BanditWorld, runs: int, rng: np.random.Generator) -> BanditRuns:
    arms, who = len(world.lifts), (runs, world.users)
    liking = rng.beta(world.alike * world.rate, world.alike * (1 - world.rate), who)
    apart, kept = rng.random(who) < world.uniform, rng.integers(0, arms, who)
    lifts = 1 + np.array(world.lifts)
    shape = (runs, world.periods, arms)
    found = BanditRuns(*(np.zeros(each) for each in (*[shape] * 6, runs, runs)))
    total, met = np.zeros(who), np.zeros(who, np.bool_)
    for period in range(world.periods):
        weights = next_weights_of(found.drawn[:, :period], found.successes[:, :period], world.floor, world.least)
        here = rng.random(who) < world.active
        level = world.weekend if period % 7 >= 5 else 1.0
        redrawn = (rng.random(who)[..., None] >= np.cumsum(weights, axis=1)[:, None, :-1]).sum(-1)
        arm = np.where(apart, kept, redrawn)
        success = here & (rng.random(who) < np.minimum(liking * lifts[arm] * level, 1.0))
        found.weights[:, period] = weights
        found.drawn[:, period] = _counted(here & ~apart, redrawn, arms)
        found.successes[:, period] = _counted(success & ~apart, redrawn, arms)
        total, met = total + success * apart, met | (here & apart)
        for into, value in ((found.slice_units, met), (found.slice_x, total), (found.slice_xx, total**2)):
            into[:, period] = _counted(value * apart, kept, arms)
        missed = world.rate * level * (lifts.max() - lifts)
        found.regret[:] += found.drawn[:, period] @ missed
        found.even[:] += found.drawn[:, period].sum(-1) * missed.mean()
    return found


def _counted(value: NDArray[np.generic], arm: NDArray[np.int64], arms: int) -> Wide:
    runs = len(arm)
    cells = np.arange(runs)[:, None] * arms + arm
    weights = value.ravel().astype(np.float64)
    counts = np.bincount(cells.ravel(), weights=weights, minlength=runs * arms)
    return np.asarray(counts.reshape(runs, arms), dtype=np.float64)


def next_weights_of(drawn: Wide, successes: Wide, floor: float, least: int) -> Wide:
    """The weights of the next period [runs, arms] after those [runs, periods, arms], before they are put into steps."""
    runs, periods, arms = drawn.shape
    even = np.full((runs, arms), 1 / arms)
    if not periods:
        return even
    value, variance = by_period(drawn, successes)
    enough = drawn.sum(axis=1).min(axis=-1) >= least
    sound = enough & np.isfinite(value).all(-1) & (variance > 0).all(-1)
    if sound.any():
        chances = highest(stats.norm(value[sound][..., None], np.sqrt(variance[sound])[..., None]))
        even[sound] = floor + (1 - arms * floor) * chances
    return even


def by_period(drawn: Wide, successes: Wide) -> tuple[Wide, Wide]:
    """Means of periods weighted by the traffic of all arms, and their variances: float64 [runs, arms]."""
    traffic = drawn.sum(-1)
    shares = (traffic / traffic.sum(axis=1, keepdims=True))[..., None]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = successes / drawn
        variance = mean * (1 - mean) / (drawn - 1)
        return (shares * mean).sum(axis=1), (shares**2 * variance).sum(axis=1)


@dataclass(frozen=True, slots=True)
class Judged:
    """The second arm beside the first at the end of each period, float64 [runs, periods]: the difference, its variance, and
    the units that it is of."""

    value: Wide
    variance: Wide
    units: Wide

    def at_once(self, alpha: float) -> float:
        """The share of runs in which one look at the end announces a difference."""
        z = float(stats.norm.isf(alpha / 2))
        return float((np.abs(self.value[:, -1]) > z * np.sqrt(self.variance[:, -1])).mean())

    def always(self, alpha: float) -> float:
        """The share in which the always-valid interval does, at any look."""
        planned = float(self.units[:, -1].mean())
        scaled = self.units * tuning(alpha, planned)
        with np.errstate(invalid="ignore", divide="ignore"):
            reach = np.sqrt(self.variance * 2 * (scaled + 1) / scaled * np.log(np.sqrt(scaled + 1) / alpha))
            return float((np.abs(self.value) > reach).any(axis=1).mean())


def judged(runs: BanditRuns, way: Way) -> Judged:
    """What is said of the arms when outcomes are added up, averaged by period, or taken from the slice alone."""
    if way == "by period":
        ends = range(1, runs.drawn.shape[1] + 1)
        found = [by_period(runs.drawn[:, :end], runs.successes[:, :end]) for end in ends]
        value, variance = (np.stack(each, axis=1) for each in zip(*found, strict=True))
        units = np.cumsum(runs.drawn, axis=1)
    elif way == "raw totals":
        units = np.cumsum(runs.drawn, axis=1)
        value = np.cumsum(runs.successes, axis=1) / units
        variance = value * (1 - value) / (units - 1)
    else:
        units = runs.slice_units
        value = runs.slice_x / units
        variance = (runs.slice_xx - runs.slice_x**2 / units) / (units - 1) / units
    difference = value[..., 1] - value[..., 0]
    return Judged(difference, variance[..., :2].sum(-1), units[..., :2].sum(-1))
