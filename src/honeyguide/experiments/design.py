"""How large an experiment must be, asked before it starts: units for a lift, or the lift that units can find, and days."""

from math import ceil, isfinite
from typing import Literal

import msgspec

from honeyguide.errors import FieldError, InvalidInput
from honeyguide.experiments.statistics.comparing import Estimate
from honeyguide.experiments.statistics.power import least_lift, units_for_means, units_for_proportions


class SizeIn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is known and what is asked: `lift` asks for units, `units` (of all arms) for the least lift.

    `base` is the control's value per unit; a mean or a ratio needs its `deviation` per unit as well (of a ratio: the root
    of its variance per unit by the delta method). `split`: units of each treatment per one of the control. `correlation` is
    that of the metric with itself before the first exposure (CUPED). `per_day`: units that come in a day."""

    base: float
    kind: Literal["proportion", "mean"] = "proportion"
    deviation: float | None = None
    lift: float | None = None
    units: float | None = None
    split: float = 1.0
    arms: int = 2
    metrics: int = 1
    alpha: float = 0.05
    power: float = 0.8
    correlation: float = 0.0
    per_day: float | None = None


class SizeOut(msgspec.Struct, frozen=True):
    """Units of the control, of each treatment and of all arms; the lift that they find with the power asked for; the days
    that it takes, None where nobody said what comes in. `comparisons` share alpha."""

    control: int
    treatment: int
    total: int
    lift: float | None
    comparisons: int
    days: int | None


def sized(asked: SizeIn) -> SizeOut:
    """The answer. Raises `InvalidInput`, naming every field that does not fit."""
    if errors := _faults(asked):
        raise InvalidInput("The experiment cannot be sized.", errors=errors)
    comparisons = (asked.arms - 1) * asked.metrics
    if asked.lift is not None:
        control, treatment = _units(asked, asked.lift, comparisons)
        lift: float | None = asked.lift
    else:
        control = int((asked.units or 0) / (1 + asked.split * (asked.arms - 1)))
        treatment = int(control * asked.split)
        spread = _spread(asked) * (1 - asked.correlation**2)
        known = Estimate(asked.base, spread, 1)
        found = least_lift(known, (control, treatment), alpha=asked.alpha, power=asked.power, comparisons=comparisons)
        lift = found if isfinite(found) else None
    total = control + treatment * (asked.arms - 1)
    days = ceil(total / asked.per_day) if asked.per_day else None
    return SizeOut(control, treatment, total, lift, comparisons, days)


def _spread(asked: SizeIn) -> float:
    return asked.base * (1 - asked.base) if asked.kind == "proportion" else float(asked.deviation or 0.0) ** 2


def _units(asked: SizeIn, lift: float, comparisons: int) -> tuple[int, int]:
    if asked.kind == "proportion" and not asked.correlation:
        return units_for_proportions(
            asked.base, lift, split=asked.split, alpha=asked.alpha, power=asked.power, comparisons=comparisons
        )
    other = asked.base * (1 + lift)
    return units_for_means(
        _spread(asked),
        asked.base * lift,
        spread_treatment=other * (1 - other) if asked.kind == "proportion" else None,
        split=asked.split,
        alpha=asked.alpha,
        power=asked.power,
        comparisons=comparisons,
        correlation=asked.correlation,
    )


def _faults(asked: SizeIn) -> list[FieldError]:
    wrong = {
        "base": _base_fault(asked),
        "deviation": "is the deviation per unit of a mean, above 0" if _lacks_deviation(asked) else "",
        "lift": _lift_fault(asked),
        "units": "is a number of units above 0" if asked.units is not None and not asked.units > 0 else "",
        "split": "is above 0: units of each treatment per one of the control" if not 0 < asked.split < 1e6 else "",
        "arms": "is 2 to 20, the control among them" if not 2 <= asked.arms <= 20 else "",
        "metrics": "is 1 to 100" if not 1 <= asked.metrics <= 100 else "",
        "alpha": "is between 0 and 1, such as 0.05" if not 0 < asked.alpha < 1 else "",
        "power": "is between 0 and 1, such as 0.8" if not 0 < asked.power < 1 else "",
        "correlation": "is between -1 and 1" if not -1 < asked.correlation < 1 else "",
        "per_day": "is a number of units above 0" if asked.per_day is not None and not asked.per_day > 0 else "",
    }
    return [FieldError(f"/{name}", f"{name} {problem}.") for name, problem in wrong.items() if problem]


def _base_fault(asked: SizeIn) -> str:
    if asked.kind == "proportion":
        return "" if 0 < asked.base < 1 else "is a proportion between 0 and 1; for a mean say kind = mean"
    return "" if isfinite(asked.base) and asked.base else "is a mean that is not 0"


def _lacks_deviation(asked: SizeIn) -> bool:
    return asked.kind == "mean" and not (asked.deviation is not None and asked.deviation > 0)


def _lift_fault(asked: SizeIn) -> str:
    if (asked.lift is None) == (asked.units is None):
        return "or units is given, one of the two: the lift to find, or the units that there are"
    if asked.lift is None:
        return ""
    if asked.lift == 0 or not isfinite(asked.lift):
        return "is a share of the base other than 0, such as 0.05 for 5 % more"
    if asked.kind == "proportion" and 0 < asked.base < 1 and not 0 < asked.base * (1 + asked.lift) < 1:
        return f"of {asked.lift:g} makes no proportion between 0 and 1 of a base of {asked.base:g}"
    return ""
