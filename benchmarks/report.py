"""Writes a benchmark's figures as JSON and Markdown, with the machine they were seen on."""

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


@dataclass
class Report:
    """One benchmark's page: a title, what was done, tables of rows, notes."""

    name: str
    title: str
    method: str
    tables: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def table(self, heading: str, rows: list[dict[str, Any]]) -> None:
        """Add a table; the first row's keys are its columns."""
        self.tables.append((heading, rows))

    def write(self) -> None:
        """Write `results/<name>.json` and `.md`, and print the page."""
        RESULTS.mkdir(exist_ok=True)
        content = {"machine": machine(), "tables": dict(self.tables), "notes": self.notes}
        (RESULTS / f"{self.name}.json").write_text(json.dumps(content, indent=2) + "\n")
        page = self.markdown()
        (RESULTS / f"{self.name}.md").write_text(page)
        print(page)

    def markdown(self) -> str:
        """The page."""
        lines = [f"# {self.title}", "", self.method, "", f"Machine: {machine()}."]
        for heading, rows in self.tables:
            lines += ["", f"## {heading}", ""]
            columns = list(rows[0])
            lines += ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
            lines += ["| " + " | ".join(_shown(row[column]) for column in columns) + " |" for row in rows]
        lines += ["", *(f"- {note}" for note in self.notes)] if self.notes else []
        return "\n".join(lines) + "\n"


def machine() -> str:
    """The processor, cores and Python of this machine."""
    model = "unknown processor"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def median(values: Sequence[float]) -> float:
    """The median of at least one value."""
    return statistics.median(values)


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
