"""What a training says of itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from honeyguide.offline.dataset import Dataset
from honeyguide.offline.evaluation import METRICS
from honeyguide.train.compare import Trial
from honeyguide.train.gate import Verdict
from honeyguide.types import Json


@dataclass(frozen=True, slots=True)
class ModelReport:
    """One model: `metrics` as `metrics_of` has them; `version` 0 when nothing was published."""

    name: str
    version: int
    metrics: Json
    failed: str = ""


@dataclass(frozen=True, slots=True)
class TrainReport:
    """A training or comparison: the data it saw, each model, who serves and why. `seconds` is the whole time."""

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


def metrics_of(trial: Trial, seed: int = 0) -> Json:
    """Means, and for recall and NDCG their 95 % intervals over users, with coverage, users and seconds."""
    evaluation = trial.evaluation
    if evaluation is None:
        return {"failed": trial.failed}
    found: Json = {f"{name}@{evaluation.k}": round(evaluation.mean(name), 6) for name in METRICS}
    found["coverage"] = round(evaluation.coverage, 6)
    for name in ("recall", "ndcg"):
        interval = evaluation.interval(name, seed)
        found[f"{name}@{evaluation.k}_interval"] = [round(interval.low, 6), round(interval.high, 6)]
    found["users"] = len(evaluation.values["ndcg"])
    found["fit_seconds"], found["evaluate_seconds"] = round(trial.fit_seconds, 3), round(trial.evaluate_seconds, 3)
    return found


def report_of(
    dataset: Dataset,
    trials: Sequence[Trial],
    verdict: Verdict,
    versions: Mapping[str, int],
    position: int,
    seconds: float,
) -> TrainReport:
    """The report of a run."""
    data = dataset.interactions
    by_name = {trial.name: trial for trial in trials}
    names = list(dict.fromkeys([*by_name, *versions]))
    champion = f"{verdict.champion}@{versions[verdict.champion]}" if verdict.champion in versions else verdict.champion
    margin = verdict.margin
    return TrainReport(
        position=position,
        interactions=len(data.users),
        users=data.n_users,
        items=data.n_items,
        window=(int(data.ts.min()), int(data.ts.max())),
        models=tuple(
            ModelReport(
                name,
                versions.get(name, 0),
                metrics_of(by_name[name]) if name in by_name else {},
                by_name[name].failed if name in by_name else "",
            )
            for name in names
        ),
        champion=champion,
        reason=verdict.reason,
        margin=None if margin is None else (margin.mean, margin.low, margin.high),
        seconds=seconds,
    )
