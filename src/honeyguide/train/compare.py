"""Fits each model on the past and asks it for the held-out rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from honeyguide.clock import Clock
from honeyguide.config.settings import Settings
from honeyguide.errors import InvalidInput
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
    """A trial per model, in order; `tell` hears 0 to 1. At most 10,000 users are asked, drawn by the seed.

    A model that refuses the data (a catalogue too large for it, say) has a trial that says why."""
    users = _sample(split, settings.training.seed)
    trials = []
    for place, model in enumerate(models):
        started = clock.monotonic()
        share = within(tell, f"compare {model.name}", place / len(models), (place + 0.7) / len(models))
        try:
            fitted = model.fit(split.train, seed=settings.training.seed, progress=share)
        except InvalidInput as error:
            trials.append(Trial(model.name, None, clock.monotonic() - started, 0.0, str(error)))
            continue
        fit = clock.monotonic() - started
        share = within(tell, f"compare {model.name}", (place + 0.7) / len(models), (place + 1) / len(models))
        history = settings.recommend.history
        evaluation = evaluate(fitted, split, k=settings.training.k, users=users, history=history, progress=share)
        trials.append(Trial(model.name, evaluation, fit, clock.monotonic() - started - fit))
    return trials


def within(tell: Callable[[str, float], None], stage: str, low: float, high: float) -> Callable[[float], None]:
    """A listener for a part's own progress, told as the share of the whole between `low` and `high`."""
    tell(stage, low)
    return lambda fraction: tell(stage, low + (high - low) * fraction)


def _sample(split: Split, seed: int) -> IntArray:
    everybody = np.arange(len(split.users), dtype=np.int32)
    if len(everybody) <= _MOST_USERS:
        return everybody
    chosen = np.random.default_rng(seed).choice(everybody, _MOST_USERS, replace=False)
    return np.sort(chosen).astype(np.int32)
