"""The model that honeyguide chooses by itself for a past, without the part that it will be asked for."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from honeyguide.clock import SystemClock
from honeyguide.errors import NotEnoughData
from honeyguide.models import untrained
from honeyguide.offline.splits import leave_last
from honeyguide.protocols import Model
from honeyguide.train.bench import BASELINE, REFUSALS, Plan
from honeyguide.train.search import search
from honeyguide.types import Interactions, Json


@dataclass(frozen=True)
class Choice:
    """The chosen model fitted on the whole past, what it is, and the seconds of choosing and fitting."""

    model: Model
    params: Json
    seconds: float


def choose(past: Interactions, names: Sequence[str], *, last: bool, k: int, budget: float, seed: int) -> Choice:
    """The best of a search inside `budget` seconds on a validation part cut from the past as the test part was: the last
    item of each user (`last`), else their latest fifth; drawn at random where there is no order in time."""
    started = time.perf_counter()
    plan = Plan(kinds=names, budget=budget, k=k, seed=seed, refits=1.0, split=leave_last if last else None)
    try:
        found = search(past, plan, SystemClock())
        tried = [(trial.kind, trial.params) for trial in (found.best, found.runner_up) if trial is not None]
    except NotEnoughData:  # too little for a validation part: nothing is known to be better than what is popular
        tried = []
    for kind, params in [*tried, (BASELINE, {})]:
        try:
            fitted = untrained(kind, params).fit(past, seed=seed)
        except REFUSALS:  # it fitted on a part, and needs more memory than there is for the whole
            continue
        return Choice(fitted, {"model": kind} | fitted.params(), time.perf_counter() - started)
    raise NotEnoughData("No model could be fitted.", cure="Give more data, or free some memory.")
