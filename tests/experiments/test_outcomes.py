"""What an event adds to a unit's totals: nothing from before the exposure, nothing twice, nothing of another's list."""

from typing import Any

import pytest

from honeyguide.experiments.outcomes import DAY_MS, HOUR_MS, Totals, add_event, add_list
from honeyguide.protocols.outcomes import Total
from honeyguide.types import LogRow
from tests.experiments.sample import METRICS, START, metric

FIRST = START + 5 * DAY_MS


def row(type: str, after: int, **fields: Any) -> LogRow:
    return LogRow(event_id="e", ts=FIRST + after, received_at=FIRST + after, user_id="u", item_id="i", type=type, **fields)


def totals(name: str, *rows: LogRow, by_age: bool = False, of_list: bool = True) -> Totals:
    found: Totals = {}
    for each in rows:
        add_event(found, METRICS[name], each, FIRST, by_age=by_age, of_list=of_list)
    return found


def test_what_happened_before_the_first_exposure_is_no_outcome() -> None:
    before, after = row("click", -1), row("click", 0)
    assert totals("clicks", before, after, after) == {"clicks": Total(x=2, before=1)}
    assert totals("clicks", row("click", -15 * DAY_MS)) == {}
    assert totals("conversion", row("purchase", -1), row("purchase", -2)) == {"conversion": Total(before=1)}


def test_a_click_on_another_list_is_no_click_of_the_experiment() -> None:
    click = row("click", 10)
    assert totals("ctr", click, of_list=False) == {}
    assert totals("ctr", click) == {"ctr": Total(x=1)}
    assert totals("clicks", click, of_list=False) == {"clicks": Total(x=1)}


def test_only_declared_types_count_and_by_their_weights() -> None:
    refunds = metric("net", kind="sum", of="value", events=["purchase", "refund"], weights={"refund": -1})
    found: Totals = {}
    for each in (row("purchase", 1, value=30.0), row("refund", 2, value=80.0), row("view", 3, value=5.0)):
        add_event(found, refunds, each, FIRST, by_age=False, of_list=False)
    assert found == {"net": Total(x=-50.0)}


@pytest.mark.parametrize("value", [None, float("inf"), float("nan")])
def test_a_value_that_is_no_number_adds_nothing(value: float | None) -> None:
    bought = row("purchase", 1, value=value)
    assert totals("revenue", bought) == {"revenue": Total()}
    assert totals("order_value", bought, row("purchase", 2, value=10.0)) == {"order_value": Total(x=10, y=1)}
    assert totals("order_value_p90", bought) == {}


def test_proportions_and_first_times_count_a_unit_once() -> None:
    late, early = row("purchase", 5 * HOUR_MS), row("purchase", 2 * HOUR_MS)
    assert totals("conversion", late, early) == {"conversion": Total(x=1)}
    assert totals("hours_to_purchase", late, early) == {"hours_to_purchase": Total(x=2, y=1)}
    assert totals("hours_to_purchase", row("purchase", 8 * DAY_MS)) == {}


def test_retention_looks_at_its_own_days() -> None:
    assert totals("retention_7d", row("view", 6 * DAY_MS), row("view", 14 * DAY_MS)) == {}
    assert totals("retention_7d", row("view", 7 * DAY_MS), row("click", 13 * DAY_MS)) == {"retention_7d": Total(x=1)}


def test_values_of_a_quantile_are_counted_to_three_digits() -> None:
    rows = [row("purchase", at, value=value) for at, value in enumerate((12.341, 12.349, 99.0))]
    assert totals("order_value_p90", *rows) == {"order_value_p90#12.3": Total(x=2), "order_value_p90#99": Total(x=1)}


def test_stretches_of_days_are_counted_apart() -> None:
    rows = [row("click", 0), row("click", DAY_MS), row("click", 2 * DAY_MS), row("click", 20 * DAY_MS)]
    assert totals("clicks", *rows, by_age=True) == {
        "clicks": Total(x=4), "clicks@0": Total(x=1), "clicks@1": Total(x=2), "clicks@4": Total(x=1)
    }  # fmt: skip


def test_lists_are_what_is_divided_by() -> None:
    found: Totals = {}
    for name in ("ctr", "clicks", "diversity", "degraded"):
        add_list(found, METRICS[name], FIRST, FIRST + 5, {"diversity": 0.5}, by_age=False)
        add_list(found, METRICS[name], FIRST, FIRST - 5, {"diversity": 0.25}, by_age=False)  # a clock that went back
    assert found == {"ctr": Total(y=2), "diversity": Total(x=0.75, y=2)}
