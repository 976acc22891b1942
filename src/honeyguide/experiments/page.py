"""Results as one HTML page that needs nothing else: no script, no file beside it, no address elsewhere."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from math import floor, log10
from typing import Final

from honeyguide.experiments.plan import Measured, Point, Results

_COLOURS: Final = {"better": "#1a7f4b", "kept": "#1a7f4b", "worse": "#b3261e", "broken": "#b3261e", "open": "#6b7280"}
_BADGES: Final = {
    "ship": "#1a7f4b", "roll back": "#b3261e", "keep running": "#8a5a00", "no difference": "#4b5563", "hidden": "#b3261e"
}  # fmt: skip
_GATES: Final = {
    "passed": ("✓", "#1a7f4b"), "waiting": ("…", "#8a5a00"), "warning": ("!", "#8a5a00"), "alarm": ("✕", "#b3261e")
}  # fmt: skip
_LINES: Final = ("#2563a8", "#b45309", "#6d28a8", "#0f766e", "#be185d")
_STYLE: Final = """
:root{color-scheme:light}*{box-sizing:border-box}
body{font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color:#1f2933;background:#f5f6f8;margin:0}
main{max-width:1120px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:26px;margin:0 0 4px}h2{font-size:17px;margin:0 0 12px}
.sub{color:#52606d;margin:0 0 20px}
section{background:#fff;border:1px solid #e1e5ea;border-radius:10px;padding:20px 22px;margin:16px 0}
.verdict{display:inline-block;color:#fff;border-radius:6px;padding:4px 14px;font-weight:600;font-size:17px}
ul{margin:12px 0 0;padding-left:20px}li{margin:3px 0}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{text-align:left;font-weight:600;color:#52606d;font-size:13px;padding:6px 10px;border-bottom:1px solid #cbd2d9}
th{white-space:nowrap}
td{padding:8px 8px;border-bottom:1px solid #edf0f3;vertical-align:middle}tr:last-child td{border-bottom:0}
td.n,th.n{text-align:right;white-space:nowrap}.one{white-space:nowrap}.dim{color:#6b7280;font-size:13px}
.mark{display:inline-block;width:20px;font-weight:700}.note{color:#52606d;font-size:13px;margin:12px 0 0}
.muted{opacity:.55}svg{display:block;max-width:100%}svg text{font:12px system-ui,sans-serif;fill:#52606d}
.key{display:inline-block;width:14px;height:3px;vertical-align:middle;margin-right:6px}
"""


def page(results: Results, *, about: str = "") -> str:
    """The whole page; `about` is what the experiment is to show."""
    parts = [_verdict(results), _health(results), _metrics(results), *_daily(results)]
    parts += [
        _points("Segments", results.segments, "Each segment alone. Of many, some look different by chance."),
        _points("By days since the first exposure", results.ages, "An effect on the first day only is novelty."),
        _points("With segments weighed alike", results.stratified, "Post-stratified: one mix of segments in all arms."),
    ]
    moment = datetime.fromtimestamp(results.as_of / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    name = escape(results.experiment)
    told = f'<p class="sub">{escape(about)}</p>' if about else ""
    units = " · ".join(f"{escape(arm)} {count:,.0f}" for arm, count in results.units.items())
    facts = f"phase {results.phase} · {results.state} · {results.days:.1f} days · {units} units · as of {moment}"
    head = f"<h1>{name}</h1>{told}<p class='sub'>{facts}</p>"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width,initial-scale=1"><title>{name}: results</title><style>{_STYLE}</style></head>'
        f"<body><main>{head}{''.join(parts)}</main></body></html>\n"
    )


def _verdict(results: Results) -> str:
    decision = results.decision
    label = "Verdict hidden: a health gate is in alarm" if decision.verdict == "hidden" else decision.verdict.capitalize()
    arm = f" {escape(decision.arm)}" if decision.arm and decision.verdict == "ship" else ""
    left = "" if decision.days_left is None else f"<span class='dim'> about {decision.days_left:.0f} more days</span>"
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in decision.reasons)
    colour = _BADGES[decision.verdict]
    return (
        f'<section><span class="verdict" style="background:{colour}">{label}{arm}</span>{left}<ul>{reasons}</ul></section>'
    )


def _health(results: Results) -> str:
    rows = []
    for gate in results.gates:
        mark, colour = _GATES[gate.state]
        p = "" if gate.p is None else f"p = {gate.p:.2g}"
        rows.append(
            f'<tr><td class="one"><span class="mark" style="color:{colour}">{mark}</span>{escape(gate.name)}</td>'
            f"<td>{escape(gate.detail)}</td><td class='n dim'>{p}</td></tr>"
        )
    return f"<section><h2>Health</h2><div class='scroll'><table>{''.join(rows)}</table></div></section>"


def _metrics(results: Results) -> str:
    reach = _reach((each.lift_low, each.lift, each.lift_high) for each in results.metrics)
    heads = ("metric", "arm", "control", "treatment", "lift", "interval of the lift", "", "p", "chance", "")
    numbers = (2, 3, 4, 7, 8)
    row = "".join(f'<th class="{"n" if at in numbers else ""}">{name}</th>' for at, name in enumerate(heads))
    rows = "".join(_metric(each, reach, hidden=results.hidden) for each in results.metrics)
    hidden = " class='muted'" if results.hidden else ""
    note = (
        "Intervals and p-values hold at every look. The absolute difference decides; its lift is shown with Fieller's "
        "interval. Chance is that of the treatment to be better."
    )
    if any(each.engine != "always-valid" for each in results.metrics):
        note = "Intervals and p-values hold at the planned looks only."
    return (
        f"<section{hidden}><h2>Metrics</h2><div class='scroll'><table><tr>{row}</tr>{rows}</table></div>"
        f'<p class="note">{note}</p></section>'
    )


def _metric(found: Measured, reach: float, *, hidden: bool) -> str:
    how = f'<div class="dim">{found.role}{", CUPED" if found.adjusted else ""}</div>'
    cells = [
        f"<td>{escape(found.metric)}{how}</td><td>{escape(found.arm)}</td>",
        f'<td class="n">{number(found.control)}</td><td class="n">{number(found.value)}</td>',
        f'<td class="n"><b>{share(found.lift)}</b></td><td>{_bar(found, reach)}</td>',
        f'<td class="dim one">{share(found.lift_low)} to {share(found.lift_high)}</td>',
        f'<td class="n">{_p(found.p_adjusted)}</td><td class="n">{_chance(found.chance)}</td>',
        f'<td style="color:{_COLOURS[found.standing]};font-weight:600">{"" if hidden else found.standing}</td>',
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _bar(found: Measured | Point, reach: float, colour: str = "") -> str:
    """The interval of a lift around 0, as a picture; an end that is open runs to the border."""
    width, middle = 160, 80
    standing = getattr(found, "standing", "open")
    colour = colour or _COLOURS[standing]

    def at(value: float | None, border: float) -> float:
        return middle + (border if value is None else max(-1.0, min(1.0, value / reach))) * (middle - 8)

    low, high = at(found.lift_low, -1.0), at(found.lift_high, 1.0)
    dot = "" if found.lift is None else f'<circle cx="{at(found.lift, 0.0):.1f}" cy="11" r="4.5" fill="{colour}"/>'
    if found.lift is None:
        low = high = middle
    return (
        f'<svg width="{width}" height="22" viewBox="0 0 {width} 22" role="img" aria-label="{share(found.lift_low)} to '
        f'{share(found.lift_high)}"><line x1="{middle}" x2="{middle}" y1="1" y2="21" stroke="#7b8794"/>'
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="11" y2="11" stroke="{colour}" stroke-width="3" stroke-linecap="round"'
        f' opacity=".45"/>{dot}</svg>'
    )


def _daily(results: Results) -> Iterable[str]:
    """The lift of goals and guardrails day by day, cumulated, with its interval as a band."""
    metrics = list(dict.fromkeys(point.metric for point in results.daily))
    for metric in metrics:
        points = [point for point in results.daily if point.metric == metric and point.lift is not None]
        if len({point.at for point in points}) > 1:
            yield f"<section><h2>{escape(metric)}: lift of all who came in up to each day</h2>{_chart(points)}</section>"


def _chart(points: Sequence[Point]) -> str:
    width, height, left, bottom, top = 960, 240, 56, 28, 12
    days = sorted({point.at for point in points})
    last = [point for point in points if point.at >= days[len(days) // 3]]
    reach = 1.25 * _reach((point.lift_low, point.lift, point.lift_high) for point in last)
    step = _round(reach / 2)

    def x(day: str) -> float:
        return left + days.index(day) / (len(days) - 1) * (width - left - 16)

    def y(value: float | None, border: float) -> float:
        share_of = border if value is None else max(-1.0, min(1.0, value / reach))
        return top + (1 - share_of) / 2 * (height - top - bottom)

    drawn = [
        f'<line x1="{left}" x2="{width - 16}" y1="{y(tick, 0):.1f}" y2="{y(tick, 0):.1f}" stroke="{colour}"/>'
        f'<text x="{left - 8}" y="{y(tick, 0) + 4:.1f}" text-anchor="end">{tick * 100:+.3g}%</text>'
        for tick, colour in ((-step, "#e6e9ed"), (0.0, "#7b8794"), (step, "#e6e9ed"))
    ]
    arms = list(dict.fromkeys(point.arm for point in points))
    for arm, colour in zip(arms, _LINES * 4, strict=False):
        own = [point for point in points if point.arm == arm]
        upper = [f"{x(point.at):.1f},{y(point.lift_high, 1.0):.1f}" for point in own]
        lower = [f"{x(point.at):.1f},{y(point.lift_low, -1.0):.1f}" for point in reversed(own)]
        line = " ".join(f"{x(point.at):.1f},{y(point.lift, 0.0):.1f}" for point in own)
        drawn.append(f'<polygon points="{" ".join(upper + lower)}" fill="{colour}" opacity=".14"/>')
        drawn.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2.5" stroke-linejoin="round"/>')
    drawn += [
        f'<text x="{x(day):.1f}" y="{height - 8}" text-anchor="middle">{day[5:]}</text>'
        for day in days[:: max(1, len(days) // 8)]
    ]
    keys = " ".join(
        f'<span class="dim"><span class="key" style="background:{colour}"></span>{escape(arm)}</span>'
        for arm, colour in zip(arms, _LINES * 4, strict=False)
    )
    size = f'viewBox="0 0 {width} {height}" width="{width}"'
    return f'<svg {size} role="img" aria-label="lift by day">{"".join(drawn)}</svg>{keys}'


def _points(title: str, points: Sequence[Point], note: str) -> str:
    if not points:
        return ""
    reach = _reach((each.lift_low, each.lift, each.lift_high) for each in points)
    rows = "".join(
        f"<tr><td>{escape(each.metric)}</td><td>{escape(each.arm)}</td><td>{escape(each.at)}</td>"
        f'<td class="n">{each.units:,.0f}</td><td class="n"><b>{share(each.lift)}</b></td>'
        f"<td>{_bar(each, reach, _LINES[0])}</td>"
        f'<td class="dim one">{share(each.lift_low)} to {share(each.lift_high)}</td></tr>'
        for each in points
    )
    names = ("metric", "arm", "", "units", "lift", "interval", "")
    heads = "".join(f'<th class="{"n" if name in ("units", "lift") else ""}">{name}</th>' for name in names)
    held = f"<div class='scroll'><table><tr>{heads}</tr>{rows}</table></div>"
    return f"<section><h2>{title}</h2>{held}<p class='note'>{note}</p></section>"


def _reach(rows: Iterable[Sequence[float | None]]) -> float:
    """A scale on which most of the intervals are whole: a very wide one must not press the others flat."""
    ends = sorted(max(abs(value) for value in row if value is not None) for row in rows if any(v is not None for v in row))
    return max(ends[min(len(ends) - 1, int(0.8 * len(ends)))], 1e-6) if ends else 1.0


def _round(value: float) -> float:
    """The number of the form 1, 2 or 5 times a power of ten that is next below."""
    power = 10.0 ** floor(log10(value))
    return max(each * power for each in (1, 2, 5) if each * power <= value * (1 + 1e-9))


def number(value: float | None) -> str:
    """A value of a metric, short; a dash for none."""
    if value is None:
        return "–"
    size = abs(value)
    return f"{value:,.0f}" if size >= 1000 else f"{value:,.2f}" if size >= 10 else f"{value:.4g}"


def share(value: float | None) -> str:
    """A lift in percent with its sign; a dash for none."""
    return "–" if value is None else f"{value:+.1%}"


def _p(value: float | None) -> str:
    return "–" if value is None else "&lt; 0.001" if value < 0.001 else f"{value:.3f}"


def _chance(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
