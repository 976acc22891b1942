"""What is wrong with the definition of an experiment, by itself and beside those that run. Nothing is ever mended."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from math import fsum, isclose, isfinite
from typing import Final

from honeyguide.config.metrics import Metric, MetricKind
from honeyguide.errors import Conflict, FieldError, FilterError, InvalidInput
from honeyguide.experiments.assignment import ABOUT
from honeyguide.expressions import condition
from honeyguide.messages import Bandit, Definition, Experiment
from honeyguide.types import id_fault

EVERYWHERE: Final = "*"
MOST_ARMS: Final = 20
MOST_FORCED: Final = 1_000
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_A_NAME: Final = "is no name: use a-z, 0-9, _ and -, at most 64, beginning with a letter."
_LONGEST: Final = {"hypothesis": 2_000, "owner": 128, "seed": 256}
_FINEST: Final = 1e-4
_STEPS: Final = 1_000  # of a layer's hash
_DONE: Final[tuple[MetricKind, ...]] = ("proportion", "count", "sum", "mean", "ratio", "rate")
"""Kinds of which each event is a success: what bandits learn from, and what interleaved lists are credited with."""
_ADDED: Final[tuple[MetricKind, ...]] = ("proportion", "count", "sum")
"""Kinds that say of a unit how much it did: nothing that divides."""


def check_definition(given: Definition, surfaces: Collection[str], metrics: Mapping[str, Metric], now: int) -> None:
    """Raise `InvalidInput` with one entry per fault. `metrics` are those that are declared; `now` in ms."""
    faults = [
        *_names(given, surfaces),
        *_arms(given),
        *_kind(given),
        *_shares(given),
        *_targeting(given),
        *_forced(given),
        *_judging(given, metrics),
        *_learning(given),
        *_credited(given, metrics),
        *_times(given, now),
    ]
    if faults:
        first = f"{faults[0].pointer.removeprefix('/')} {faults[0].detail}"
        raise InvalidInput(f"The experiment does not fit: {first}", errors=faults, code="invalid_experiment")


def _names(given: Definition, surfaces: Collection[str]) -> Iterator[FieldError]:
    if not _NAME.fullmatch(given.name):
        yield FieldError("/name", f"{given.name!r} {_A_NAME}")
    if given.surface == EVERYWHERE and not given.holdout:
        yield FieldError("/surface", "'*' is for holdouts alone; name the surface whose lists the arms change.")
    elif given.surface not in (*surfaces, EVERYWHERE):
        yield FieldError(
            "/surface", f"{given.surface!r} is not declared{_near(given.surface, surfaces)}; use one of {_told(surfaces)}."
        )
    for name, longest in _LONGEST.items():
        if len(getattr(given, name)) > longest:
            yield FieldError(f"/{name}", f"has more than {longest:,} letters.")


def _arms(given: Definition) -> Iterator[FieldError]:
    arms = given.arms
    if not 2 <= len(arms) <= MOST_ARMS:
        yield FieldError("/arms", f"there are {len(arms)}; an experiment has 2 to {MOST_ARMS}, the first is the control.")
    if given.kind == "interleaving" and len(arms) != 2:
        yield FieldError("/arms", f"there are {len(arms)}; an interleaving puts the lists of exactly two into one.")
    seen: set[str] = set()
    for place, arm in enumerate(arms):
        if not _NAME.fullmatch(arm.name):
            yield FieldError(f"/arms/{place}/name", f"{arm.name!r} {_A_NAME}")
        if arm.name in seen:
            yield FieldError(f"/arms/{place}/name", f"{arm.name!r} is the name of another arm; take another.")
        seen.add(arm.name)
        if not isfinite(arm.weight) or arm.weight < 0:
            yield FieldError(f"/arms/{place}/weight", f"{arm.weight} is no share; write a number from 0 to 1.")
    total = fsum(arm.weight for arm in arms)
    if arms and not isclose(total, 1.0, abs_tol=1e-9):
        weights = " + ".join(f"{arm.weight:g}" for arm in arms)
        cure = "write weights that sum to 1 (they are never adjusted; coverage says how many take part)."
        yield FieldError("/arms", f"the weights {weights} sum to {total:.9g}; {cure}")


def _kind(given: Definition) -> Iterator[FieldError]:
    """What bandits and interleavings cannot be."""
    if given.kind == "interleaving" and not given.goals:
        yield FieldError("/goals", "is empty; the first says what is credited, name one.")
    if given.kind != "ab" and given.holdout:
        yield FieldError("/holdout", f"is for A/B tests; the kind {given.kind!r} holds nobody out.")
    if given.kind != "ab" and given.guardrails:
        cure = "leave them out and name the metrics as watched, or run an A/B test"
        yield FieldError("/guardrails", f"stop A/B tests; nothing would watch them for the kind {given.kind!r}: {cure}.")
    if given.kind != "bandit":
        return
    if given.sticky:
        yield FieldError("/sticky", "keeps units in their arms, and a bandit draws them anew in each period; leave it out.")
    how = given.bandit or Bandit()
    if 0 < how.every <= how.window:
        detail = f"{how.window:g} hours are not within a period of {how.every:g}: no outcome would be complete."
        yield FieldError("/bandit/window", f"{detail} Write fewer, or a longer period (every).")


def _shares(given: Definition) -> Iterator[FieldError]:
    if not 0 <= given.coverage <= 1:
        yield FieldError("/coverage", f"{given.coverage} is no share; write a number from 0 to 1.")
        return
    smallest = min((arm.weight * given.coverage for arm in given.arms if arm.weight > 0), default=1.0)
    if given.hash_version == 2 and 0 < smallest < _FINEST:
        yield FieldError(
            "/hash_version", f"2 has steps of {_FINEST:g}, and an arm is to get {smallest:g} of the units; write 60."
        )
    start, end = given.range
    if not 0 <= start < end <= 1:
        yield FieldError("/range", f"[{start:g}, {end:g}] is no part of a layer; write two numbers that rise, from 0 to 1.")
    if given.layer and not _NAME.fullmatch(given.layer):
        yield FieldError("/layer", f"{given.layer!r} {_A_NAME}")
    if not given.layer and given.range != (0.0, 1.0):
        yield FieldError("/range", "is a part of a layer, and no layer is named; write layer, or leave range out.")


def _targeting(given: Definition) -> Iterator[FieldError]:
    if not given.targeting:
        return
    try:
        condition(given.targeting, ABOUT)
    except FilterError as error:
        told = "; ".join(each.detail for each in error.errors) or error.detail
        cure = "Targeting looks at user.id, user.properties.NAME, context.NAME and now."
        yield FieldError("/targeting", f"{told}\n{cure}")


def _forced(given: Definition) -> Iterator[FieldError]:
    names = [arm.name for arm in given.arms]
    if len(given.forced) > MOST_FORCED:
        yield FieldError("/forced", f"names {len(given.forced):,} units; at most {MOST_FORCED:,} are taken.")
    for unit, arm in list(given.forced.items())[:MOST_FORCED]:
        if fault := id_fault(unit):
            yield FieldError("/forced", f"the unit {unit!r} {fault}.")
        if arm not in names:
            yield FieldError(f"/forced/{unit}", f"there is no arm {arm!r}{_near(arm, names)}; there are {_told(names)}.")


def _judging(given: Definition, metrics: Collection[str]) -> Iterator[FieldError]:
    named = [(f"/goals/{place}", name) for place, name in enumerate(given.goals)]
    named += [(f"/guardrails/{place}/metric", each.metric) for place, each in enumerate(given.guardrails)]
    named += [(f"/watched/{place}", name) for place, name in enumerate(given.watched)]
    seen: set[str] = set()
    for pointer, name in named:
        if name not in metrics:
            cure = f"use one of {_told(metrics)}, or declare it under [[metrics]]."
            yield FieldError(pointer, f"there is no metric {name!r}{_near(name, metrics)}; {cure}")
        if name in seen:
            yield FieldError(pointer, f"{name!r} is named twice; a metric is a goal, a guardrail or only watched.")
        seen.add(name)
    for place, each in enumerate(given.guardrails):
        if not 0 <= each.margin < 1:
            yield FieldError(f"/guardrails/{place}/margin", f"{each.margin} is no share; write a number from 0 to below 1.")
    if not 0 < given.alpha <= 0.5:
        yield FieldError("/alpha", f"{given.alpha} is no level; write a number above 0, such as 0.05.")
    if given.planned_units < len(given.arms):
        yield FieldError("/planned_units", f"{given.planned_units} units are too few for {len(given.arms)} arms.")
    if not 1 <= given.looks <= 1_000:
        yield FieldError("/looks", f"{given.looks} is not possible; write 1 to 1,000.")
    if not 0 <= given.min_days <= 365:
        yield FieldError("/min_days", f"{given.min_days} is not possible; write 0 to 365.")


def _learning(given: Definition) -> Iterator[FieldError]:
    """What is wrong with how a bandit learns."""
    bandit = given.bandit
    if given.kind == "bandit" and not given.goals:
        yield FieldError("/goals", "is empty; a bandit learns from its first goal, name one.")
    if bandit is None:
        return
    if given.kind != "bandit":
        yield FieldError("/bandit", f"has no meaning for the kind {given.kind!r}; leave it out.")
    allowed = {
        "every": (0 < bandit.every <= 8_760, "hours above 0"),
        "window": (0 <= bandit.window <= 8_760, "hours from 0"),
        "floor": (0 <= bandit.floor * len(given.arms) < 1, "a share that leaves something: below 1 by the number of arms"),
        "decay": (0 < bandit.decay <= 1, "a number above 0, at most 1"),
        "least": (bandit.least >= 1, "a whole number from 1"),
        "uniform": (0 <= bandit.uniform < 1, "a share from 0 to below 1"),
    }
    for name, (fits, what) in allowed.items():
        if not fits:
            yield FieldError(f"/bandit/{name}", f"{getattr(bandit, name)} is not possible; write {what}.")


def _credited(given: Definition, metrics: Mapping[str, Metric]) -> Iterator[FieldError]:
    """Whether the first goal says what is good of an arm, where more of it brings more traffic or the credit."""
    goal = metrics.get(given.goals[0]) if given.goals else None
    if given.kind == "ab" or goal is None:
        return
    if goal.better == "less":
        cure = "name one first that is better with more, such as clicks or conversion."
        yield FieldError("/goals/0", f"{goal.name!r} is better with less, and this would look for more of it; {cure}")
        return
    amounts = given.kind == "bandit" and (given.bandit or Bandit()).reward == "gaussian"
    kinds = _ADDED if amounts else _DONE
    if goal.kind not in kinds:
        what = "A reward 'gaussian' is learnt from" if amounts else f"The kind {given.kind!r} is for"
        other = (
            "take the reward 'bernoulli', or name another first" if amounts and goal.kind in _DONE else "name another first"
        )
        yield FieldError("/goals/0", f"{goal.name!r} is a {goal.kind}. {what} {', '.join(kinds)}; {other}.")


def _times(given: Definition, now: int) -> Iterator[FieldError]:
    if given.starts_at is not None and given.starts_at < now:
        yield FieldError("/starts_at", "is in the past; leave it out to begin at the start, or write a time to come.")
    if given.ends_at is not None and given.ends_at <= (now if given.starts_at is None else given.starts_at):
        yield FieldError("/ends_at", "is not after the beginning.")


def _told(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _near(name: str, names: Collection[str]) -> str:
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""


# --- beside others ----------------------------------------------------------------------------------------------------


def check_beside(experiment: Experiment) -> Callable[[Sequence[Experiment]], None]:
    """A guard (`protocols.experiments.Guard`) that raises `Conflict` where an experiment shares units with one that runs
    and has the same part of a layer, or changes the same."""

    def check(running: Sequence[Experiment]) -> None:
        for other in running:
            if other.name != experiment.name:
                _check_pair(experiment, other, running)

    return check


def _check_pair(one: Experiment, other: Experiment, running: Sequence[Experiment]) -> None:
    if one.layer and one.layer == other.layer:
        if one.unit != other.unit:
            raise Conflict(
                f"The layer {one.layer!r} is one of {other.unit}s: {other.name!r} runs in it, and {one.name!r} is on "
                f"{one.unit}s, so that nobody could tell who is in both.",
                cure=f"Take the unit {other.unit!r}, or another layer.",
                code="layer_units_differ",
            )
        if overlap(one.range, other.range):
            free = free_ranges(one.layer, [each for each in running if each.name != one.name])
            cure = f"Free in it: {', '.join(f'[{a:g}, {b:g}]' for a, b in free) or 'nothing'}. Take another part or layer."
            raise Conflict(
                f"The part [{one.range[0]:g}, {one.range[1]:g}] of the layer {one.layer!r} overlaps with that of "
                f"{other.name!r}, which runs.",
                cure=cure,
                code="layer_taken",
            )
        return
    if not _meet(one.surface, other.surface):
        return
    both = sorted(_changed(one) & _changed(other))
    if both:
        raise Conflict(
            f"{one.name!r} and {other.name!r}, which runs, both change {_told(both)} of {one.surface!r}: a unit cannot be "
            "in both.",
            cure="Put them into parts of one layer (layer and range), or stop that one.",
            code="changes_collide",
        )


def overlap(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether a unit can be in both parts; a layer's hash has 1,000 steps."""
    return any(one[0] <= step / _STEPS < one[1] and other[0] <= step / _STEPS < other[1] for step in range(_STEPS))


def free_ranges(layer: str, running: Sequence[Experiment]) -> list[tuple[float, float]]:
    """The parts of a layer that nothing that runs has."""
    found, at = [], 0.0
    for start, end in sorted(each.range for each in running if each.layer == layer):
        if start > at:
            found.append((at, start))
        at = max(at, end)
    return [*found, (at, 1.0)] if at < 1 else found


def _meet(one: str, other: str) -> bool:
    return one == other or EVERYWHERE in (one, other)


def _changed(experiment: Experiment) -> set[str]:
    """What arms change: fields of the surface, and single rules."""
    found: set[str] = set()
    for arm in experiment.arms:
        rules = arm.changes.get("rules")
        found |= {f"the rule {name!r}" for name in rules} if isinstance(rules, dict) else set()
        found |= set(arm.changes) - {"rules"}
    return found
