"""Which arm of an experiment a unit is in: a pure function of its definition, the unit and what is known of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from honeyguide.experiments.hashing import Range, arm_at, bucket, in_layer, ranges
from honeyguide.expressions import Expression, World, condition
from honeyguide.expressions.kinds import Fields
from honeyguide.messages import Experiment
from honeyguide.types import INTERLEAVED, Assigned, Why

ABOUT: Final = Fields({"user.id": "text", "now": "time"}, ("user.properties.", "context."))
"""What targeting may look at, when nothing is known of the properties that users have."""


@dataclass(frozen=True, slots=True)
class Trial:
    """An experiment made ready for many units: the range and the weight of each arm, its condition read. `alike` are the
    ranges in a bandit's uniform slice."""

    experiment: Experiment
    arms: tuple[Range, ...]
    alike: tuple[Range, ...]
    weights: Mapping[str, float]
    target: Expression | None

    @classmethod
    def of(cls, experiment: Experiment) -> "Trial":
        """Raises `ValueError` for weights or a coverage, `FilterError` for targeting, that this release cannot use."""
        weights = [arm.weight for arm in experiment.arms]
        if experiment.kind == "interleaving" and len(weights) != 2:
            raise ValueError(f"an interleaving has two arms, not {len(weights)}")
        target = condition(experiment.targeting, ABOUT) if experiment.targeting else None
        named = {arm.name: arm.weight for arm in experiment.arms}
        arms, alike = (ranges(each, experiment.coverage) for each in (weights, [1 / len(weights)] * len(weights)))
        return cls(experiment, tuple(arms), tuple(alike), named, target)

    @property
    def looks_at_users(self) -> bool:
        """Whether more of a unit than its id must be known: properties of the user, or the arm that it keeps."""
        return self.experiment.sticky or (self.target is not None and self.target.looks_at("user.properties."))


def assign(
    trial: Trial, unit: str, world: World, now: int, *, kept: str | None = None, asked: str | None = None
) -> Assigned | None:
    """The arm of a unit at a moment (ms), None if it takes no part; nobody without an id does.

    `world` is what targeting looks at; `kept` the arm that the unit was in before, where it stays there; `asked` an arm that
    the request names. An arm that is named, by the request or the experiment, overrides all else. A unit that stays in its
    arm need not meet the condition any more, nor be covered; but it must be in the experiment's part of its layer."""
    experiment = trial.experiment
    if not unit:
        return None
    named = asked if asked is not None else experiment.forced.get(unit)
    if named is not None and named in trial.weights:
        return _assigned(trial, unit, named, "asked" if asked is not None else "forced", 1.0)
    if not _is_time(experiment, now) or not _in_layer(experiment, unit):
        return None
    if kept is not None and experiment.sticky and kept in trial.weights:
        return _assigned(trial, unit, kept, "sticky", trial.weights[kept])
    if trial.target is not None and not trial.target.holds(world, 1)[0]:
        return None
    apart = experiment.kind == "bandit" and _in_slice(experiment, unit)
    seed, arms = (f"{experiment.name}:uniform:arm", trial.alike) if apart else (experiment.seed, trial.arms)
    place = arm_at(bucket(seed, unit, experiment.hash_version), arms)
    if place < 0:
        return None
    if experiment.kind == "interleaving":  # each unit sees both arms
        return _assigned(trial, unit, INTERLEAVED, "hash", 1.0)
    arm = experiment.arms[place]
    if apart:
        return _assigned(trial, unit, arm.name, "uniform", 1 / len(arms))
    return _assigned(trial, unit, arm.name, "hash", arm.weight)


def _in_slice(experiment: Experiment, unit: str) -> bool:
    """Whether a unit is in a bandit's uniform slice: by a hash that neither a period nor the coverage changes. Another one,
    as permanent, says in which arm of it a unit is, and whether it is covered."""
    return bucket(f"{experiment.name}:uniform", unit, experiment.hash_version) < experiment.how.uniform


def _is_time(experiment: Experiment, now: int) -> bool:
    return (experiment.starts_at or 0) <= now and (experiment.ends_at is None or now < experiment.ends_at)


def _in_layer(experiment: Experiment, unit: str) -> bool:
    return not experiment.layer or in_layer(experiment.layer, unit, experiment.range)


def _assigned(trial: Trial, unit: str, arm: str, reason: Why, weight: float) -> Assigned:
    experiment = trial.experiment
    return Assigned(
        experiment=experiment.name,
        phase=experiment.phase,
        arm=arm,
        unit=unit,
        reason=reason,
        weight=weight,
        scheme=experiment.hash_version,
        period=experiment.period,
    )


def why_not(trial: Trial, unit: str, world: World, now: int) -> str:
    """Why `assign` gives a unit no arm, in words."""
    experiment = trial.experiment
    if not unit:
        return f"the request names no {experiment.unit}"
    if (experiment.starts_at or 0) > now:
        return "it has not begun"
    if not _is_time(experiment, now):
        return "its time is over"
    if not _in_layer(experiment, unit):
        return f"outside of its part of the layer {experiment.layer}"
    if trial.target is not None and not trial.target.holds(world, 1)[0]:
        return "does not meet its targeting"
    return f"not covered: {experiment.coverage:.4g} of the units take part"
