"""Settings of the quality monitors: what is counted as what, and the targets."""

from pydantic import Field

from honeyguide.config.values import Duration, Section

TARGETS: dict[str, float] = {
    "ctr": 0.05,
    "conversion": 0.02,
    "latency_p95": 0.2,
    "hit_rate": 0.8,
    "coverage": 0.5,
    "diversity": 0.7,
}
"""What a good recommender reaches after an hour of traffic; at most, for times, else at least."""


class Quality(Section):
    """How the quality of lists is measured, from the log and the served lists."""

    k: int = Field(default=10, ge=1, le=100, description="Places of a list that coverage, diversity and the like look at.")
    clicks: list[str] = Field(default=["click"], min_length=1, description="Event types that are a click on a shown item.")
    conversions: list[str] = Field(default=["purchase"], min_length=1, description="Event types that are a conversion.")
    click_window: Duration = Field(
        default=1800.0, ge=1, le=86_400, description="How long after a list a click on it counts, and an impression of it."
    )
    conversion_window: Duration = Field(
        default=86_400.0, ge=1, le=7 * 86_400, description="How long after a list a conversion counts for it."
    )
    most_lists: int = Field(
        default=50_000, ge=1000, description="Most lists of an hour that are looked at; of more, a sample by request id."
    )
    least_shown: int = Field(
        default=1000, ge=1, description="Shown items, or values, below which a figure is too little to judge or alert by."
    )
    targets: dict[str, float] = Field(
        default_factory=dict,
        description="Targets by measure; those that are not named keep their defaults: ctr 0.05, conversion 0.02, "
        "latency_p95 0.2 s, hit_rate 0.8, coverage 0.5, diversity 0.7.",
    )
    keep: Duration = Field(default=400 * 86_400.0, gt=0, description="How long the figures of hours and days are kept.")

    def all_targets(self) -> dict[str, float]:
        """Built-in and declared targets by measure."""
        return TARGETS | self.targets
