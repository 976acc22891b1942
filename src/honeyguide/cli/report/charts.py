"""The plots of a report as inline SVG: bars and dots with intervals, a scatter, curves. Sizes are in CSS pixels.

Colours are classes (`c0` to `c9`), so that a page's style gives them for dark and for light. Every mark says its figures
when it is pointed at.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10
from typing import Final

from honeyguide.cli.report.svg import Markup, joined, tag

Format = Callable[[float], str]
Box = tuple[float, float, float, float]
_LINE: Final = 30
_LETTER: Final = 7.2  # width of a letter at 12 px, rather too much
_GAP: Final = 15.0  # least distance between the middles of two labels


@dataclass(frozen=True, slots=True)
class Mark:
    """A model's figure with its 95 % interval. `other`: the same figure measured in another way, drawn hollow."""

    name: str
    colour: str
    mean: float
    low: float
    high: float
    other: float | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """A model at (x, y), y with its interval."""

    name: str
    colour: str
    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Curve:
    """A model's figure at lists of 1, 2, 3, ... items."""

    name: str
    colour: str
    values: Sequence[float]


def decimal(value: float) -> str:
    """`0.151`, and more digits where there would be none."""
    return f"{value:.3f}" if abs(value) >= 0.0095 or value == 0 else f"{value:.4f}"


def percent(value: float) -> str:
    """`25.7%`."""
    return f"{value:.1%}" if 0 < value < 0.0995 else f"{value:.0%}"


def _tick(value: float, told: Format) -> str:
    """A round number without zeros that say nothing."""
    shown = told(value)
    return "0" if value == 0 else shown.rstrip("0").rstrip(".") if "." in shown and "%" not in shown else shown


def ticks(top: float, most: int = 5) -> list[float]:
    """From 0 on to the first round number that is not below `top`, in at most `most` round steps."""
    if top < 1e-9:
        return [0.0, 1.0]
    rough = top / most
    unit = 10.0 ** floor(log10(rough))
    step = next(factor * unit for factor in (1, 2, 2.5, 5, 10) if factor * unit >= rough * (1 - 1e-9))
    return [round(step * place, 12) for place in range(ceil(top / step - 1e-9) + 1)]


def bars(marks: Sequence[Mark], label: str, *, told: Format = decimal, width: int = 460) -> Markup:
    """A horizontal bar per mark from 0, its interval over its end, its figure beside it."""
    left, right, height = _names(marks), 52.0, len(marks) * _LINE + 26
    top = ticks(max([*(mark.high for mark in marks), *(mark.other or 0.0 for mark in marks)], default=0.0))
    scale = _scale(top[-1], left, width - right)
    rows = [_bar(mark, scale, 8 + place * _LINE, told) for place, mark in enumerate(marks)]
    return _chart(width, height, label, _grid_x(top, scale, height - 20, told), *rows)


def dots(marks: Sequence[Mark], label: str, top: float, *, told: Format = decimal, width: int = 300) -> Markup:
    """A dot with its interval per mark, on a scale from 0 to `top`."""
    left, line = _names(marks), 22
    height, steps = len(marks) * line + 30, ticks(top, 4)
    scale = _scale(steps[-1], left, width - 16.0)
    rows = []
    for place, mark in enumerate(marks):
        y = 12.0 + place * line
        rows.append(
            tag(
                "g",
                tag("title", _said(mark, told)),
                tag("text", mark.name, x=left - 10, y=y + 4, text_anchor="end"),
                _whisker(scale(mark.low), scale(mark.high), y),
                tag("circle", cx=scale(mark.mean), cy=y, r=5, class_="fill"),
                class_=mark.colour,
            )
        )
    return _chart(width, height, label, _grid_x(steps, scale, height - 22, told), *rows)


def scatter(points: Sequence[Point], label: str, x_name: str, y_name: str, *, width: int = 460, height: int = 330) -> Markup:
    """Points with the interval of y; names beside them, moved where they would lie over one another."""
    xs, ys = ticks(max((point.x for point in points), default=0.0)), ticks(max((p.high for p in points), default=0.0))
    bottom = height - 42.0
    across, up = _scale(xs[-1], 52.0, width - 22.0), _scale(ys[-1], bottom, 12.0)
    whiskers = [(across(p.x) - 3, up(p.high), across(p.x) + 3, up(p.low)) for p in points]
    places = _placed([(across(p.x), up(p.y), p.name) for p in points], whiskers, width, bottom)
    drawn = [
        tag(
            "g",
            tag(
                "title", f"{p.name}: {percent(p.x)} of the catalogue, {decimal(p.y)} ({decimal(p.low)} to {decimal(p.high)})"
            ),
            tag("line", x1=across(p.x), x2=across(p.x), y1=up(p.low), y2=up(p.high), class_="whisker"),
            tag("circle", cx=across(p.x), cy=up(p.y), r=6.5, class_="fill"),
            tag("text", p.name, x=x, y=y + 4, text_anchor=anchor, class_="name"),
            class_=p.colour,
        )
        for p, (x, y, anchor) in zip(points, places, strict=True)
    ]
    frame = joined(
        _grid_y(ys, up, 52.0, width - 22.0, decimal),
        *(tag("text", percent(x), x=across(x), y=bottom + 18, text_anchor="middle", class_="tick") for x in xs),
        tag("text", x_name, x=width - 22, y=height - 4, text_anchor="end", class_="axis"),
        tag("text", y_name, x=56, y=9, class_="axis"),
    )
    return _chart(width, height, label, frame, *drawn)


def curves(series: Sequence[Curve], label: str, x_name: str, y_name: str, *, width: int = 460, height: int = 330) -> Markup:
    """A line per model over the lengths of lists, named at its end."""
    longest = max((len(curve.values) for curve in series), default=1)
    right = max((len(curve.name) for curve in series), default=0) * _LETTER + 14
    steps = ticks(max((max(curve.values, default=0.0) for curve in series), default=0.0))
    bottom = height - 42.0
    across = _scale(float(longest), 52.0, width - right)
    up = _scale(steps[-1], bottom, 16.0)
    ends = _spread([up(curve.values[-1]) for curve in series], 12.0, bottom)
    drawn = [_curve(curve, across, up, end) for curve, end in zip(series, ends, strict=True)]
    lengths = [1, *(k for k in range(5, longest + 1) if k % (5 if longest <= 30 else 10 if longest <= 60 else 50) == 0)]
    frame = joined(
        _grid_y(steps, up, 52.0, width - right, decimal),
        *(tag("text", k, x=across(k), y=bottom + 18, text_anchor="middle", class_="tick") for k in lengths),
        tag("text", x_name, x=width - right, y=height - 4, text_anchor="end", class_="axis"),
        tag("text", y_name, x=56, y=9, class_="axis"),
    )
    return _chart(width, height, label, frame, *drawn)


def _chart(width: float, height: float, label: str, *parts: object) -> Markup:
    return tag("svg", *parts, viewBox=f"0 0 {width} {height}", role="img", aria_label=label)


def _scale(top: float, start: float, stop: float) -> Callable[[float], float]:
    """0 to `top` becomes `start` to `stop`."""
    return lambda value: start + (stop - start) * value / top


def _names(marks: Sequence[Mark]) -> float:
    """Room for the names at the left."""
    return max((len(mark.name) for mark in marks), default=0) * _LETTER + 22


def _said(mark: Mark, told: Format) -> str:
    other = "" if mark.other is None else f"; in its own order {told(mark.other)}"
    return f"{mark.name}: {told(mark.mean)}, 95 % interval {told(mark.low)} to {told(mark.high)}{other}"


def _bar(mark: Mark, scale: Callable[[float], float], y: float, told: Format) -> Markup:
    middle = y + 9.0
    hollow = None if mark.other is None else tag("circle", cx=scale(mark.other), cy=middle, r=4, class_="hollow")
    end = max(scale(mark.high), scale(mark.other or 0.0))
    return tag(
        "g",
        tag("title", _said(mark, told)),
        tag("text", mark.name, x=scale(0) - 10, y=middle + 4, text_anchor="end"),
        tag("rect", x=scale(0), y=y, width=max(1.0, scale(mark.mean) - scale(0)), height=18, rx=2, class_="bar"),
        _whisker(scale(mark.low), scale(mark.high), middle),
        *([] if hollow is None else [hollow]),
        tag("text", told(mark.mean), x=end + 8, y=middle + 4, class_="figure"),
        class_=mark.colour,
    )


def _whisker(low: float, high: float, y: float) -> Markup:
    ends = [tag("line", x1=x, x2=x, y1=y - 4, y2=y + 4, class_="whisker") for x in (low, high)]
    return joined(tag("line", x1=low, x2=high, y1=y, y2=y, class_="whisker"), *ends)


def _grid_x(steps: Sequence[float], scale: Callable[[float], float], height: float, told: Format) -> Markup:
    lines = [
        joined(
            tag("line", x1=scale(step), x2=scale(step), y1=0, y2=height, class_="zero" if step == 0 else "grid"),
            tag("text", _tick(step, told), x=scale(step), y=height + 15, text_anchor="middle", class_="tick"),
        )
        for step in steps
    ]
    return joined(*lines)


def _grid_y(steps: Sequence[float], up: Callable[[float], float], left: float, right: float, told: Format) -> Markup:
    lines = [
        joined(
            tag("line", x1=left, x2=right, y1=up(step), y2=up(step), class_="zero" if step == 0 else "grid"),
            tag("text", _tick(step, told), x=left - 8, y=up(step) + 4, text_anchor="end", class_="tick"),
        )
        for step in steps
    ]
    return joined(*lines)


def _curve(curve: Curve, across: Callable[[float], float], up: Callable[[float], float], end: float) -> Markup:
    points = " ".join(f"{across(k):.1f},{up(value):.1f}" for k, value in enumerate(curve.values, 1))
    last = across(float(len(curve.values)))
    return tag(
        "g",
        tag("title", f"{curve.name}: {decimal(curve.values[-1])} at {len(curve.values)}"),
        tag("polyline", points=points, class_="line"),
        tag("line", x1=last + 2, x2=last + 8, y1=up(curve.values[-1]), y2=end, class_="leader"),
        tag("text", curve.name, x=last + 11, y=end + 4, class_="name"),
        class_=curve.colour,
    )


def _spread(wanted: Sequence[float], low: float, high: float) -> list[float]:
    """The places nearest to those wanted that are `_GAP` apart, in the same order, between `low` and `high`."""
    order = sorted(range(len(wanted)), key=lambda at: wanted[at])
    places = list(wanted)
    for before, at in pairwise(order):
        places[at] = max(places[at], places[before] + _GAP)
    over = max(0.0, places[order[-1]] - high) if order else 0.0
    for place, at in enumerate(reversed(order)):
        places[at] = min(places[at], high - place * _GAP) if over else places[at]
    return [max(low, place) for place in places]


def _placed(
    points: Sequence[tuple[float, float, str]], taken: Sequence[Box], width: float, height: float
) -> list[tuple[float, float, str]]:
    """(x, y, anchor) of each point's name: beside it where nothing else is, else a little higher or lower."""
    boxes = [*taken, *((x - 7, y - 7, x + 7, y + 7) for x, y, _ in points)]
    found = []
    for x, y, name in points:
        size = len(name) * _LETTER
        tries = [
            (side, place)
            for place in (y, *(y + sign * step for step in (14.0, 22.0, 30.0) for sign in (-1, 1)))
            for side in (1, -1)
        ]
        free = [
            (side, place)
            for side, place in tries
            if min(x + side * 12, x + side * (12 + size)) >= 44 and max(x + side * 12, x + side * (12 + size)) <= width
            if 6 <= place <= height - 6 and not _hits(_box(x, side, place, size), boxes)
        ]
        side, place = free[0] if free else (1, y)
        boxes.append(_box(x, side, place, size))
        found.append((x + side * 12, place, "start" if side > 0 else "end"))
    return found


def _box(x: float, side: int, y: float, size: float) -> Box:
    ends = sorted((x + side * 10, x + side * (12 + size)))
    return ends[0], y - 7, ends[1], y + 7


def _hits(box: Box, others: Sequence[Box]) -> bool:
    return any(box[0] < right and left < box[2] and box[1] < bottom and top < box[3] for left, top, right, bottom in others)
