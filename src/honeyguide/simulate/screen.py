"""What a demo shows: steps with their times, live figures (a panel on a terminal, lines elsewhere), and the report."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from honeyguide.clock import Clock
from honeyguide.simulate.tally import Tally
from honeyguide.simulate.traffic import OURS, Slice, Traffic

LABEL: Final = 10
TARGETS: Final = {"CTR": 0.05, "conversion": 0.02, "coverage": 0.5, "diversity": 0.7, "cached": 0.8}
"""What a good recommender reaches after an hour of traffic; p95 under 200 ms comes with it."""

_BAR: Final = 36
_SPARKS: Final = "▁▂▃▄▅▆▇█"
_STYLES: Final = {OURS: "bold yellow", "oracle": "green", "popularity": "cyan", "random": "dim"}


class Step:
    """A step under way: `say` what came of it; `working` what it is at."""

    def __init__(self, show: object = None) -> None:
        self.said = ""
        self._show = show

    def say(self, text: str) -> None:
        """What is printed when the step is done."""
        self.said = text

    def working(self, text: str) -> None:
        """What it is at, shown on terminals only."""
        if hasattr(self._show, "update"):
            self._show.update(f"[dim]{text}[/]")


class Screen:
    """Writes to a console; plain lines where that is no terminal."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self.console, self.clock = console, clock

    @contextmanager
    def step(self, label: str, text: str) -> Iterator[Step]:
        """A labelled line when the block has ended, with its time; a spinner until then."""
        begun = self.clock.monotonic()
        if self.console.is_terminal:
            with self.console.status(f"[dim]{text}[/]", spinner="dots") as status:
                step = Step(status)
                yield step
        else:
            step = Step()
            yield step
        self.line(label, step.said, f"{self.clock.monotonic() - begun:.1f} s")

    def line(self, label: str, text: str | Text, aside: str = "") -> None:
        """A labelled line."""
        body = text if isinstance(text, Text) else Text(text)
        told = Text.assemble("  ", (f"{label:<{LABEL}}", "dim"), body, (f"  {aside}" if aside else "", "dim"))
        self.console.print(told, soft_wrap=True, highlight=False)

    def blank(self) -> None:
        """An empty line."""
        self.console.print()

    @contextmanager
    def live(self, traffic: Traffic) -> Iterator["LiveFigures"]:
        """Figures that move while the block runs."""
        if self.console.is_terminal:
            with Live(panel(traffic), console=self.console, refresh_per_second=4, transient=True) as shown:
                yield LiveFigures(traffic, shown, None)
        else:
            self.console.print(_HEAD, soft_wrap=True, highlight=False)
            yield LiveFigures(traffic, None, self.console)

    def report(self, traffic: Traffic) -> None:
        """What the run came to, beside the references and the targets."""
        lists = max(traffic.ours.lists, 1)
        told = traffic.as_json()
        latency, events = told["latency_ms"], told["event_latency_ms"]
        self.line(
            "traffic",
            f"{traffic.ours.lists:,} lists in {traffic.visits:,} visits, {traffic.events:,} events, "
            f"{traffic.seconds:.0f} s ({told['lists_per_second']:.0f} lists/s)",
        )
        if traffic.milliseconds:
            self.line("lists", f"p50 {latency['p50']:.1f} ms, p95 {latency['p95']:.1f}, p99 {latency['p99']:.1f}", "target < 200")
        if traffic.event_milliseconds:
            self.line("events", f"p50 {events['p50']:.1f} ms, p95 {events['p95']:.1f}, p99 {events['p99']:.1f}")
        stale = f"{percent(traffic.stale / lists)} of all stale, {percent(traffic.degraded / lists)} degraded"
        self.line("cached", f"{percent(traffic.cached / lists)}  ({stale})", f"target > {percent(TARGETS['cached'])}")
        self.blank()
        self.console.print(comparison(traffic.tallies))
        self.blank()
        self.console.print(course(traffic.slices))


class LiveFigures:
    """The moving part: call `update` now and then."""

    def __init__(self, traffic: Traffic, live: Live | None, console: Console | None) -> None:
        self._traffic, self._live, self._console = traffic, live, console
        self._told = 0

    def update(self) -> None:
        """Show where the traffic stands: the panel anew, or a line for each slice that has ended."""
        if self._live is not None:
            self._live.update(panel(self._traffic))
        elif self._console is not None:
            for each in self._traffic.slices[self._told : -1]:
                self._console.print(slice_line(each, self._traffic), soft_wrap=True, highlight=False)
            self._told = max(self._told, len(self._traffic.slices) - 1)


_COLUMNS: Final = "  {:>7}  {:<14}  {:>8}  {:>8}  {:>7}  {:>7}  {:>7}  {:>7}  {:>10}  {:>7}"
_HEAD: Final = _COLUMNS.format("time", "model", "lists/s", "p95", "cached", "CTR", "conv.", "random", "popularity", "oracle")


def slice_line(each: Slice, traffic: Traffic) -> str:
    """A slice as one plain line; the references are those of the whole run, whose numbers are steadier."""
    minutes, seconds = divmod(round(each.begun + traffic.slice_seconds), 60)
    return _COLUMNS.format(
        f"{minutes}:{seconds:02d}",
        each.model[:14],
        f"{each.ours.lists / traffic.slice_seconds:.0f}",
        f"{each.latency(95):.0f} ms",
        percent(each.cached / max(each.ours.lists, 1)),
        percent(each.ours.ctr, 1),
        percent(each.ours.conversion, 1),
        *(percent(traffic.tallies[name].ctr, 1) if name in traffic.tallies else "" for name in ("random", "popularity", "oracle")),
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
    return Group(head, Text(), bars("CTR", "ctr", traffic), Text(), bars("conversion", "conversion", traffic), Text(), course_line)


def bars(title: str, rate: str, traffic: Traffic) -> Table:
    """One rate of every maker as bars of a common scale, best first, the target beside ours."""
    table = Table.grid(padding=(0, 2))
    rates = {name: float(getattr(tally, rate)) for name, tally in traffic.tallies.items()}
    largest = max(*rates.values(), TARGETS[title], 1e-9)
    for place, (name, value) in enumerate(sorted(rates.items(), key=lambda entry: -entry[1])):
        style = _STYLES.get(name, "")
        target = f"target > {percent(TARGETS[title])}" if name == OURS else ""
        bar = Text("█" * round(_BAR * value / largest), style)
        cells = [Text(f"  {title if place == 0 else '':<11}"), Text(name, style), Text(percent(value, 1), style)]
        table.add_row(*cells, bar, Text(target, "dim"))
    return table


def comparison(tallies: dict[str, Tally]) -> Table:
    """The final table: what each maker's lists achieved."""
    table = _table("", "CTR", "conversion", "per click", "coverage", "diversity")
    for name, tally in tallies.items():
        rates = [percent(tally.ctr, 2), percent(tally.conversion, 2), percent(tally.conversion_per_click)]
        table.add_row(f"  {name}", *rates, percent(tally.coverage), f"{tally.diversity:.2f}", style=_STYLES.get(name, ""))
    targets = [f"> {percent(TARGETS['CTR'])}", f"> {percent(TARGETS['conversion'])}", ""]
    table.add_row("  target", *targets, f"> {percent(TARGETS['coverage'])}", f"> {TARGETS['diversity']}", style="dim")
    return table


def course(slices: Sequence[Slice], rows: int = 12) -> Table:
    """How CTR went, at most `rows` stretches of time long, with the model that served."""
    table = _table("  time", "model", "lists", "cached", "CTR", "random", "popularity", "oracle")
    size = max(1, -(-len(slices) // rows))
    for start in range(0, len(slices), size):
        part = slices[start : start + size]
        lists = sum(each.ours.lists for each in part)
        cached = sum(each.cached for each in part) / max(lists, 1)
        rates = [percent(_ctr(part, name), 1) for name in (OURS, "random", "popularity", "oracle")]
        minutes, seconds = divmod(round(part[0].begun), 60)
        table.add_row(f"  {minutes}:{seconds:02d}", part[-1].model, f"{lists:,}", percent(cached), *rates)
    return table


def _ctr(part: Sequence[Slice], name: str) -> float:
    counts = [each.counts[name] for each in part if name in each.counts]
    return sum(each.clicks for each in counts) / max(sum(each.shown for each in counts), 1)


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2), header_style="dim")
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place == 0 or head == "model" else "right", no_wrap=True)
    return table


def sparkline(values: Sequence[float]) -> str:
    """Numbers as a row of little bars from zero to the largest."""
    top = max(values, default=0.0) or 1.0
    return "".join(_SPARKS[min(int(value / top * len(_SPARKS)), len(_SPARKS) - 1)] for value in values)


def percent(share: float, digits: int = 0) -> str:
    """`6.4 %`."""
    return f"{100 * share:.{digits}f} %"
