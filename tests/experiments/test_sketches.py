"""Sums of totals: they merge by addition, cut outliers alike in all arms, and wait for what takes time."""

import numpy as np
import pytest

from honeyguide.experiments.estimates import Sketches
from honeyguide.experiments.outcomes import DAY_MS
from honeyguide.experiments.sketches import BEFORE, sketched
from honeyguide.experiments.statistics.sums import Sums
from honeyguide.protocols.outcomes import Total
from tests.experiments.sample import METRICS, START, metric, rows_of, units_of

CHANCE = np.random.default_rng(5)
ARMS = CHANCE.integers(0, 2, 400)
END = START + 30 * DAY_MS


def test_sums_of_days_add_up_to_those_of_all_units() -> None:
    units = units_of(ARMS, segments={"country=pt": CHANCE.random(400) < 0.3})
    x, before = CHANCE.poisson(3, 400), CHANCE.poisson(2, 400)
    found = Sketches.of(rows_of(units, [METRICS["clicks"]], {"clicks": x}, before={"clicks": before}, as_of=END))
    for arm, name in enumerate(("control", "new")):
        own = arm == ARMS
        assert found.sums("clicks", name) == Sums.of(x[own])
        assert found.sums("clicks" + BEFORE, name) == Sums.of(x[own], before[own])
        inside = own & units.segments["country=pt"]
        assert found.sums("clicks", name, segment="country=pt") == Sums.of(x[inside])
    assert len(found.days("clicks")) == 7
    assert found.sums("clicks", "new", until=found.days("clicks")[2]).units == (ARMS[: 400 * 3 // 7 + 1] == 1).sum()


def test_one_cap_for_all_arms() -> None:
    revenue = metric("revenue", winsorise=0.9)
    x = np.where(CHANCE.random(400) < 0.5, 0.0, CHANCE.gamma(2, 20, 400))
    x[3] = 1e9
    found = Sketches.of(rows_of(units_of(ARMS), [revenue], {"revenue": x}, as_of=END))
    cut = np.minimum(x, np.quantile(x[x > 0], 0.9))
    for arm, name in enumerate(("control", "new")):
        assert found.sums("revenue", name).x == pytest.approx(cut[arm == ARMS].sum())


def test_a_rate_is_each_units_own_and_a_ratio_that_of_the_sums() -> None:
    clicks, lists = CHANCE.poisson(1, 400), CHANCE.poisson(4, 400)
    x, y = {"ctr": clicks, "ctr_per_user": clicks}, {"ctr": lists, "ctr_per_user": lists}
    found = Sketches.of(rows_of(units_of(ARMS), [METRICS["ctr"], METRICS["ctr_per_user"]], x, y=y, as_of=END))
    own = ARMS == 1
    assert found.estimate(METRICS["ctr"], "new").value == pytest.approx(clicks[own].sum() / lists[own].sum())
    seen = own & (lists > 0)
    per_user = found.estimate(METRICS["ctr_per_user"], "new")
    assert per_user.units == seen.sum()
    assert per_user.value == pytest.approx((clicks[seen] / lists[seen]).mean())


def test_only_units_that_had_the_time_say_whether_they_came_back() -> None:
    units = units_of(ARMS)
    x = {"retention_7d": np.ones(400), "hours_to_purchase": np.full(400, 3.0)}
    y = {"hours_to_purchase": np.arange(400) % 2}
    metrics = [METRICS["retention_7d"], METRICS["hours_to_purchase"]]
    found = Sketches.of(rows_of(units, metrics, x, y=y, as_of=START + 15 * DAY_MS))
    ready = units.first_at + 14 * DAY_MS <= START + 15 * DAY_MS
    counted = [found.sums("retention_7d", name).units for name in units.arm_names]
    assert sum(counted) == ready.sum() < 400
    hours = found.sums("hours_to_purchase", "control") + found.sums("hours_to_purchase", "new")
    assert hours.x == 3.0 * 200 + 168.0 * 200  # who never did counts as the whole window


def test_a_quantile_is_that_of_the_values_however_many_there_are() -> None:
    p90 = METRICS["order_value_p90"]
    values = [np.round(CHANCE.gamma(3, 20, 5), 1) for _ in range(400)]
    held: dict[str, dict[str, Total]] = {}
    units = units_of(ARMS)
    for unit, own in zip(units.ids, values, strict=True):
        for value in own:
            per_unit = held.setdefault(f"order_value_p90#{value:.3g}", {})
            per_unit[unit] = Total(per_unit.get(unit, Total()).x + 1)
    found = Sketches.of(list(sketched(units, [p90], held, as_of=END)))
    for arm, name in enumerate(units.arm_names):
        own = np.concatenate([each for each, unit_arm in zip(values, ARMS, strict=True) if unit_arm == arm])
        assert found.estimate(p90, name).value == pytest.approx(np.quantile(own, 0.9), rel=0.02)
    assert len(found.by_metric) <= 200


def test_nobody_makes_no_rows() -> None:
    units = units_of(np.empty(0, np.int32))
    assert list(sketched(units, list(METRICS.values()), {}, as_of=END)) == []
