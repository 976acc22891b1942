"""TRAIN: the log so far in, an immutable version out that is proved to be better than popularity.

    snapshot -> ids and numbers -> split -> (search) -> fit -> evaluate -> gate -> fit on everything -> publish -> champion

Start at `train`. Until its last step nothing that serves has changed, so an interruption leaves the old version serving.
"""

from collections.abc import Callable, Mapping, Sequence

from honeyguide.clock import Clock
from honeyguide.config.settings import Settings
from honeyguide.models import quick, untrained
from honeyguide.models.artefact import sound
from honeyguide.protocols import Artefacts, Model, Store
from honeyguide.retrieval.together import fit_together
from honeyguide.train.bench import BASELINE, REFUSALS, why, without_baseline
from honeyguide.train.chosen import Chosen, Searches, attempted, record_of, remembered
from honeyguide.train.compare import Trial, compare, within
from honeyguide.train.content import content_of
from honeyguide.train.gate import judge
from honeyguide.train.items import ItemCheck
from honeyguide.train.material import Material, material, snapshot
from honeyguide.train.present import not_compared, seconds_of, twin_of
from honeyguide.train.publish import promote, publish, rollback, sweep
from honeyguide.train.ranker import Ranked, rankers, surfaces_ranked
from honeyguide.train.report import Beside, Laps, ModelReport, Run, TrainReport, report_of
from honeyguide.types import ModelVersion

__all__ = ["ModelReport", "Searches", "TrainReport", "promote", "rollback", "snapshot", "train"]

Progress = Callable[[str, float], None]


def train(
    store: Store,
    artefacts: Artefacts,
    settings: Settings,
    clock: Clock,
    *,
    models: Sequence[str] | None = None,
    searches: Searches | None = None,
    progress: Progress | None = None,
) -> TrainReport:
    """Fit the named models (default `models.train`), compare them, publish all, and let the best one serve.

    With a `training.budget` the best hyper-parameters are searched for first; then the model that was chosen, the runner-up
    and popularity are fitted, and no others. `searches` keep its trials, so that a search that was killed goes on.
    `progress(stage, fraction)` is told how far it is; what it raises ends the training, as ctrl-C does. Raises
    `NotEnoughData` when the log holds nothing to learn from, `GateNotMet` when no model beats popularity, or the best is
    worse than what serves, and something serves already, or the items are not those of the shop any more; then nothing is
    published. With too little history to compare, popularity alone is published."""
    tell, laps = progress or (lambda stage, fraction: None), Laps(clock)
    asked, serving = _untrained(models, settings), _serving(store)
    data = material(store, settings, _part(tell, 0.0, 0.05))
    laps.lap("read")
    ItemCheck(store.catalogue, artefacts, store.registry, settings.training).items(
        "champion", "The new version", data.dataset.item_ids
    )
    champion = store.registry.aliases().get("champion")
    found: Chosen | None = None
    notes: tuple[str, ...] = ()
    done = 0.05
    if settings.training.budget and data.enough:
        done, kinds, used = 0.6, _searched(models, settings), laps.total + seconds_of(champion)
        found, notes = attempted(kinds, data, settings, clock, used, searches or remembered(), _part(tell, 0.05, done))
        asked = _with_voices(found.models, asked, settings) if found else asked
        laps.lap("search")
    trials, present = _compare(asked, champion, data, settings, clock, _part(tell, done, done / 2 + 0.5))
    verdict = judge(trials, settings, serving=serving, chosen=found.name if found else "", present=present)
    laps.lap("compare")
    ranked: list[Ranked] = []
    if surfaces_ranked(settings):
        ranked = rankers(store, settings, data, asked, trials, verdict.champion, _part(tell, done / 2 + 0.5, done / 2 + 0.5))
        laps.lap("rank")
    fitted, refused = _fit(_proved(asked, trials), data, settings, _part(tell, done / 2 + 0.5, 0.95))
    content, more = content_of(store.catalogue, settings, clock)
    beside, notes = Beside(content, fit_together(data.baskets)), (*notes, *more)
    laps.lap("fit")
    run = Run(
        position=data.position,
        dataset=data.dataset,
        trials=trials,
        verdict=verdict,
        settings=settings,
        seconds=laps.seconds,
        parent=serving,
        search=record_of(found, trials, settings) if found else None,
        refused=refused,
        notes=(*notes, *not_compared(champion, asked)),
        beside=beside,
        rankers=ranked,
    )
    versions = publish(store.registry, artefacts, fitted, run, clock, _part(tell, 0.95, 1.0))
    best = _champion(verdict.champion, refused, serving)
    if best:
        store.registry.set_alias("champion", best, versions[best])
    sweep(store.registry, artefacts, settings.training.keep)
    laps.lap("publish")
    tell("done", 1.0)
    return report_of(run, versions, _serving(store))


def _untrained(asked: Sequence[str] | None, settings: Settings) -> list[Model]:
    """The models to fit, popularity first: it is what the others must beat, and what fills their lists."""
    names = dict.fromkeys([BASELINE, *(asked or settings.models.train)])
    return [untrained(name, settings.models.params.get(name)) for name in names]


def _with_voices(chosen: Sequence[Model], asked: Sequence[Model], settings: Settings) -> list[Model]:
    """What a search chose, and where a ranker is asked for the models that it listens to."""
    names = {model.name for model in chosen}
    wanted = settings.models.voices if surfaces_ranked(settings) else []
    return [*chosen, *(model for model in asked if model.name in wanted and model.name not in names)]


def _searched(asked: Sequence[str] | None, settings: Settings) -> list[str]:
    """The models that a search tries: those that somebody has named, else all quick ones."""
    named = settings.models.train if "train" in settings.models.model_fields_set else quick()
    return list(dict.fromkeys([BASELINE, *(asked or named)]))


def _compare(
    models: Sequence[Model], champion: ModelVersion | None, data: Material, settings: Settings, clock: Clock, tell: Progress
) -> tuple[list[Trial], Trial | None]:
    """A trial per model, and one of what serves: the same model on the same past, where it is not among the others."""
    if not data.enough:
        return [], None
    present = twin_of(champion, models)
    trials = compare(
        [*models, *present], data.split, data.dataset.item_ids, data.categories, data.limits, settings, clock, tell
    )
    return trials[: len(models)], trials[-1] if present else None


def _serving(store: Store) -> str:
    """The label of the present champion, empty if there is none."""
    champion = store.registry.aliases().get("champion")
    return champion.label if champion else ""


def _proved(models: Sequence[Model], trials: Sequence[Trial]) -> list[Model]:
    """The models that could be fitted on the past, popularity always."""
    names = {trial.name for trial in trials if trial.evaluation is not None} | {BASELINE}
    return [model for model in models if model.name in names]


def _fit(models: Sequence[Model], data: Material, settings: Settings, tell: Progress) -> tuple[list[Model], dict[str, str]]:
    """Every model on the whole history; and of those that refuse it, or run out of memory over it, why."""
    interactions, seed = data.dataset.interactions, settings.training.seed
    fitted: list[Model] = []
    refused: dict[str, str] = {}
    for place, model in enumerate(models):
        share = within(tell, f"fit {model.name} on everything", place / len(models), (place + 1) / len(models))
        try:
            fitted.append(sound(model.fit(interactions, seed=seed, progress=share)))
        except REFUSALS as error:
            if model.name == BASELINE:
                raise without_baseline(error) from error
            refused[model.name] = why(error)
    return fitted, refused


def _champion(best: str, refused: Mapping[str, str], serving: str) -> str:
    """The model that is to serve; where the best could not be fitted on everything, what serves stays, else popularity."""
    if best in refused:
        return "" if serving else BASELINE
    return best


def _part(tell: Progress, low: float, high: float) -> Progress:
    return lambda stage, fraction: tell(stage, low + (high - low) * fraction)
