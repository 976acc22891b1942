"""Finds the model and the hyper-parameters for this data inside a time budget, without a look at what is held out.

    cut a validation part -> defaults, cheap models first -> blend -> the better half, round by round -> blend -> choice

`search` is usable by itself, on any interactions. Each trial fits a model on the past and asks it for the validation part,
all items ranked. New hyper-parameters climb the rungs of `fidelity` by successive halving; the defaults climb all of them,
so that no search ends below them. It ends when nothing more fits into the budget, or when nothing gets better.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zlib import crc32

import numpy as np

from honeyguide.clock import Clock
from honeyguide.errors import NotEnoughData
from honeyguide.protocols import SearchLog
from honeyguide.train.bench import BASELINE, BLEND, Bench, Plan
from honeyguide.train.fidelity import validation
from honeyguide.train.spaces import drawn, nearby, searchable
from honeyguide.train.trials import Finished, Origin, key_of
from honeyguide.types import Interactions, Json

_AT_ONCE: Final = 3  # proposals of a model in a round, for each rung that they have to climb
_KEPT: Final = 3  # one of so many climbs to the next rung
_PARTS: Final = 3  # of a blend
_PATIENCE: Final = 6  # rounds without a better score after which a search ends
_TOLERANCE: Final = 0.2  # of the budget, by which what comes after a search may pass it
_ENOUGH: Final = 1e-4  # of a score: less is not better


class InMemory:
    """A `SearchLog` that is gone with the process."""

    def __init__(self) -> None:
        self.records: list[Json] = []

    def read(self) -> list[Json]:
        """All records."""
        return list(self.records)

    def append(self, record: Json) -> None:
        """Keep one more."""
        self.records.append(record)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a search found: the best trial, the best one of another model (if any), the best of each model, all trials.

    `ended` says why it ended; `left_out` names models without a score, and why."""

    best: Finished
    runner_up: Finished | None
    by_model: Mapping[str, Finished]
    default: Finished | None
    trials: Sequence[Finished]
    users: int
    ended: str
    left_out: Mapping[str, str]


def search(
    interactions: Interactions,
    plan: Plan,
    clock: Clock,
    *,
    log: SearchLog | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Choice:
    """The choice for `interactions`, which hold nothing of what the choice will be measured on.

    What `progress` raises ends the search, as ctrl-C does; with the same `log` the next one goes on from the trials in it.
    Raises `NotEnoughData` if the validation part has no users, or no model could be fitted."""
    split = plan.split(interactions) if plan.split else validation(interactions, plan.share, plan.seed)
    if not len(split.users):
        cure = "Search without a budget, or import more history: it takes users with at least three items each."
        raise NotEnoughData("Nobody has enough items for a validation part, so nothing can be searched for.", cure=cure)
    bench = Bench(plan, split, clock, log or InMemory(), progress or (lambda stage, share: None))
    _beginning(bench)
    _blend(bench)
    ended = _rounds(bench)
    _blend(bench)
    bench.close(ended)
    return _choice(bench, ended)


def _rounds(bench: Bench) -> str:
    """Rounds of new hyper-parameters; why they ended."""
    without, best = 0, _top_score(bench)
    turn = 0
    while True:
        turn += 1
        alive = _alive(bench, turn)
        offered = [(kind, params, origin) for kind in alive for params, origin in _proposals(bench, kind, turn)]
        if not offered:
            return "there was nothing more to try"
        if not _climb(bench, offered):
            return "nothing more fitted into the budget"
        now = _top_score(bench)
        without = without + 1 if now <= best * (1 + _ENOUGH) else 0
        best = max(best, now)
        if without == _PATIENCE:
            return f"{_PATIENCE} rounds brought nothing better"


def _beginning(bench: Bench) -> None:
    """Every model's default on every rung, then the best of the last search; the best of a rung climb first."""
    ready = [kind for kind in bench.kinds if kind != BLEND]
    for rung in range(bench.ledger.top + 1):
        for kind in ready:
            bench.run(kind, bench.default(kind), rung, "default")
        ready = [trial.kind for trial in bench.ledger.ranked(bench.kinds)]
    last = [(kind, {**bench.default(kind), **bench.plan.warm[kind]}) for kind in ready if kind in bench.plan.warm]
    _climb(bench, [(kind, params, "last search") for kind, params in last])


def _blend(bench: Bench) -> None:
    """Try a blend of the best models, each with its best hyper-parameters, where the best of them got to."""
    if BLEND not in bench.kinds:
        return
    parts = [trial for trial in bench.ledger.ranked(bench.kinds) if trial.kind not in (BASELINE, BLEND)][:_PARTS]
    params = bench.default(BLEND)
    if len(parts) > 1:
        params |= {"parts": {trial.kind: trial.params for trial in sorted(parts, key=lambda trial: trial.kind)}}
    bench.run(BLEND, params, parts[0].rung if parts else 0, "blended")


def _top_score(bench: Bench) -> float:
    """The best of a single model on the highest rung."""
    return max((t.score for t in bench.ledger.trials if t.rung == bench.ledger.top and t.kind != BLEND), default=0.0)


def _alive(bench: Bench, turn: int) -> list[str]:
    """The models that new hyper-parameters are tried of: the better half, then the better quarter, at least two."""
    ranked = [trial.kind for trial in bench.ledger.ranked(bench.kinds) if searchable(trial.kind)]
    return ranked[: max(2, -(-len(ranked) >> min(turn, 10)))]


def _proposals(bench: Bench, kind: str, turn: int) -> list[tuple[Json, Origin]]:
    """New hyper-parameters for a round: by turns from anywhere and from near the best; the same for the same trials."""
    best = bench.ledger.best(kind)
    tried = {key_of(kind, trial.params, 0) for trial in bench.ledger.trials if trial.kind == kind}
    made: list[tuple[Json, Origin]] = []
    for place in range(_AT_ONCE * (bench.ledger.top + 1)):
        generator = np.random.default_rng([bench.plan.seed, crc32(kind.encode()), turn, place])
        for _ in range(20):
            far = best is None or (place + turn) % 2 == 0
            make, origin = (drawn, "drawn") if far else (nearby, "near the best")
            params = make(kind, best.params if best else bench.default(kind), generator)
            if key_of(kind, params, 0) not in tried:
                tried.add(key_of(kind, params, 0))
                made.append((params, origin))  # type: ignore[arg-type]
                break
    return made


def _climb(bench: Bench, offered: Sequence[tuple[str, Json, Origin]]) -> bool:
    """Try all on the lowest rung, the best third of each model on the next, and so on; whether anything was tried."""
    tried = 0
    for rung in range(bench.ledger.top + 1):
        done: dict[str, list[Finished]] = {}
        for kind, params, origin in offered:
            trial = bench.run(kind, params, rung, origin)
            tried += trial is not None
            if trial is not None and not trial.failed:
                done.setdefault(kind, []).append(trial)
        offered = [
            (trial.kind, trial.params, trial.origin)
            for trials in done.values()
            for trial in sorted(trials, key=lambda trial: -trial.score)[: -(-len(trials) // _KEPT)]
        ]
    return tried > 0


def _choice(bench: Bench, ended: str) -> Choice:
    ranked = bench.ledger.ranked(bench.kinds)
    personal = [trial for trial in ranked if trial.kind != BASELINE] or ranked
    left = bench.left + _TOLERANCE * bench.plan.budget
    in_time = [trial for trial in personal if bench.again(trial.kind, trial.params) <= left]
    personal = in_time or personal
    left_out = {kind: bench.ledger.failed(kind) or "the budget was too small" for kind in bench.kinds}
    known = {trial.kind: trial for trial in ranked}
    if not personal:
        told = "; ".join(f"{kind}: {why}" for kind, why in left_out.items())
        raise NotEnoughData(f"No model could be fitted ({told}).", cure="Raise the budget, or name other models.")
    best = personal[0]
    default = next((t for t in bench.ledger.of(best.kind, best.rung) if t.origin == "default"), None)
    return Choice(
        best,
        personal[1] if len(personal) > 1 else None,
        known,
        default,
        tuple(bench.ledger.trials),
        bench.rungs[-1].asked,
        ended,
        {kind: why for kind, why in left_out.items() if kind not in known},
    )
