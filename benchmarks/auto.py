"""The model that honeyguide chooses by itself for a past, without the part that it will be asked for."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from honeyguide.errors import InvalidInput
from honeyguide.models import REGISTRY
from honeyguide.offline.evaluation import evaluate
from honeyguide.offline.splits import Split, at_random, by_time, leave_last
from honeyguide.protocols import Model
from honeyguide.types import Interactions, Json

_SHARE_OF_BUDGET = 0.5  # for comparing; the rest is for fitting the chosen one on everything


@dataclass(frozen=True)
class Choice:
    """The chosen model fitted on the whole past, what it is, and the seconds of choosing and fitting."""

    model: Model
    params: Json
    seconds: float


def choose(past: Interactions, names: Sequence[str], *, last: bool, k: int, budget: float, seed: int) -> Choice:
    """The best of the models on a validation part cut from the past as the test part was: the last item of each user
    (`last`), else their latest fifth; drawn at random where there is no order in time.

    Seconds of comparing stay within half the `budget`, but for a model that was begun and takes longer."""
    started = time.perf_counter()
    split = validation(past, last=last, seed=seed)
    best, most = "popular", -1.0
    for name in names:
        if best != "popular" and time.perf_counter() - started > _SHARE_OF_BUDGET * budget:
            break
        try:
            found = evaluate(REGISTRY[name]().fit(split.train, seed=seed), split, k=k).mean("ndcg")
        except InvalidInput:
            continue
        if found > most:
            best, most = name, found
    fitted = REGISTRY[best]().fit(past, seed=seed)
    return Choice(fitted, {"model": best} | fitted.params(), time.perf_counter() - started)


def validation(past: Interactions, *, last: bool, seed: int) -> Split:
    """A split inside the past, like the one that it is the past of."""
    if not len(past.ts) or past.ts.min() == past.ts.max():
        return at_random(past, 0.2, seed)
    return leave_last(past) if last else by_time(past, 0.2)
