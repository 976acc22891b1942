"""Metrics of experiments in the configuration."""

from typing import Any

import pytest

from honeyguide.config import Settings
from honeyguide.config.check import cross_check
from honeyguide.config.metrics import DEFAULT_METRICS, Metric


def faults(*metrics: dict[str, Any]) -> list[str]:
    settings = Settings(metrics=[Metric.model_validate(each) for each in metrics])
    return [fault.sentence() for fault in cross_check(settings)]


def test_built_in_metrics_have_no_fault_and_can_be_changed() -> None:
    assert faults(*({"name": each.name} for each in DEFAULT_METRICS)) == []
    changed = Settings(metrics=[Metric(name="revenue", winsorise=0.99)]).all_metrics()["revenue"]
    assert (changed.kind, changed.of, changed.winsorise) == ("sum", "value", 0.99)


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"name": "m"}, "lacks the key 'kind'"),
        ({"name": "m", "kind": "count"}, "events is empty"),
        ({"name": "m", "kind": "count", "events": ["clik"]}, "unknown event type 'clik'"),
        ({"name": "m", "kind": "ratio", "events": ["click"]}, "over is empty"),
        ({"name": "m", "kind": "count", "events": ["click"], "over": ["view"]}, "over means nothing to kind 'count'"),
        ({"name": "m", "kind": "sum", "events": ["purchase"]}, "allowed: value, quantity"),
        ({"name": "m", "kind": "count", "events": ["click"], "of": "value"}, "is of nothing"),
        ({"name": "m", "kind": "system", "of": "speed"}, "allowed: diversity"),
        ({"name": "m", "kind": "system", "of": "diversity", "events": ["click"]}, "is of served lists"),
        ({"name": "m", "kind": "retention", "events": ["click"]}, "window is missing"),
        ({"name": "m", "kind": "count", "events": ["click"], "weights": {"view": 2}}, "not among its events"),
        ({"name": "m", "kind": "mean", "of": "value", "events": ["purchase"], "winsorise": 0.9}, "winsorise means nothing"),
    ],
)
def test_what_cannot_be_measured_is_told_with_its_cure(declared: dict[str, Any], said: str) -> None:
    (fault,) = faults(declared)
    assert said in fault
    assert "metrics[0] (m)" in fault


def test_two_metrics_of_one_name() -> None:
    twice = {"name": "m", "kind": "count", "events": ["click"]}
    assert [fault for fault in faults(twice, twice) if "2 metrics have this name" in fault] != []
