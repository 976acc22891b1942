"""All models on one split of the log, at several lengths and for groups, as numbers to be shown; nothing is published."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

import numpy as np

from honeyguide.clock import Clock
from honeyguide.config.settings import Settings
from honeyguide.errors import ConfigError, InvalidInput, NotEnoughData
from honeyguide.models import untrained
from honeyguide.models.popular import Popular
from honeyguide.offline.dataset import Dataset
from honeyguide.offline.evaluation import Evaluation, Group
from honeyguide.offline.groups import groups_of
from honeyguide.offline.splits import SPLITS, Split
from honeyguide.protocols import Store
from honeyguide.train import snapshot
from honeyguide.train.compare import Trial, compare
from honeyguide.train.served import categories_of, limits_of, surface_of
from honeyguide.types import Json

SPLIT_WORDS: Final[Mapping[str, str]] = {
    "time": "each user is asked for their latest {share} of items",
    "moment": "everybody is asked for what they chose in the latest {share} of all events",
    "last": "each user is asked for their last item",
    "random": "each user is asked for a random {share} of their items, whatever came later is known",
    "cold-users": "a random {share} of the users, of whom nothing was learned, are asked for their latest items",
    "cold-items": "users are asked for the newest {share} of the items, of which nothing was learned",
}
_SHOWN_MOST: Final = 5


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """A group of users or items: what is in it, and how many users are asked."""

    name: str
    about: str
    users: int


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """One model. Names end in `@k`; those of the lists as served begin with `served_`; `..._interval` is [low, high], 95 %.

    `groups`: group -> metrics; `curve`: metric -> its mean at each length from 1 on; `behind`: the paired difference per
    user to the best model, [mean, low, high]; `shown`: the items in most lists as served, [id, title, share of lists]."""

    name: str
    metrics: Json = field(default_factory=dict)
    groups: Mapping[str, Json] = field(default_factory=dict)
    curve: Mapping[str, list[float]] = field(default_factory=dict)
    behind: list[float] | None = None
    shown: list[tuple[str, str, float]] = field(default_factory=list)
    fit_seconds: float = 0.0
    evaluate_seconds: float = 0.0
    failed: str = ""
    params: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """What was asked of whom, and how each model did. `k` is the length that the models are ranked at, `best` the first.

    `window`: first and last moment of the data in ms; `position`: the log position that it goes up to."""

    interactions: int
    users: int
    items: int
    window: tuple[int, int]
    asked: int
    held_out: int
    ks: tuple[int, ...]
    k: int
    metric: str
    models: tuple[ModelFigures, ...]
    groups: tuple[GroupFigures, ...]
    best: str
    position: int = 0
    split: str = ""
    about: str = ""
    seconds: float = 0.0


def evaluate_models(
    store: Store,
    settings: Settings,
    clock: Clock,
    *,
    models: Sequence[str] | None = None,
    split: str = "time",
    ks: Sequence[int] = (),
    progress: Callable[[str, float], None] | None = None,
) -> EvaluationReport:
    """Fit the named models (default `models.train`, popularity always) on one part of the log and ask for the other.

    The model that serves has the hyper-parameters that it serves with, the others those of `models.params`, else defaults.
    `split` is a name of `offline.splits.SPLITS`, `ks` the lengths of the lists (else 5, 10 and `training.k`). Raises
    `NotEnoughData` where nobody is left to ask."""
    tell, started = progress or (lambda stage, fraction: None), clock.monotonic()
    names = dict.fromkeys([Popular.name, *(models or settings.models.train)])
    params = {name: _params(name, store, settings) for name in names}
    asked = [untrained(name, params[name]) for name in names]
    lengths = _lengths(ks, settings.training.k)
    position, dataset = snapshot(store, settings, lambda stage, fraction: tell(stage, 0.1 * fraction))
    cut = _cut(dataset, split, settings)
    own = settings.training.model_copy(update={"k": lengths[-1]})
    categories = categories_of(store.catalogue, dataset.item_ids)
    trials = compare(
        asked,
        cut,
        dataset.item_ids,
        categories,
        limits_of(store.catalogue, dataset.item_ids, surface_of(settings), categories),
        settings.model_copy(update={"training": own}),
        clock,
        lambda stage, fraction: tell(stage, 0.1 + 0.85 * fraction),
    )
    tell("measure", 0.95)
    k = settings.training.k if settings.training.k in lengths else lengths[-1]
    measure = _Measure(lengths, k, settings.training.metric, settings.training.seed)
    done = [_Done(trial, trial.evaluation, trial.served) for trial in trials if trial.evaluation and trial.served]
    shown = _shown(store, dataset, done, k)
    report = _report(measure, trials, done, shown, dataset)
    made_with = {model.name: model.params() for model in asked}
    figures = tuple(replace(model, params=made_with[model.name]) for model in report.models)
    tell("done", 1.0)
    about = SPLIT_WORDS[split].format(share=f"{settings.training.test_share:.0%}")
    seconds = round(clock.monotonic() - started, 3)
    return replace(report, models=figures, position=position, split=split, about=about, seconds=seconds)


def _params(name: str, store: Store, settings: Settings) -> Mapping[str, Any] | None:
    """What a model is made with; what a champion has that this release does not know any more is no reason to fail."""
    champion = store.registry.aliases().get("champion")
    if champion is not None and champion.model == name:
        served = champion.manifest.get("params", {})
        with contextlib.suppress(ConfigError):
            untrained(name, served)
            return dict(served)
    return settings.models.params.get(name)


def _lengths(ks: Sequence[int], usual: int) -> tuple[int, ...]:
    lengths = tuple(sorted({*ks} or {5, 10, usual}))
    if not 1 <= lengths[0] <= lengths[-1] <= 500:
        raise InvalidInput(f"Lists of {', '.join(map(str, ks))} items cannot be made.", cure="Ask for 1 to 500.")
    return lengths


def _cut(dataset: Dataset, split: str, settings: Settings) -> Split:
    if split not in SPLITS:
        raise InvalidInput(f"There is no split {split!r}.", cure=f"There are: {', '.join(SPLITS)}.")
    cut = SPLITS[split](dataset.interactions, settings.training.test_share, settings.training.seed)
    if len(cut.users) < settings.training.min_users or len(np.unique(cut.train.items)) < 2:
        people = f"{len(cut.users)} users" if len(cut.users) != 1 else "one user"
        cure = "Import more history: it takes users with at least two items each. Or take another --split."
        raise NotEnoughData(f"There is too little to compare models on: the split {split!r} asks {people}.", cure=cure)
    return cut


class _Done(NamedTuple):
    """A trial that came to its end: its own lists, and those as served."""

    trial: Trial
    own: Evaluation
    served: Evaluation


Shown = Mapping[str, list[tuple[str, str, float]]]


def _shown(store: Store, dataset: Dataset, done: Sequence[_Done], k: int) -> Shown:
    """Model -> the items that stand in most of its lists as served: id, title, share of lists."""
    ids = dataset.item_ids
    found: dict[str, list[tuple[str, float]]] = {}
    for one in done:
        lists = one.served.made_of.lists[:, :k]
        counts = np.bincount(lists[lists >= 0], minlength=len(ids))
        most = np.argsort(-counts, kind="stable")[:_SHOWN_MOST].tolist()
        found[one.trial.name] = [(ids[item], float(counts[item]) / len(lists)) for item in most if counts[item]]
    wanted = {item_id for shown in found.values() for item_id, _ in shown}
    titles = {item.item_id: item.title for batch in store.catalogue.scan_items() for item in batch if item.item_id in wanted}
    return {
        name: [(item_id, titles.get(item_id, ""), round(share, 4)) for item_id, share in shown]
        for name, shown in found.items()
    }


@dataclass(frozen=True, slots=True)
class _Measure:
    """How evaluations become figures."""

    ks: tuple[int, ...]
    k: int
    metric: str
    seed: int

    def score(self, one: _Done) -> float:
        """What models are ranked by."""
        return one.served.at(self.k).mean(self.metric)

    def model(self, one: _Done, best: _Done, groups: Sequence[Group]) -> ModelFigures:
        """All figures of a model, but for what it shows most."""
        trial, own, served = one
        lengths = range(1, self.ks[-1] + 1)
        behind = served.at(self.k).difference(best.served.at(self.k), self.metric, self.seed)
        return ModelFigures(
            trial.name,
            metrics=self._at_all(own, "") | self._at_all(served, "served_"),
            groups={group.name: self._figures(served.at(self.k, group), "served_") for group in groups},
            curve={name: [round(x, 6) for x in served.made_of.curve(name, lengths)] for name in ("recall", "ndcg")},
            behind=None if one is best else [round(x, 6) for x in (behind.mean, behind.low, behind.high)],
            fit_seconds=round(trial.fit_seconds, 3),
            evaluate_seconds=round(trial.evaluate_seconds, 3),
        )

    def _at_all(self, evaluation: Evaluation, before: str) -> Json:
        return {name: value for k in self.ks for name, value in self._figures(evaluation.at(k), before).items()}

    def _figures(self, evaluation: Evaluation, before: str) -> Json:
        found: Json = {}
        for name, span in evaluation.intervals(self.seed).items():
            found[f"{before}{name}@{evaluation.k}"] = round(span.mean, 6)
            found[f"{before}{name}@{evaluation.k}_interval"] = [round(span.low, 6), round(span.high, 6)]
        lists = {
            "coverage": evaluation.coverage,
            "novelty": evaluation.novelty,
            "diversity": evaluation.diversity,
            "popularity_lift": evaluation.popularity_lift,
        }
        return found | {f"{before}{name}@{evaluation.k}": round(x, 6) for name, x in lists.items() if x is not None}


def _report(
    measure: _Measure, trials: Sequence[Trial], done: Sequence[_Done], shown: Shown, dataset: Dataset
) -> EvaluationReport:
    best = max(done, key=measure.score)
    answers, data = best.served.made_of, dataset.interactions
    groups = groups_of(answers.known)
    models = [
        *(replace(measure.model(one, best, groups), shown=shown[one.trial.name]) for one in done),
        *(ModelFigures(trial.name, failed=trial.failed) for trial in trials if trial.served is None),
    ]
    name = f"served_{measure.metric}@{measure.k}"
    return EvaluationReport(
        interactions=len(data.users),
        users=data.n_users,
        items=data.n_items,
        window=(int(data.ts.min()), int(data.ts.max())),
        asked=len(answers.lists),
        held_out=len(answers.held),
        ks=measure.ks,
        k=measure.k,
        metric=measure.metric,
        models=tuple(sorted(models, key=lambda model: -model.metrics.get(name, -1.0))),
        groups=tuple(
            GroupFigures(group.name, group.about, len(best.served.at(measure.k, group).values["ndcg"])) for group in groups
        ),
        best=best.trial.name,
    )
