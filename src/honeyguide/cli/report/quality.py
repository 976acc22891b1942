"""The page of a quality report: targets first, then the course, versions, positions, drift, and what the measures mean."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from honeyguide.cli.figures import between, change, name_of, told
from honeyguide.cli.report.charts import Mark, dots, percent
from honeyguide.cli.report.svg import Markup, joined, tag
from honeyguide.monitoring.quality.measures import MEASURES
from honeyguide.monitoring.quality.report import Moved, Part, Point, QualityReport, Target

_STYLE: Final = Path(__file__).with_name("style.css")
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_WIDTH, _HEIGHT = 440.0, 110.0


def quality_page(found: QualityReport, *, project: str, made: datetime) -> str:
    """The report as one HTML file. Whatever comes from data (names of surfaces, arms, versions) is escaped."""
    head = tag(
        "head",
        Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        tag("title", f"{project}: quality"),
        tag("style", Markup(_STYLE.read_text(encoding="utf-8"))),
    )
    parts = (
        _top(found, project, made),
        _section("Targets", "", tag("div", *(_aim(each, found) for each in found.targets), class_="grid")),
        _parts("Model versions", "model", found.models),
        _parts("Arms", "arm", found.arms),
        _parts("Surfaces", "surface", found.surfaces),
        _positions(found),
        _drift([*found.features, *found.scores]),
        _measures(found),
        tag("footer", "Intervals: 95 %. Figures of the last hours may grow while clicks and conversions come in."),
    )
    return "<!doctype html>\n" + tag("html", head, tag("body", tag("main", *parts)), lang="en")


def _top(found: QualityReport, project: str, made: datetime) -> Markup:
    figures = {each.name: each for each in found.measures}
    met, known = sum(each.met is True for each in found.targets), sum(each.met is not None for each in found.targets)
    facts = [
        (name_of(name), told(figures[name].value, figures[name].unit)) for name in ("requests", "users", "shown", "clicks")
    ]
    facts += [("from", _moment(found.since)), ("to", _moment(found.until))]
    of = " · ".join(each for each in found.slice if each) or "all lists"
    title = f"{met} of {known} targets are reached" if known else "Nothing is measured yet"
    return joined(
        tag("p", f"{project} · quality of {of} · {made:%d %b %Y, %H:%M} UTC", class_="kicker"),
        tag("h1", title),
        tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in facts), class_="facts"),
    )


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%d %b, %H:%M")


def _aim(each: Target, found: QualityReport) -> Markup:
    said = {True: "reached", False: "not reached", None: "nothing to judge by"}[each.met]
    sign = "at most" if each.at_most else "at least"
    moved = change(each.value, each.before)
    about = f"{said}: {sign} {told(each.target, each.unit)}" + (f" · {moved} against before" if moved else "")
    title = f"{name_of(each.name)} {told(each.value, each.unit)}"
    return tag("div", tag("h3", title[:1].upper() + title[1:]), tag("p", about), _line(each, found.course), class_="card")


def _line(each: Target, points: Sequence[Point]) -> Markup:
    """The course of a target as a line, with the target as a rule."""
    values = [(at, value) for at, value in enumerate(each.trend) if value is not None]
    top = max([each.target, *(value for _, value in values)]) * 1.1 or 1.0
    wide = max(1, len(each.trend) - 1)

    def x(at: int) -> float:
        return 8 + (_WIDTH - 70) * at / wide

    def y(value: float) -> float:
        return _HEIGHT - 8 - (_HEIGHT - 20) * value / top

    dots_drawn = [
        tag(
            "circle",
            tag("title", f"{_moment(points[at].starts_at)}: {told(value, each.unit)}"),
            cx=x(at),
            cy=y(value),
            r=2.6,
            class_="fill",
        )
        for at, value in values
    ]
    way = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in values)
    rule = tag(
        "line", x1=8.0, x2=_WIDTH - 62, y1=y(each.target), y2=y(each.target), class_="whisker", stroke_dasharray="4 4"
    )
    label = tag("text", told(each.target, each.unit), x=_WIDTH - 58, y=y(each.target) + 4, class_="tick")
    drawn = tag("g", tag("polyline", points=way, class_="line"), *dots_drawn, class_="c1" if each.met else "c5")
    box = {"viewBox": f"0 0 {_WIDTH:.0f} {_HEIGHT:.0f}", "role": "img"}
    return tag("svg", rule, label, drawn, aria_label=f"{name_of(each.name)} over time", **box)


def _parts(title: str, kind: str, parts: Sequence[Part]) -> Markup:
    if not parts:
        return Markup("")
    head = (kind, "lists", "CTR", "95 %", "conversion", "p95", "coverage", "offline")
    rows = [(each.name, f"{each.requests:,}", *rates(each)) for each in parts]
    known = [each for each in parts if each.ctr is not None]
    marks = [
        Mark(each.name, f"c{1 + at % 8}", each.ctr or 0, each.ctr_low or 0, each.ctr_high or 0)
        for at, each in enumerate(known)
    ]
    top = max((mark.high for mark in marks), default=0.0)
    plot = dots(marks, f"CTR by {kind}", top, told=percent, width=460) if len(marks) > 1 else Markup("")
    return _section(title, "", _table(head, rows), plot)


def rates(each: Part) -> Sequence[str]:
    """CTR, its interval, conversion, latency, coverage and the offline figure, as text."""
    shares = [told(value, "share") for value in (each.ctr, each.ctr_low, each.ctr_high, each.conversion, each.coverage)]
    offline = "" if each.offline is None else f"{each.offline:.4f}"
    return (shares[0], f"{shares[1]} to {shares[2]}", shares[3], told(each.latency_p95, "seconds"), shares[4], offline)


def _positions(found: QualityReport) -> Markup:
    rows = [(str(at.position), f"{at.shown:,}", f"{at.clicks:,}", told(at.ctr, "share")) for at in found.positions[:50]]
    return _section("Positions", "", _table(("position", "shown", "clicks", "CTR"), rows)) if rows else Markup("")


def _drift(moved: Sequence[Moved]) -> Markup:
    if not moved:
        return Markup("")
    rows = [
        (
            each.name,
            f"{each.psi:.3f}",
            f"{each.floor:.3f}",
            f"{each.n:,}",
            f"{each.reference_n:,}",
            "moved" if each.moved else "",
        )
        for each in sorted(moved, key=lambda each: each.floor - each.psi)
    ]
    why = "Population stability index of what was logged with lists, against the time before the version that serves."
    return _section("Drift", why, _table(("feature or score", "PSI", "by chance", "values", "reference", ""), rows))


def _measures(found: QualityReport) -> Markup:
    rows = [
        (name_of(each.name), told(each.value, each.unit), between(each), told(each.before, each.unit), f"{each.n:,}")
        for each in found.measures
    ]
    words = [part for name, each in MEASURES.items() for part in (tag("dt", name_of(name)), tag("dd", each.means))]
    meanings = tag("details", tag("summary", "What they mean"), tag("dl", *words, class_="words"))
    return _section("All measures", "", _table(("measure", "value", "95 %", "before", "n"), rows), meanings)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    lines = [tag("tr", *(tag("td", cell) for cell in row)) for row in rows]
    return tag("div", tag("table", tag("tr", *(tag("th", each) for each in head)), *lines), class_="scroll")


def _section(title: str, why: str, *parts: object) -> Markup:
    about = [tag("p", why, class_="why")] if why else []
    return tag("section", tag("h2", title), *about, *parts)
