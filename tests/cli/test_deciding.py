"""`experiments`: created, checked, started, ramped, stopped, listed; which arm a unit is in."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

DEFINITION = """
name = "variety"
surface = "home"
hypothesis = "lists of more kinds are clicked more"
coverage = 0.4
goals = ["ctr"]
starts_at = 2099-01-01T00:00:00Z

[[guardrails]]
metric = "conversion"
margin = 0.02

[[arms]]
name = "control"
weight = 0.5

[[arms]]
name = "varied"
weight = 0.5
changes = { diversity = { strength = 0.4 } }
"""


@pytest.fixture
def definition(run: Run, folder: Path) -> Path:
    """A definition, and somebody who has seen something."""
    events = [{"type": "view", "user_id": "ann", "item_id": f"i{at}", "ts": 1_700_000_000_000 + at} for at in range(6)]
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    run("import", "events", "events.jsonl")
    path = folder / "variety.toml"
    path.write_text(DEFINITION)
    return path


def test_an_experiment_from_its_file_to_its_verdict(run: Run, definition: Path) -> None:
    assert "no experiments yet" in run("experiments", "list").err
    checked = run("experiments", "check", str(definition), "--json").json
    assert (checked["state"], checked["warnings"]) == ("draft", [])
    assert run("experiments", "list", "--json").json == []
    made = run("experiments", "create", str(definition), "--why", "lists look alike")
    assert "50 % varied" in made.out
    assert "honeyguide experiments start variety" in made.err
    run("experiments", "edit", "variety", "--set", "starts_at=null", "--set", "owner=ann")
    assert "phase 1, runs since" in run("experiments", "start", "variety").out
    assert "80 % of the users" in run("experiments", "ramp", "variety", "0.8").out
    arms = json.dumps([{"name": "control", "weight": 0.1}, {"name": "varied", "weight": 0.9}])
    assert "phase 2" in run("experiments", "phase", "variety", "--set", f"arms={arms}", "--set", "coverage=1").out
    told = run("experiments", "assign", "variety", "ann", "--json").json
    assert (told["enrolled"], told["unit_id"]) == (True, "ann")
    shown = run("experiments", "assign", "variety", "ann").out
    assert told["arm"] in shown
    listed = run("experiments", "list").out
    assert "control 10 %, varied 90 %" in listed
    stopped = run("experiments", "stop", "variety", "--verdict", "nobody wins", "--why", "seven days", "--json").json
    assert (stopped["state"], stopped["verdict"]) == ("stopped", "nobody wins")
    shown = run("experiments", "show", "variety").out
    for word in (
        "lists look alike",
        "created",
        "edited",
        "started",
        "ramped",
        "phase",
        "stopped",
        "seven days",
        "nobody wins",
    ):
        assert word in shown


def test_what_does_not_fit_is_told(run: Run, folder: Path, definition: Path) -> None:
    definition.write_text(DEFINITION.replace("weight = 0.5", "weight = 0.4").replace('"home"', '"hme"'))
    wrong = run("experiments", "create", str(definition), code=1).err
    assert "did you mean 'home'" in wrong
    assert "sum to 0.8" in wrong
    assert "cannot be read" in run("experiments", "check", "nowhere.toml", code=1).err
    definition.write_text("name = ")
    assert "cannot be read" in run("experiments", "check", str(definition), code=1).err
    (folder / "variety.json").write_text('{"name": "x"}')
    assert "surface" in run("experiments", "check", "variety.json", code=1).err
    assert "no experiment 'none'" in run("experiments", "start", "none", code=1).err
    assert "FIELD=VALUE" in run("experiments", "edit", "none", "--set", "owner", code=2).err
