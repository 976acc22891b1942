"""The figures of a stretch of time, put together from the tallies of its hours and days."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

import msgspec

from honeyguide.config.settings import Settings
from honeyguide.monitoring.quality.drift import WORTH, Drift, agreement, moved
from honeyguide.monitoring.quality.measures import MEASURES, Figure, measured, share
from honeyguide.monitoring.quality.tally import TALLY, Tally, decoded, merged
from honeyguide.protocols.quality import Period, QualityTable, Slice
from honeyguide.types import ModelVersion

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
_COURSE: Final = (
    "requests", "users", "shown", "clicks", "ctr", "conversions", "conversion", "revenue", "revenue_per_user",
    "latency_p50", "latency_p95", "latency_p99", "hit_rate", "coverage", "diversity", "novelty",
    "personalisation", "fallback",
)  # fmt: skip


class Target(msgspec.Struct, kw_only=True):
    """A measure with what it is to reach. `met` is null while there is too little to say; `before`: in the stretch of equal
    length before; `trend`: its course, oldest first, null where nothing was served."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    target: float
    at_most: bool
    met: bool | None
    unit: str
    means: str
    before: float | None
    trend: list[float | None]


class Value(msgspec.Struct, kw_only=True):
    """A measure of the stretch: its 95 % interval where it has one, and what it is a share or mean of (`n`)."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    unit: str
    better: str
    means: str
    before: float | None


class Point(msgspec.Struct, kw_only=True):
    """One hour or day, beginning at `starts_at` (ms). `settled`: clicks and conversions that may still count are over."""

    starts_at: int
    settled: bool
    figures: dict[str, float | None]


class Part(msgspec.Struct, kw_only=True):
    """A surface, arm or model version beside the others. `offline`: how it did when it was trained."""

    name: str
    requests: int
    shown: int
    clicks: int
    ctr: float | None
    ctr_low: float | None
    ctr_high: float | None
    conversions: int
    conversion: float | None
    latency_p95: float | None
    hit_rate: float | None
    coverage: float | None
    diversity: float | None
    offline: float | None = None


class Place(msgspec.Struct):
    """A position of lists, from 1."""

    position: int
    shown: int
    clicks: int
    ctr: float | None


class Moved(msgspec.Struct, kw_only=True):
    """How far a feature or score has moved: PSI, what chance makes of it (`floor`), and whether it is worth a look."""

    name: str
    psi: float
    floor: float
    n: int
    reference_n: int
    moved: bool


class QualityReport(msgspec.Struct, kw_only=True):
    """How good the lists of a stretch of time were. `basis`: whether `shown` are what impressions told, what was served,
    or both; `agreement`: rank correlation of offline figure and click-through rate over the model versions."""

    since: int
    until: int
    computed_at: int | None
    k: int
    slice: Slice
    basis: str
    least_shown: int
    targets: list[Target]
    measures: list[Value]
    per: Period
    course: list[Point]
    positions: list[Place]
    surfaces: list[Part]
    arms: list[Part]
    models: list[Part]
    features: list[Moved]
    scores: list[Moved]
    agreement: float | None


class Reports:
    """Puts reports together. Sync: it reads the table."""

    def __init__(self, table: QualityTable, settings: Settings) -> None:
        self._table, self._settings, self._rules = table, settings, settings.quality

    def tallies(self, since: int, until: int, wanted: Callable[[Slice], bool] = lambda _: True) -> dict[Slice, Tally]:
        """The tally of every slice that is wanted: of whole days where there are any, of hours for the rest. A part of an
        hour counts as the hour."""
        found: dict[Slice, list[Tally]] = {}
        first, last = since - since % HOUR, until
        days = {row.starts_at for row in self._table.of(TALLY, "day", since=first, until=last, slice=Slice())}
        whole = sorted(day for day in days if day >= first and day + DAY <= last)
        spans: list[tuple[Period, int, int]] = [("hour", first, last)]
        if whole:
            begin, end = whole[0], whole[-1] + DAY
            spans = [("hour", first, begin), ("day", begin, end), ("hour", end, last)]
        for period, start, stop in spans:
            for row in self._table.of(TALLY, period, since=start, until=stop):
                if wanted(row.slice):
                    found.setdefault(row.slice, []).append(decoded(row.detail or ""))
        return {each: merged(parts) for each, parts in found.items()}

    def report(
        self,
        chosen: Slice,
        *,
        since: int,
        until: int,
        per: Period,
        eligible: Collection[str],
        versions: Iterable[ModelVersion] = (),
        serving: ModelVersion | None = None,
    ) -> QualityReport:
        """All figures of a slice from `since` to `until` (ms)."""
        now, before = self.tallies(since, until), self.tallies(2 * since - until, since, lambda each: each == chosen)
        tally = now.get(chosen, Tally())
        figures = measured(tally, eligible)
        old = measured(before.get(chosen, Tally()), eligible)
        course = self.course(chosen, per, since, until)
        offline = {each.label: _offline(each) for each in versions}
        models = self._parts(now, eligible, lambda each: each.model if _is_model(each, chosen) else "", offline)
        return QualityReport(
            since=since,
            until=until,
            computed_at=max(
                (at for at in self._table.computed("hour", since=since - HOUR, until=until).values()), default=None
            ),
            k=self._rules.k,
            slice=chosen,
            basis=basis(tally),
            least_shown=self._rules.least_shown,
            targets=self._targets(figures, old, course),
            measures=[
                Value(**_told(name, figure), better=MEASURES[name].better, before=old[name].value)
                for name, figure in figures.items()
            ],
            per=per,
            course=course,
            positions=positions(tally),
            surfaces=self._parts(now, eligible, lambda each: each.surface if each == Slice(each.surface) else ""),
            arms=self._parts(now, eligible, lambda each: each.arm if each.surface == chosen.surface else ""),
            models=models,
            features=self._moved(self.reference(serving, since).features, tally.features),
            scores=self._score_drift(now, since),
            agreement=agreement(
                {label: value for label, value in offline.items() if value is not None},
                {part.name: part.ctr for part in models if part.ctr is not None and part.shown >= self._rules.least_shown},
            ),
        )

    def course(self, chosen: Slice, per: Period, since: int, until: int) -> list[Point]:
        """Hour by hour, or day by day."""
        step = HOUR if per == "hour" else DAY
        window = round(1000 * max(self._rules.click_window, self._rules.conversion_window))
        points: dict[int, dict[str, float | None]] = {}
        settled: dict[int, bool] = {}
        for name in _COURSE:
            for row in self._table.of(name, per, since=since - since % step, until=until, slice=chosen):
                points.setdefault(row.starts_at, dict.fromkeys(_COURSE))[name] = row.value
                settled[row.starts_at] = row.computed_at >= row.starts_at + step + window
        return [Point(starts_at=at, settled=settled[at], figures=points[at]) for at in sorted(points)]

    def reference(self, serving: ModelVersion | None, before: int) -> Tally:
        """What was served in the seven days before the version that serves was trained; where there is too little, in the
        first hours that are kept, up to a moment (ms)."""
        if serving is not None and serving.created_at <= before:
            end = serving.created_at - serving.created_at % HOUR
            found = self.tallies(end - 7 * DAY, end, lambda each: each == Slice()).get(Slice(), Tally())
            if self._enough(found):
                return found
        first = Tally()
        for row in self._table.of(TALLY, "hour", since=0, until=before - HOUR + 1, slice=Slice()):
            first.merge(decoded(row.detail or ""))
            if self._enough(first):
                break
        return first

    def _enough(self, tally: Tally) -> bool:
        return any(sum(spread.values()) >= self._rules.least_shown for spread in tally.features.values())

    def _score_drift(self, now: Mapping[Slice, Tally], before: int) -> list[Moved]:
        """Scores of each version against those of its first hours with enough of them."""
        found = []
        for each in (each for each in now if each.model and not each.surface):
            first: dict[int, int] = {}
            for row in self._table.of(TALLY, "hour", since=0, until=before - HOUR + 1, slice=each):
                for key, count in decoded(row.detail or "").scores.get(each.model, {}).items():
                    first[key] = first.get(key, 0) + count
                if sum(first.values()) >= self._rules.least_shown:
                    break
            found += self._moved({each.model: first}, now[each].scores)
        return found

    def _moved(self, reference: Mapping[str, Any], current: Mapping[str, Any]) -> list[Moved]:
        return [self._told_drift(name, each) for name, each in moved(reference, current).items()]

    def _told_drift(self, name: str, each: Drift) -> Moved:
        enough = min(each.n, each.reference_n) >= self._rules.least_shown
        return Moved(name=name, **each._asdict(), moved=enough and each.beyond > WORTH)

    def _targets(self, figures: Mapping[str, Figure], before: Mapping[str, Figure], course: Iterable[Point]) -> list[Target]:
        course = list(course)
        return [
            Target(
                **_told(name, figures[name]),
                target=target,
                at_most=MEASURES[name].better == "lower",
                met=self.met(name, figures[name], target),
                before=before[name].value,
                trend=[point.figures.get(name) for point in course],
            )
            for name, target in self._rules.all_targets().items()
            if name in MEASURES
        ]

    def met(self, name: str, figure: Figure, target: float) -> bool | None:
        """Whether a target is reached; None while there is nothing."""
        if figure.value is None:
            return None
        return figure.value <= target if MEASURES[name].better == "lower" else figure.value >= target

    def _parts(
        self,
        tallies: Mapping[Slice, Tally],
        eligible: Collection[str],
        name_of: Any,
        offline: Mapping[str, Any] | None = None,
    ) -> list[Part]:
        named = {name: tally for each, tally in tallies.items() if (name := name_of(each))}
        return [_part(name, named[name], eligible, (offline or {}).get(name)) for name in sorted(named)]


def basis(tally: Tally) -> str:
    """What `shown` counts: `impressions`, `served`, or `both`."""
    if not tally.shown or not tally.seen:
        return "served"
    return "impressions" if tally.seen >= 0.5 * tally.shown else "both"


def positions(tally: Tally) -> list[Place]:
    """Click-through rate by position."""
    return [
        Place(at, shown, tally.clicked_at.get(at, 0), share(tally.clicked_at.get(at, 0), shown).value)
        for at, shown in sorted(tally.shown_at.items())
    ]


def _told(name: str, figure: Figure) -> dict[str, Any]:
    return {"name": name, **figure._asdict(), "unit": MEASURES[name].unit, "means": MEASURES[name].means}


def _is_model(each: Slice, chosen: Slice) -> bool:
    return each == Slice(chosen.surface, "", each.model)


def _offline(version: ModelVersion) -> float | None:
    found = next(
        (value for name, value in sorted(version.metrics.items(), reverse=True) if name.startswith("served_ndcg@")), None
    )
    return float(found) if isinstance(found, int | float) else None


def _part(name: str, tally: Tally, eligible: Collection[str], offline: float | None) -> Part:
    figures = measured(tally, eligible)
    ctr = figures["ctr"]
    told = {each: figures[each].value for each in ("conversion", "latency_p95", "hit_rate", "coverage", "diversity")}
    return Part(
        name=name,
        requests=tally.requests,
        shown=tally.shown,
        clicks=tally.clicks,
        ctr=ctr.value,
        ctr_low=ctr.low,
        ctr_high=ctr.high,
        conversions=tally.conversions,
        offline=offline,
        **told,
    )
