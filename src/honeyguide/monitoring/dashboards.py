"""Three dashboards for Grafana, made of one table of panels."""

from typing import Any, Final, NamedTuple


class Panel(NamedTuple):
    """A plot: its title, unit (as Grafana calls it), and queries by legend."""

    title: str
    unit: str
    queries: dict[str, str]


def _p95(metric: str, by: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile(0.95, sum by ({labels}) (rate(honeyguide_{metric}_bucket[5m])))"


def _rate(metric: str, by: str) -> str:
    return f"sum by ({by}) (rate(honeyguide_{metric}[5m]))"


def _quality(measure: str) -> Panel:
    query = f'honeyguide_quality_{measure}{{window="1d"}}'
    return Panel(measure.removesuffix("_ratio").replace("_", " "), "percentunit", {"{{surface}}": query})


DASHBOARDS: Final = {
    "service": (
        Panel(
            "Lists by where they come from", "reqps", {"{{served_from}}": _rate("recommend_requests_total", "served_from")}
        ),
        Panel("Time to a list, 95 of 100", "s", {"{{surface}}": _p95("recommend_duration_seconds", "surface")}),
        Panel(
            "Requests by status", "reqps", {"{{status_class}}": _rate("http_request_duration_seconds_count", "status_class")}
        ),
        Panel("Stages, 95 of 100", "s", {"{{stage}}": _p95("stage_duration_seconds", "stage")}),
        Panel("Lists that lack something", "reqps", {"{{reason}}": _rate("recommend_fallbacks_total", "reason")}),
        Panel("Dependencies", "short", {"{{dependency}}": "min by (dependency) (honeyguide_dependency_up)"}),
    ),
    "caches-and-events": (
        Panel("Look-ups", "reqps", {"{{tier}} {{result}}": _rate("cache_requests_total", "tier, result")}),
        Panel("Held in memory", "bytes", {"{{cache}}": "sum by (cache) (honeyguide_cache_size_bytes)"}),
        Panel("Tokens replaced", "reqps", {"{{cause}}": _rate("cache_invalidations_total", "cause")}),
        Panel("Events taken", "reqps", {"{{event_type}}": _rate("events_received_total", "event_type")}),
        Panel("Events refused", "reqps", {"{{reason}}": _rate("events_rejected_total", "reason")}),
        Panel("Events until in features, 95 of 100", "s", {"{{event_type}}": _p95("event_lag_seconds", "event_type")}),
        Panel("Age of models", "s", {"{{model}}": "time() - honeyguide_model_trained_timestamp_seconds"}),
    ),
    "quality": (
        *map(_quality, ("ctr_ratio", "conversion_ratio", "coverage_ratio", "diversity_ratio", "personalisation_ratio")),
        *map(_quality, ("hit_rate_ratio", "exposure_gini_ratio", "cold_users_ratio")),
        Panel("Drift of features", "short", {"{{feature}}": "honeyguide_quality_feature_drift_psi"}),
    ),
}


def dashboard(name: str) -> dict[str, Any]:
    """One of them, as Grafana reads it from a file. The source of data is chosen in the dashboard."""
    return {
        "uid": f"honeyguide-{name}",
        "title": f"honeyguide: {name.replace('-', ' ')}",
        "tags": ["honeyguide"],
        "schemaVersion": 39,
        "time": {"from": "now-24h", "to": "now"},
        "refresh": "1m",
        "templating": {"list": [{"name": "source", "type": "datasource", "query": "prometheus"}]},
        "panels": [_drawn(number, panel) for number, panel in enumerate(DASHBOARDS[name])],
    }


def _drawn(number: int, panel: Panel) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${source}"}
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": source,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "gridPos": {"x": 12 * (number % 2), "y": 8 * (number // 2), "w": 12, "h": 8},
        "targets": [
            {"refId": chr(65 + at), "expr": query, "legendFormat": legend, "datasource": source}
            for at, (legend, query) in enumerate(panel.queries.items())
        ],
    }
