"""How good the lists are, on the wire."""

from typing import Literal, Self

import msgspec

from honeyguide.api.wire.base import In, Moment, iso
from honeyguide.messages import Timestamp
from honeyguide.monitoring.quality.report import Moved, Part, Place, QualityReport, Target, Value


class QualityParams(In):
    """Which lists: of a `window` up to now, or of a time from `since` to `until`; of a surface, and of that an arm or a
    model version. `per` is the step of the course; where left out, hours up to three days, else days."""

    window: str = "24h"
    since: Timestamp | None = None
    until: Timestamp | None = None
    surface: str = ""
    arm: str = ""
    model: str = ""
    per: Literal["hour", "day"] | None = None


class PointOut(msgspec.Struct, kw_only=True):
    """One hour or day. `settled`: the windows in which clicks and conversions count are over; else figures may grow."""

    starts_at: Moment
    settled: bool
    figures: dict[str, float | None]


class QualityOut(msgspec.Struct, kw_only=True):
    """How good the lists of a stretch of time were.

    `computed_at` is null while nothing was measured. `basis` says what counts as shown: what `impressions` told, what was
    `served`, or `both`. `features` and `scores` say what has moved since the version that serves was trained."""

    since: Moment
    until: Moment
    computed_at: Moment | None
    k: int
    surface: str
    arm: str
    model: str
    basis: str
    least_shown: int
    targets: list[Target]
    measures: list[Value]
    per: Literal["hour", "day"]
    course: list[PointOut]
    positions: list[Place]
    surfaces: list[Part]
    arms: list[Part]
    models: list[Part]
    features: list[Moved]
    scores: list[Moved]
    agreement: float | None

    @classmethod
    def of(cls, report: QualityReport) -> Self:
        """The report with its times as text."""
        fields = {name: getattr(report, name) for name in report.__struct_fields__ if name != "slice"}
        fields |= {"since": iso(report.since), "until": iso(report.until), **report.slice._asdict()}
        fields["computed_at"] = None if report.computed_at is None else iso(report.computed_at)
        fields["course"] = [
            PointOut(starts_at=iso(point.starts_at), settled=point.settled, figures=point.figures) for point in report.course
        ]
        return cls(**fields)
