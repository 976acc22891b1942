"""Runs the trials of a search one after another, each once, inside the budget."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final

from honeyguide.clock import Clock
from honeyguide.errors import HoneyguideError, InvalidInput, NotEnoughMemory
from honeyguide.models import untrained
from honeyguide.offline.evaluation import Ranker, top_k
from honeyguide.offline.splits import Split
from honeyguide.protocols import Model, SearchLog
from honeyguide.train.fidelity import Cut, rungs
from honeyguide.train.spaces import in_order
from honeyguide.train.trials import Finished, Ledger, Origin, key_of
from honeyguide.types import Json

BASELINE: Final = "popular"
"""What every other model must beat, and what fills their lists."""

BLEND: Final = "blend"
"""The model that is made of the best of others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a search is to do.

    `budget`: seconds for all of it, of which `used` have gone before. `metric` of lists of `k` items decides; a model
    sees the latest `history` events (None: all). `refits`: how often the best two models will be fitted after the
    search, and `asked_later`: how many users will be asked then; time is left for that. `base`: model -> hyper-
    parameters that its default is made with; `warm`: model -> those that were best the last time. `split` cuts the
    validation part, `share` of each user's items where it is left out. `ranker` makes of the fitted popularity what
    turns scores into lists (None: the order of the scores)."""

    kinds: Sequence[str]
    budget: float
    used: float = 0.0
    metric: str = "ndcg"
    k: int = 20
    history: int | None = None
    share: float = 0.2
    seed: int = 0
    most_asked: int = 5_000
    refits: float = 0.0
    asked_later: int = 0
    base: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    warm: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    split: Cut | None = None
    ranker: Callable[[Model], Ranker] | None = None
    make: Callable[[str, Mapping[str, Any]], Model] = untrained


REFUSALS: Final = (InvalidInput, MemoryError)
"""How a model refuses the data: it says that they do not suit it, or it ran out of memory on the way."""


def why(refusal: Exception) -> str:
    """What is told of a model that refused the data."""
    return "it ran out of memory" if isinstance(refusal, MemoryError) else str(refusal)


def without_baseline(refusal: Exception) -> HoneyguideError:
    """What ends a training or comparison: popularity itself cannot be had, and all else is measured against it."""
    if isinstance(refusal, HoneyguideError):
        return refusal
    return NotEnoughMemory(
        f"{BASELINE} itself ran out of memory, and every model is measured against it.",
        cure="Free some memory, or train on less history: lower retention.events, or where there is more memory.",
    )


class _TooLong(Exception):
    """A trial took what was left of the budget and more."""


class Bench:
    """Runs trials one after another, each once, and knows what is left of the budget."""

    def __init__(self, plan: Plan, split: Split, clock: Clock, log: SearchLog, tell: Callable[[str, float], None]) -> None:
        """`split`: what trials learn from, and what they are asked."""
        self.plan, self._clock, self._log, self._tell = plan, clock, log, tell
        self.rungs = rungs(split, k=plan.k, history=plan.history, most_asked=plan.most_asked, seed=plan.seed)
        rows, asked = [rung.rows for rung in self.rungs], [rung.asked for rung in self.rungs]
        self.ledger = Ledger(rows, asked, split.train.n_items)
        self.kinds = in_order([*plan.kinds])
        records = log.read()
        self._known = {key_of(trial.kind, trial.params, trial.rung): trial for trial in _trials(records, plan.budget)}
        self._ended = any(record.get("ended") and record.get("budget") == plan.budget for record in records)
        self._ranker: Ranker = top_k if plan.ranker is None else plan.ranker(self._popular(split))

    def _popular(self, split: Split) -> Model:
        return self.plan.make(BASELINE, self.plan.base.get(BASELINE, {})).fit(split.train, seed=self.plan.seed)

    def default(self, kind: str) -> Json:
        """The hyper-parameters that a model has without a search."""
        return self.plan.make(kind, self.plan.base.get(kind, {})).params()

    @property
    def left(self) -> float:
        """Seconds of the budget that are left."""
        return self.plan.budget - self.plan.used - self.ledger.spent

    def fits(self, kind: str, params: Json, rung: int) -> bool:
        """Whether a trial is expected to end inside the budget, with time left for what comes after the search."""
        if self._needs_one:
            return rung == 0
        needed = sum(self.ledger.predicted(kind, params, rung))
        return not self._ended and self.left > 0 and needed + self._afterwards(kind, params) <= self.left

    @property
    def _needs_one(self) -> bool:
        """Whether there is nothing to choose yet: popularity and one model are tried whatever the budget."""
        return not any(trial.kind != BASELINE and not trial.failed for trial in self.ledger.trials)

    def _afterwards(self, kind: str, params: Json) -> float:
        """Seconds after the search, if it ends now, and if it ends with this trial as the best: two models are fitted again.
        Where a blend was better than its parts, it will be tried once more, of better ones."""
        likely = {trial.kind: trial.params for trial in self.ledger.ranked(self.kinds) if trial.kind != BASELINE}
        two = dict(list(likely.items())[:2]) | {kind: params}
        again = sum(sorted(self.again(*pair) for pair in two.items())[-2:])
        if kind != BLEND and self._blends_help:
            again += sum(self.ledger.predicted(BLEND, likely[BLEND], self.ledger.top))
        return again

    @property
    def _blends_help(self) -> bool:
        """Whether the first blend was better than all before it."""
        trials = self.ledger.trials
        place = next((place for place, trial in enumerate(trials) if trial.kind == BLEND and not trial.failed), 0)
        return place > 0 and trials[place].score > max(trial.score for trial in trials[:place])

    def again(self, kind: str, params: Json) -> float:
        """Seconds that a model takes after the search if it is chosen."""
        fit, ask = self.ledger.predicted(kind, params, self.ledger.top)
        return self.plan.refits * fit + self.plan.asked_later / max(1, self.ledger.asked[-1]) * ask

    def run(self, kind: str, params: Json, rung: int, origin: Origin) -> Finished | None:
        """The trial, from the records where it is there; None if it does not fit into the budget any more."""
        found = self._known.get(key_of(kind, params, rung))
        if found is None:
            if not self.fits(kind, params, rung):
                return None
            found = self._tried(kind, params, rung, origin)
            self._known[key_of(kind, params, rung)] = found
            self._log.append(_record(found))
        if found not in self.ledger.trials:
            self.ledger.trials.append(found)
        return found

    def _tried(self, kind: str, params: Json, rung: int, origin: Origin) -> Finished:
        """Fit and ask. A model that refuses the data, or runs out of memory or time, has failed, and says why."""
        part, started = self.rungs[rung], self._clock.monotonic()
        fitted_at = started
        last, cut = inf if self._needs_one else started + self.left, 0.0

        def told(share: float) -> None:
            self._tell(self._stage(kind), min(1.0, 1.0 - self.left / max(self.plan.budget - self.plan.used, 1e-9)))
            if self._clock.monotonic() > last:
                raise _TooLong

        try:
            told(0.0)
            fitted = self.plan.make(kind, params).fit(part.interactions, seed=self.plan.seed, progress=told)
            fitted_at = self._clock.monotonic()
            (answer,) = part.questions.answers(fitted, [self._ranker], progress=told)
            score, failed = answer.mean(self.plan.metric), ""
        except REFUSALS as error:
            score, failed = 0.0, why(error)
        except _TooLong:
            score, failed, cut = 0.0, "it took more than was left of the budget", self.plan.budget
        now = self._clock.monotonic()
        fit, asked = fitted_at - started, now - fitted_at
        if fitted_at == started:
            fit, asked = asked, 0.0
        return Finished(
            kind=kind,
            params=params,
            rung=rung,
            origin=origin,
            score=score,
            fit_seconds=round(fit, 6),
            evaluate_seconds=round(asked, 6),
            failed=failed,
            cut=cut,
        )

    def close(self, ended: str) -> None:
        """Note that the search came to its end with this budget: the next one with it tries nothing new."""
        if not self._ended:
            self._log.append({"ended": ended, "budget": self.plan.budget, "trials": len(self.ledger.trials)})

    def _stage(self, kind: str) -> str:
        best = self.ledger.ranked(self.kinds)[:1]
        so_far = f", best so far {best[0].kind} {best[0].score:.4f}" if best else ""
        return f"search · {kind}, {len(self.ledger.trials)} tried{so_far}"


def _record(trial: Finished) -> Json:
    return {name: getattr(trial, name) for name in trial.__struct_fields__}


def _trials(records: Sequence[Json], budget: float) -> list[Finished]:
    """The trials among the records. What cannot be read is none; what failed is tried again, unless it is for want of time
    and there is no more of it."""
    found = []
    for record in records:
        try:
            trial = Finished(**record)
        except TypeError:
            continue
        if not trial.failed or trial.cut >= budget:
            found.append(trial)
    return found
