"""What a search means for a training: its plan from the settings, the models that come of it, and what is told of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import msgspec

from honeyguide import __version__
from honeyguide.clock import Clock
from honeyguide.config.settings import Settings
from honeyguide.errors import NotEnoughData
from honeyguide.models import untrained
from honeyguide.offline.evaluation import Interval
from honeyguide.offline.splits import by_time
from honeyguide.protocols import Model, SearchLog
from honeyguide.train.bench import BASELINE, BLEND, Plan
from honeyguide.train.compare import Trial
from honeyguide.train.material import Material
from honeyguide.train.search import Choice, InMemory, search
from honeyguide.train.served import AsServed, most_popular, surface_of
from honeyguide.train.trials import Finished
from honeyguide.types import Json

Searches = Callable[[str], SearchLog]
"""The log of a search by its name."""

_LAST: Final = "last"
_MOST_ASKED: Final = 5_000
_REFITS: Final = 2.8  # on the past and on everything, both larger than what trials see
_ASKED_TWICE: Final = 2  # of each model its own order and its lists as served


def remembered() -> Searches:
    """Searches whose trials are gone with the process."""
    logs: dict[str, InMemory] = {}
    return lambda name: logs.setdefault(name, InMemory())


@dataclass(frozen=True, slots=True)
class Chosen:
    """A search's choice, the models that it says to fit (popularity first, then the best, then the runner-up), and the
    budget that it had."""

    choice: Choice
    models: list[Model]
    budget: float

    @property
    def name(self) -> str:
        """The model that was chosen."""
        return self.choice.best.kind


def attempted(
    kinds: Sequence[str],
    data: Material,
    settings: Settings,
    clock: Clock,
    used: float,
    searches: Searches,
    tell: Callable[[str, float], None],
) -> tuple[Chosen | None, tuple[str, ...]]:
    """Search by the lists that a surface would serve, on the past alone; `used` seconds of the budget are gone.

    It begins with what was best of each model in the last search, and leaves what is best now to the next. Without enough
    to search on there is no choice, and a note that says so."""
    last, log = searches(_LAST), searches(_name(settings, data.position))
    plan = _plan(kinds, data, settings, used, _warm(kinds, log, last))
    try:
        choice = search(data.split.train, plan, clock, log=log, progress=tell)
    except NotEnoughData as error:
        return None, (f"The budget was not used, and the defaults were compared: {error}",)
    last.append({"best": {kind: trial.params for kind, trial in choice.by_model.items()}})
    return Chosen(choice, _models(choice, settings), settings.training.budget), ()


def _warm(kinds: Sequence[str], log: SearchLog, last: SearchLog) -> Mapping[str, Mapping[str, Any]]:
    """What a search begins with: that of its own beginning if it goes on, else what was best in the last one."""
    own = [record["warm"] for record in log.read() if "warm" in record]
    if not own:
        own = [next((record["best"] for record in reversed(last.read()) if "best" in record), {})]
        log.append({"warm": own[0]})
    return {kind: own[0][kind] for kind in kinds if kind in own[0]}


def _plan(
    kinds: Sequence[str], data: Material, settings: Settings, used: float, warm: Mapping[str, Mapping[str, Any]]
) -> Plan:
    training, surface, ids = settings.training, surface_of(settings), data.dataset.item_ids
    return Plan(
        kinds=kinds,
        budget=training.budget,
        used=used,
        metric=training.metric,
        k=training.k,
        history=settings.recommend.history,
        seed=training.seed,
        most_asked=min(_MOST_ASKED, training.max_users),
        refits=_REFITS,
        asked_later=_ASKED_TWICE * min(len(data.split.users), training.max_users),
        base=settings.models.params,
        warm={kind: _still_known(kind, params) for kind, params in warm.items()},
        split=lambda interactions: by_time(interactions, training.test_share),
        ranker=lambda popular: AsServed(surface, ids, data.limits, most_popular(popular)),
    )


def _name(settings: Settings, position: int) -> str:
    """What a search is kept by: all that its scores depend on, apart from what is tried."""
    training = settings.training
    rules = training.model_dump(mode="json", exclude={"budget", "gate", "keep", "min_users", "min_items", "min_overlap"})
    surface = surface_of(settings).model_dump(mode="json")
    events, segments = settings.events.model_dump(mode="json"), settings.segments.model_dump(mode="json")
    made_of = [__version__, position, rules, surface, events, segments, settings.recommend.history]
    return f"{position}-{training.seed}-{sha256(msgspec.json.encode(made_of, order='sorted')).hexdigest()[:16]}"


def _models(choice: Choice, settings: Settings) -> list[Model]:
    popular = choice.by_model.get(BASELINE)
    params = popular.params if popular else settings.models.params.get(BASELINE)
    others = [trial for trial in (choice.best, choice.runner_up) if trial is not None and trial.kind != BASELINE]
    return [untrained(BASELINE, params), *(untrained(trial.kind, trial.params) for trial in others)]


def reason_of(chosen: Chosen, settings: Settings) -> str:
    """The sentence that says why this model was chosen."""
    choice, training = chosen.choice, settings.training
    best, default, other = choice.best, choice.default, choice.runner_up
    found = f"{best.kind} has {training.metric}@{training.k} {best.score:.4f} on the validation part"
    beaten = []
    if default is not None and default.params != best.params:
        beaten.append(f"{default.score:.4f} with its defaults")
    if other is not None:
        beaten.append(f"{other.score:.4f} of {other.kind}")
    against = f" against {' and '.join(beaten)}" if beaten else ""
    return found + against


def record_of(chosen: Chosen, trials: Sequence[Trial], settings: Settings) -> Json:
    """What a version keeps of the search that chose it; `difference` is that to the runner-up on the test part."""
    choice, training = chosen.choice, settings.training
    other = choice.runner_up
    gain = _difference(trials, chosen.name, other.kind, settings) if other else None
    return {
        "reason": reason_of(chosen, settings),
        "chosen": _told(choice.best),
        "default": _told(choice.default) if choice.default else None,
        "runner_up": _told(other) if other else None,
        "difference": None if gain is None else [round(gain.mean, 6), round(gain.low, 6), round(gain.high, 6)],
        "models": {kind: _told(trial) | _tries(choice, trial, settings) for kind, trial in choice.by_model.items()},
        "left_out": dict(choice.left_out),
        "metric": f"{training.metric}@{training.k}",
        "users": choice.users,
        "trials": len(choice.trials),
        "budget": chosen.budget,
        "seconds": round(sum(trial.seconds for trial in choice.trials), 3),
        "ended": choice.ended,
    }


def _difference(trials: Sequence[Trial], best: str, other: str, settings: Settings) -> Interval | None:
    served = {trial.name: trial.served for trial in trials}
    one, two = served.get(best), served.get(other)
    return one.difference(two, settings.training.metric, settings.training.seed) if one and two else None


def _told(trial: Finished) -> Json:
    return {"model": trial.kind, "params": trial.params, "score": round(trial.score, 6), "origin": trial.origin}


def _tries(choice: Choice, best: Finished, settings: Settings) -> Json:
    own = [trial for trial in choice.trials if trial.kind == best.kind]
    changed = _changed(best.kind, best.params, settings.models.params.get(best.kind))
    return {"trials": len(own), "seconds": round(sum(trial.seconds for trial in own), 3), "changed": changed}


def _changed(kind: str, params: Mapping[str, Any], base: Mapping[str, Any] | None = None) -> Json:
    """The hyper-parameters that are not as by default; of a blend, those of each of its parts."""
    usual = untrained(kind, base).params()
    if kind == BLEND:
        return {"parts": {part: _changed(part, own) for part, own in params["parts"].items()}}
    return {name: value for name, value in params.items() if value != usual[name]}


def _still_known(kind: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Hyper-parameters of an earlier release that this one knows."""
    return {name: value for name, value in params.items() if name in untrained(kind).params()}
