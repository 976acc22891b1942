"""Every alert fires when it should and is silent when it should be, by Prometheus' own judgement; thresholds matter."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from honeyguide.monitoring.alerts import ALERTS, OBJECTIVES, all_alerts, rule_file
from honeyguide.monitoring.metrics import Metrics, Supervised

PAGE = Path(__file__).parents[2] / "docs" / "alerts.md"
DAY = 1440
Series = dict[str, str]


class Case(NamedTuple):
    """Series (values by `interval`) with which an alert fires at `at`, and others with which it does not."""

    firing: Series
    silent: Series
    at: str = "3h"
    interval: str = "1m"


def flat(value: float, number: int = 240) -> str:
    return f"{value}+0x{number}"


def rising(step: float, number: int = 240) -> str:
    return f"0+{step}x{number}"


LISTS = 'honeyguide_recommend_requests_total{surface="home",served_from="computed",outcome="ok"}'
HITS = 'honeyguide_recommend_requests_total{surface="home",served_from="l1",outcome="ok"}'
EVENTS = 'honeyguide_events_received_total{event_type="view",source="live"}'
REJECTED = 'honeyguide_events_rejected_total{reason="missing_item"}'
WAITS = 'honeyguide_cache_single_flight_waits_total{cache="recommendations"}'
MADE = 'honeyguide_cache_made_total{cache="recommendations"}'
REFRESHED = 'honeyguide_feature_last_refresh_timestamp_seconds{feature_view="clicks_1h"}'
MOST_AGE = 'honeyguide_feature_max_age_seconds{feature_view="clicks_1h"}'
TRAINED = 'honeyguide_model_trained_timestamp_seconds{model="ease"}'
FAILED = 'honeyguide_job_runs_total{job="train",status="failed"}'
SUCCEEDED = 'honeyguide_job_runs_total{job="train",status="succeeded"}'
CTR = 'honeyguide_quality_ctr_ratio{surface="all",window="1d"}'
SHOWN = 'honeyguide_quality_shown{surface="all",window="1d"}'
COVERAGE = 'honeyguide_quality_coverage_ratio{surface="all",window="7d"}'
OK = 'honeyguide_http_request_duration_seconds_count{route="/v1/recommendations",status_class="2xx"}'
BROKEN = 'honeyguide_http_request_duration_seconds_count{route="/v1/recommendations",status_class="5xx"}'
TOOK = "honeyguide_recommend_duration_seconds_count"
QUICK = 'honeyguide_recommend_duration_seconds_bucket{le="0.1"}'
LAG = "honeyguide_event_lag_seconds_count"
SOON = 'honeyguide_event_lag_seconds_bucket{le="5.0"}'
FALLBACK = 'honeyguide_recommend_requests_total{surface="home",served_from="fallback",outcome="ok"}'

CASES: dict[str, Case] = {
    "HoneyguideDown": Case(
        {'up{job="honeyguide"}': flat(0)},
        {'up{job="honeyguide"}': flat(1), 'up{job="another"}': flat(0)},
    ),
    "HoneyguideDependencyDown": Case(
        {'honeyguide_dependency_up{dependency="redis"}': flat(0)},
        {'honeyguide_dependency_up{dependency="redis"}': flat(1)},
    ),
    "HoneyguideNoLeader": Case(
        {'honeyguide_leader{process="1"}': flat(0), 'honeyguide_leader{process="2"}': flat(0)},
        {'honeyguide_leader{process="1"}': flat(0), 'honeyguide_leader{process="2"}': flat(1)},
    ),
    "HoneyguideNoTraffic": Case(
        {LISTS: f"0+60x{DAY} {60 * DAY}+0x300"},
        {LISTS: rising(60, DAY + 300)},
        at="28h",
    ),
    "HoneyguideNoEvents": Case(
        {EVENTS: f"0+60x{DAY} {60 * DAY}+0x300"},
        {EVENTS: flat(0, DAY + 300)},
        at="28h",
    ),
    "HoneyguideEventsRejected": Case(
        {REJECTED: rising(3), EVENTS: rising(97)},
        {REJECTED: rising(1), EVENTS: rising(99)},
    ),
    "HoneyguideEventQueueStuck": Case(
        {'honeyguide_event_oldest_unprocessed_timestamp_seconds{entity="user"}': flat(60)},
        {'honeyguide_event_oldest_unprocessed_timestamp_seconds{entity="user"}': flat(0)},
    ),
    "HoneyguideInvalidationLag": Case(
        {"honeyguide_invalidation_lag_seconds": flat(6)},
        {"honeyguide_invalidation_lag_seconds": flat(4)},
    ),
    "HoneyguideSlatesLost": Case(
        {"honeyguide_slates_lost_total": rising(1)},
        {"honeyguide_slates_lost_total": flat(7)},
    ),
    "HoneyguideCacheHitLow": Case(
        {HITS: rising(60), LISTS: rising(40)},
        {HITS: rising(80), LISTS: rising(20)},
    ),
    "HoneyguideCacheStampede": Case(
        {WAITS: rising(60), MADE: rising(100)},
        {WAITS: rising(40), MADE: rising(100)},
    ),
    "HoneyguideFeaturesStale": Case(
        {REFRESHED: flat(60), MOST_AGE: flat(3600)},
        {REFRESHED: rising(60), MOST_AGE: flat(3600)},
    ),
    "HoneyguideModelStale": Case(
        {TRAINED: flat(60, 9 * 48)},
        {TRAINED: rising(1800, 9 * 48)},
        at="8d",
        interval="30m",
    ),
    "HoneyguideModelLoadFailing": Case(
        {'honeyguide_model_load_failures_total{model="ease"}': "0+0x150 1+0x90"},
        {'honeyguide_model_load_failures_total{model="ease"}': flat(1)},
    ),
    "HoneyguideModelVersionSkew": Case(
        {
            'honeyguide_model_info{model="ease",alias="champion",version="7",process="1"}': flat(1),
            'honeyguide_model_info{model="ease",alias="champion",version="8",process="2"}': flat(1),
        },
        {
            'honeyguide_model_info{model="ease",alias="champion",version="8",process="1"}': flat(1),
            'honeyguide_model_info{model="ease",alias="champion",version="8",process="2"}': flat(1),
        },
    ),
    "HoneyguideJobFailing": Case(
        {FAILED: "0+0x60 1+0x200", SUCCEEDED: flat(5)},
        {FAILED: "0+0x60 1+0x200", SUCCEEDED: "5+0x90 6+0x200"},
    ),
    "HoneyguideBackgroundFailing": Case(
        {'honeyguide_background_errors_total{job="follow"}': rising(1)},
        {'honeyguide_background_errors_total{job="follow"}': rising(0.2)},
    ),
    "HoneyguideMonitorStale": Case(
        {'honeyguide_quality_last_computed_timestamp_seconds{monitor="lists"}': flat(60)},
        {'honeyguide_quality_last_computed_timestamp_seconds{monitor="lists"}': rising(60)},
    ),
    "HoneyguideFeatureDrift": Case(
        {'honeyguide_quality_feature_drift_psi{feature="item.price"}': flat(0.3)},
        {'honeyguide_quality_feature_drift_psi{feature="item.price"}': flat(0.2)},
    ),
    "HoneyguideScoreDrift": Case(
        {'honeyguide_quality_score_drift_psi{model="ease@7"}': flat(0.3)},
        {'honeyguide_quality_score_drift_psi{model="ease@7"}': flat(0.2)},
    ),
    "HoneyguideCTRDrop": Case(
        {CTR: "0.1+0x384 0.06+0x96", SHOWN: flat(5000, 480)},
        {CTR: "0.1+0x384 0.08+0x96", SHOWN: flat(5000, 480)},
        at="9d",
        interval="30m",
    ),
    "HoneyguideCTRLow": Case(
        {CTR: flat(0.02), SHOWN: flat(5000)},
        {CTR: flat(0.02), SHOWN: flat(500)},
    ),
    "HoneyguideCoverageLow": Case(
        {COVERAGE: flat(0.1, 600)},
        {COVERAGE: flat(0.3, 600)},
        at="8h",
    ),
    "HoneyguideBudgetAvailabilityPage": Case(
        {OK: rising(980, 480), BROKEN: rising(20, 480)},
        {OK: rising(1000, 480)},
        at="7h",
    ),
    "HoneyguideBudgetAvailabilityTicket": Case(
        {OK: rising(29_880, 300), BROKEN: rising(120, 300)},
        {OK: rising(29_999, 300), BROKEN: rising(1, 300)},
        at="4d",
        interval="30m",
    ),
    "HoneyguideBudgetLatencyPage": Case(
        {TOOK: rising(1000, 480), QUICK: rising(800, 480)},
        {TOOK: rising(1000, 480), QUICK: rising(998, 480)},
        at="7h",
    ),
    "HoneyguideBudgetLatencyTicket": Case(
        {TOOK: rising(1000, 300), QUICK: rising(960, 300)},
        {TOOK: rising(1000, 300), QUICK: rising(998, 300)},
        at="4d",
        interval="30m",
    ),
    "HoneyguideBudgetFreshnessPage": Case(
        {LAG: rising(1000, 480), SOON: rising(800, 480)},
        {LAG: rising(0.1, 480), SOON: rising(0.05, 480)},
        at="7h",
    ),
    "HoneyguideBudgetFreshnessTicket": Case(
        {LAG: rising(1000, 300), SOON: rising(960, 300)},
        {LAG: rising(1000, 300), SOON: rising(999, 300)},
        at="4d",
        interval="30m",
    ),
    "HoneyguideBudgetPersonalisedPage": Case(
        {FALLBACK: rising(800, 480), HITS: rising(200, 480)},
        {FALLBACK: rising(20, 480), HITS: rising(980, 480)},
        at="7h",
    ),
    "HoneyguideBudgetPersonalisedTicket": Case(
        {FALLBACK: rising(200, 300), HITS: rising(800, 300)},
        {FALLBACK: rising(20, 300), HITS: rising(980, 300)},
        at="4d",
        interval="30m",
    ),
}

PROMTOOL = shutil.which("promtool")


def promtool(*words: object) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL, "promtool is missing; 'make test' installs it"
    return subprocess.run([PROMTOOL, *map(str, words)], capture_output=True, text=True, check=False)


def judged(folder: Path, rules: str, name: str, case: Case, *, fires: bool) -> subprocess.CompletedProcess[str]:
    """Whether Prometheus agrees that, with these series, exactly these alerts of the name fire."""
    series = case.firing if fires else case.silent
    rows = [{"series": each, "values": values} for each, values in series.items()]
    expr = f'count(ALERTS{{alertname="{name}",alertstate="firing"}}) > 0'
    wanted = [{"labels": "{}", "value": 1}] if fires else []
    test = {"expr": f"({expr}) / ({expr})", "eval_time": case.at, "exp_samples": wanted}
    file = {
        "rule_files": ["rules.yml"],
        "evaluation_interval": case.interval,
        "tests": [{"interval": case.interval, "input_series": rows, "promql_expr_test": [test]}],
    }
    (folder / "rules.yml").write_text(rules, encoding="utf-8")
    (folder / "test.yml").write_text(json.dumps(file), encoding="utf-8")
    return promtool("test", "rules", folder / "test.yml")


def only(name: str, rules: str) -> str:
    """The rule file with one alert: tests of long windows cost time for each rule."""
    parsed = yaml.safe_load(rules)
    parsed["groups"][0]["rules"] = [each for each in parsed["groups"][0]["rules"] if each["alert"] == name]
    return json.dumps(parsed)


def test_promtool_finds_no_fault_in_the_rules(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(rule_file("https://example.org/alerts"), encoding="utf-8")
    found = promtool("check", "rules", tmp_path / "rules.yml")
    assert found.returncode == 0, found.stdout + found.stderr
    assert f"{len(all_alerts())} rules found" in found.stdout


def test_every_alert_has_its_cases() -> None:
    assert CASES.keys() == {alert.name for alert in all_alerts()}


@pytest.mark.parametrize("name", CASES)
def test_an_alert_fires_and_is_silent_when_it_should_be(tmp_path: Path, name: str) -> None:
    rules = only(name, rule_file(""))
    for fires in (True, False):
        found = judged(tmp_path, rules, name, CASES[name], fires=fires)
        assert found.returncode == 0, found.stdout + found.stderr


def mutated(expression: str) -> str:
    """The last threshold far away, in the direction in which the alert would not fire."""
    last = list(re.finditer(r"(<|>) (\d+(?:\.\d+)?(?: \* 86400)?)", expression))[-1]
    far = f"({last[2]} / 10 - 1)" if last[1] == "<" else f"({last[2]} * 1000 + 500)"
    return f"{expression[: last.start(2)]}{far}{expression[last.end(2) :]}"


@pytest.mark.parametrize(
    "name",
    [
        alert.name
        for alert in ALERTS
        if re.search(r"[<>] \d", alert.expression)
        and "offset 1d)) > 0" not in alert.expression
        and "unless" not in alert.expression
    ],
)
def test_a_threshold_that_is_moved_is_noticed(tmp_path: Path, name: str) -> None:
    rules = yaml.safe_load(only(name, rule_file("")))
    rule = rules["groups"][0]["rules"][0]
    rule["expr"] = mutated(rule["expr"])
    found = judged(tmp_path, json.dumps(rules), name, CASES[name], fires=True)
    assert found.returncode != 0, rule["expr"]


def test_alerts_name_only_metrics_that_there_are() -> None:
    families = [*Metrics().registry.collect(), *Supervised(lambda: 0).registry.collect()]
    there = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    there |= {f"{family.name}{end}" for family in families if family.type == "histogram" for end in ("_count", "_bucket")}
    named = {name for alert in all_alerts() for name in re.findall(r"honeyguide_[a-z0-9_]+", alert.expression)}
    assert named - there == set()


def test_an_objective_can_be_missed_fast_enough_to_page() -> None:
    """14.4 times the budget must be less than everything."""
    for objective in OBJECTIVES:
        assert 14.4 * (1 - objective.target) < 1


def test_every_alert_has_its_place_on_the_page() -> None:
    page = PAGE.read_text("utf-8")
    assert re.findall(r"^### (\w+)$", page, re.MULTILINE) == [alert.name for alert in all_alerts()]
    for alert in all_alerts():
        (text,) = re.findall(rf"^### {alert.name}\n\n(.*?)\n(?=\n#|\Z)", page, re.MULTILINE | re.DOTALL)
        assert alert.says in text, alert.name
        assert alert.cure in text, alert.name
        assert alert.severity in text, alert.name
