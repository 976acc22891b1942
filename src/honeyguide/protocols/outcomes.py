"""The seam to what is known of the units of experiments: their first exposures, what they add to metrics, and the sums."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from honeyguide.types import LogRow, Unit

PhaseKey = tuple[str, int]
"""An experiment's name and the number of a phase; the period is in it where weights change within one (`phase_key`)."""
_PERIODS = 100_000


def phase_key(experiment: str, phase: int, period: int = 0) -> PhaseKey:
    """The key of a phase, or of a period of one: units are drawn anew in each period, so what they do is kept apart."""
    return experiment, phase + period * _PERIODS


class Total(NamedTuple):
    """What a unit adds to a metric: numerator x, denominator y, and what the numerator was before the first exposure."""

    x: float = 0.0
    y: float = 0.0
    before: float = 0.0


class Exposure(NamedTuple):
    """A unit's first exposure, which stays as it is, and what came after: how often it was `served` in all, and how often
    `crossed` into another arm. `served_arm` is empty where the list was not made as the arm says. Times in ms."""

    unit: str
    arm: str
    served_arm: str
    weight: float
    reason: str
    scheme: int
    first_at: int
    last_at: int
    request_id: str
    served: int = 1
    crossed: int = 0
    attributes: str | None = None


class SketchRow(NamedTuple):
    """Six sums over the units of an arm that were first exposed on a day (days since 1970-01-01), of a segment or of all."""

    arm: str
    metric: str
    day: int
    segment: str
    n: int
    sum_x: float
    sum_xx: float
    sum_y: float
    sum_yy: float
    sum_xy: float


@dataclass(frozen=True, slots=True)
class Marks:
    """How far served lists and the log have been folded: the numbers of the last slate and the last row, and the request
    id of that slate."""

    slates: int = 0
    log: int = 0
    last_slate: str = ""


@dataclass(frozen=True, slots=True)
class FoldStep:
    """One step of the fold: from one pair of marks to the next, with the exposures and totals that come of it, by phase."""

    before: Marks
    after: Marks
    exposures: Mapping[PhaseKey, Mapping[str, Exposure]] = field(default_factory=dict)
    totals: Mapping[PhaseKey, Mapping[str, Mapping[str, Total]]] = field(default_factory=dict)
    """Phase -> unit -> key of a metric -> total."""


class OutcomeTable(Protocol):
    """Exposures, totals and sketches. Sync, for use off the event loop."""

    def marks(self) -> Marks:
        """How far the fold is."""

    def advance(self, step: FoldStep) -> None:
        """Store what a step found and move the marks, in one transaction. Raises `Conflict` if they are not where the step
        began. Exposures of users that were erased after them are left out."""

    def exposures(self, key: PhaseKey, units: Collection[str]) -> dict[str, Exposure]:
        """Those of the units that were exposed."""

    def totals(self, key: PhaseKey, units: Collection[str]) -> dict[str, dict[str, Total]]:
        """What these units have added so far."""

    def all_exposures(self, key: PhaseKey) -> Iterator[list[Exposure]]:
        """All units of a phase in order of their ids, in batches of one short read each."""

    def all_totals(self, key: PhaseKey) -> Iterator[list[tuple[str, str, Total]]]:
        """(metric, unit, total) of all of a phase, in that order, in batches of one short read each."""

    def events_of(self, kind: Unit, unit: str, *, since: int, until: int) -> list[LogRow]:
        """The events of a unit from a moment (ms) on, up to a log position, in log order."""

    def put_sketches(self, key: PhaseKey, rows: Sequence[SketchRow], *, as_of: int, final: bool = False) -> None:
        """Replace the sketches of a phase by those of a moment (ms); `final` ones are never made again."""

    def sketches(self, key: PhaseKey) -> tuple[list[SketchRow], int, bool]:
        """The sketches of a phase, of which moment they are (0: there are none yet), and whether they are final."""

    def drop(self, key: PhaseKey) -> None:
        """Forget totals, exposures and sketches of a phase."""

    def rewind(self, to: Marks) -> None:
        """Set the marks, whatever they were: what comes after is folded again."""
