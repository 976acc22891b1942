"""Fits each model on the past and asks it for the held-out rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from honeyguide.clock import Clock
from honeyguide.config.settings import Settings
from honeyguide.offline.evaluation import Evaluation, Questions, top_k
from honeyguide.offline.splits import Split
from honeyguide.protocols import Model
from honeyguide.train.bench import BASELINE, REFUSALS, why, without_baseline
from honeyguide.train.served import AsServed, Limit, most_popular, surface_of
from honeyguide.types import IntArray


@dataclass(frozen=True, slots=True)
class Trial:
    """One model on the time split, and the seconds of fitting and evaluating. `failed` says why not.

    `evaluation` is of its own order of all items, `served` of the lists that a surface makes of it."""

    name: str
    evaluation: Evaluation | None
    served: Evaluation | None
    fit_seconds: float
    evaluate_seconds: float
    failed: str = ""


def compare(
    models: Sequence[Model],
    split: Split,
    ids: Sequence[str],
    categories: IntArray,
    limits: Sequence[Limit],
    settings: Settings,
    clock: Clock,
    tell: Callable[[str, float], None],
) -> list[Trial]:
    """A trial per model, in order, popularity the first; `tell` hears 0 to 1. At most `training.max_users` users, drawn by
    the seed, are asked; `ids`, `categories` (`categories_of`) and `limits` (`limits_of`) are those of the split's items.

    A model that refuses the data (a catalogue too large for it, say), runs out of memory, or whose scores are no numbers
    has a trial that says why."""
    known = categories if (categories >= 0).any() else None  # without any, no list is told to be of one kind
    history, users = settings.recommend.history, sample(split, settings)
    questions = Questions(split, k=settings.training.k, users=users, history=history, categories=known)
    as_served = AsServed(surface_of(settings), ids, limits, np.empty(0, np.int32))
    trials = []
    for place, model in enumerate(models):
        started = clock.monotonic()
        share = within(tell, f"compare {model.name}", place / len(models), (place + 0.7) / len(models))
        try:
            fitted = model.fit(split.train, seed=settings.training.seed, progress=share)
            if model.name == BASELINE:
                as_served = replace(as_served, popular=most_popular(fitted))
            fit = clock.monotonic() - started
            share = within(tell, f"compare {model.name}", (place + 0.7) / len(models), (place + 1) / len(models))
            evaluation, served = questions.answers(fitted, [top_k, as_served], progress=share)
        except REFUSALS as error:
            if model.name == BASELINE:
                raise without_baseline(error) from error
            trials.append(Trial(model.name, None, None, clock.monotonic() - started, 0.0, why(error)))
            continue
        trials.append(Trial(model.name, evaluation, served, fit, clock.monotonic() - started - fit))
    return trials


def within(tell: Callable[[str, float], None], stage: str, low: float, high: float) -> Callable[[float], None]:
    """A listener for a part's own progress, told as the share of the whole between `low` and `high`."""
    tell(stage, low)
    return lambda fraction: tell(stage, low + (high - low) * fraction)


def sample(split: Split, settings: Settings) -> IntArray:
    """Who is asked: places in `split.users`, ascending."""
    everybody, most = np.arange(len(split.users), dtype=np.int32), settings.training.max_users
    if len(everybody) <= most:
        return everybody
    chosen = np.random.default_rng(settings.training.seed).choice(everybody, most, replace=False)
    return np.sort(chosen).astype(np.int32)
