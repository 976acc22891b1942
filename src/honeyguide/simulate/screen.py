"""Where a demo writes: steps with their times, live figures (a panel on a terminal, lines elsewhere), and the report."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.status import Status
from rich.text import Text

from honeyguide.clock import Clock
from honeyguide.simulate.figures import HEAD, TARGETS, comparison, course, panel, percent, slice_line, told_latency
from honeyguide.simulate.traffic import Traffic

LABEL: Final = 10


class Step:
    """A step under way: `say` what came of it; `working` what it is at."""

    def __init__(self, shown: Status | None = None) -> None:
        self.said = ""
        self._shown = shown

    def say(self, text: str) -> None:
        """What is printed when the step is done."""
        self.said = text

    def working(self, text: str) -> None:
        """What it is at, shown on terminals only."""
        if self._shown is not None:
            self._shown.update(Text(text, "dim"))


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
            self.console.print(HEAD, soft_wrap=True, highlight=False)
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
            self.line("lists", told_latency(latency), "target: p95 < 200 ms")
        if traffic.event_milliseconds:
            self.line("events", told_latency(events))
        stale = f"{percent(traffic.stale / lists)} of all stale, {percent(traffic.degraded / lists)} degraded"
        self.line("cached", f"{percent(traffic.cached / lists)}  ({stale})", f"target > {percent(TARGETS['cached'])}")
        self.blank()
        for line in [*comparison(traffic.tallies), Text(), *course(traffic.slices)]:
            self.console.print(line, soft_wrap=True)
        self.blank()


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
