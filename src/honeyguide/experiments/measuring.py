"""A treatment beside the control in one metric: the difference, what is known of it, and how it stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, sqrt
from typing import Final

import msgspec
import numpy as np

from honeyguide.config.metrics import Metric
from honeyguide.experiments.decision import Finding, Standing
from honeyguide.experiments.estimates import Sketches
from honeyguide.experiments.plan import Measured, Plan
from honeyguide.experiments.sketches import BEFORE
from honeyguide.experiments.statistics.adjusting import cuped
from honeyguide.experiments.statistics.bayesian import Belief, beta_binomial, gaussian
from honeyguide.experiments.statistics.comparing import Estimate, Interval, fieller, lift, welch
from honeyguide.experiments.statistics.power import least_lift
from honeyguide.experiments.statistics.sequential import always_valid, always_valid_p, errors, group_sequential
from honeyguide.experiments.statistics.several import benjamini_hochberg, holm

PRIOR: Final = (0.0, 0.3**2)
"""Mean and variance of lifts before anything is known: nearly all are within 60 %."""
_LEAST_FOR_CUPED: Final = 100
"""Units of each arm from which on a slope is worth estimating."""
_AVERAGES: Final = ("count", "sum", "proportion", "retention", "rate")


@dataclass(frozen=True, slots=True)
class Pair:
    """The same metric in the control and in a treatment; `adjusted` says how what was there before was taken off."""

    metric: Metric
    control: Estimate
    treatment: Estimate
    adjusted: str = ""

    @property
    def difference(self) -> float:
        """treatment - control."""
        return self.treatment.value - self.control.value

    @property
    def variance(self) -> float:
        """Of the difference."""
        return self.treatment.variance + self.control.variance

    @property
    def units(self) -> float:
        """Of both arms."""
        return self.control.units + self.treatment.units


@dataclass(frozen=True, slots=True)
class Looked:
    """An interval of a difference, its p-value, and how many standard errors it reaches."""

    interval: Interval
    p: float
    errors: float


NOTHING_KNOWN: Final = Looked(Interval(np.nan, np.nan), np.nan, inf)


def measured(plan: Plan, metrics: Mapping[str, Metric], sketches: Sketches) -> list[Measured]:
    """Every treatment in every metric of the plan, p-values adjusted for their number."""
    found = [_measure(plan, metrics[name], sketches, arm) for name in plan.metrics for arm in plan.arms[1:]]
    for role, adjust in (("goal", holm), ("watched", benjamini_hochberg)):
        own = [at for at, each in enumerate(found) if each.role == role and each.p is not None]
        adjusted = adjust([float(found[at].p or 0.0) for at in own]) if own else ()
        for at, p in zip(own, adjusted, strict=True):
            standing = _standing(found[at], float(p), metrics[found[at].metric], plan)
            found[at] = msgspec.structs.replace(found[at], p_adjusted=float(p), standing=standing)
    return found


def _standing(found: Measured, p: float, metric: Metric, plan: Plan) -> Standing:
    """Better or worse where the adjusted p-value says so, or the interval leaves 0 out."""
    apart = found.low is not None and found.high is not None and (found.low > 0 or found.high < 0)
    by_p = p < plan.alpha and plan.engine != "group-sequential"
    if not (apart or by_p) or not found.difference:
        return "open"
    return "better" if (found.difference > 0) == (metric.better == "more") else "worse"


def level_of(plan: Plan, metric: str) -> float:
    """Alpha of one interval: goals share it."""
    return plan.alpha / (len(plan.goals) * (len(plan.arms) - 1)) if plan.role(metric) == "goal" else plan.alpha


def _measure(plan: Plan, metric: Metric, sketches: Sketches, arm: str) -> Measured:
    pair = pair_of(plan, metric, sketches, arm)
    level, planned = level_of(plan, metric.name), planned_of(plan, arm)
    looked = look(plan, pair.difference, pair.variance, pair.units, planned, level)
    lifted = fieller(pair.control, pair.treatment, errors=looked.errors)
    relative = lift(pair.control, pair.treatment)
    belief = _belief(pair, sketches, plan.arms[0], arm)
    shrunk = gaussian(relative.value, relative.variance, prior=PRIOR).interval
    units = (pair.control.units, pair.treatment.units)
    return Measured(
        metric=metric.name,
        role=plan.role(metric.name),
        arm=arm,
        units=pair.treatment.units,
        control=known(pair.control.value),
        value=known(pair.treatment.value),
        difference=known(pair.difference),
        low=known(looked.interval.low),
        high=known(looked.interval.high),
        lift=known(relative.value),
        lift_low=known(lifted.low),
        lift_high=known(lifted.high),
        p=known(looked.p),
        p_adjusted=known(looked.p),
        level=level,
        engine=plan.engine,
        at_once=known(welch(pair.control, pair.treatment).p),
        chance=known(belief.chance),
        loss_of_shipping=known(belief.loss_of_shipping),
        loss_of_keeping=known(belief.loss_of_keeping),
        shrunk=known((shrunk.low + shrunk.high) / 2),
        standing=_guarded(plan, pair, planned) if plan.role(metric.name) == "guardrail" else "open",
        adjusted=pair.adjusted,
        least=known(least_lift(pair.control, units, alpha=level)),
    )


def pair_of(plan: Plan, metric: Metric, sketches: Sketches, arm: str) -> Pair:
    """Control and treatment, with what was there before taken off where it is known of enough units."""
    before = [sketches.sums(metric.name + BEFORE, each) for each in (plan.arms[0], arm)]
    if metric.kind in _AVERAGES and all(each.units >= _LEAST_FOR_CUPED and each.variance_y > 0 for each in before):
        return Pair(metric, *cuped(*before), "cuped")
    control, treatment = (sketches.estimate(metric, each) for each in (plan.arms[0], arm))
    return Pair(metric, control, treatment)


def _guarded(plan: Plan, pair: Pair, planned: float) -> Standing:
    """Non-inferiority by the relative margin, one-sided and at every look: broken where more than the margin is lost for
    sure, kept where that can no longer be."""
    sign = 1.0 if pair.metric.better == "more" else -1.0
    borne = 1.0 - sign * plan.guardrails[pair.metric.name] * (1.0 if pair.control.value >= 0 else -1.0)
    value = sign * (pair.treatment.value - borne * pair.control.value)
    variance = pair.treatment.variance + borne**2 * pair.control.variance
    interval = always_valid(value, variance, pair.units, planned=planned, alpha=min(2 * plan.alpha, 0.5))
    return "kept" if interval.low > 0 else "broken" if interval.high < 0 else "open"


def _belief(pair: Pair, sketches: Sketches, control: str, arm: str) -> Belief:
    """Chance to be better and expected losses: exact for proportions that nothing was taken off, else by the normal."""
    more = pair.metric.better == "more"
    if pair.metric.kind in ("proportion", "retention") and not pair.adjusted:
        sums = [sketches.sums(pair.metric.name, each) for each in ((control, arm) if more else (arm, control))]
        if all(each.units for each in sums):
            return beta_binomial((sums[0].x, sums[1].x), (sums[0].units, sums[1].units), alpha=None)
    return gaussian(pair.difference if more else -pair.difference, pair.variance)


def planned_of(plan: Plan, arm: str) -> float:
    """The planned units of the two arms that are compared."""
    weights = dict(zip(plan.arms, plan.weights, strict=True))
    return max(1.0, plan.planned * (weights[plan.arms[0]] + weights[arm]) / sum(plan.weights))


def look(plan: Plan, difference: float, variance: float, units: float, planned: float, level: float) -> Looked:
    """What may be said of a difference now: at every look, or only at those that were planned."""
    if not units or not variance >= 0:
        return NOTHING_KNOWN
    if plan.engine == "always-valid":
        return Looked(
            always_valid(difference, variance, units, planned=planned, alpha=level),
            always_valid_p(difference, variance, units, planned=planned, alpha=level),
            errors(units, planned=planned, alpha=level),
        )
    reach = _bound(plan, units / planned, level)
    belief, width = gaussian(difference, variance).chance, reach * sqrt(variance) if variance else 0.0
    if reach == inf:
        return Looked(Interval(-inf, inf), 1.0, inf)
    return Looked(Interval(difference - width, difference + width), 2 * min(belief, 1 - belief), reach)


def _bound(plan: Plan, share: float, level: float) -> float:
    """The bound of the last planned look that was reached; infinite before the first, when nothing may be said."""
    looks = plan.looks if plan.engine == "group-sequential" else 1
    at = min(looks, int(share * looks + 1e-9))
    return inf if not at else group_sequential([(each + 1) / looks for each in range(looks)], alpha=level)[at - 1]


def finding(found: Measured, plan: Plan) -> Finding:
    """How a treatment stands in a metric, in words."""
    moved = "is not known" if found.lift is None else f"moves {found.lift:+.1%}{_between(found)}"
    told = {
        "better": "better",
        "worse": "worse",
        "open": "open",
        "kept": f"not worse by more than {plan.guardrails.get(found.metric, 0.0):.1%}",
        "broken": f"worse by more than {plan.guardrails.get(found.metric, 0.0):.1%}",
    }[found.standing]
    return Finding(found.metric, found.role, found.arm, found.standing, f"{found.arm}: {found.metric} {moved}: {told}.")


def _between(found: Measured) -> str:
    if found.lift_low is None or found.lift_high is None:
        return ""
    return f" ({found.lift_low:+.1%} to {found.lift_high:+.1%})"


def known(value: float) -> float | None:
    """A number, or None for what is none: an end of an interval that is open, an estimate of nobody."""
    return float(value) if np.isfinite(value) else None
