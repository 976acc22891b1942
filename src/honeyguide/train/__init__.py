"""TRAIN: the log so far in, an immutable version out that is proved to be better than popularity.

    snapshot -> ids and numbers -> split -> fit -> evaluate -> gate -> fit on everything -> publish -> champion

Start at `train`. Until its last step nothing that serves has changed, so an interruption leaves the old version serving.
"""

from collections.abc import Callable, Sequence

import numpy as np

from honeyguide.clock import Clock
from honeyguide.config.settings import Settings
from honeyguide.errors import ConfigError, NotEnoughData
from honeyguide.models import REGISTRY
from honeyguide.offline.dataset import Dataset, dataset_from
from honeyguide.offline.splits import Split, by_time
from honeyguide.protocols import Artefacts, Model, Store
from honeyguide.train.compare import BASELINE, compare
from honeyguide.train.gate import judge
from honeyguide.train.publish import promote, publish, rollback, sweep
from honeyguide.train.report import ModelReport, TrainReport, report_of

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

    `progress(stage, fraction)` is told how far it is. Raises `NotEnoughData` when the log holds nothing to learn from,
    `GateNotMet` when no model beats popularity and something serves already; then nothing is published."""
    tell = progress or (lambda stage, fraction: None)
    started = clock.monotonic()
    position, dataset = snapshot(store, settings, tell)
    names = _names(models, settings)
    split = by_time(dataset.interactions, settings.training.test_share)
    trials = compare(_untrained(names, settings), split, settings, clock, tell) if _enough(split, settings) else []
    verdict = judge(trials, settings, has_champion="champion" in store.registry.aliases())
    fitted = _fit_all(_untrained(names, settings), dataset, settings, clock, tell)
    versions = publish(store.registry, artefacts, fitted, dataset, trials, verdict, position, clock)
    store.registry.set_alias("champion", verdict.champion, versions[verdict.champion])
    sweep(store.registry, artefacts, settings.training.keep)
    tell("done", 1.0)
    return report_of(dataset, trials, verdict, versions, position, clock.monotonic() - started)


def compare_models(
    store: Store,
    settings: Settings,
    clock: Clock,
    *,
    models: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> TrainReport:
    """Fit and evaluate on the time split without publishing anything; what `honeyguide evaluate` shows."""
    tell = progress or (lambda stage, fraction: None)
    started = clock.monotonic()
    position, dataset = snapshot(store, settings, tell)
    split = by_time(dataset.interactions, settings.training.test_share)
    if not _enough(split, settings):
        cure = "Import more history: it takes users with at least two items each."
        raise NotEnoughData("There are too few users with enough items to compare models.", cure=cure)
    trials = compare(_untrained(_names(models, settings), settings), split, settings, clock, tell)
    tell("done", 1.0)
    verdict = judge(trials, settings, has_champion=False)
    return report_of(dataset, trials, verdict, {}, position, clock.monotonic() - started)


def snapshot(store: Store, settings: Settings, tell: Progress) -> tuple[int, Dataset]:
    """The log's history as numbers, and the position that it is complete up to. Raises `NotEnoughData`."""
    tell("read the log", 0.0)
    frame = store.log.interactions()
    position = int(frame["sequence"].max() or 0) if len(frame) else 0  # type: ignore[call-overload]
    attributes = settings.segments.attributes
    segments = store.catalogue.user_segments(attributes) if attributes else None
    dataset = dataset_from(frame, settings, segments)
    if not len(dataset.interactions.users):
        what = "no events" if frame.is_empty() else "no positive events (views, purchases, ...)"
        cure = "Import some: honeyguide import events FILE. 'honeyguide doctor' says more."
        raise NotEnoughData(f"The log holds {what}, so there is nothing to learn from.", cure=cure)
    return position, dataset


def _names(asked: Sequence[str] | None, settings: Settings) -> list[str]:
    """The models to fit, popularity first: it is what the others must beat, and what fills their lists."""
    names = list(dict.fromkeys([BASELINE, *(asked or settings.models.train)]))
    unknown = [name for name in names if name not in REGISTRY]
    if unknown:
        raise ConfigError(f"There is no model {unknown[0]!r}.", cure=f"Use some of {', '.join(sorted(REGISTRY))}.")
    return names


def _untrained(names: Sequence[str], settings: Settings) -> list[Model]:
    return [REGISTRY[name](**settings.models.params.get(name, {})) for name in names]


def _enough(split: Split, settings: Settings) -> bool:
    return len(split.users) >= settings.training.min_users and len(np.unique(split.train.items)) > 1


def _fit_all(
    models: Sequence[Model], dataset: Dataset, settings: Settings, clock: Clock, tell: Progress
) -> list[tuple[Model, float]]:
    """Every model on the whole history, with the seconds that it took."""
    fitted = []
    for place, model in enumerate(models):
        tell(f"fit {model.name} on everything", 0.6 + 0.35 * place / len(models))
        started = clock.monotonic()
        fitted.append((model.fit(dataset.interactions, seed=settings.training.seed), clock.monotonic() - started))
    return fitted
