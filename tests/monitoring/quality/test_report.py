"""Reports put together from a real table: days and hours, what came before, drift, agreement, gauges, the page."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from honeyguide.cli.report.quality import quality_page
from honeyguide.clock import ManualClock
from honeyguide.config import Settings
from honeyguide.config.quality import TARGETS, Quality
from honeyguide.monitoring.metrics import Metrics
from honeyguide.monitoring.quality.gauges import QualityGauges
from honeyguide.monitoring.quality.measures import measured
from honeyguide.monitoring.quality.report import DAY, HOUR, QualityReport, Reports, basis
from honeyguide.monitoring.quality.spread import spread_of
from honeyguide.monitoring.quality.tally import TALLY, Tally, merged
from honeyguide.protocols.quality import QualityRow, Slice
from honeyguide.stores.sqlite import SqliteStore
from honeyguide.types import ModelVersion

MIDNIGHT = 1_780_012_800_000 - 1_780_012_800_000 % DAY
ALL = Slice()
ELIGIBLE = {"a", "b", "c", "d"}
RANDOM = np.random.default_rng(3)


class Table:
    """A table of tallies, and reports on it."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.settings = Settings(quality=Quality(least_shown=100))
        self.reports = Reports(store.quality, self.settings)

    def put(self, period: Any, at: int, tallies: dict[Slice, Tally], computed_at: int | None = None) -> None:
        rows = list[QualityRow]()
        for each, tally in tallies.items():
            row = partial(QualityRow, period=period, starts_at=at, slice=each, computed_at=computed_at or at)
            rows.append(row(metric=TALLY, n=tally.requests, detail=tally.encode()))
            for name, figure in measured(tally, ELIGIBLE).items():
                if figure.value is not None:
                    rows.append(row(metric=name, **figure._asdict()))
        self.store.quality.replace(period, at, rows)

    def report(self, since: int, until: int, chosen: Slice = ALL, **given: Any) -> QualityReport:
        return self.reports.report(chosen, since=since, until=until, per="hour", eligible=ELIGIBLE, **given)


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    store = SqliteStore(tmp_path, ManualClock(MIDNIGHT))
    yield Table(store)
    store.close()


def shown(number: int, clicks: int = 0, **more: Any) -> Tally:
    return Tally(requests=number, seen_lists=number, lists=number, shown=10 * number, clicks=clicks, **more)


def version(name: str, number: int, ndcg: float | None = None, created_at: int = MIDNIGHT) -> ModelVersion:
    metrics = {} if ndcg is None else {"served_ndcg@20": ndcg, "ndcg@20": 0.9}
    return ModelVersion(name, number, created_at, 10, metrics, {})


def test_whole_days_are_read_as_days_and_the_rest_as_hours(table: Table) -> None:
    """The hours of a day that has a row of its own are not looked at: they may have gone."""
    table.put("day", MIDNIGHT, {ALL: shown(100)})
    table.put("hour", MIDNIGHT + 3 * HOUR, {ALL: shown(7)})
    table.put("hour", MIDNIGHT - HOUR, {ALL: shown(1)})
    table.put("hour", MIDNIGHT + DAY, {ALL: shown(2)})
    table.put("hour", MIDNIGHT + DAY + HOUR, {ALL: shown(4)})
    for since, until, wanted in (
        (MIDNIGHT, MIDNIGHT + DAY, 100),
        (MIDNIGHT - HOUR, MIDNIGHT + DAY, 101),
        (MIDNIGHT - HOUR, MIDNIGHT + DAY + 1, 103),
        (MIDNIGHT - DAY, MIDNIGHT + 3 * DAY, 107),
        (MIDNIGHT, MIDNIGHT + DAY - 1, 7),
        (MIDNIGHT + 1, MIDNIGHT + 2 * DAY, 100 + 6),
        (MIDNIGHT + HOUR, MIDNIGHT + 2 * DAY, 7 + 6),
        (MIDNIGHT + DAY + HOUR + 1, MIDNIGHT + DAY + HOUR + 2, 4),
    ):
        assert table.reports.tallies(since, until)[ALL].requests == wanted, (since - MIDNIGHT, until - MIDNIGHT)


def test_only_wanted_slices_are_read(table: Table) -> None:
    table.put("hour", MIDNIGHT, {ALL: shown(3), Slice("home"): shown(2), Slice("home", "x:1:B"): shown(1)})
    assert table.reports.tallies(MIDNIGHT, MIDNIGHT + 1).keys() == {ALL, Slice("home"), Slice("home", "x:1:B")}
    assert table.reports.tallies(MIDNIGHT, MIDNIGHT + 1, lambda each: each == ALL).keys() == {ALL}


def test_parts_stand_beside_one_another(table: Table) -> None:
    table.put(
        "hour",
        MIDNIGHT,
        {
            ALL: shown(30, clicks=12),
            Slice("home"): shown(20, clicks=10),
            Slice("cart"): shown(10, clicks=2),
            Slice("home", "x:1:A"): shown(12, clicks=4),
            Slice("home", "x:1:B"): shown(8, clicks=6),
            Slice("cart", "y:1:A"): shown(1),
            Slice("home", "", "ease@1"): shown(20, clicks=10),
            Slice("cart", "", "als@2"): shown(10, clicks=2),
            Slice("", "", "ease@1"): shown(20, clicks=10),
            Slice("", "", "als@2"): shown(10, clicks=2),
        },
    )
    versions = [version("ease", 1, 0.2), version("als", 2), version("knn", 1, 0.1)]
    whole = table.report(MIDNIGHT, MIDNIGHT + 1, versions=versions)
    assert [(each.name, each.requests) for each in whole.surfaces] == [("cart", 10), ("home", 20)]
    assert [(each.name, each.requests, each.offline) for each in whole.models] == [("als@2", 10, None), ("ease@1", 20, 0.2)]
    assert whole.arms == []
    home = table.report(MIDNIGHT, MIDNIGHT + 1, Slice("home"), versions=versions)
    assert [(each.name, each.ctr) for each in home.arms] == [("x:1:A", 4 / 120), ("x:1:B", 6 / 80)]
    assert [each.name for each in home.models] == ["ease@1"]
    assert {each.name: each.value for each in home.measures}["requests"] == 20


def test_all_targets_are_judged(table: Table) -> None:
    tally = shown(
        50,
        clicks=30,
        conversions=5,
        hits=45,
        varied=50,
        diversity_sum=40.0,
        exposures={"a": 400, "b": 100},
        latency=spread_of(np.array([0.1, 0.3, 0.4])),
    )
    table.put("hour", MIDNIGHT, {ALL: tally})
    found = {each.name: (each.target, each.met) for each in table.report(MIDNIGHT, MIDNIGHT + 1).targets}
    assert found == {
        "ctr": (0.05, True),
        "conversion": (0.02, False),
        "latency_p95": (0.2, False),
        "hit_rate": (0.8, True),
        "coverage": (0.5, True),
        "diversity": (0.7, True),
    }
    assert list(found) == list(TARGETS)


def test_targets_can_be_set_and_added(table: Table) -> None:
    table.settings = Settings(quality=Quality(targets={"ctr": 0.5, "novelty": 3.0, "degraded": 0.01}))
    table.reports = Reports(table.store.quality, table.settings)
    table.put("hour", MIDNIGHT, {ALL: shown(50, clicks=30, novelty_sum=200.0, degraded=5)})
    found = {each.name: (each.target, each.at_most, each.met) for each in table.report(MIDNIGHT, MIDNIGHT + 1).targets}
    assert found["ctr"] == (0.5, False, False)
    assert found["novelty"] == (3.0, False, True)
    assert found["degraded"] == (0.01, True, False)


def test_what_came_before_has_the_same_length(table: Table) -> None:
    for hour, clicks in enumerate((1, 2, 40, 60)):
        table.put("hour", MIDNIGHT + hour * HOUR, {ALL: shown(10, clicks=clicks)})
    found = table.report(MIDNIGHT + 2 * HOUR, MIDNIGHT + 4 * HOUR)
    ctr = next(each for each in found.measures if each.name == "ctr")
    assert (ctr.value, ctr.before) == (100 / 200, 3 / 200)


@pytest.mark.parametrize(
    ("tally", "wanted"),
    [
        (Tally(), "served"),
        (Tally(shown=10), "served"),
        (Tally(shown=10, seen=10), "impressions"),
        (Tally(shown=10, seen=2), "both"),
    ],
)
def test_the_basis_says_what_counts_as_shown(tally: Tally, wanted: str) -> None:
    assert basis(tally) == wanted


def features(mean: float, number: int = 500) -> Tally:
    values = {"user.age": spread_of(RANDOM.normal(mean, 3, number)), "item.price": spread_of(RANDOM.lognormal(1, 1, number))}
    return Tally(requests=1, seen_lists=1, features=values)


def test_a_feature_that_has_moved_since_the_training_is_found_and_no_other(table: Table) -> None:
    table.put("hour", MIDNIGHT - 3 * HOUR, {ALL: features(40)})
    table.put("hour", MIDNIGHT - 2 * HOUR, {ALL: features(40)})
    table.put("hour", MIDNIGHT + 9 * HOUR, {ALL: features(49)})
    serving = version("ease", 1, created_at=MIDNIGHT)
    found = table.report(MIDNIGHT + 9 * HOUR, MIDNIGHT + 10 * HOUR, serving=serving).features
    assert {each.name: each.moved for each in found} == {"item.price": False, "user.age": True}
    assert {each.reference_n for each in found} == {1000}
    assert {each.n for each in found} == {500}


def test_too_few_values_are_no_drift(table: Table) -> None:
    table.put("hour", MIDNIGHT, {ALL: features(40)})
    table.put("hour", MIDNIGHT + HOUR, {ALL: features(49, number=90)})
    found = table.report(MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR).features
    assert {each.moved for each in found} == {False}
    assert max(each.psi for each in found) > 1


def test_without_a_past_before_the_training_the_first_hours_are_the_reference(table: Table) -> None:
    table.put("hour", MIDNIGHT, {ALL: features(40, number=60)})
    table.put("hour", MIDNIGHT + HOUR, {ALL: features(40, number=60)})
    table.put("hour", MIDNIGHT + 2 * HOUR, {ALL: features(49)})
    table.put("hour", MIDNIGHT + 3 * HOUR, {ALL: features(49)})
    found = table.report(MIDNIGHT + 3 * HOUR, MIDNIGHT + 4 * HOUR, serving=version("ease", 1)).features
    assert {each.name: each.moved for each in found} == {"item.price": False, "user.age": True}
    assert {each.reference_n for each in found} == {120}
    assert table.report(MIDNIGHT, MIDNIGHT + HOUR).features == [], "nothing to compare the first hour with"


def test_scores_are_compared_with_those_of_the_same_version(table: Table) -> None:
    ease = Slice("", "", "ease@1")
    for hour, mean in enumerate((0.5, 0.5, 0.9)):
        scores = {"ease@1": spread_of(RANDOM.normal(mean, 0.1, 300))}
        table.put("hour", MIDNIGHT + hour * HOUR, {ALL: shown(1), ease: Tally(requests=1, scores=scores)})
    still = table.report(MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR).scores
    assert [(each.name, each.moved) for each in still] == [("ease@1", False)]
    moved = table.report(MIDNIGHT + 2 * HOUR, MIDNIGHT + 3 * HOUR).scores
    assert [(each.name, each.moved) for each in moved] == [("ease@1", True)]


def test_offline_and_online_agree_over_versions(table: Table) -> None:
    versions = [version("a", 1, 0.1), version("b", 1, 0.2), version("c", 1, 0.3), version("few", 1, 0.9)]
    tallies = {Slice("", "", f"{name}@1"): shown(20, clicks=clicks) for name, clicks in (("a", 2), ("b", 5), ("c", 9))}
    tallies[Slice("", "", "few@1")] = shown(1)
    table.put("hour", MIDNIGHT, {ALL: merged(tallies.values()), **tallies})
    assert table.report(MIDNIGHT, MIDNIGHT + 1, versions=versions).agreement == pytest.approx(1.0)
    assert table.report(MIDNIGHT, MIDNIGHT + 1, versions=versions[:2]).agreement is None


def test_gauges_tell_each_window(table: Table) -> None:
    table.put("hour", MIDNIGHT - 30 * HOUR, {ALL: shown(10, clicks=1), Slice("home"): shown(10, clicks=1)})
    table.put("hour", MIDNIGHT, {ALL: shown(10, clicks=9), Slice("home", "", "ease@1"): shown(10)})
    metrics = Metrics()
    QualityGauges(metrics).show(table.reports, ELIGIBLE, MIDNIGHT + 1)
    value = metrics.registry.get_sample_value
    name = "honeyguide_quality_ctr_ratio"
    assert value(name, {"surface": "all", "window": "1h"}) == 0.09
    assert value(name, {"surface": "all", "window": "7d"}) == 0.05
    assert value(name, {"surface": "home", "window": "1d"}) is None
    assert value(name, {"surface": "home", "window": "7d"}) == 0.01
    assert value("honeyguide_quality_shown", {"surface": "all", "window": "7d"}) == 200


def test_gauges_tell_what_has_moved(table: Table) -> None:
    ease = Slice("", "", "ease@1")
    early, late = ({"ease@1": spread_of(RANDOM.normal(mean, 0.1, 300))} for mean in (0.5, 0.9))
    table.put("hour", MIDNIGHT - 30 * HOUR, {ALL: features(40), ease: Tally(requests=1, scores=early)})
    table.put("hour", MIDNIGHT, {ALL: features(49), ease: Tally(requests=1, scores=late)})
    metrics = Metrics()
    gauges = QualityGauges(metrics)
    gauges.show(table.reports, ELIGIBLE, MIDNIGHT + 1)
    value = metrics.registry.get_sample_value
    assert (value("honeyguide_quality_feature_drift_psi", {"feature": "user.age"}) or 0) > 1
    assert (value("honeyguide_quality_feature_drift_psi", {"feature": "item.price"}) or 0) < 0.1
    assert (value("honeyguide_quality_score_drift_psi", {"model": "ease@1"}) or 0) > 1
    gauges.show(table.reports, ELIGIBLE, MIDNIGHT + 40 * HOUR)
    assert value("honeyguide_quality_feature_drift_psi", {"feature": "user.age"}) is None


def test_the_page_tells_all_of_it_and_escapes_names(table: Table) -> None:
    evil = "<script>alert(1)</script>@1"
    tally = merged([shown(50, clicks=30, hits=10, shown_at={1: 50, 2: 50}, clicked_at={1: 30}), features(40)])
    table.put("hour", MIDNIGHT, {ALL: features(40)})
    table.put("hour", MIDNIGHT + HOUR, {ALL: tally, Slice("<b>"): shown(3), Slice("", "", evil): shown(50, clicks=3)})
    table.put("hour", MIDNIGHT + 2 * HOUR, {ALL: features(99), Slice("", "", "b@1"): shown(50, clicks=9)})
    found = table.report(MIDNIGHT + HOUR, MIDNIGHT + 3 * HOUR, versions=[version("b", 1, 0.25)])
    page = quality_page(found, project="a & b", made=datetime(2026, 5, 4, tzinfo=UTC))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;@1" in page
    assert "&lt;b&gt;" in page
    assert "a &amp; b" in page
    assert "0.2500" in page
    assert re.search(r"<td>user\.age</td><td>\d", page)
    for title in ("Targets", "Model versions", "Surfaces", "Positions", "Drift", "All measures"):
        assert f"<h2>{title}</h2>" in page
    assert "<h2>Arms</h2>" not in page
    assert re.findall(r"(?:src|href|url)\s*[=(]", page) == []
    empty = quality_page(table.report(0, HOUR), project="shop", made=datetime(2026, 5, 4, tzinfo=UTC))
    assert "Nothing is measured yet" in empty
