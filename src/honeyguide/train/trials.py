"""The trials of a search: what each was and scored, what it took, and whether another one fits into the budget.

Time is that of finished trials, added up, and not that of the clock on the wall: a search that goes on from its records
decides as the one that wrote them did.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from honeyguide.train.spaces import first_guess
from honeyguide.types import Json

Origin = Literal["default", "last search", "drawn", "near the best", "blended"]
_SAFETY: Final = 1.2  # times what was predicted: the machine is not always as fast


class Finished(msgspec.Struct, kw_only=True, frozen=True):
    """A trial that came to its end: `score` is the mean over those asked, on rung `rung`; `failed` says why there is none.

    `cut`: the budget that ended it before it was done, 0 if none did."""

    kind: str
    params: Json
    rung: int
    origin: Origin
    score: float = 0.0
    fit_seconds: float = 0.0
    evaluate_seconds: float = 0.0
    failed: str = ""
    cut: float = 0.0

    @property
    def seconds(self) -> float:
        """All that it took."""
        return self.fit_seconds + self.evaluate_seconds


def key_of(kind: str, params: Mapping[str, Any], rung: int) -> bytes:
    """The same for the same trial."""
    return msgspec.json.encode([kind, dict(sorted(params.items())), rung])


@dataclass(slots=True)
class Ledger:
    """Finished trials in their order, and what they cost. `rows` are the interactions of each rung, `items` how many there
    are; `asked` are the users asked on each."""

    rows: Sequence[int]
    asked: Sequence[int]
    items: int
    trials: list[Finished] = field(default_factory=list)

    @property
    def top(self) -> int:
        """The number of the highest rung."""
        return len(self.rows) - 1

    @property
    def spent(self) -> float:
        """Seconds of all trials."""
        return sum(trial.seconds for trial in self.trials)

    def of(self, kind: str, rung: int) -> list[Finished]:
        """What a model scored on a rung, the best first; of equal ones the earliest."""
        done = [trial for trial in self.trials if trial.kind == kind and trial.rung == rung and not trial.failed]
        return sorted(done, key=lambda trial: -trial.score)

    def best(self, kind: str) -> Finished | None:
        """The best trial of a model on the highest rung that it has reached."""
        return next((done[0] for rung in range(self.top, -1, -1) if (done := self.of(kind, rung))), None)

    def ranked(self, kinds: Sequence[str]) -> list[Finished]:
        """The best of each model, by what it would score on the highest rung; of equal ones as `kinds` has them."""
        found = [best for kind in kinds if (best := self.best(kind)) is not None]
        return sorted(found, key=lambda trial: -trial.score * self._growth(trial.rung))

    def _growth(self, rung: int) -> float:
        """How scores of a rung rise to the highest: the mean ratio of the trials that were on both; 1 if none were."""
        top = {key_of(trial.kind, trial.params, 0): trial.score for trial in self.trials if trial.rung == self.top}
        pairs = [
            (trial.score, top.get(key_of(trial.kind, trial.params, 0), 0.0))
            for trial in self.trials
            if trial.rung == rung < self.top and trial.score > 0
        ]
        ratios = [high / low for low, high in pairs if high > 0]
        return sum(ratios) / len(ratios) if ratios else 1.0

    def failed(self, kind: str) -> str:
        """Why a model that never gave a score did not; empty for one that did or was not tried."""
        own = [trial for trial in self.trials if trial.kind == kind]
        return next((trial.failed for trial in own if trial.failed), "") if all(trial.failed for trial in own) else ""

    def predicted(self, kind: str, params: Json, rung: int) -> tuple[float, float]:
        """Seconds of fitting and of asking of a trial: as the slowest of its model there, else by its own on lower rungs.

        Fitting grows with the interactions, by as much as the two rungs below say, else in proportion. A blend that was not
        tried there fits its parts twice."""
        done = [trial for trial in self.trials if trial.kind == kind and not trial.failed]
        here = [trial for trial in done if trial.rung == rung]
        if here:
            return _SAFETY * max(t.fit_seconds for t in here), _SAFETY * max(t.evaluate_seconds for t in here)
        if parts := params.get("parts"):
            fits, asks = zip(*(self.predicted(part, own, rung) for part, own in parts.items()), strict=True)
            return 2 * sum(fits), sum(asks)
        same = [trial for trial in done if trial.params == params] or done
        lower = {trial.rung: trial for trial in sorted(same, key=lambda trial: trial.fit_seconds) if trial.rung < rung}
        if not lower:
            return first_guess(kind, params, self.items), 0.0
        last = max(lower)
        fit, growth = lower[last].fit_seconds, self.rows[rung] / max(1, self.rows[last])
        expected = fit * growth
        if last - 1 in lower:
            slope = (fit - lower[last - 1].fit_seconds) / max(1, self.rows[last] - self.rows[last - 1])
            expected = min(expected, fit + max(slope, 0.0) * (self.rows[rung] - self.rows[last]))
        asked = lower[last].evaluate_seconds * self.asked[rung] / max(1, self.asked[last])
        return _SAFETY * expected, _SAFETY * asked
