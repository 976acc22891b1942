"""From sums to results: each treatment beside the control in every metric, its health, and what to do.

While an experiment runs, intervals and p-values are always-valid: they hold however often they are looked at. What decides
is the absolute difference; lifts are shown with Fieller's interval of the same level. Goals share alpha among goals and
treatments (intervals by Bonferroni, p-values by Holm), other metrics by Benjamini and Hochberg; each guardrail has its own.
"""

from collections.abc import Mapping, Sequence

from honeyguide.config.metrics import Metric
from honeyguide.experiments.decision import decide, soonest
from honeyguide.experiments.estimates import Sketches
from honeyguide.experiments.gates import Health, days_to_wait, gates
from honeyguide.experiments.measuring import finding, measured
from honeyguide.experiments.outcomes import DAY_MS, NAMED
from honeyguide.experiments.plan import Plan, Results
from honeyguide.experiments.sketches import BEFORE, EXPOSED, Sketch
from honeyguide.experiments.slices import by_age, by_segment, daily, stratified
from honeyguide.experiments.statistics.power import days_left
from honeyguide.experiments.statistics.sums import Sums


def analyse(plan: Plan, metrics: Mapping[str, Metric], rows: Sequence[Sketch], *, as_of: int) -> Results:
    """The results of a phase at a moment (ms), from the sketches of that moment."""
    sketches = Sketches.of(rows)
    end = as_of if plan.stopped_at is None else min(as_of, plan.stopped_at)
    units = {arm: sketches.sums(EXPOSED, arm).units for arm in plan.arms}
    health = _health(plan, metrics, sketches, units, end)
    found = gates(health)
    compared = measured(plan, metrics, sketches)
    total, days = sum(units.values()), max(0.0, (end - plan.started_at) / DAY_MS)
    per_day = total / max(days, 1.0)
    left = soonest(days_left(plan.planned, total, per_day), float(days_to_wait(health)))
    drawn = {arm for arm, weight in zip(plan.arms, plan.weights, strict=True) if weight > 0}
    findings = [finding(each, plan) for each in compared if each.arm in drawn]
    running = plan.stopped_at is None
    decision = decide(findings, found, units=total, planned=plan.planned, days_left=left, running=running)
    shown = [metrics[name] for name in plan.metrics if plan.role(name) != "watched"]
    return Results(
        experiment=plan.name,
        phase=plan.phase,
        state="running" if running else "stopped",
        as_of=as_of,
        arms=list(plan.arms),
        units=units,
        planned=plan.planned,
        days=days,
        per_day=per_day,
        hidden=decision.verdict == "hidden",
        decision=decision,
        gates=found,
        metrics=compared,
        daily=list(daily(plan, shown, sketches)),
        segments=list(by_segment(plan, shown, sketches)),
        ages=list(by_age(plan, [metrics[name] for name in plan.goals], sketches)),
        stratified=list(stratified(plan, shown, sketches)),
    )


def _health(plan: Plan, metrics: Mapping[str, Metric], sketches: Sketches, units: Mapping[str, float], end: int) -> Health:
    exposed = [sketches.sums(EXPOSED, arm) for arm in plan.arms]
    named = sketches.sums(NAMED, "")
    segments = {
        label: {arm: sketches.sums(EXPOSED, arm, segment=label).units for arm in plan.arms}
        for label in sketches.segments(EXPOSED)
    }
    before = {}
    for name in plan.metrics:
        sums = {arm: sketches.sums(name + BEFORE, arm) for arm in plan.arms}
        if any(each.y for each in sums.values()):
            before[name] = {arm: Sums(each.units, each.y, each.yy) for arm, each in sums.items()}
    return Health(
        units=units,
        weights=dict(zip(plan.arms, plan.weights, strict=True)),
        crossed=sum(each.x for each in exposed),
        mixed=sum(each.y for each in exposed),
        named=named.units,
        unknown=named.x,
        began=plan.started_at,
        now=end,
        min_days=plan.min_days,
        running=plan.stopped_at is None,
        segments=segments,
        before=before,
    )
