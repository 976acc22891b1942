"""The seam of quality figures: a table of measures per hour and day, of each surface, arm and model."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec

Period = Literal["hour", "day"]


class Slice(NamedTuple):
    """What lists a figure is of; empty: of all surfaces, arms or models."""

    surface: str = ""
    arm: str = ""
    model: str = ""


class QualityRow(msgspec.Struct, kw_only=True, frozen=True):
    """One figure: a measure of a slice in the hour or day that begins at `starts_at` (ms).

    `low` and `high` are its 95 % interval where it has one, `n` what it is a share or mean of; `detail` is text of the
    measure's own."""

    metric: str
    period: Period
    starts_at: int
    slice: Slice = Slice()
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    detail: str | None = None
    computed_at: int = 0


class QualityTable(Protocol):
    """Figures by hour and day. Sync, for use off the event loop."""

    def replace(self, period: Period, starts_at: int, rows: Sequence[QualityRow]) -> None:
        """Put all figures of an hour or day in the place of those that were there, in one transaction."""

    def of(self, metric: str, period: Period, *, since: int, until: int, slice: Slice | None = None) -> list[QualityRow]:
        """A measure's rows that begin at since <= t < until (ms), in order of time; of all slices, or of one."""

    def computed(self, period: Period, *, since: int, until: int) -> dict[int, int]:
        """When (ms) each hour or day was computed, by its beginning."""

    def expire(self, period: Period, before: int, metric: str | None = None) -> int:
        """Remove rows that begin before a moment (ms): of one measure, or of all; returns how many."""
