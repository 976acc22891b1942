"""The figures of simulated traffic as text: bars and a course that move, lines, and the tables of the report."""

from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from honeyguide.cli.output import table
from honeyguide.simulate.tally import Tally
from honeyguide.simulate.traffic import OURS, Slice, Traffic
from honeyguide.types import Json

TARGETS: Final = {"CTR": 0.05, "conversion": 0.02, "coverage": 0.5, "diversity": 0.7, "cached": 0.8}
"""What a good recommender reaches after an hour of traffic; p95 under 200 ms comes with it."""

REFERENCES: Final = ("random", "popularity", "oracle")
_BAR: Final = 36
_SPARKS: Final = "▁▂▃▄▅▆▇█"
_STYLES: Final = {OURS: "bold yellow", "oracle": "green", "popularity": "cyan", "random": "dim"}

_COLUMNS: Final = "  {:>7}  {:<14}  {:>8}  {:>8}  {:>7}  {:>7}  {:>7}  {:>7}  {:>10}  {:>7}"
HEAD: Final = _COLUMNS.format("time", "model", "lists/s", "p95", "cached", "CTR", "conv.", "random", "popularity", "oracle")


def slice_line(each: Slice, traffic: Traffic) -> str:
    """A slice as one plain line; the references are those of the whole run, whose numbers are steadier."""
    return _COLUMNS.format(
        _clock_time(each.begun + traffic.slice_seconds),
        each.model[:14],
        f"{each.ours.lists / traffic.slice_seconds:.0f}",
        f"{each.latency(95):.0f} ms",
        percent(each.cached / max(each.ours.lists, 1)),
        percent(each.ours.ctr, 1),
        percent(each.ours.conversion, 1),
        *(percent(traffic.tallies[name].ctr, 1) for name in REFERENCES),
    )


def panel(traffic: Traffic) -> RenderableType:
    """The live figures on a terminal: rates as bars beside the references, and the course of CTR."""
    present = traffic.slices[-1] if traffic.slices else None
    before = traffic.slices[-2] if len(traffic.slices) > 1 else present
    lists = max(traffic.ours.lists, 1)
    head = Text("  ")
    if before is not None:
        head.append(f"{before.model or '-'}", "bold")
        head.append(
            f"   {before.ours.lists / traffic.slice_seconds:.0f} lists/s   p95 {before.latency(95):.0f} ms   "
            f"cached {percent(traffic.cached / lists)}   visits {traffic.visits:,}   events {traffic.events:,}",
            "dim",
        )
    if failed := sum(traffic.failures.values()):
        head.append(f"   failed {failed}", "bold red")
    recent = [each.ours.ctr for each in traffic.slices[:-1]][-60:]
    course_line = Text.assemble("  ", ("CTR by time  ", "dim"), (sparkline(recent), _STYLES[OURS]))
    return Group(
        head, Text(), bars("CTR", "ctr", traffic), Text(), bars("conversion", "conversion", traffic), Text(), course_line
    )


def bars(title: str, rate: str, traffic: Traffic) -> Table:
    """One rate of every maker as bars of a common scale, best first, the target beside ours."""
    grid = Table.grid(padding=(0, 2))
    rates = {name: float(getattr(tally, rate)) for name, tally in traffic.tallies.items()}
    largest = max(*rates.values(), TARGETS[title], 1e-9)
    for place, (name, value) in enumerate(sorted(rates.items(), key=lambda entry: -entry[1])):
        style = _STYLES.get(name, "")
        target = f"target > {percent(TARGETS[title])}" if name == OURS else ""
        bar = Text("█" * round(_BAR * value / largest), style)
        cells = [Text(f"  {title if place == 0 else '':<11}"), Text(f"{name:<10}", style)]
        grid.add_row(*cells, Text(f"{percent(value, 1):>7}", style), bar, Text(target, "dim"))
    return grid


def comparison(tallies: dict[str, Tally]) -> list[Text]:
    """The final table: what each maker's lists achieved, and the targets."""
    rows = [["", "CTR", "conversion", "per click", "coverage", "diversity"]]
    for name, tally in tallies.items():
        rates = [percent(tally.ctr, 2), percent(tally.conversion, 2), percent(tally.conversion_per_click)]
        rows.append([name, *rates, percent(tally.coverage), f"{tally.diversity:.2f}"])
    goals = {name: f"> {percent(share)}" for name, share in TARGETS.items()}
    rows.append(["target", goals["CTR"], goals["conversion"], "", goals["coverage"], f"> {TARGETS['diversity']}"])
    lines = table(rows, right=range(1, 6))
    for line, name in zip(lines[1:], [*tallies, "target"], strict=True):
        line.stylize(_STYLES.get(name, "dim"))
    return lines


def course(slices: Sequence[Slice], rows: int = 12) -> list[Text]:
    """How CTR went, in at most `rows` stretches of time, with the model that served."""
    slices = [each for each in slices if each.ours.lists]
    lines = [["time", "model", "lists", "cached", "CTR", "random", "popularity", "oracle"]]
    size = max(1, -(-len(slices) // rows))
    for start in range(0, len(slices), size):
        part = slices[start : start + size]
        lists = sum(each.ours.lists for each in part)
        cached = sum(each.cached for each in part) / max(lists, 1)
        rates = [percent(_ctr(part, name), 1) for name in (OURS, *REFERENCES)]
        lines.append([_clock_time(part[0].begun), part[-1].model, f"{lists:,}", percent(cached), *rates])
    return table(lines, right=range(2, 8))


def _ctr(part: Sequence[Slice], name: str) -> float:
    counts = [each.counts[name] for each in part if name in each.counts]
    return sum(each.clicks for each in counts) / max(sum(each.shown for each in counts), 1)


def _clock_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def sparkline(values: Sequence[float]) -> str:
    """Numbers as a row of little bars from zero to the largest."""
    top = max(values, default=0.0) or 1.0
    return "".join(_SPARKS[min(int(value / top * len(_SPARKS)), len(_SPARKS) - 1)] for value in values)


def told_latency(latency: Json) -> str:
    """Percentiles as one phrase."""
    return f"p50 {latency['p50']:.1f} ms, p95 {latency['p95']:.1f} ms, p99 {latency['p99']:.1f} ms"


def percent(share: float, digits: int = 0) -> str:
    """`6.4 %`."""
    return f"{100 * share:.{digits}f} %"
