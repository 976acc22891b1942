"""The gate: nothing serves whose lists, as they are served, are not better than popular ones on the shop's latest data."""

from collections.abc import Sequence
from dataclasses import dataclass

from honeyguide.config.settings import Settings
from honeyguide.errors import GateNotMet
from honeyguide.offline.evaluation import Interval
from honeyguide.train.bench import BASELINE
from honeyguide.train.compare import Trial


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which model the alias `champion` is to point at (empty: it stays), and the sentence that says why.

    `margin`: its paired gain over popularity per user."""

    champion: str
    reason: str
    margin: Interval | None = None


def judge(trials: Sequence[Trial], settings: Settings, *, serving: str, chosen: str = "") -> Verdict:
    """The best personal model if it beats popularity by `training.gate`; else popularity, but only where nothing serves yet.

    A model that a search has `chosen` is the best, whatever the others have here: what they are measured on now had no
    part in the choice, so it may not have one after it. Both are judged by their lists as served. `serving` is the
    label of the present champion, empty if there is none. Raises `GateNotMet` when no model is good enough and a
    champion is there: it stays. Without a comparison popularity replaces nothing but popularity."""
    metric, k, seed = settings.training.metric, settings.training.k, settings.training.seed
    done = {trial.name: trial.served for trial in trials if trial.served is not None}
    base = done.pop(BASELINE, None)
    if base is None or not done:
        return _without_comparison(
            "nothing to compare popularity with" if base else "too little history to compare", serving
        )
    best = chosen if chosen in done else max(sorted(done), key=lambda name: done[name].mean(metric))
    score, needed = done[best].mean(metric), base.mean(metric) * (1.0 + settings.training.gate)
    told = f"served {metric}@{k} {score:.4f} against {base.mean(metric):.4f} of popularity"
    if score > needed:
        said = "was chosen by the search" if best == chosen else "is the best"
        return Verdict(best, f"{best} {said}: {told}", done[best].difference(base, metric, seed))
    if serving:
        cure = f"{serving} goes on serving. Lower training.gate, or import more history."
        raise GateNotMet(f"No model is good enough: the best, {best}, has {told}.", cure=cure)
    return Verdict(BASELINE, f"no model beats popularity yet ({best}: {told}), so popularity serves")


def _without_comparison(why: str, serving: str) -> Verdict:
    if serving and not serving.startswith(f"{BASELINE}@"):
        return Verdict("", f"{why}: popularity is published, and {serving} goes on serving")
    return Verdict(BASELINE, f"{why}, so popularity serves")
