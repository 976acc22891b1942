"""How long work is shown: a bar on a terminal, plain lines elsewhere, JSON lines for programs; always on stderr."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Literal, TextIO

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from honeyguide.cli.output import clean
from honeyguide.clock import Clock

Mode = Literal["auto", "bar", "lines", "json", "none"]
Report = Callable[[str, float | None, str], None]
"""`report(stage, share, note)`: which stage, how far the whole is (0-1, None if nobody knows), and a few words."""

EVERY = 5.0
ProgressMode = Annotated[Mode, typer.Option("--progress", help="How progress is shown on stderr.")]


@contextlib.contextmanager
def progress(mode: Mode, clock: Clock, stream: TextIO | None = None) -> Iterator[Report]:
    """Show the progress of the block; `auto` is a bar on a terminal and lines elsewhere."""
    stream = sys.stderr if stream is None else stream
    if mode == "bar" or (mode == "auto" and stream.isatty()):
        with _bar(stream) as report:
            yield report
    elif mode == "none":
        yield lambda stage, share, note: None
    elif mode == "json":
        yield _JsonLines(stream)
    else:
        yield _Lines(clock, stream)


def noted(report: Report) -> Callable[[str, float], None]:
    """A listener without notes: what follows a middle dot in the name of a stage is one."""

    def told(stage: str, share: float) -> None:
        name, _, note = stage.partition(" · ")
        report(name, share, note)

    return told


class _Lines:
    """One plain line when a stage begins, then one every five seconds, and one at its end."""

    def __init__(self, clock: Clock, stream: TextIO) -> None:
        self._clock, self._stream = clock, stream
        self._stage, self._ended, self._next = "", False, 0.0

    def __call__(self, stage: str, share: float | None, note: str = "") -> None:
        now = self._clock.monotonic()
        ended = share is not None and share >= 1
        if stage == self._stage and (ended is self._ended) and (ended or now < self._next):
            return
        self._stage, self._ended, self._next = stage, ended, now + EVERY
        told = "   …" if share is None else f"{share:4.0%}"
        self._stream.write(f"  {told}  {clean(stage)}  {note}".rstrip() + "\n")
        self._stream.flush()


class _JsonLines:
    """One JSON object per line whenever something has changed: `{"progress": 0.4, "stage": "fit ease"}`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._last = stream, ("", -1)

    def __call__(self, stage: str, share: float | None, note: str = "") -> None:
        seen = (stage, round((share or 0.0) * 100))
        if seen != self._last:
            self._last = seen
            told = {"progress": round(share or 0.0, 4), "stage": stage, "note": note}
            self._stream.write(json.dumps(told) + "\n")
            self._stream.flush()


@contextlib.contextmanager
def _bar(stream: TextIO) -> Iterator[Report]:
    columns = (
        TextColumn(" "),
        BarColumn(bar_width=28),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.fields[note]}", style="dim"),
    )
    with Progress(*columns, console=Console(file=stream), transient=True) as shown:
        task = shown.add_task("", total=1.0, note="")

        def report(stage: str, share: float | None, note: str = "") -> None:
            total, begun = None if share is None else 1.0, shown.tasks[0].description != stage
            shown.update(task, completed=share or 0.0, total=total, description=clean(stage), note=note, refresh=begun)

        yield report
