"""What each engine says of many simulated runs at once: the formulas of `statistics`, on arrays [runs, looks].

For simulations only: results of real experiments are made by `statistics` itself, and a test compares the two run by run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from honeyguide.experiments.simulation import Runs, World
from honeyguide.experiments.statistics.highest import highest
from honeyguide.experiments.statistics.sequential import group_sequential, tuning
from honeyguide.experiments.statistics.several import LEAST_EXPECTED, SRM_ALARM

Wide = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Said:
    """At each look: an estimate, its interval, and whether a difference would be announced; [runs, looks]."""

    value: Wide
    low: Wide
    high: Wide
    different: Flags

    @classmethod
    def by_interval(cls, value: Wide, reach: Wide) -> "Said":
        """Announced where the interval leaves 0 out."""
        return cls(value, value - reach, value + reach, np.abs(value) > reach)


@dataclass(frozen=True, slots=True)
class Rules:
    """What was fixed before the start: alpha, and the users of both arms for whom it was planned."""

    alpha: float
    planned: float


Engine = Callable[[Runs, Rules], Said]


def _variance(units: Wide, products: Wide, first: Wide, second: Wide) -> Wide:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.maximum(products - first * second / units, -np.inf) / (units - 1), dtype=np.float64)


def _ratio(runs: Runs) -> tuple[Wide, Wide]:
    """Clicks per item shown of each arm, and its variance by the delta method."""
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio, mean = runs.x / runs.y, runs.y / runs.units
        spread = (
            _variance(runs.units, runs.xx, runs.x, runs.x)
            - 2 * ratio * _variance(runs.units, runs.xy, runs.x, runs.y)
            + ratio**2 * _variance(runs.units, runs.yy, runs.y, runs.y)
        )
        return ratio, np.maximum(spread, 0.0) / mean**2 / runs.units


def _mean(runs: Runs) -> tuple[Wide, Wide]:
    """Clicks per user of each arm, and its variance."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return runs.x / runs.units, _variance(runs.units, runs.xx, runs.x, runs.x) / runs.units


def _bought(runs: Runs) -> tuple[Wide, Wide]:
    with np.errstate(invalid="ignore", divide="ignore"):
        share = runs.bought / runs.units
        return share, share * (1 - share) / runs.units


def _adjusted(runs: Runs) -> tuple[Wide, Wide]:
    """Clicks per user with what clicks before explain taken off (CUPED): one slope within both arms."""
    n = runs.units
    with np.errstate(invalid="ignore", divide="ignore"):
        var_z, cov = _variance(n, runs.zz, runs.z, runs.z), _variance(n, runs.xz, runs.x, runs.z)
        slope = ((n - 1) * cov).sum(-1, keepdims=True) / ((n - 1) * var_z).sum(-1, keepdims=True)
        middle = runs.z.sum(-1, keepdims=True) / n.sum(-1, keepdims=True)
        left = _variance(n, runs.xx, runs.x, runs.x) - 2 * slope * cov + slope**2 * var_z
        return runs.x / n - slope * (runs.z / n - middle), np.maximum(left, 0.0) / n


def _difference(arms: tuple[Wide, Wide]) -> tuple[Wide, Wide]:
    value, variance = arms
    return value[..., 1] - value[..., 0], variance.sum(axis=-1)


def _welch(arms: tuple[Wide, Wide], runs: Runs, rules: Rules) -> Said:
    value, variance = _difference(arms)
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = variance**2 / (arms[1] ** 2 / (runs.units - 1)).sum(axis=-1)
        return Said.by_interval(value, stats.t.isf(rules.alpha / 2, freedom) * np.sqrt(variance))


def welch(runs: Runs, rules: Rules) -> Said:
    """Welch's t test of clicks per user."""
    return _welch(_mean(runs), runs, rules)


def ratio(runs: Runs, rules: Rules) -> Said:
    """Welch's t test of clicks per item shown, by the delta method."""
    return _welch(_ratio(runs), runs, rules)


def adjusted(runs: Runs, rules: Rules) -> Said:
    """Welch's t test after CUPED."""
    return _welch(_adjusted(runs), runs, rules)


def by_impression(runs: Runs, rules: Rules) -> Said:
    """The usual dashboard: two proportions of impressions, as if no two were of the same user."""
    return _proportions(runs.x, runs.y, rules)


def proportions(runs: Runs, rules: Rules) -> Said:
    """Two proportions of users who bought."""
    return _proportions(runs.bought, runs.units, rules)


def _proportions(successes: Wide, units: Wide, rules: Rules) -> Said:
    with np.errstate(invalid="ignore", divide="ignore"):
        share = successes / units
        value = share[..., 1] - share[..., 0]
        pooled = successes.sum(-1) / units.sum(-1)
        error = np.sqrt(pooled * (1 - pooled) * (1 / units).sum(-1))
        z = float(stats.norm.isf(rules.alpha / 2))
        reach = z * np.sqrt((share * (1 - share) / units).sum(-1))
        return Said(value, value - reach, value + reach, np.abs(value) > z * error)


def lift(runs: Runs, rules: Rules) -> Said:
    """The relative lift of clicks per item shown, by the delta method."""
    value, variance = _ratio(runs)
    with np.errstate(invalid="ignore", divide="ignore"):
        base, other = value[..., 0], value[..., 1]
        error = np.sqrt(variance[..., 1] / base**2 + variance[..., 0] * other**2 / base**4)
        return Said.by_interval(other / base - 1, float(stats.norm.isf(rules.alpha / 2)) * error)


def fieller(runs: Runs, rules: Rules) -> Said:
    """The same by Fieller's theorem; nothing is said where the control may be 0."""
    value, variance = _ratio(runs)
    z = float(stats.norm.isf(rules.alpha / 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        base, quotient = value[..., 0], value[..., 1] / value[..., 0]
        unsure = z**2 * variance[..., 0] / base**2
        root = np.sqrt(np.maximum(quotient**2 * variance[..., 0] + (1 - unsure) * variance[..., 1], 0.0))
        low, high = ((quotient + sign * z / base * root) / (1 - unsure) - 1 for sign in (-1, 1))
        low, high = np.where(unsure < 1, low, -np.inf), np.where(unsure < 1, high, np.inf)
    return Said(quotient - 1, low, high, (low > 0) | (high < 0))


def always_valid(runs: Runs, rules: Rules) -> Said:
    """The confidence sequence of clicks per item shown: it holds at all looks together."""
    value, variance = _difference(_ratio(runs))
    scaled = runs.units.sum(-1) * tuning(rules.alpha, rules.planned)
    with np.errstate(invalid="ignore", divide="ignore"):
        reach = np.sqrt(variance * 2 * (scaled + 1) / scaled * np.log(np.sqrt(scaled + 1) / rules.alpha))
    return Said.by_interval(value, reach)


def planned_looks(runs: Runs, rules: Rules) -> Said:
    """Group-sequential: bounds for just these looks, alpha spent as share^2."""
    looks = runs.units.shape[1]
    bounds = np.array(group_sequential([(look + 1) / looks for look in range(looks)], alpha=rules.alpha))
    value, variance = _difference(_ratio(runs))
    return Said.by_interval(value, bounds * np.sqrt(variance))


_CONFIDENT: Final = 0.95
_DOUBT: Final = 0.4
_FEW: Final = 10


def beta_binomial(runs: Runs, rules: Rules) -> Said:
    """The chance that more users buy with the treatment is above 95 %: what many dashboards call significant."""
    value, variance = _difference(_bought(runs))
    error = np.sqrt(variance)
    # the quadrature is for where the normal law is in doubt: it is off by far less where each arm has a few who bought
    confident = value > float(stats.norm.ppf(_CONFIDENT)) * error
    with np.errstate(invalid="ignore", divide="ignore"):
        doubt = np.abs(value / error - float(stats.norm.ppf(_CONFIDENT))) < _DOUBT
    doubt |= (runs.bought.min(-1) < _FEW) | ~np.isfinite(value)
    bought, units = runs.bought[doubt][..., None], runs.units[doubt][..., None]
    confident[doubt] = highest(stats.beta(1 + bought, 1 + units - bought))[..., 1] > _CONFIDENT
    reach = float(stats.norm.isf(rules.alpha / 2)) * error
    return Said(value, value - reach, value + reach, confident)


def gaussian(runs: Runs, rules: Rules) -> Said:
    """The same of clicks per item shown, normal with a flat prior, and its credible interval."""
    value, variance = _difference(_ratio(runs))
    error = np.sqrt(variance)
    reach = float(stats.norm.isf(rules.alpha / 2)) * error
    return Said(value, value - reach, value + reach, value > float(stats.norm.ppf(_CONFIDENT)) * error)


def mismatched(runs: Runs, share: float) -> Flags:
    """Where the sizes of the arms raise an alarm: chi squared with one degree of freedom, p < 0.001."""
    shares = np.array([1 - share, share])
    expected = runs.units.sum(-1, keepdims=True) * shares
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic = ((runs.units - expected) ** 2 / expected).sum(-1)
    return np.asarray((stats.chi2.sf(statistic, 1) < SRM_ALARM) & (expected.min(-1) >= LEAST_EXPECTED))


ENGINES: Final[dict[str, Engine]] = {
    "impressions, z": by_impression,
    "users who buy, z": proportions,
    "clicks per user, Welch": welch,
    "clicks per user, CUPED": adjusted,
    "click rate, delta method": ratio,
    "lift, delta method": lift,
    "lift, Fieller": fieller,
    "chance > 95 %, Beta-Binomial": beta_binomial,
    "chance > 95 %, Gaussian": gaussian,
    "group-sequential": planned_looks,
    "always-valid": always_valid,
}
"""All of them, by what they look at; the first is here as a warning only."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What an engine said of all runs: the share in which a difference was announced at the last look, at any look; the
    share in which its interval held the truth at the last look, at all looks; and, where it was announced, the median of
    the share of the run that it took, and of the estimate then."""

    last: float
    ever: float
    held_last: float
    held_always: float
    took: float
    estimate: float


def verdicts(said: Said, truth: float) -> Verdicts:
    """Count what was said; looks before there are estimates say nothing."""
    looks = said.different.shape[1]
    ever, first = said.different.any(axis=1), said.different.argmax(axis=1)
    held, known = ~((said.low > truth) | (said.high < truth)), not np.isnan(truth)
    at = np.arange(len(first))[ever], first[ever]
    return Verdicts(
        last=float(said.different[:, -1].mean()),
        ever=float(ever.mean()),
        held_last=float(held[:, -1].mean()) if known else np.nan,
        held_always=float(held.all(axis=1).mean()) if known else np.nan,
        took=float(np.median(first[ever] + 1) / looks) if ever.any() else np.nan,
        estimate=float(np.median(said.value[at])) if ever.any() else np.nan,
    )


def chance_error(share: float, runs: int) -> float:
    """The standard error of a share of so many runs."""
    return sqrt(share * (1 - share) / runs)


def truths(world: World) -> dict[str, float]:
    """The difference that each engine looks for, as far as it is known in a formula; weekends move all but the lift."""
    known = {"lift, delta method": world.lift, "lift, Fieller": world.lift}
    if world.weekend == 1:
        of_rate, per_user = world.rate * world.lift, world.rate * world.lift * world.shown_per_user
        rates = ("click rate, delta method", "chance > 95 %, Gaussian", "group-sequential", "always-valid")
        known |= dict.fromkeys(rates, of_rate)
        known |= dict.fromkeys(("clicks per user, Welch", "clicks per user, CUPED"), per_user)
    return known


def foretold(runs: Runs, world: World, rules: Rules) -> dict[str, Verdicts]:
    """What every engine says of these runs; whether an interval held is NaN where the truth is in no formula."""
    known = truths(world)
    return {name: verdicts(engine(runs, rules), known.get(name, np.nan)) for name, engine in ENGINES.items()}
