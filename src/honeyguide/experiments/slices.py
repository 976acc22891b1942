"""Where and when an effect is: day by day, by segment, and by how long units have been exposed."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from honeyguide.config.metrics import Metric
from honeyguide.experiments.estimates import Sketches
from honeyguide.experiments.measuring import Pair, known, level_of, look, planned_of
from honeyguide.experiments.outcomes import AGES, aged
from honeyguide.experiments.plan import Plan, Point
from honeyguide.experiments.sketches import EXPOSED
from honeyguide.experiments.statistics.adjusting import post_stratified
from honeyguide.experiments.statistics.comparing import fieller, lift


def daily(plan: Plan, metrics: Sequence[Metric], sketches: Sketches) -> Iterator[Point]:
    """The lift of the units that came in up to each day, with all that they have done since."""
    for metric in metrics:
        if metric.kind == "quantile":
            continue
        for arm in plan.arms[1:]:
            for day in sketches.days(EXPOSED):
                control, treatment = (sketches.estimate(metric, each, until=day) for each in (plan.arms[0], arm))
                yield point(plan, Pair(metric, control, treatment), arm, iso_day(day))


def by_segment(plan: Plan, metrics: Sequence[Metric], sketches: Sketches) -> Iterator[Point]:
    """The lift within each segment."""
    for metric in metrics:
        for segment in sketches.segments(EXPOSED) if metric.kind != "quantile" else ():
            for arm in plan.arms[1:]:
                control, treatment = (sketches.estimate(metric, each, segment=segment) for each in (plan.arms[0], arm))
                yield point(plan, Pair(metric, control, treatment), arm, segment)


def by_age(plan: Plan, metrics: Sequence[Metric], sketches: Sketches) -> Iterator[Point]:
    """The lift within stretches of days since the first exposure, of the units that have been through them: one that is
    there only in the first is novelty."""
    for metric in metrics:
        for stretch, begin in enumerate(AGES):
            name = aged(metric.name, stretch)
            if name not in sketches.by_metric:
                continue
            of_age = metric.model_copy(update={"name": name})
            last = AGES[stretch + 1] - 1 if stretch + 1 < len(AGES) else None
            at = (
                f"day {begin + 1}" if last == begin else f"days {begin + 1} to {last + 1}" if last else f"day {begin + 1} on"
            )
            for arm in plan.arms[1:]:
                control, treatment = (sketches.estimate(of_age, each) for each in (plan.arms[0], arm))
                yield point(plan, Pair(metric, control, treatment), arm, at)


def stratified(plan: Plan, metrics: Sequence[Metric], sketches: Sketches) -> Iterator[Point]:
    """The lift with the segments of each attribute weighed alike in both arms (post-stratification)."""
    attributes = sorted({label.partition("=")[0] for label in sketches.segments(EXPOSED)})
    for metric in metrics:
        if metric.kind in ("quantile", "mean", "ratio", "system"):
            continue
        for attribute in attributes:
            labels = [label for label in sketches.segments(metric.name) if label.startswith(f"{attribute}=")]
            for arm in plan.arms[1:]:
                strata = [
                    (sketches.sums(metric.name, plan.arms[0], segment=label), sketches.sums(metric.name, arm, segment=label))
                    for label in labels
                ]
                control, treatment = post_stratified(strata)
                units = sum(each.units for pair in strata for each in pair)
                yield point(plan, Pair(metric, control, treatment), arm, attribute, units)


def point(plan: Plan, pair: Pair, arm: str, at: str, units: float | None = None) -> Point:
    """One lift with its interval; `units` of both arms, where the estimates do not say."""
    count = pair.units if units is None else units
    looked = look(plan, pair.difference, pair.variance, count, planned_of(plan, arm), level_of(plan, pair.metric.name))
    lifted = fieller(pair.control, pair.treatment, errors=looked.errors)
    return Point(
        metric=pair.metric.name,
        arm=arm,
        at=at,
        units=count,
        difference=known(pair.difference),
        low=known(looked.interval.low),
        high=known(looked.interval.high),
        lift=known(lift(pair.control, pair.treatment).value),
        lift_low=known(lifted.low),
        lift_high=known(lifted.high),
    )


def iso_day(day: int) -> str:
    """A day since 1970-01-01 as a date."""
    return datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()
