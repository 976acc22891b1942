"""What a training is made of, and what it says of itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from honeyguide.clock import Clock
from honeyguide.config.settings import Settings
from honeyguide.offline.dataset import Dataset
from honeyguide.offline.evaluation import METRICS, Evaluation
from honeyguide.retrieval.together import Companions
from honeyguide.train.bench import BASELINE
from honeyguide.train.compare import Trial
from honeyguide.train.content import FittedContent
from honeyguide.train.gate import Verdict
from honeyguide.train.ranker import Ranked
from honeyguide.types import Json


@dataclass(frozen=True, slots=True)
class Beside:
    """What all lists are made with, whichever model makes them; published with the popularity version."""

    content: FittedContent | None = None
    companions: Companions | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One training: the data up to a log position, the trials on its split, and what follows from them.

    `seconds`: how long each stage took so far; `parent`: the label of what served then, if anything; `search`: what a
    search has to say (`chosen.record_of`); `refused`: models that could not be fitted on everything, and why; `notes`: what
    else is to be known."""

    position: int
    dataset: Dataset
    trials: Sequence[Trial]
    verdict: Verdict
    settings: Settings
    seconds: Mapping[str, float]
    parent: str = ""
    search: Json | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    beside: Beside = field(default_factory=Beside)
    rankers: Sequence[Ranked] = ()

    @property
    def seed(self) -> int:
        """The seed of everything random in it."""
        return self.settings.training.seed

    def gains(self) -> dict[str, Json]:
        """Model -> its paired gain over popularity per user as served, [mean, low, high] (95 %), and by which metric."""
        training = self.settings.training
        served = {trial.name: trial.served for trial in self.trials if trial.served is not None}
        base = served.pop(BASELINE, None)
        if base is None:
            return {}
        found = {name: one.difference(base, training.metric, training.seed) for name, one in served.items()}
        return {
            name: {
                "over": BASELINE,
                "metric": f"served_{training.metric}@{training.k}",
                "interval": [round(value, 6) for value in (gain.mean, gain.low, gain.high)],
            }
            for name, gain in found.items()
        }


@dataclass(frozen=True, slots=True)
class ModelReport:
    """One model: `metrics` as `metrics_of` has them; `version` 0 when nothing was published."""

    name: str
    version: int
    metrics: Json
    failed: str = ""


@dataclass(frozen=True, slots=True)
class TrainReport:
    """A training or comparison: the data it saw, each model, who serves and why.

    `seconds` is the whole time, `stages` that of each stage: read, search, compare, fit, publish. `search` is what a search
    chose and why, None without one; `notes` are sentences about what was not done, and why."""

    position: int
    interactions: int
    users: int
    items: int
    window: tuple[int, int]
    models: tuple[ModelReport, ...]
    champion: str
    reason: str
    margin: tuple[float, float, float] | None
    seconds: float
    stages: Mapping[str, float] = field(default_factory=dict)
    search: Json | None = None
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Laps:
    """Seconds by stage on a clock that is passed in."""

    clock: Clock
    seconds: dict[str, float] = field(default_factory=dict)
    _last: float = field(init=False)

    def __post_init__(self) -> None:
        self._last = self.clock.monotonic()

    @property
    def total(self) -> float:
        """Seconds of all stages so far."""
        return sum(self.seconds.values())

    def lap(self, stage: str) -> None:
        """What has passed since the last lap was `stage`."""
        now = self.clock.monotonic()
        self.seconds[stage], self._last = round(now - self._last, 3), now


def metrics_of(trial: Trial, seed: int) -> Json:
    """Means, and for recall and NDCG their 95 % intervals over users, with what the lists are like, users and seconds;
    the same of the lists as served, their names beginning with `served_`."""
    evaluation, served = trial.evaluation, trial.served
    if evaluation is None or served is None:
        return {"failed": trial.failed}
    found = _values(evaluation, seed) | {f"served_{name}": value for name, value in _values(served, seed).items()}
    found["users"] = len(evaluation.values["ndcg"])
    found["fit_seconds"], found["evaluate_seconds"] = round(trial.fit_seconds, 3), round(trial.evaluate_seconds, 3)
    return found


def _values(evaluation: Evaluation, seed: int) -> Json:
    found: Json = {f"{name}@{evaluation.k}": round(evaluation.mean(name), 6) for name in METRICS}
    found |= {"coverage": round(evaluation.coverage, 6), "novelty": round(evaluation.novelty, 4)}
    if evaluation.diversity is not None:
        found["diversity"] = round(evaluation.diversity, 4)
    if evaluation.popularity_lift is not None:
        found["popularity_lift"] = round(evaluation.popularity_lift, 4)
    for name in ("recall", "ndcg"):
        interval = evaluation.interval(name, seed)
        found[f"{name}@{evaluation.k}_interval"] = [round(interval.low, 6), round(interval.high, 6)]
    return found


def report_of(run: Run, versions: Mapping[str, int], serving: str) -> TrainReport:
    """The report of a run. `versions` (model -> version) were published; `serving` is the label that serves now."""
    data, margin = run.dataset.interactions, run.verdict.margin
    trials = {trial.name: trial for trial in run.trials}
    models = [
        ModelReport(
            name,
            versions.get(name, 0),
            metrics_of(trials[name], run.seed) if name in trials else {},
            run.refused.get(name) or (trials[name].failed if name in trials else ""),
        )
        for name in dict.fromkeys([*trials, *versions])
    ]
    return TrainReport(
        position=run.position,
        interactions=len(data.users),
        users=data.n_users,
        items=data.n_items,
        window=(int(data.ts.min()), int(data.ts.max())),
        models=tuple(models),
        champion=serving or run.verdict.champion,
        reason=run.verdict.reason,
        margin=None if margin is None else (margin.mean, margin.low, margin.high),
        seconds=round(sum(run.seconds.values()), 3),
        stages=dict(run.seconds),
        search=run.search,
        notes=(*run.notes, *(each.reason for each in run.rankers)),
    )
