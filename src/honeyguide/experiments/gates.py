"""Health before numbers: what must hold before anybody may read a verdict out of an experiment.

An alarm hides the verdict, not the data. SRM: Fabijan and others, "Diagnosing sample ratio mismatch in online controlled
experiments", KDD 2019. Limits of crossed units as in GrowthBook (1 % and ten units).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Final, Literal

import msgspec
import numpy as np

from honeyguide.experiments.outcomes import DAY_MS
from honeyguide.experiments.statistics.comparing import Estimate, welch
from honeyguide.experiments.statistics.several import Mismatch, sample_ratio, sample_ratio_by_dimension
from honeyguide.experiments.statistics.sums import Sums

State = Literal["passed", "waiting", "warning", "alarm"]
LEAST_UNITS: Final = 100
"""Units of each arm before its mean is taken for normal."""
WEEK: Final = 7
_FEW: Final = 10
_CROSSED: Final = (0.001, 0.01)
_MIXED: Final = (0.001, 0.01)
_MISSING: Final = (0.01, 0.05)
_BEFORE: Final = (0.01, 0.001)


class Gate(msgspec.Struct, frozen=True):
    """One thing that must hold: `alarm` hides the verdict, `waiting` puts it off, `warning` is only said."""

    name: str
    state: State
    detail: str
    p: float | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """What the gates look at. `units` of each arm, of which `crossed` met another arm after their first and `mixed` were
    served another than the one assigned; `weights` of the arms, or what they are expected to have; `segments`: label ->
    units of each arm; `named` events named a list, of which `unknown` ones were not found; `before`: metric -> sums of what
    was before the first exposure (as x) of each arm. `began` and `now` in ms."""

    units: Mapping[str, float]
    weights: Mapping[str, float]
    crossed: float
    mixed: float
    named: float
    unknown: float
    began: int
    now: int
    min_days: int
    running: bool = True
    segments: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    before: Mapping[str, Mapping[str, Sums]] = field(default_factory=dict)


def gates(health: Health) -> list[Gate]:
    """All gates, in the order in which they are worth reading."""
    return [
        _enough(health),
        _sample_ratio(health),
        *_sample_ratio_by_segment(health),
        _share("crossed", health.crossed, sum(health.units.values()), _CROSSED, "units met more than one arm"),
        _share("served", health.mixed, sum(health.units.values()), _MIXED, "units were served another arm than theirs"),
        _share("exposures", health.unknown, health.named, _MISSING, "events name a list that is not known"),
        *_imbalance(health),
        _days(health),
    ]


def days_to_wait(health: Health) -> int:
    """Days until the least time is over and weeks are whole; 0 within a day after that, and for what has ended.

    Whoever asks for less than a week as the least time gives up whole weeks."""
    if not health.running:
        return 0
    run = _days_run(health)
    if run < health.min_days:
        return ceil(health.min_days - run)
    return 0 if health.min_days < WEEK or run % WEEK < 1 else ceil(WEEK - run % WEEK)


def _days_run(health: Health) -> float:
    return max(0.0, (health.now - health.began) / DAY_MS)


def _enough(health: Health) -> Gate:
    sizes = [units for arm, units in health.units.items() if health.weights[arm] > 0]  # nobody is put into the others
    least = min(sizes, default=0.0)
    if not sum(health.units.values()):
        return Gate("units", "waiting", "Nobody has been exposed yet.")
    if least < LEAST_UNITS:
        return Gate("units", "waiting", f"The smallest arm has {least:,.0f} units; {LEAST_UNITS} are needed.")
    return Gate("units", "passed", f"Each arm has {least:,.0f} units or more.")


def _sample_ratio(health: Health) -> Gate:
    arms = list(health.units)
    found = sample_ratio([health.units[arm] for arm in arms], [health.weights[arm] for arm in arms])
    return _told(found, "sample-ratio", "", {arm: health.units[arm] for arm in arms}, health.weights)


def _told(found: Mismatch | None, name: str, where: str, units: Mapping[str, float], weights: Mapping[str, float]) -> Gate:
    if found is None:
        return Gate(name, "waiting", f"Too few units to compare the sizes of the arms{where}.")
    total, all_weights = sum(units.values()), sum(weights[arm] for arm in units)
    sizes = ", ".join(f"{arm} {units[arm]:,.0f} (expected {total * weights[arm] / all_weights:,.0f})" for arm in units)
    if found.alarm:
        detail = f"The arms do not have the sizes that were asked for{where}: {sizes}. Look for what loses or adds units."
        return Gate(name, "alarm", detail, found.p)
    return Gate(name, "passed", f"The arms have the sizes that were asked for{where}: {sizes}.", found.p)


def _sample_ratio_by_segment(health: Health) -> Iterator[Gate]:
    """Only what is wrong: there may be two hundred segments."""
    labels, arms = sorted(health.segments), list(health.units)
    rows = [[health.segments[label].get(arm, 0.0) for arm in arms] for label in labels]
    found = sample_ratio_by_dimension(rows, [health.weights[arm] for arm in arms])
    for label, row, each in zip(labels, rows, found, strict=True):
        if each is not None and each.alarm:
            units = dict(zip(arms, row, strict=True))
            yield _told(each, "sample-ratio", f" where {label}", units, health.weights)


def _share(name: str, part: float, whole: float, limits: Sequence[float], what: str) -> Gate:
    share = part / whole if whole else 0.0
    detail = f"{part:,.0f} of {whole:,.0f} {what} ({share:.2%})."
    if share >= limits[1] and part >= _FEW:
        return Gate(name, "alarm", detail)
    return Gate(name, "warning" if share >= limits[0] and part >= 1 else "passed", detail)


def _imbalance(health: Health) -> Iterator[Gate]:
    """An A/A test of what was there before: nothing that happens later can have caused a difference in it."""
    worst: tuple[float, str, str] | None = None
    for metric, arms in health.before.items():
        control, *others = ((arm, Estimate.mean(sums)) for arm, sums in arms.items())
        for arm, estimate in others:
            p = welch(control[1], estimate).p
            if not np.isnan(p) and (worst is None or p < worst[0]):
                worst = (p, metric, arm)
    if worst is None:
        return
    compared = sum(max(0, len(arms) - 1) for arms in health.before.values())
    p, metric, arm = min(1.0, worst[0] * compared), worst[1], worst[2]
    state: State = "alarm" if p < _BEFORE[1] else "warning" if p < _BEFORE[0] else "passed"
    if state == "passed":
        yield Gate("before", state, "The arms were alike before their first exposure.", p)
    else:
        yield Gate("before", state, f"{arm} differed in {metric} before anybody was exposed.", p)


def _days(health: Health) -> Gate:
    run, left = _days_run(health), days_to_wait(health)
    whole = " and whole weeks" if health.min_days >= WEEK else ""
    asked = f"at least {health.min_days} days{whole}"
    if left:
        return Gate("days", "waiting", f"{run:.1f} days; {asked} are asked for: {left} more.")
    fits = run >= health.min_days and (health.min_days < WEEK or run % WEEK < 1)
    return Gate("days", "passed" if fits else "warning", f"{run:.1f} days; {asked} were asked for.")
