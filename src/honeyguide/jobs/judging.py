"""Results of experiments from the sketches that the fold keeps; and what is stopped without asking anybody:
an experiment whose treatments all break a guardrail, and one whose time is over."""

import asyncio
from collections.abc import Mapping

import msgspec
import structlog

from honeyguide.clock import Clock
from honeyguide.config.metrics import Metric
from honeyguide.errors import Conflict, NotFound
from honeyguide.experiments.plan import Plan, Results
from honeyguide.experiments.results import analyse
from honeyguide.experiments.sketches import Sketch
from honeyguide.experiments.statistics.sums import Sums
from honeyguide.messages import Experiment
from honeyguide.protocols import Store
from honeyguide.protocols.outcomes import phase_key

log = structlog.get_logger(__name__)

BY: str = "guardrail"
"""Who stops an experiment by itself."""
BY_CLOCK: str = "clock"
"""Who stops it when its time is over."""


def plan_of(experiment: Experiment, metrics: Mapping[str, Metric], ended_at: int | None = None) -> Plan:
    """What was planned of a phase; metrics that are no longer declared are left out. `ended_at` (ms), where the phase ended
    before the experiment did."""
    goals = tuple(name for name in experiment.goals if name in metrics)
    return Plan(
        name=experiment.name,
        phase=experiment.phase,
        arms=tuple(arm.name for arm in experiment.arms),
        weights=tuple(arm.weight for arm in experiment.arms),
        goals=goals,
        guardrails={each.metric: each.margin for each in experiment.guardrails if each.metric in metrics},
        watched=tuple(name for name in experiment.watched if name in metrics),
        alpha=experiment.alpha,
        planned=experiment.planned_units,
        min_days=experiment.min_days,
        started_at=experiment.phase_started_at or experiment.started_at or 0,
        stopped_at=_ended(experiment, ended_at),
        engine=experiment.engine,
        looks=experiment.looks,
    )


def _ended(experiment: Experiment, ended_at: int | None) -> int | None:
    """When a phase ended (ms); one whose time is over goes on until it is stopped."""
    ended = experiment.stopped_at if ended_at is None else ended_at
    return ended if ended is None or experiment.ends_at is None else min(ended, experiment.ends_at)


class Judging:
    """Reads sketches, and judges by them."""

    def __init__(self, store: Store, metrics: Mapping[str, Metric], clock: Clock) -> None:
        self._store, self._metrics, self._clock = store, metrics, clock
        self._judged: dict[str, int] = {}

    def results(self, name: str, phase: int | None = None) -> Results:
        """The results of an experiment's present phase, or of an earlier one. Raises `NotFound`; `Conflict` for one that has
        not begun, and for kinds that have results of their own."""
        experiment = self._store.experiments.get(name)
        if experiment.state == "draft" or experiment.phase == 0:
            raise Conflict(
                f"The experiment {name!r} has not begun: there are no results.",
                cure=f"Start it with 'honeyguide experiments start {name}'.",
                code="experiment_not_started",
            )
        ended = None
        if phase is not None and phase != experiment.phase:
            ended, experiment = self._earlier(experiment, phase)
        if experiment.kind != "ab":
            raise Conflict(
                f"{name!r} is of kind {experiment.kind}: its arms are not compared as those of an A/B test are.",
                cure=f"GET /v1/experiments/{name}/standing and 'honeyguide experiments results {name}' say how it stands.",
                code="other_results",
            )
        rows, as_of, _ = self._store.outcomes.sketches(phase_key(name, experiment.phase))
        sketches = [Sketch(row.arm, row.metric, row.day, row.segment, Sums(row.n, *row[5:])) for row in rows]
        plan = plan_of(experiment, self._metrics, ended)
        return analyse(plan, self._metrics, sketches, as_of=as_of or self._clock.now_ms())

    def _earlier(self, experiment: Experiment, phase: int) -> tuple[int | None, Experiment]:
        """An experiment as it was in an earlier phase, and when that ended."""
        found = self._store.experiments.at([(experiment.name, phase), (experiment.name, phase + 1)])
        before, after = found.get((experiment.name, phase)), found.get((experiment.name, phase + 1))
        if before is None or before.phase != phase or before.state == "draft":
            raise NotFound(
                f"The experiment {experiment.name!r} has no phase {phase}.",
                cure=f"It is in phase {experiment.phase}; phases begin with 1.",
                code="phase_not_found",
            )
        return after.phase_started_at if after else None, before

    async def round(self) -> None:
        """Stop what must not go on."""
        for experiment in await asyncio.to_thread(self._store.experiments.running):
            if experiment.ends_at is not None and experiment.ends_at <= self._clock.now_ms():
                await asyncio.to_thread(self._stop, experiment, "its time is over", BY_CLOCK, "ends_at has come")
            elif experiment.kind == "ab" and experiment.guardrails:
                await asyncio.to_thread(self._guard, experiment)

    def _guard(self, experiment: Experiment) -> None:
        as_of = self._store.outcomes.sketches(phase_key(experiment.name, experiment.phase))[1]
        if not as_of or self._judged.get(experiment.name) == as_of:
            return
        self._judged[experiment.name] = as_of
        found = self.results(experiment.name)
        broken = {each.arm for each in found.metrics if each.role == "guardrail" and each.standing == "broken"}
        treatments = {arm.name for arm in experiment.arms[1:] if arm.weight > 0}
        if found.decision.verdict != "roll back" or not broken >= treatments:
            return
        self._stop(experiment, "roll back", BY, " ".join(found.decision.reasons))

    def _stop(self, experiment: Experiment, verdict: str, by: str, why: str) -> None:
        stopped = msgspec.structs.replace(experiment, state="stopped", stopped_at=self._clock.now_ms(), verdict=verdict)
        try:
            self._store.experiments.put(stopped, "stopped", by=by, why=why)
        except Conflict:  # somebody has changed it meanwhile: it is looked at again in the next round
            self._judged.pop(experiment.name, None)
            return
        log.warning("an experiment is stopped", experiment=experiment.name, by=by, why=why)
