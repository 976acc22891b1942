"""TRAIN: the log so far in, an immutable version out that is proved to be better than popularity.

    snapshot -> ids and numbers -> split -> fit -> evaluate -> gate -> fit on everything -> publish -> champion

Start at `train`. Until its last step nothing that serves has changed, so an interruption leaves the old version serving.
"""

from collections.abc import Callable, Sequence

import numpy as np

from honeyguide.clock import Clock
from honeyguide.config.settings import Settings
from honeyguide.errors import NotEnoughData
from honeyguide.models import untrained
from honeyguide.offline.dataset import Dataset, dataset_from
from honeyguide.offline.splits import Split, by_time
from honeyguide.protocols import Artefacts, Model, Store
from honeyguide.train.compare import BASELINE, Trial, compare, within
from honeyguide.train.gate import judge
from honeyguide.train.publish import promote, publish, rollback, sweep
from honeyguide.train.report import Laps, ModelReport, Run, TrainReport, report_of
from honeyguide.train.served import categories_of

__all__ = ["ModelReport", "TrainReport", "compare_models", "promote", "rollback", "train"]

Progress = Callable[[str, float], None]


def train(
    store: Store,
    artefacts: Artefacts,
    settings: Settings,
    clock: Clock,
    *,
    models: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> TrainReport:
    """Fit the named models (default `models.train`), compare them, publish all, and let the best one serve.

    `progress(stage, fraction)` is told how far it is; what it raises ends the training, as ctrl-C does. Raises
    `NotEnoughData` when the log holds nothing to learn from, `GateNotMet` when no model beats popularity and something
    serves already; then nothing is published. With too little history to compare, popularity alone is published."""
    tell, laps = progress or (lambda stage, fraction: None), Laps(clock)
    asked = _untrained(models, settings)
    position, dataset = snapshot(store, settings, _part(tell, 0.0, 0.05))
    split = by_time(dataset.interactions, settings.training.test_share)
    laps.lap("read")
    enough = _enough(split, settings)
    trials = _compare(store, asked, split, dataset, settings, clock, _part(tell, 0.05, 0.55)) if enough else []
    verdict = judge(trials, settings, serving=_serving(store))
    laps.lap("compare")
    fit_for = {trial.name for trial in trials if trial.evaluation is not None} or {BASELINE}
    fitted = _fit([model for model in asked if model.name in fit_for], dataset, settings, _part(tell, 0.55, 0.95))
    laps.lap("fit")
    run = Run(position, dataset, trials, verdict, settings.training.seed, laps.seconds)
    versions = publish(store.registry, artefacts, fitted, run, clock, _part(tell, 0.95, 1.0))
    if verdict.champion:
        store.registry.set_alias("champion", verdict.champion, versions[verdict.champion])
    sweep(store.registry, artefacts, settings.training.keep)
    laps.lap("publish")
    tell("done", 1.0)
    return report_of(run, versions, _serving(store))


def compare_models(
    store: Store,
    settings: Settings,
    clock: Clock,
    *,
    models: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> TrainReport:
    """Fit and evaluate on the time split without publishing anything; what `honeyguide evaluate` shows."""
    tell, laps = progress or (lambda stage, fraction: None), Laps(clock)
    asked = _untrained(models, settings)
    position, dataset = snapshot(store, settings, _part(tell, 0.0, 0.1))
    split = by_time(dataset.interactions, settings.training.test_share)
    laps.lap("read")
    if not _enough(split, settings):
        cure = "Import more history: it takes users with at least two items each."
        raise NotEnoughData("There are too few users with enough items to compare models.", cure=cure)
    trials = _compare(store, asked, split, dataset, settings, clock, _part(tell, 0.1, 1.0))
    laps.lap("compare")
    tell("done", 1.0)
    verdict = judge(trials, settings, serving="")
    return report_of(Run(position, dataset, trials, verdict, settings.training.seed, laps.seconds), {}, "")


def snapshot(store: Store, settings: Settings, tell: Progress) -> tuple[int, Dataset]:
    """The log's history as numbers, and the position of its last event. Raises `NotEnoughData`."""
    tell("read the log", 0.0)
    frame = store.log.interactions()
    position = int(frame["sequence"].to_numpy().max(initial=0))
    attributes = settings.segments.attributes
    segments = store.catalogue.user_segments(attributes) if attributes else None
    dataset = dataset_from(frame, settings, segments)
    if not len(dataset.interactions.users):
        what = "no events" if frame.is_empty() else "no positive events (views, purchases, ...)"
        cure = "Import some: honeyguide import events FILE. 'honeyguide doctor' says more."
        raise NotEnoughData(f"The log holds {what}, so there is nothing to learn from.", cure=cure)
    return position, dataset


def _untrained(asked: Sequence[str] | None, settings: Settings) -> list[Model]:
    """The models to fit, popularity first: it is what the others must beat, and what fills their lists."""
    names = dict.fromkeys([BASELINE, *(asked or settings.models.train)])
    return [untrained(name, settings.models.params.get(name)) for name in names]


def _enough(split: Split, settings: Settings) -> bool:
    return len(split.users) >= settings.training.min_users and len(np.unique(split.train.items)) > 1


def _compare(
    store: Store, models: Sequence[Model], split: Split, dataset: Dataset, settings: Settings, clock: Clock, tell: Progress
) -> list[Trial]:
    ids = dataset.item_ids
    return compare(models, split, ids, categories_of(store.catalogue, ids), settings, clock, tell)


def _serving(store: Store) -> str:
    """The label of the present champion, empty if there is none."""
    champion = store.registry.aliases().get("champion")
    return champion.label if champion else ""


def _fit(models: Sequence[Model], dataset: Dataset, settings: Settings, tell: Progress) -> list[Model]:
    """Every model on the whole history."""
    data, seed, count = dataset.interactions, settings.training.seed, len(models)
    return [
        model.fit(
            data, seed=seed, progress=within(tell, f"fit {model.name} on everything", place / count, (place + 1) / count)
        )
        for place, model in enumerate(models)
    ]


def _part(tell: Progress, low: float, high: float) -> Progress:
    return lambda stage, fraction: tell(stage, low + (high - low) * fraction)
