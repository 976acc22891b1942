"""THE table of alerts, and the rule file for Prometheus that is made of it.

An alert has an expression over the metrics, how long it must hold, a severity (`page` wakes somebody, `ticket` waits for
the morning), what it says and how to mend it. Burn-rate alerts of the service level objectives are made of `OBJECTIVES`
(windows and factors of the Google SRE workbook, chapter 5): short and long window both above the factor, and enough traffic.
"""

import json
from collections.abc import Iterator
from typing import Final, NamedTuple

_SHOWN: Final = 'and on (surface, window) honeyguide_quality_shown{window="1d"} >= 1000'
_CTR: Final = 'honeyguide_quality_ctr_ratio{window="1d"}'


class Alert(NamedTuple):
    """`runs`: how long the expression must hold; `says`: one sentence; `cure`: the first thing to do."""

    name: str
    severity: str
    expression: str
    runs: str
    says: str
    cure: str


class Objective(NamedTuple):
    """A service level objective: of all `total`, the share of `bad` may be `1 - target`. `WINDOW` is filled in."""

    name: str
    target: float
    bad: str
    total: str
    says: str
    cure: str


ALERTS: Final = (
    Alert(
        "HoneyguideDown", "page", 'up{job="honeyguide"} == 0', "2m",
        "A process does not answer scrapes.", "Look at its log and start it again.",
    ),
    Alert(
        "HoneyguideDependencyDown", "page", "honeyguide_dependency_up == 0", "2m",
        "Something behind the servers does not answer; lists go on, degraded.", "Start it again; nothing else is needed.",
    ),
    Alert(
        "HoneyguideNoLeader", "ticket", "sum(honeyguide_leader) < 1", "2m",
        "Nobody leads: features are not folded, nothing is measured or removed.", "Start a worker or a server.",
    ),
    Alert(
        "HoneyguideNoTraffic", "ticket",
        "sum(rate(honeyguide_recommend_requests_total[10m])) == 0 "
        "and sum(rate(honeyguide_recommend_requests_total[10m] offset 1d)) > 0", "10m",
        "No lists are asked for, though they were at this time yesterday.", "Look whether callers reach the servers.",
    ),
    Alert(
        "HoneyguideNoEvents", "page",
        'sum(rate(honeyguide_events_received_total{source="live"}[10m])) == 0 '
        'and sum(rate(honeyguide_events_received_total{source="live"}[10m] offset 1d)) > 0', "15m",
        "No events come in, though they did at this time yesterday.", "Look at the senders: their key, their address.",
    ),
    Alert(
        "HoneyguideEventsRejected", "ticket",
        "sum(rate(honeyguide_events_rejected_total[15m])) / (sum(rate(honeyguide_events_rejected_total[15m])) "
        "+ sum(rate(honeyguide_events_received_total[15m]))) > 0.02", "15m",
        "More than 2 % of the events are refused.", "The label reason says why; the answers to the senders say where.",
    ),
    Alert(
        "HoneyguideEventQueueStuck", "page",
        "time() - (honeyguide_event_oldest_unprocessed_timestamp_seconds > 0) > 300", "5m",
        "Events have waited for more than five minutes to be folded into features.",
        "Look at the log of the process that leads.",
    ),
    Alert(
        "HoneyguideInvalidationLag", "page", "honeyguide_invalidation_lag_seconds > 5", "2m",
        "Changes have not reached the shared cache: other servers may serve what should be gone.", "Look at Redis.",
    ),
    Alert(
        "HoneyguideSlatesLost", "ticket", "increase(honeyguide_slates_lost_total[10m]) > 0", "0m",
        "Served lists could not be written, and are lost.", "Look at the disk and the database.",
    ),
    Alert(
        "HoneyguideCacheHitLow", "ticket",
        'sum(rate(honeyguide_recommend_requests_total{served_from=~"l1|l2|stale"}[30m])) '
        "/ sum(rate(honeyguide_recommend_requests_total[30m])) < 0.7", "30m",
        "Less than 70 % of the lists come from a cache.", "honeyguide cache stats; has cache.ttl or a rule changed?",
    ),
    Alert(
        "HoneyguideCacheStampede", "ticket",
        "sum(rate(honeyguide_cache_single_flight_waits_total[10m])) / sum(rate(honeyguide_cache_made_total[10m])) > 0.5",
        "10m",
        "Requests wait for one another's computations.", "Are lists slow to make? Look at the stages' durations.",
    ),
    Alert(
        "HoneyguideFeaturesStale", "ticket",
        "time() - honeyguide_feature_last_refresh_timestamp_seconds "
        "> on (feature_view) group_left () max by (feature_view) (honeyguide_feature_max_age_seconds)", "5m",
        "A feature view is older than it may be.", "honeyguide features list; look at the process that leads.",
    ),
    Alert(
        "HoneyguideModelStale", "ticket", "time() - honeyguide_model_trained_timestamp_seconds > 7 * 86400", "15m",
        "A model that serves was trained more than seven days ago.", "honeyguide train, and have it run every night.",
    ),
    Alert(
        "HoneyguideModelLoadFailing", "ticket", "increase(honeyguide_model_load_failures_total[1h]) > 0", "0m",
        "A version did not load; the one before serves on.", "honeyguide doctor says which file is damaged.",
    ),
    Alert(
        "HoneyguideModelVersionSkew", "ticket",
        "count by (model, alias) (count by (model, alias, version) (honeyguide_model_info)) > 1", "30m",
        "Servers serve different versions under one alias.", "Do all of them see the folder of models?",
    ),
    Alert(
        "HoneyguideJobFailing", "ticket",
        'sum by (job) (increase(honeyguide_job_runs_total{status="failed"}[1d])) > 0 '
        'unless sum by (job) (increase(honeyguide_job_runs_total{status="succeeded"}[1d])) > 0', "0m",
        "A job has failed and not succeeded for a day.", "honeyguide status shows its message.",
    ),
    Alert(
        "HoneyguideBackgroundFailing", "ticket", "increase(honeyguide_background_errors_total[15m]) > 5", "15m",
        "A background job fails again and again.", "Look at the log: 'background job failed'.",
    ),
    Alert(
        "HoneyguideMonitorStale", "ticket", "time() - honeyguide_quality_last_computed_timestamp_seconds > 7200", "10m",
        "Nothing was measured for two hours: figures of quality are old.", "Look at the log of the process that leads.",
    ),
    Alert(
        "HoneyguideFeatureDrift", "ticket", "honeyguide_quality_feature_drift_psi > 0.25", "1h",
        "A feature is spread otherwise than before the training.", "Is its source broken? Else train anew.",
    ),
    Alert(
        "HoneyguideScoreDrift", "ticket", "honeyguide_quality_score_drift_psi > 0.25", "1h",
        "The scores of a version are spread otherwise than at its start.", "Look at feature drift; train anew.",
    ),
    Alert(
        "HoneyguideCTRDrop", "ticket", f"{_CTR} / avg_over_time({_CTR}[7d] offset 1d) < 0.7 {_SHOWN}", "2h",
        "The click-through rate has fallen by more than 30 % against the week before.",
        "honeyguide monitor report: which surface, which version? honeyguide models rollback",
    ),
    Alert(
        "HoneyguideCTRLow", "ticket", f"{_CTR} < 0.03 {_SHOWN}", "2h",
        "The click-through rate is below 3 %.", "honeyguide monitor report; are impressions and clicks told alike?",
    ),
    Alert(
        "HoneyguideCoverageLow", "ticket", 'honeyguide_quality_coverage_ratio{window="7d",surface="all"} < 0.2', "6h",
        "Less than a fifth of the catalogue was shown in a week.", "Look at exploration.share and the sources' limits.",
    ),
)  # fmt: skip

_LISTS: Final = 'honeyguide_http_request_duration_seconds_count{route=~".*recommendations.*"'
OBJECTIVES: Final = (
    Objective(
        "availability", 0.999,
        f'sum(rate({_LISTS},status_class="5xx"}}[WINDOW])) or vector(0)',
        f"sum(rate({_LISTS}}}[WINDOW]))",
        "Requests for lists fail.", "Look at the log of the servers, and at their dependencies.",
    ),
    Objective(
        "latency", 0.99,
        "sum(rate(honeyguide_recommend_duration_seconds_count[WINDOW])) "
        '- sum(rate(honeyguide_recommend_duration_seconds_bucket{le="0.1"}[WINDOW]))',
        "sum(rate(honeyguide_recommend_duration_seconds_count[WINDOW]))",
        "Lists take longer than 100 ms.", "Look at honeyguide_stage_duration_seconds: which stage is slow?",
    ),
    Objective(
        "freshness", 0.99,
        "sum(rate(honeyguide_event_lag_seconds_count[WINDOW])) "
        '- sum(rate(honeyguide_event_lag_seconds_bucket{le="5.0"}[WINDOW]))',
        "sum(rate(honeyguide_event_lag_seconds_count[WINDOW]))",
        "Events take longer than five seconds to reach the features.", "Look at the process that leads.",
    ),
    Objective(
        "personalised", 0.95,
        'sum(rate(honeyguide_recommend_requests_total{served_from="fallback"}[WINDOW])) or vector(0)',
        "sum(rate(honeyguide_recommend_requests_total[WINDOW]))",
        "Lists are served that are not personal.", "Look at honeyguide_recommend_fallbacks_total: what is missing?",
    ),
)  # fmt: skip

_BURNS: Final = (
    ("page", "5m", "1h", 14.4),
    ("page", "30m", "6h", 6.0),
    ("ticket", "2h", "1d", 3.0),
    ("ticket", "6h", "3d", 1.0),
)
_LEAST: Final = 100
"""Requests in the long window below which nothing is said."""


def burns(objective: Objective) -> Iterator[Alert]:
    """The alerts of an objective: the faster its budget is spent, the sooner and louder."""
    name = f"HoneyguideBudget{objective.name.capitalize()}"
    for severity in ("page", "ticket"):
        steps = [_burning(objective, *step[1:]) for step in _BURNS if step[0] == severity]
        spent = "hours" if severity == "page" else "days"
        yield Alert(
            f"{name}{severity.capitalize()}", severity, " or ".join(f"({step})" for step in steps), "0m",
            f"{objective.says} At this rate the month's budget is gone in {spent}.", objective.cure,
        )  # fmt: skip


def _burning(objective: Objective, short: str, long: str, factor: float) -> str:
    limit = factor * (1 - objective.target)
    rates = [
        f"(({objective.bad.replace('WINDOW', window)}) / ({objective.total.replace('WINDOW', window)})) > {limit:.6g}"
        for window in (short, long)
    ]
    seconds = {"1h": 3600, "6h": 21_600, "1d": 86_400, "3d": 259_200}[long]
    return f"{rates[0]} and {rates[1]} and ({objective.total.replace('WINDOW', long)}) * {seconds} > {_LEAST}"


def all_alerts() -> tuple[Alert, ...]:
    """The symptoms, and the burn rates of all objectives."""
    return (*ALERTS, *(alert for objective in OBJECTIVES for alert in burns(objective)))


def rule_file(runbook: str) -> str:
    """The alerts as a rule file for Prometheus; `runbook` is the address of the page that tells what to do."""
    lines = ["# Made by 'honeyguide deploy prometheus'; do not edit.", "groups:", "  - name: honeyguide", "    rules:"]
    for alert in all_alerts():
        lines += [
            f"      - alert: {alert.name}",
            f"        expr: {json.dumps(alert.expression)}",
            f"        for: {alert.runs}",
            f"        labels: {{severity: {alert.severity}}}",
            "        annotations:",
            f"          summary: {json.dumps(alert.says)}",
            f"          description: {json.dumps(alert.cure)}",
            f"          runbook_url: {json.dumps(f'{runbook}#{alert.name.lower()}')}",
        ]
    return "\n".join(lines) + "\n"
