"""The gate: nothing serves whose lists, as they are served, are not better than popular ones on the shop's latest data, or
are worse than those of what serves now.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from honeyguide.config.settings import Settings
from honeyguide.errors import GateNotMet
from honeyguide.offline.evaluation import Evaluation, Interval
from honeyguide.train.bench import BASELINE
from honeyguide.train.compare import Trial


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which model the alias `champion` is to point at (empty: it stays), and the sentence that says why.

    `margin`: its paired gain over popularity per user."""

    champion: str
    reason: str
    margin: Interval | None = None


def judge(
    trials: Sequence[Trial], settings: Settings, *, serving: str, chosen: str = "", present: Trial | None = None
) -> Verdict:
    """The best personal model if it beats popularity by `training.gate`; else popularity, but only where nothing serves yet.

    A model that a search has `chosen` is the best, whatever the others have here: what they are measured on now had no
    part in the choice, so it may not have one after it. Both are judged by their lists as served. `serving` is the
    label of the present champion, empty if there is none, `present` the trial of its model and hyper-parameters on the same
    past, where they are not among the others. Raises `GateNotMet` when no model is good enough, or the best is worse than
    `present` beyond chance, and a champion is there: it stays. Without a comparison popularity replaces nothing but
    popularity."""
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
        margin = done[best].difference(base, metric, seed)
        _not_worse(done[best], present, f"{best} has {told}", settings, serving)
        said = "was chosen by the search" if best == chosen else "is the best"
        perhaps = "" if margin.low > 0 else "; the gain may be chance, since its 95 % interval reaches down to 0"
        return Verdict(best, f"{best} {said}: {told}{perhaps}", margin)
    if serving:
        cure = f"{serving} goes on serving. Lower training.gate, or import more history."
        raise GateNotMet(f"No model is good enough: the best, {best}, has {told}.", cure=cure)
    return Verdict(BASELINE, f"no model beats popularity yet ({best}: {told}), so popularity serves")


def _not_worse(best: Evaluation, present: Trial | None, told: str, settings: Settings, serving: str) -> None:
    """Raise `GateNotMet` if what serves is better beyond chance."""
    if present is None or present.served is None:
        return
    gain = best.difference(present.served, settings.training.metric, settings.training.seed)
    if gain.high < 0:
        raise GateNotMet(
            f"No model is good enough: {told}, which is worse than what serves, {serving} trained on the same past: "
            f"{gain.mean:+.4f} per user (95 %: {gain.low:+.4f} to {gain.high:+.4f}).",
            cure=f"{serving} goes on serving. Train its model as well, with its hyper-parameters ('honeyguide models show "
            "champion'), or search for a better one: honeyguide train --budget 10m",
        )


def _without_comparison(why: str, serving: str) -> Verdict:
    if serving and not serving.startswith(f"{BASELINE}@"):
        return Verdict("", f"{why}: popularity is published, and {serving} goes on serving")
    return Verdict(BASELINE, f"{why}, so popularity serves")
