"""Metrics that experiments are judged by: declared once, built in or in the configuration."""

from typing import Final, Literal

from pydantic import Field

from honeyguide.config.values import Duration, Name, Section, laid_over

MetricKind = Literal[
    "proportion", "count", "sum", "mean", "ratio", "rate", "retention", "time_to_first", "quantile", "system"
]
LISTS: Final = "lists"
"""In `over`: the lists that were served."""
SYSTEM: Final = ("diversity", "degraded", "cached")
"""What of served lists a system metric may be of."""


class Metric(Section):
    """One thing that is measured of each unit of an experiment, from its first exposure on."""

    name: Name = Field(description="Name in experiments and reports.")
    kind: MetricKind = Field(default="count", description="How a unit's events become a number.")
    events: list[str] = Field(default_factory=list, description="Event types that it is made of.")
    over: list[str] = Field(
        default_factory=list,
        description="For a ratio or rate: event types it is divided by, or 'lists' that were served.",
    )
    of: str = Field(
        default="",
        description="For sum, mean and quantile: value or quantity of an event; for system: diversity, degraded or cached.",
    )
    weights: dict[str, float] = Field(
        default_factory=dict, description="What an event of a type counts, such as -1 for a refund; 1 where not named."
    )
    join: Literal["unit", "request"] = Field(
        default="unit",
        description="Which events: all of the unit after its first exposure, or those that name a list of the experiment.",
    )
    window: Duration = Field(
        default=0.0, description="How long after a unit's first exposure its events count; 0 is up to the end."
    )
    after: Duration = Field(default=0.0, description="For retention: how long after the first exposure it begins.")
    winsorise: float = Field(
        default=1.0,
        gt=0.5,
        le=1.0,
        description="Quantile of all arms' units above 0 to which a unit's sum is cut; 1 cuts nothing.",
    )
    quantile: float = Field(default=0.5, gt=0, lt=1, description="For a quantile: which one.")
    better: Literal["more", "less"] = Field(default="more", description="Which direction is good.")
    before: Duration = Field(
        default=14 * 86_400.0,
        description="How long before a unit's first exposure the same is measured, to take off what was there already "
        "(CUPED); 0 is not at all.",
    )


DEFAULT_METRICS: Final = tuple(
    Metric.model_validate(each)
    for each in (
        {"name": "ctr", "kind": "ratio", "events": ["click"], "over": [LISTS], "join": "request"},
        {"name": "ctr_per_user", "kind": "rate", "events": ["click"], "over": [LISTS], "join": "request"},
        {"name": "clicks", "kind": "count", "events": ["click"]},
        {"name": "conversion", "kind": "proportion", "events": ["purchase"]},
        {"name": "add_to_cart", "kind": "proportion", "events": ["add_to_cart"]},
        {"name": "purchases_per_list", "kind": "ratio", "events": ["purchase"], "over": [LISTS]},
        {"name": "revenue", "kind": "sum", "events": ["purchase"], "of": "value", "winsorise": 0.999},
        {"name": "order_value", "kind": "mean", "events": ["purchase"], "of": "value"},
        {"name": "order_value_p90", "kind": "quantile", "events": ["purchase"], "of": "value", "quantile": 0.9},
        {
            "name": "retention_7d", "kind": "retention", "events": ["view", "click", "add_to_cart", "purchase"],
            "after": "7d", "window": "7d",
        },
        {"name": "hours_to_purchase", "kind": "time_to_first", "events": ["purchase"], "window": "7d", "better": "less"},
        {"name": "dislikes", "kind": "count", "events": ["hide", "dislike"], "better": "less"},
        {"name": "diversity", "kind": "system", "of": "diversity"},
        {"name": "degraded", "kind": "system", "of": "degraded", "better": "less"},
    )
)  # fmt: skip
"""The metrics that every shop has."""


def metrics_of(declared: list[Metric]) -> dict[str, Metric]:
    """Built-in and declared metrics by name."""
    known = {metric.name: metric for metric in DEFAULT_METRICS}
    return known | {metric.name: laid_over(known.get(metric.name), metric) for metric in declared}
