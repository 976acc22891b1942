"""What commands print: data on stdout, all else on stderr; labelled lines, aligned tables, or JSON.

Text from users' data is cleaned of control characters before it reaches a terminal.
"""

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
import typer
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

LABEL = 10
Cell = str | Text
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout and nothing else there.")]


def clean(text: object) -> str:
    """The text with control characters made visible, so that data cannot steer a terminal."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in str(text))


def table(rows: Sequence[Sequence[Cell]], *, right: Sequence[int] = (), head: bool = True, width: int = 0) -> list[Text]:
    """Rows as aligned lines; columns in `right` align right. With a `width`, the last column is cut to fit it."""
    cells = [[cell if isinstance(cell, Text) else Text(clean(cell)) for cell in row] for row in rows]
    widths = [max(cell_len(row[at].plain) for row in cells) for at in range(len(cells[0]))] if cells else []
    lines = []
    for number, row in enumerate(cells):
        line = Text("  ")
        for at, cell in enumerate(row):
            gap = " " * (widths[at] - cell_len(cell.plain))
            last = at == len(row) - 1
            line.append_text(Text(gap) + cell if at in right else cell if last else cell + Text(gap))
            line.append("" if last else "  ")
        if head and number == 0:
            line.stylize("dim")
        if width and cell_len(line.plain) > width:
            line.truncate(width, overflow="ellipsis")
        lines.append(line)
    return lines


def fit(text: str, width: int) -> str:
    """The text cut or padded to exactly `width` terminal cells."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - 1) + "…"


class Out:
    """Where a command's words go. In JSON mode only `result` writes to stdout."""

    def __init__(self, json: bool = False) -> None:
        self.json = json
        styles: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
        self.data = Console(highlight=False, soft_wrap=True, color_system=styles)
        self.notes = Console(stderr=True, highlight=False, soft_wrap=True, color_system=styles)

    @property
    def width(self) -> int:
        """Columns of the terminal that shows the data; 0 where it is none, so that nothing is cut."""
        return self.data.width if self.data.is_terminal else 0

    def result(self, value: Any) -> None:
        """The command's result as JSON; printed only in JSON mode."""
        if self.json:
            encoded = msgspec.json.format(msgspec.json.encode(value), indent=2)
            sys.stdout.write(encoded.decode() + "\n")
            sys.stdout.flush()

    def show(self, label: str, text: Cell, style: str = "", accent: str = "dim") -> None:
        """A labelled line of data; `accent` is the style of the label."""
        if not self.json:
            self.data.print(_labelled(label, text, style, accent))

    def lines(self, lines: Sequence[Cell]) -> None:
        """Lines of data as they are."""
        if not self.json:
            for line in lines:
                self.data.print(line if isinstance(line, Text) else Text(line))

    def note(self, label: str, text: Cell, style: str = "") -> None:
        """A labelled line about what is going on."""
        self.notes.print(_labelled(label, text, style))

    def hint(self, command: str) -> None:
        """What to do next; not said to programs."""
        if not self.json:
            self.notes.print(_labelled("next", Text(command, style="bold")))


def _labelled(label: str, text: Cell, style: str = "", accent: str = "dim") -> Text:
    indent = "\n" + " " * (LABEL + 2)
    body = text if isinstance(text, Text) else Text(indent.join(clean(line) for line in text.split("\n")), style=style)
    return Text.assemble("  ", (f"{label:<{LABEL - 1}} ", accent), body)


def count(number: int, one: str, many: str = "") -> str:
    """`1 item`, `2,000 items`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def ago(ms: int, now_ms: int) -> str:
    """How long ago a moment was, in the largest unit that fits: `5 s ago`, `3 h ago`, `in 2 d`."""
    seconds = abs(now_ms - ms) / 1000
    sizes = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
    text = next((f"{seconds / size:.0f} {unit}" for size, unit in sizes if seconds >= size), "")
    if not text:
        return "just now"
    return f"{text} ago" if ms <= now_ms else f"in {text}"
