"""How the terminal tells of experiments, and reads what it is given of them."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import typer

from honeyguide.cli.deciding import _fields, _read, _who, state
from honeyguide.errors import InvalidInput, NotFound
from honeyguide.messages import Arm, Experiment

NOW = 1_780_000_000_000
DAY = 86_400_000
PLAIN = Experiment(
    name="exp", surface="home", arms=[Arm(name="control", weight=0.5), Arm(name="other", weight=0.5)], coverage=0.25
)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "draft"),
        ({"state": "running", "phase": 1, "phase_started_at": NOW - 2 * DAY}, "phase 1, runs since 2 d ago"),
        ({"state": "running", "phase": 2, "starts_at": NOW + DAY}, "phase 2, begins in 1 d"),
        ({"state": "running", "phase": 1, "ends_at": NOW - DAY}, "phase 1, its time is over since 1 d ago"),
        ({"state": "stopped", "phase": 1, "stopped_at": NOW}, "stopped just now"),
    ],
)
def test_how_it_stands_with_an_experiment(fields: dict[str, Any], told: str) -> None:
    assert state(msgspec.structs.replace(PLAIN, **fields), NOW) == told


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "25 % of the users"),
        ({"unit": "device", "coverage": 1.0}, "100 % of the devices"),
        ({"layer": "page", "range": (0.0, 0.5)}, "25 % of the users in [0, 0.5] of the layer page"),
        ({"targeting": "context.x == 1"}, "25 % of the users, where context.x == 1"),
        ({"holdout": True}, "25 % of the users; those in control are in no other experiment"),
        ({"forced": {"ann": "other"}}, "25 % of the users; 1 forced"),
    ],
)
def test_who_takes_part(fields: dict[str, Any], told: str) -> None:
    assert _who(msgspec.structs.replace(PLAIN, **fields)) == told


def test_fields_are_json_or_text() -> None:
    given = ["coverage=0.5", "owner=ann", 'forced={"ann": "other"}', "sticky=true", "hypothesis=a = b", "starts_at=null"]
    assert _fields(given) == {
        "coverage": 0.5,
        "owner": "ann",
        "forced": {"ann": "other"},
        "sticky": True,
        "hypothesis": "a = b",
        "starts_at": None,
    }
    assert _fields(["ends_at=2026-11-27T18:00:00Z"]) == {"ends_at": 1_795_802_400_000}
    with pytest.raises(typer.BadParameter, match="FIELD=VALUE"):
        _fields(["coverage"])
    with pytest.raises(InvalidInput):
        _fields(["ends_at=soon"])


def test_definitions_are_toml_or_json(tmp_path: Path) -> None:
    toml, json = tmp_path / "exp.toml", tmp_path / "exp.json"
    toml.write_text('name = "exp"\nends_at = 2026-11-27T18:00:00Z\n[[arms]]\nname = "a"\nweight = 1\n')
    json.write_text('{"name": "exp", "ends_at": 1795802400000, "arms": [{"name": "a", "weight": 1}]}')
    assert _read(toml) == _read(json)
    json.write_text("[1]")
    assert _read(json) == {}
    for path, text in ((toml, "name ="), (json, "{")):
        path.write_text(text)
        with pytest.raises(InvalidInput, match="cannot be read"):
            _read(path)
    with pytest.raises(NotFound, match="cannot be read"):
        _read(tmp_path / "nowhere.toml")
