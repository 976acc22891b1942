"""Trains the rankers that surfaces ask for, and lets none serve that is not better than every single model.

    world -> lists before the held-out part -> fit, early stopping -> judge on the held-out part -> fit on all lists

Lists are those that were served, where enough came of them (`slates.py`), else ones made again from history (`rows.py`).

A ranker belongs to the version that this training lets serve: it is published beside it, serves with it and goes with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from honeyguide.config.settings import Settings, Surface
from honeyguide.offline.evaluation import Evaluation, Group, Interval
from honeyguide.offline.splits import Split
from honeyguide.protocols import Model, Store
from honeyguide.ranking.signals import Signals
from honeyguide.train.bench import BASELINE
from honeyguide.train.compare import Trial, sample
from honeyguide.train.material import Material
from honeyguide.train.ranker.judged import evaluated
from honeyguide.train.ranker.rows import Lists, drawn, from_history, gains_of_pairs, inner_split, thinned
from honeyguide.train.ranker.slates import ENOUGH, read
from honeyguide.train.ranker.trees import Fitted, fit, refit
from honeyguide.train.ranker.world import Voices, World, world_of
from honeyguide.types import BoolArray, Json, LongArray, ModelVersion

__all__ = ["Ranked", "rankers", "surfaces_ranked"]

_FEWEST = 20
"""Lists of which something was chosen, below which nothing is fitted."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """The ranker of a surface as it was judged. `trees` are there if it passed; `metrics` and `evaluation` are of its lists
    as served."""

    surface: str
    reason: str
    trees: bytes = b""
    signals: Signals = field(default_factory=lambda: Signals(()))
    voices: tuple[str, ...] = ()
    metrics: Json = field(default_factory=dict)
    evaluation: Evaluation | None = None

    @property
    def passed(self) -> bool:
        """Whether it may serve."""
        return bool(self.trees)

    def about(self) -> Json:
        """What the record of the version says of it."""
        return {"passed": self.passed, "reason": self.reason, "voices": list(self.voices), **self.metrics}


def surfaces_ranked(settings: Settings) -> list[Surface]:
    """The surfaces whose recipe asks for a ranker."""
    return [surface for surface in settings.all_surfaces().values() if surface.recipe == "ranked"]


def surfaces_without(version: ModelVersion, settings: Settings) -> list[str]:
    """The surfaces that ask for a ranker of which the version has none, nor one that was refused when it was judged."""
    judged = version.manifest.get("rankers", {})
    return [surface.name for surface in surfaces_ranked(settings) if surface.name not in judged]


def rankers(
    store: Store,
    settings: Settings,
    data: Material,
    models: Sequence[Model],
    trials: Sequence[Trial],
    champion: str,
    tell: Callable[[str, float], None],
) -> list[Ranked]:
    """One for each surface that asks for it. `champion` is the model that is to serve; those of `models` whose trials came
    to their end, and that are among `models.voices`, are its voices."""
    surfaces, found = surfaces_ranked(settings), list[Ranked]()
    done = {trial.name for trial in trials if trial.served is not None}
    voices = [name for name in settings.models.voices if name in done and name != champion]
    for place, surface in enumerate(surfaces):
        tell(f"rank {surface.name}", place / len(surfaces))
        if champion in done and champion != BASELINE:
            world = world_of(store, settings, surface, data, voices)
            found.append(_trained(world, store, models, trials, [champion, *voices]))
        else:
            found.append(Ranked(surface.name, f"no ranker for {surface.name}: no personal model was chosen to serve"))
    return found


@dataclass(frozen=True, slots=True)
class _Lessons:
    """What a ranker is fitted on while it is judged, all that it is fitted on once it has passed, and where that is from."""

    before: Lists
    whole: Callable[[], tuple[Lists, Json]]
    about: Json


def _trained(world: World, store: Store, models: Sequence[Model], trials: Sequence[Trial], names: Sequence[str]) -> Ranked:
    """Fit on lists before the held-out part, judge on that, and fit again on both: on lists that were served where enough
    came of them, else, and where these do not make a ranker that passes, on lists made again from history.

    It passes if its gain over the best single model is more than chance: the 95 % interval lies above 0."""
    settings, data, seed = world.settings, world.data, world.settings.training.seed
    most = settings.training.ranker_lists
    inner, gains, users = inner_split(data.split.train, settings), gains_of_pairs(world, store), sample(data.split, settings)
    early, late = world.fitted(names, models, inner.train), world.fitted(names, models, data.split.train)
    chosen = drawn(users, most, seed)
    later = from_history(world, late, data.split, data.dataset.interactions, gains, chosen)
    court = _Court(world, trials, later, chosen, np.isin(users, chosen), tuple(names[1:]))
    lessons = _from_slates(world, store, inner, early, late)
    if isinstance(lessons, _Lessons):
        found = court.judge(lessons)
        if found.passed:
            return found
        lessons = found.reason
    asked = drawn(np.arange(len(inner.users)), most, seed)
    before = thinned(from_history(world, early, inner, data.split.train, gains, asked), seed)
    about: Json = {"from": "history", "lists": len(before), "no_slates": lessons}

    def whole() -> tuple[Lists, Json]:
        every = before.joined(thinned(later, seed))
        return every, {**about, "lists": len(every)}

    return court.judge(_Lessons(before, whole, about))


def _from_slates(world: World, store: Store, inner: Split, early: Voices, late: Voices) -> _Lessons | str:
    """Lists that were served and what came of them; or why they are no lessons."""
    told, training = read(world, store), world.settings.training
    if isinstance(told, str):
        return told
    slates, split, pasts = told, world.data.split, world.pasts(world.data.dataset.interactions)
    known = slates.between(world, inner, split)
    if len(known.places) < ENOUGH:
        return f"something came of {len(known.places):,} served lists before what rankers are judged by, too few"
    known = known.some(training.ranker_lists, training.seed)
    before = known.lists(world, early, pasts, k=training.k, seed=training.seed)

    def whole() -> tuple[Lists, Json]:
        rest = slates.between(world, split, None).some(training.ranker_lists, training.seed)
        return before.joined(rest.lists(world, late, pasts, k=training.k, seed=training.seed)), known.joined(rest).about()

    return _Lessons(before, whole, known.about())


@dataclass(frozen=True, slots=True)
class _Court:
    """Judges rankers by what users of the held-out part chose: `later` are their lists, `asked` marks them among the users
    by whom single models are judged."""

    world: World
    trials: Sequence[Trial]
    later: Lists
    chosen: LongArray
    asked: BoolArray
    voices: tuple[str, ...]

    def judge(self, lessons: _Lessons) -> Ranked:
        """The ranker of these lessons, as it was judged."""
        world, training, surface = self.world, self.world.settings.training, self.world.surface.name
        if len(lessons.before) < _FEWEST:
            reason = f"no ranker for {surface}: {len(lessons.before)} lists are too few to learn from"
            return Ranked(surface, reason, metrics={"rows": lessons.about})
        fitted = fit(lessons.before, world.signals.names, k=training.k, seed=training.seed)
        mine = evaluated(world, fitted, self.later, self.chosen)
        verdict = _judged(world, mine, self.trials, self.asked)
        metrics = verdict.metrics | _about(fitted, lessons.before)
        if verdict.gain.low <= 0:
            reason = f"the ranker of {surface} is refused, it is not better beyond chance: {verdict.told}"
            return Ranked(surface, reason, metrics=metrics | {"rows": lessons.about}, evaluation=mine)
        every, about = lessons.whole()
        booster = refit(every, world.signals.names, fitted.rounds, k=training.k, seed=training.seed)
        reason, trees = f"the ranker of {surface} serves: {verdict.told}", bytes(booster.save_raw("ubj"))
        return Ranked(surface, reason, trees, world.signals, self.voices, metrics | {"rows": about}, mine)


@dataclass(frozen=True, slots=True)
class _Verdict:
    told: str
    gain: Interval
    metrics: Json


def _judged(world: World, mine: Evaluation, trials: Sequence[Trial], asked: BoolArray) -> _Verdict:
    """The ranker's lists against those of the best single model, as served, to the same users."""
    training = world.settings.training
    metric, k, group = training.metric, training.k, Group("asked", users=asked)
    served = {trial.name: trial.served.at(k, group) for trial in trials if trial.served is not None}
    best = max(sorted(served), key=lambda name: served[name].mean(metric))
    against = served[best]
    span = mine.difference(against, metric, training.seed)
    told = f"served {metric}@{k} {mine.mean(metric):.4f} against {against.mean(metric):.4f} of {best} alone"
    told += f" ({span.mean:+.4f}, 95 %: {span.low:+.4f} to {span.high:+.4f})"
    metrics: Json = {f"served_{name}@{k}": round(mine.mean(name), 6) for name in ("ndcg", "recall")}
    metrics |= {f"best_source_{name}@{k}": round(against.mean(name), 6) for name in ("ndcg", "recall")}
    metrics |= {
        "best_source": best,
        "gain": [round(x, 6) for x in (span.mean, span.low, span.high)],
        "coverage": round(mine.coverage, 6),
        "users": int(asked.sum()),
    }
    return _Verdict(told, span, metrics)


def _about(fitted: Fitted, lists: Lists) -> Json:
    weighty = fitted.booster.get_score(importance_type="total_gain").items()
    strongest = sorted(weighty, key=lambda pair: -float(np.sum(pair[1])))
    return {
        "lists": len(lists),
        "trees": fitted.rounds,
        "latest_ndcg": round(fitted.ndcg, 6),
        "strongest": [name for name, _ in strongest[:10]],
    }
