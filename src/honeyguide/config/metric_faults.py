"""What is wrong with the metrics that a configuration declares."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from honeyguide.config.given import Fault
from honeyguide.config.metrics import DEFAULT_METRICS, LISTS, SYSTEM, Metric, MetricKind, metrics_of
from honeyguide.config.table import nearest

_OF: Final[Mapping[MetricKind, tuple[str, ...]]] = {
    "sum": ("value", "quantity"),
    "mean": ("value", "quantity"),
    "quantile": ("value", "quantity"),
    "system": SYSTEM,
}
_FOR: Final[Mapping[str, frozenset[MetricKind]]] = {
    "over": frozenset({"ratio", "rate"}),
    "weights": frozenset({"count", "sum", "mean", "ratio", "rate"}),
    "after": frozenset({"retention"}),
    "winsorise": frozenset({"count", "sum"}),
    "quantile": frozenset({"quantile"}),
}
"""Keys that mean something to some kinds only."""


def metric_faults(declared: list[Metric], types: Mapping[str, object]) -> Iterator[Fault]:
    """What is wrong with declared metrics; `types` are the event types that there are."""
    names = Counter(metric.name for metric in declared)
    builtin = {metric.name for metric in DEFAULT_METRICS}
    found = metrics_of(declared)
    for index, metric in enumerate(declared):
        label = f"metrics[{index}] ({metric.name})"
        if names[metric.name] > 1:
            yield Fault(("metrics", index, "name"), f"{label}: {names[metric.name]} metrics have this name")
        elif metric.name not in builtin and "kind" not in metric.model_fields_set:
            yield Fault(("metrics", index), f"{label} lacks the key 'kind', such as kind = \"proportion\"")
        else:
            for key, problem in _faults_of(found[metric.name], types):
                yield Fault(("metrics", index, key), f"{label}: {problem}")


def _faults_of(metric: Metric, types: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key, kinds in _FOR.items():
        default = Metric.model_fields[key].get_default(call_default_factory=True)
        if metric.kind not in kinds and getattr(metric, key) != default:
            yield key, f"{key} means nothing to kind {metric.kind!r}; take it away, it is for {', '.join(sorted(kinds))}"
    allowed = _OF.get(metric.kind, ())
    if metric.of not in allowed and (metric.of or allowed):
        cure = f"allowed: {', '.join(allowed)}" if allowed else f"a {metric.kind} is of nothing; take it away"
        yield "of", f"of is {metric.of!r}; {cure}"
    yield from _event_faults(metric, types)
    if metric.kind in ("retention", "time_to_first") and not metric.window:
        yield "window", f'window is missing; a {metric.kind} is looked for within a time, such as window = "7d"'


def _event_faults(metric: Metric, types: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    if metric.kind == "system":
        if metric.events:
            yield "events", "events are given, but a system metric is of served lists; take them away"
        return
    if not metric.events:
        yield "events", f"events is empty; a {metric.kind} names the event types that it is made of"
    if metric.kind in ("ratio", "rate") and not metric.over:
        yield "over", "over is empty; name the event types that it is divided by, or 'lists'"
    for key, named in (("events", metric.events), ("over", [name for name in metric.over if name != LISTS])):
        for name in named:
            if name not in types:
                cure = nearest(name, types) or f"; declare it: [events.types.{name}]"
                yield key, f"{key} names the unknown event type {name!r}{cure}"
    for name in metric.weights:
        if name not in metric.events:
            yield "weights", f"weights names {name!r}, which is not among its events{nearest(name, metric.events)}"
