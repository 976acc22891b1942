"""Every Prometheus metric, named once.

Labels take only names from the configuration and from enumerations, never ids or free text. Times are exported as
timestamps, not as ages, so that they keep growing old when the process dies.
"""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as OPENMETRICS_CONTENT_TYPE

from honeyguide.monitoring.loop import LoopCounter, LoopHistogram
from honeyguide.monitoring.quality.measures import MEASURES

LAT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
FAST = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25)
LAG = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
LONG = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)
AGE = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)
SHARES = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
SIZES = (0.0, 1.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

__all__ = ["CONTENT_TYPE", "OPENMETRICS_CONTENT_TYPE", "Metrics", "Supervised"]


class Supervised:
    """What a supervisor counts of the server processes that it keeps; `running` tells how many answer."""

    def __init__(self, running: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        processes = Gauge("honeyguide_server_processes", "Server processes that answer.", registry=self.registry)
        processes.set_function(running)
        self.restarts = Counter(
            "honeyguide_server_restarts_total", "Server processes that ended and were started again.", registry=self.registry
        )


class Metrics:
    """All metrics of one process, in a registry of their own so that several runtimes can live in one test."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._http()
        self._serving()
        self._cache()
        self._events()
        self._features()
        self._models_and_jobs()
        self._quality()

    def _counter(self, name: str, help: str, labels: Iterable[str] = ()) -> Counter:
        return Counter(f"honeyguide_{name}", help, tuple(labels), registry=self.registry)

    def _gauge(self, name: str, help: str, labels: Iterable[str] = ()) -> Gauge:
        return Gauge(f"honeyguide_{name}", help, tuple(labels), registry=self.registry)

    def _histogram(self, name: str, help: str, labels: Iterable[str], buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"honeyguide_{name}", help, tuple(labels), buckets=buckets, registry=self.registry)

    def _loop_counter(self, name: str, help: str, labels: Iterable[str]) -> LoopCounter:
        return LoopCounter(f"honeyguide_{name}", help, tuple(labels), self.registry)

    def _loop_histogram(self, name: str, help: str, labels: Iterable[str], buckets: tuple[float, ...]) -> LoopHistogram:
        return LoopHistogram(f"honeyguide_{name}", help, tuple(labels), buckets, self.registry)

    def _http(self) -> None:
        self.http_request_duration = self._loop_histogram(
            "http_request_duration_seconds", "Time to answer, by route.", ("route", "method", "status_class"), LAT
        )
        self.http_requests_in_progress = self._gauge("http_requests_in_progress", "Requests being answered.")
        self.http_errors = self._counter("http_errors_total", "Requests that failed by a fault of our own.", ("route",))
        self.event_loop_lag = self._histogram(
            "event_loop_lag_seconds", "How late the event loop woke: it answers nobody meanwhile.", (), LAT
        )
        self.auth_failures = self._counter("auth_failures_total", "Requests refused for their key.", ("reason",))
        self.open_files = self._gauge("open_files", "Files and sockets that the process has open.")
        self.dependency_up = self._gauge("dependency_up", "1 while it answers.", ("dependency",))
        self.dependency_duration = self._histogram(
            "dependency_duration_seconds", "Time until an answer.", ("dependency", "operation"), FAST
        )
        self.dependency_errors = self._counter(
            "dependency_errors_total", "Calls without an answer, and commands refused, by why.", ("dependency", "kind")
        )
        self.circuit_breaker_open = self._gauge(
            "circuit_breaker_open", "1 while calls of a kind are not made.", ("dependency", "kind")
        )
        self.build_info = self._gauge("build_info", "1, with what is running.", ("version", "python"))

    def _serving(self) -> None:
        self.recommend_requests = self._loop_counter(
            "recommend_requests_total", "Lists served.", ("surface", "served_from", "outcome")
        )
        self.recommend_duration = self._loop_histogram(
            "recommend_duration_seconds", "Time to make or find a list.", ("surface", "served_from"), LAT
        )
        self.recommend_fallbacks = self._counter(
            "recommend_fallbacks_total", "Lists that lacked something, by what was missing.", ("surface", "reason")
        )
        self.recommend_explored = self._counter(
            "recommend_explored_total", "Lists of which something was drawn by chance, by how.", ("surface", "how")
        )
        self.recommend_deadline_exceeded = self._counter(
            "recommend_deadline_exceeded_total", "Stages that missed their deadline.", ("stage",)
        )
        self.stage_duration = self._histogram("stage_duration_seconds", "Time in a stage of a list.", ("stage",), FAST)
        self.retrieval_candidates = self._histogram(
            "retrieval_candidates", "Candidates that a source produced.", ("source",), SIZES
        )
        self.retrieval_recall = self._gauge(
            "retrieval_recall", "Share of the nearest that an index finds; 1 where all items are looked at.", ("source",)
        )
        self.retrieval_errors = self._counter("retrieval_errors_total", "Sources that failed.", ("source",))
        self.items_filtered = self._counter(
            "items_filtered_total", "Items that a list could not hold, by filter.", ("reason",)
        )
        self.relevance_given_up = self._histogram(
            "relevance_given_up", "Share of the relevance of ten positions that a pass cost.", ("surface", "pass"), SHARES
        )
        self.slates_logged = self._counter("slates_logged_total", "Served lists written to the slate log.")
        self.slates_lost = self._counter("slates_lost_total", "Served lists that could not be written.")

    def _cache(self) -> None:
        self.cache_requests = self._loop_counter("cache_requests_total", "Look-ups.", ("tier", "cache", "result"))
        self.cache_entries = self._gauge("cache_entries", "Values held.", ("tier", "cache"))
        self.cache_size = self._gauge("cache_size_bytes", "Bytes held.", ("tier", "cache"))
        self.cache_evictions = self._counter("cache_evictions_total", "Values dropped, by why.", ("tier", "reason"))
        self.cache_invalidations = self._counter("cache_invalidations_total", "Tokens replaced, by cause.", ("cause",))
        self.cache_made = self._counter("cache_made_total", "Values made.", ("cache",))
        self.cache_single_flight_waits = self._counter(
            "cache_single_flight_waits_total", "Requests that waited for another's computation.", ("cache",)
        )
        self.cache_refused_fills = self._counter(
            "cache_refused_fills_total", "Values not stored because a token changed meanwhile.", ("cache",)
        )
        self.cache_failures = self._counter("cache_failures_total", "Computations that failed.", ("cache",))
        self.cache_errors_served = self._counter(
            "cache_errors_served_total", "Old values served because no new one could be made.", ("cache",)
        )
        self.cache_early_refreshes = self._counter(
            "cache_early_refreshes_total", "Values made anew before their time was over.", ("cache",)
        )
        self.cache_refreshes = self._counter(
            "cache_refreshes_total", "Values made anew behind an answer: begun, dropped.", ("cache", "result")
        )
        self.cache_leases = self._counter(
            "cache_leases_total", "Who makes a value that several processes want.", ("cache", "result")
        )
        self.cache_unreadable = self._counter(
            "cache_unreadable_total", "Values of the shared tier that were not ours, by why.", ("cache", "reason")
        )
        self.cache_entry_age = self._histogram(
            "cache_entry_age_seconds", "How old a value was when it was served.", ("tier", "cache"), AGE
        )
        self.cache_warmed = self._counter("cache_warmed_total", "Lists made before anybody asked for them.", ("occasion",))
        self.cache_pulls = self._counter(
            "cache_pulls_total", "Rounds of asking what was invalidated, by how they went.", ("result",)
        )
        self.invalidation_lag = self._gauge(
            "invalidation_lag_seconds", "How long the oldest change that was not told to the shared tier has waited."
        )
        self.invalidations_untold = self._counter(
            "invalidations_untold_total", "Tokens that the shared tier did not take at once; they are repeated."
        )
        self.cache_shared_failures = self._counter(
            "cache_shared_failures_total", "Calls of the shared tier that got no answer."
        )
        self.cache_shared_skipped = self._counter(
            "cache_shared_skipped_total", "Values kept from the shared tier: too large, or too many at once."
        )

    def _events(self) -> None:
        self.events_received = self._counter("events_received_total", "Events taken.", ("event_type", "source"))
        self.events_rejected = self._counter("events_rejected_total", "Events refused, by why.", ("reason",))
        self.events_duplicate = self._counter("events_duplicate_total", "Events that the log already held.")
        self.event_lag = self._histogram(
            "event_lag_seconds", "Time from an event's arrival until it is in the feature states.", ("event_type",), LAG
        )
        self.event_oldest_unprocessed = self._gauge(
            "event_oldest_unprocessed_timestamp_seconds",
            "Arrival of the oldest event that waits to be folded; 0 for none.",
            ("entity",),
        )
        self.log_rows_passed_over = self._counter(
            "log_rows_passed_over_total", "Rows of the log that this process could not take in."
        )
        self.log_position = self._gauge("log_position", "Sequence number of the last row this process knows.")
        self.catalog_items = self._gauge("catalog_items", "Items by state.", ("state",))

    def _features(self) -> None:
        self.feature_reads = self._counter("feature_reads_total", "Values read, by what they are.", ("entity", "status"))
        self.feature_read_duration = self._histogram("feature_read_duration_seconds", "Time of a batched read.", (), FAST)
        self.feature_writes = self._counter("feature_writes_total", "States that the fold has written.", ("entity",))
        self.feature_last_refresh = self._gauge(
            "feature_last_refresh_timestamp_seconds", "When a view was last known to be up to date.", ("feature_view",)
        )
        self.feature_max_age = self._gauge(
            "feature_max_age_seconds", "Age from which a view's values are stale.", ("feature_view",)
        )
        self.feature_function_errors = self._counter(
            "feature_function_errors_total", "Events on which the Python function of a view failed.", ("feature_view",)
        )
        self.feature_compared = self._counter(
            "feature_compared_total", "Served values that were compared with the log.", ("feature_view",)
        )
        self.feature_mismatches = self._counter(
            "feature_mismatches_total", "Served values that the log does not agree with.", ("feature_view",)
        )
        self.feature_mismatch = self._gauge(
            "feature_mismatch_ratio", "Share of mismatches among the values compared last.", ("feature_view",)
        )

    def _models_and_jobs(self) -> None:
        self.model_info = self._gauge("model_info", "1, with what each alias serves.", ("model", "alias", "version"))
        self.model_predictions = self._counter("model_predictions_total", "Histories scored.", ("model",))
        self.model_predict_duration = self._histogram(
            "model_predict_duration_seconds", "Time to score a history.", ("model",), FAST
        )
        self.model_loaded = self._gauge(
            "model_loaded_timestamp_seconds", "When the served version was loaded.", ("model", "alias")
        )
        self.model_trained = self._gauge("model_trained_timestamp_seconds", "When it was trained.", ("model",))
        self.model_load_failures = self._counter("model_load_failures_total", "Versions that did not load.", ("model",))
        self.leader = self._gauge("leader", "1 in the process that leads.")
        self.job_runs = self._counter("job_runs_total", "Jobs that ended.", ("job", "status"))
        self.job_duration = self._histogram("job_duration_seconds", "Time a job took.", ("job",), LONG)
        self.retention_removed = self._counter(
            "retention_removed_total", "Rows removed because they are too old.", ("table",)
        )
        self.job_last_success = self._gauge("job_last_success_timestamp_seconds", "When a job last went well.", ("job",))
        self.background_errors = self._counter(
            "background_errors_total", "Rounds of a background job that failed and are tried again.", ("job",)
        )

    def _quality(self) -> None:
        suffixes = {"share": "_ratio", "ratio": "_ratio", "seconds": "_seconds", "bits": ""}
        self.quality = {
            name: self._gauge(
                f"quality_{name}{suffixes[measure.unit]}", f"{_capital(measure.means)}.", ("surface", "window")
            )
            for name, measure in MEASURES.items()
            if measure.unit in suffixes
        }
        self.quality["shown"] = self._gauge(
            "quality_shown", "Pairs of a list and an item that were shown.", ("surface", "window")
        )
        self.feature_drift = self._gauge(
            "quality_feature_drift_psi", "How far a feature has moved, less what chance makes of it.", ("feature",)
        )
        self.score_drift = self._gauge(
            "quality_score_drift_psi",
            "How far the scores of a version have moved, less what chance makes of it.",
            ("model",),
        )
        self.quality_last_computed = self._gauge(
            "quality_last_computed_timestamp_seconds", "When a monitor last came to its end.", ("monitor",)
        )

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
