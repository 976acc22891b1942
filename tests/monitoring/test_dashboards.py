"""Dashboards ask Prometheus what it understands, of metrics and labels that there are."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from honeyguide.monitoring.dashboards import DASHBOARDS, dashboard
from honeyguide.monitoring.loop import LoopCounter, LoopHistogram
from honeyguide.monitoring.metrics import Metrics


def queries() -> Iterator[tuple[str, str, str]]:
    """(title, legend, query) of every panel."""
    for panels in DASHBOARDS.values():
        for panel in panels:
            for legend, query in panel.queries.items():
                yield panel.title, legend, query


def labels_of_all() -> dict[str, set[str]]:
    """The labels of each metric, by its name in queries."""
    found: dict[str, set[str]] = {}
    for metric in vars(Metrics()).values():
        for each in metric.values() if isinstance(metric, dict) else [metric]:
            if isinstance(each, LoopCounter | LoopHistogram):
                names, labels = each._name, each._labels
            elif hasattr(each, "_labelnames"):
                names, labels = each._name, each._labelnames
            else:
                continue
            base = names.removesuffix("_total")
            for end in ("", "_total", "_bucket", "_count"):
                found[f"{base}{end}"] = {*labels, "le"}
    return found


def test_promtool_understands_every_query(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing; 'make test' installs it"
    rules = [
        {
            "record": f"panel:{number}",
            "expr": query,
        }
        for number, (_, _, query) in enumerate(queries())
    ]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")
    done = subprocess.run([promtool, "check", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout


@pytest.mark.parametrize(("title", "legend", "query"), list(queries()))
def test_a_query_names_a_metric_and_labels_that_there_are(title: str, legend: str, query: str) -> None:
    there = labels_of_all()
    (metric,) = set(re.findall(r"honeyguide_[a-z0-9_]+", query))
    assert metric in there, title
    assert set(re.findall(r"{{(\w+)}}", legend)) <= there[metric]
    for group in re.findall(r"by \(([^)]*)\)", query):
        assert set(group.split(", ")) <= there[metric]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_stand_beside_and_below_one_another(name: str) -> None:
    board = dashboard(name)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len(set(places)) == len(places)
    assert {x for x, _ in places} == {0, 12}
    assert board["uid"] == f"honeyguide-{name}"
    assert [panel["id"] for panel in board["panels"]] == list(range(1, len(places) + 1))
