"""The settings of candidate sources."""

from pydantic import Field

from honeyguide.config.values import Section


class SourceUse(Section):
    """A source that a surface takes its candidates from."""

    name: str = Field(description="Which source; 'honeyguide config check' knows their names.")
    limit: int | None = Field(
        default=None, ge=1, le=5000, description="Most candidates; where left out, what the surface says of such sources."
    )
    weight: float | None = Field(
        default=None,
        gt=0,
        le=1000,
        description="Score of its first item where ranks are blended; where left out, that of the source.",
    )
