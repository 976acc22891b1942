"""Fits each model on the past and asks it for the held-out rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from honeyguide.clock import Clock
from honeyguide.config.settings import Settings
from honeyguide.errors import NotEnoughData
from honeyguide.offline.evaluation import Evaluation, evaluate
from honeyguide.offline.splits import Split
from honeyguide.protocols import Model
from honeyguide.types import IntArray

BASELINE: Final = "popular"
_MOST_USERS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Trial:
    """One model on the time split: its lists' quality, and the seconds of fitting and evaluating. `failed` says why not."""

    name: str
    evaluation: Evaluation | None
    fit_seconds: float
    evaluate_seconds: float
    failed: str = ""


def compare(
    models: Sequence[Model], split: Split, settings: Settings, clock: Clock, tell: Callable[[str, float], None]
) -> list[Trial]:
    """A trial per model, in order. At most 10,000 users are asked, drawn by the seed; a model that cannot do it is told."""
    users = _sample(split, settings.training.seed)
    trials = []
    for place, model in enumerate(models):
        tell(f"compare {model.name}", 0.05 + 0.55 * place / len(models))
        trials.append(_try(model, split, users, settings, clock))
    return trials


def _try(model: Model, split: Split, users: IntArray, settings: Settings, clock: Clock) -> Trial:
    started = clock.monotonic()
    try:
        fitted = model.fit(split.train, seed=settings.training.seed)
    except NotEnoughData as error:
        return Trial(model.name, None, clock.monotonic() - started, 0.0, str(error))
    fit = clock.monotonic() - started
    evaluation = evaluate(fitted, split, k=settings.training.k, users=users)
    return Trial(model.name, evaluation, fit, clock.monotonic() - started - fit)


def _sample(split: Split, seed: int) -> IntArray:
    everybody = np.arange(len(split.users), dtype=np.int32)
    if len(everybody) <= _MOST_USERS:
        return everybody
    chosen = np.random.default_rng(seed).choice(everybody, _MOST_USERS, replace=False)
    return np.sort(chosen).astype(np.int32)
