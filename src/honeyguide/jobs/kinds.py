"""Results of experiments that are no comparison of two groups: bandits, and interleaved lists."""

import zlib
from math import isnan

import msgspec

from honeyguide.clock import Clock
from honeyguide.errors import Conflict
from honeyguide.experiments.bandit_results import BanditResults, found
from honeyguide.experiments.interleaving import preference
from honeyguide.experiments.outcomes import PREFERENCE
from honeyguide.jobs.weights import BanditWeights, learning_of
from honeyguide.messages import Experiment, ExperimentKind
from honeyguide.protocols import Store
from honeyguide.protocols.outcomes import phase_key


class InterleavingResults(msgspec.Struct, frozen=True):
    """Which of two lists those prefer who saw both: users who clicked more of the `first` arm's items, of the `second`'s, or
    neither.

    `delta` is the share of users that the second is ahead by, halved: 0 is even. `low` to `high` holds at every look, and
    so does `p`; `at_once_low` to `at_once_high` (bootstrap over users) and `at_once` (sign test) are for one look."""

    experiment: str
    phase: int
    first: str
    second: str
    users: int
    prefer_first: int
    prefer_second: int
    neither: int
    delta: float | None
    low: float | None
    high: float | None
    p: float | None
    at_once_low: float | None
    at_once_high: float | None
    at_once: float | None
    preferred: str
    """The arm that is preferred, as far as every look may say so; empty if that is open."""


class Standing(msgspec.Struct, frozen=True):
    """How it stands with a bandit or an interleaving; the other one is null."""

    experiment: str
    kind: ExperimentKind
    bandit: BanditResults | None = None
    interleaving: InterleavingResults | None = None


class OtherResults:
    """Reads what is known of them."""

    def __init__(self, store: Store, weights: BanditWeights, clock: Clock) -> None:
        self._store, self._weights, self._clock = store, weights, clock

    def standing(self, name: str) -> Standing:
        """The same, by its kind."""
        said = self.of(name)
        if isinstance(said, BanditResults):
            return Standing(name, "bandit", bandit=said)
        return Standing(name, "interleaving", interleaving=said)

    def of(self, name: str) -> BanditResults | InterleavingResults:
        """The results of a bandit or an interleaving in its present phase. Raises `NotFound`, and `Conflict` where it has
        not begun or is of another kind."""
        experiment = self._store.experiments.get(name)
        if experiment.state == "draft" or experiment.kind == "ab" or not experiment.goals:
            why = "has not begun" if experiment.state == "draft" else "is compared by its metrics"
            raise Conflict(
                f"The experiment {name!r} {why}.",
                cure=f"Start it with 'honeyguide experiments start {name}', or ask for its results by metric.",
                code="other_results",
            )
        return self._bandit(experiment) if experiment.kind == "bandit" else self._interleaving(experiment)

    def _bandit(self, experiment: Experiment) -> BanditResults:
        now, bandit = self._clock.now_ms(), experiment.how
        return found(
            experiment.name,
            experiment.phase,
            {arm.name: arm.weight for arm in experiment.arms},
            self._weights.periods(experiment, bandit, now),
            self._weights.uniform_slice(experiment, bandit, now),
            learning_of(bandit),
            planned=experiment.planned_units,
            alpha=experiment.alpha,
        )

    def _interleaving(self, experiment: Experiment) -> InterleavingResults:
        key, scores = phase_key(experiment.name, experiment.phase), dict[str, float]()
        for batch in self._store.outcomes.all_exposures(key):
            scores |= {each.unit: 0.0 for each in batch}
        for rows in self._store.outcomes.all_totals(key):
            scores |= {unit: total.x for metric, unit, total in rows if metric == PREFERENCE and unit in scores}
        seed = zlib.crc32(f"{experiment.name}:{experiment.phase}".encode())
        said = preference(list(scores.values()), seed=seed, planned=experiment.planned_units, alpha=experiment.alpha)
        first, second = experiment.arm_names
        ahead = second if said.always.low > 0 else first if said.always.high < 0 else ""
        return InterleavingResults(
            experiment=experiment.name,
            phase=experiment.phase,
            first=first,
            second=second,
            users=said.users,
            prefer_first=said.first,
            prefer_second=said.second,
            neither=said.ties,
            delta=_known(said.delta),
            low=_known(said.always.low),
            high=_known(said.always.high),
            p=_known(said.always_p),
            at_once_low=_known(said.interval.low),
            at_once_high=_known(said.interval.high),
            at_once=_known(said.p),
            preferred=ahead,
        )


def _known(value: float) -> float | None:
    return None if isnan(value) else value
