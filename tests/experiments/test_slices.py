"""Where and when an effect is: by day, by segment, by how long units have been exposed."""

from typing import Any

import numpy as np
import pytest

from honeyguide.experiments.estimates import Sketches
from honeyguide.experiments.outcomes import AGES, DAY_MS
from honeyguide.experiments.plan import Point
from honeyguide.experiments.slices import by_age, by_segment, daily, iso_day, stratified
from honeyguide.experiments.statistics.sums import Sums
from tests.experiments.sample import METRICS, START, plan, rows_of, units_of

CLICKS = [METRICS["clicks"]]
PLAN = plan(goals=("clicks",))
LATER = START + 60 * DAY_MS


def sketches(x: dict[str, Any], count: int = 2000, **more: Any) -> Sketches:
    units = units_of(np.arange(count) % 2, days=more.pop("days", 7), segments=more.pop("segments", None))
    return Sketches.of(rows_of(units, CLICKS, x, as_of=more.pop("as_of", LATER)))


def means(points: list[Point]) -> list[float]:
    return [round(point.difference or 0.0, 6) for point in points]


def test_each_day_adds_the_units_of_that_day() -> None:
    x = np.arange(2000) % 2 * np.repeat([1, 3], 1000)
    found = list(daily(PLAN, CLICKS, sketches({"clicks": x}, days=2)))
    assert [point.at for point in found] == [iso_day(20_000), iso_day(20_001)]
    assert [point.units for point in found] == [1000, 2000]
    assert means(found) == [1.0, 2.0]


def test_an_interval_narrows_from_day_to_day() -> None:
    chance = np.random.default_rng(1)
    found = list(daily(PLAN, CLICKS, sketches({"clicks": chance.poisson(2, 2000)})))
    widths = [(point.high or 0.0) - (point.low or 0.0) for point in found]
    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) == 7


def test_segments_are_looked_at_alone() -> None:
    inside = np.arange(2000) % 4 < 2
    x = np.where(inside, np.arange(2000) % 2 * 2, 0)
    found = list(by_segment(PLAN, CLICKS, sketches({"clicks": x}, segments={"os=ios": inside, "os=web": ~inside})))
    assert [(point.at, point.units, point.difference) for point in found] == [("os=ios", 1000, 2.0), ("os=web", 1000, 0.0)]


def test_segments_weighed_alike_undo_another_mix() -> None:
    """In the treatment there are more of a segment that clicks more anyway; within segments there is no difference."""
    treated = np.arange(2000) % 2 == 1
    loyal = np.where(treated, np.arange(2000) % 20 < 12, np.arange(2000) % 20 < 8)
    chance = np.random.default_rng(2)
    x = chance.poisson(np.where(loyal, 8.0, 2.0))
    held = sketches({"clicks": x}, segments={"loyal=yes": loyal, "loyal=no": ~loyal})
    (weighed,) = stratified(PLAN, CLICKS, held)
    plain = held.estimate(CLICKS[0], "new").value - held.estimate(CLICKS[0], "control").value
    assert plain > 0.9
    assert abs(weighed.difference or 0.0) < 0.25
    assert (weighed.at, weighed.units) == ("loyal", 2000)


def test_without_segments_there_are_none() -> None:
    held = sketches({"clicks": np.ones(2000)})
    assert list(by_segment(PLAN, CLICKS, held)) == []
    assert list(stratified(PLAN, CLICKS, held)) == []


@pytest.mark.parametrize(
    ("days", "names"),
    [
        (1, ["day 1"]),
        (3, ["day 1", "days 2 to 3"]),
        (7, ["day 1", "days 2 to 3", "days 4 to 7"]),
        (15, ["day 1", "days 2 to 3", "days 4 to 7", "days 8 to 14", "day 15 on"]),
    ],
)
def test_stretches_are_told_of_units_that_have_been_through_them(days: int, names: list[str]) -> None:
    """T7: of a unit that came yesterday nobody knows what it does in its second week."""
    x = {"clicks": np.ones(2000), **{f"clicks@{stretch}": np.ones(2000) for stretch in range(len(AGES))}}
    held = sketches(x, days=1, as_of=START + (days + 1) * DAY_MS)
    found = [point for point in by_age(PLAN, CLICKS, held) if point.units]
    assert [point.at for point in found] == names
    assert {point.units for point in found} == {2000}


def test_novelty_is_seen() -> None:
    treated = np.arange(2000) % 2 == 1
    chance = np.random.default_rng(3)
    x = {
        "clicks": chance.poisson(2, 2000),
        "clicks@0": chance.poisson(np.where(treated, 3.0, 1.0)),
        "clicks@1": chance.poisson(1.0, 2000),
    }
    first, then = by_age(PLAN, CLICKS, sketches(x))
    assert (first.low or 0.0) > 0
    assert (then.low or 0.0) < 0 < (then.high or 0.0)


def test_sketches_are_summed_as_they_are_asked_for() -> None:
    x = np.arange(2000)
    held = sketches({"clicks": x})
    both = held.sums("clicks", "control") + held.sums("clicks", "new")
    assert both == Sums.of(x)
    assert held.sums("nothing", "control") == Sums()
    assert held.sums("clicks", "nobody") == Sums()
    assert held.days("clicks") == list(range(20_000, 20_007))
    assert held.segments("clicks") == []
