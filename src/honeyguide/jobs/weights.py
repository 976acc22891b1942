"""Gives running bandits new weights when a period is over: the leader's job.

A period is one stretch of fixed weights. With the next one the seed changes, so that every unit is drawn anew and
independently; what it does is kept apart from what it did before. The units of the uniform slice keep their arms, and are
not learnt from.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec
import structlog

from honeyguide.clock import Clock
from honeyguide.errors import Conflict
from honeyguide.experiments.bandit_results import Slice, summed
from honeyguide.experiments.bandits import Learning, Period, next_weights
from honeyguide.messages import Bandit, Experiment
from honeyguide.protocols import Store
from honeyguide.protocols.outcomes import Exposure, phase_key

log = structlog.get_logger(__name__)

BY: Final = "bandit"
"""Who changes the weights."""
_HOUR_MS: Final = 3_600_000


class BanditWeights:
    """Reads what came of each period, and says what the next one's weights are."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._closed: dict[tuple[str, int], Period] = {}
        """Periods that nothing is added to any more."""

    async def round(self) -> None:
        """Begin the next period of each bandit whose period is over."""
        for experiment in await asyncio.to_thread(self._store.experiments.running):
            if experiment.kind == "bandit" and experiment.goals and self._is_over(experiment, experiment.how):
                await asyncio.to_thread(self._weigh, experiment, experiment.how)

    def _is_over(self, experiment: Experiment, bandit: Bandit) -> bool:
        began = max(experiment.period_started_at or 0, experiment.phase_started_at or 0, experiment.started_at or 0)
        return self._clock.now_ms() >= began + bandit.every * _HOUR_MS

    def _weigh(self, experiment: Experiment, bandit: Bandit) -> None:
        now = self._clock.now_ms()
        found = next_weights(self.periods(experiment, bandit, now), len(experiment.arms), learning_of(bandit))
        period = experiment.period + 1
        arms = [
            msgspec.structs.replace(arm, weight=weight) for arm, weight in zip(experiment.arms, found.weights, strict=True)
        ]
        seed = f"{experiment.name}:{experiment.phase}:{period}"
        new = msgspec.structs.replace(experiment, arms=arms, period=period, seed=seed, period_started_at=now)
        try:
            self._store.experiments.put(new, "weighed", by=BY, why=found.because)
        except Conflict:  # somebody has changed it meanwhile: it is looked at again in the next round
            return
        log.info("a bandit has new weights", experiment=experiment.name, period=period, weights=found.weights)

    def periods(self, experiment: Experiment, bandit: Bandit, now: int) -> list[Period]:
        """What came of the periods of the present phase, of units whose attribution window is over."""
        ends = self._ends(experiment)
        numbers = range(experiment.period + 1)
        return [self._period(experiment, bandit, number, ends.get(number, now)) for number in numbers]

    def _ends(self, experiment: Experiment) -> dict[int, int]:
        """When each period ended (ms): when the next one began."""
        changes = self._store.experiments.history(experiment.name)
        own = [each.experiment for each in changes if each.experiment.phase == experiment.phase]
        return {each.period - 1: each.period_started_at for each in own if each.period_started_at is not None}

    def _period(self, experiment: Experiment, bandit: Bandit, number: int, end: int) -> Period:
        key = phase_key(experiment.name, experiment.phase, number)
        held = self._closed.get(key)
        if held is not None:
            return held
        until = end - round(bandit.window * _HOUR_MS)
        exposures = [each for batch in self._store.outcomes.all_exposures(key) for each in batch]
        found = self._summed(experiment, [each for each in exposures if each.first_at <= until], bandit, key)
        if number < experiment.period - 1:  # the fold has come past its end by now
            self._closed[key] = found
        return found

    def _summed(self, experiment: Experiment, units: Sequence[Exposure], bandit: Bandit, key: tuple[str, int]) -> Period:
        outcomes = self._outcomes(key, experiment.goals[0])
        names, weights = experiment.arm_names, self._weights(experiment, units)
        drawn, apart = ([each for each in units if (each.reason == "uniform") == of] for of in (False, True))
        return Period(weights, summed(drawn, names, outcomes, bandit.reward), summed(apart, names, outcomes, bandit.reward))

    def _weights(self, experiment: Experiment, units: Sequence[Exposure]) -> tuple[float, ...]:
        """The weights that were logged with the units; those of now for arms that nobody was drawn into."""
        logged = {each.arm: each.weight for each in units if each.reason != "uniform"}
        return tuple(logged.get(arm.name, arm.weight) for arm in experiment.arms)

    def _outcomes(self, key: tuple[str, int], metric: str) -> dict[str, float]:
        """What units have added to the goal."""
        batches = self._store.outcomes.all_totals(key)
        return {unit: total.x for batch in batches for name, unit, total in batch if name == metric}

    def uniform_slice(self, experiment: Experiment, bandit: Bandit, now: int) -> Slice:
        """What came of the slice in the whole phase, each unit once."""
        ends, found = self._ends(experiment), Slice(experiment.arm_names)
        for number in range(experiment.period + 1):
            key = phase_key(experiment.name, experiment.phase, number)
            outcomes = self._outcomes(key, experiment.goals[0])
            until = ends.get(number, now) - round(bandit.window * _HOUR_MS)
            for batch in self._store.outcomes.all_exposures(key):
                found.add([each for each in batch if each.reason == "uniform" and each.first_at <= until], outcomes)
        return found


def learning_of(bandit: Bandit) -> Learning:
    """How it learns, for `experiments.bandits`."""
    return Learning(bandit.reward, bandit.floor, bandit.decay, bandit.least)
