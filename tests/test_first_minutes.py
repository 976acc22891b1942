"""What README and the getting-started page show is run: every command works, every answer has the shape that is shown."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.rules import ROOT
from tests.served import run, serving

SHOWN_AT = "localhost:8000"
PAGES = ["README.md", "docs/getting-started.md"]


@dataclass(frozen=True)
class Step:
    """A command of a page and the output that the page shows for it."""

    command: str
    shown: str


def steps(page: str) -> list[Step]:
    """The commands of a page's console blocks, in order."""
    blocks = re.findall(r"^```console\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    parts = [part.partition("\n") for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [Step(command, shown.strip()) for command, _, shown in parts]


def differences(shown: Any, real: Any, where: str = "") -> list[str]:
    """Where the shape of an answer is not the one shown: other fields, other kinds of value, another true or false."""
    if isinstance(shown, dict) and isinstance(real, dict):
        faults = [f"{where}/{name}: in one only" for name in sorted(shown.keys() ^ real.keys())]
        for name in sorted(shown.keys() & real.keys()):
            faults += differences(shown[name], real[name], f"{where}/{name}")
        return faults
    if isinstance(shown, list) and isinstance(real, list):
        if len(shown) != len(real) and not where.endswith("/sources"):  # which sources find an item is the data's affair
            return [f"{where}: {len(real)} entries, shown are {len(shown)}"]
        return [
            fault
            for place, pair in enumerate(zip(shown, real, strict=False))
            for fault in differences(*pair, f"{where}/{place}")
        ]
    if type(shown) is not type(real) or (isinstance(shown, bool) and shown != real):
        return [f"{where}: {real!r}, shown is {shown!r}"]
    return []


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_shows_is_what_happens(name: str, tmp_path: Path) -> None:
    before, after = split_at_serve(steps((ROOT / name).read_text(encoding="utf-8")))
    assert len(before) >= 5
    assert len(after) >= 4
    for step in before:
        run(step.command, tmp_path)
    with serving(tmp_path) as address:
        faults = {step.command: asked(step, address, tmp_path) for step in after}
    assert {command: fault for command, fault in faults.items() if fault} == {}


def split_at_serve(found: list[Step]) -> tuple[list[Step], list[Step]]:
    place = [step.command for step in found].index("honeyguide serve")
    return found[:place], found[place + 1 :]


def asked(step: Step, address: str, folder: Path) -> list[str]:
    assert SHOWN_AT in step.command
    command = step.command.replace(SHOWN_AT, address).replace("curl ", "curl -sS ", 1)
    return differences(json.loads(step.shown), json.loads(run(command, folder)))


def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    code = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    run("honeyguide init", tmp_path)
    (tmp_path / "example.py").write_text("\n".join(code), encoding="utf-8")
    assert run("python example.py", tmp_path).splitlines()[-1] == "True"


def test_a_page_is_read_as_commands_and_answers() -> None:
    page = '```console\n$ honeyguide serve\n$ curl localhost:8000/health\n{"a": 1}\n```\n```sh\nmake demo\n```\n'
    assert steps(page) == [Step("honeyguide serve", ""), Step("curl localhost:8000/health", '{"a": 1}')]


def test_another_shape_is_found() -> None:
    shown = {"items": ["a", "b"], "cached": True, "n": 1}
    assert differences(shown, {"items": ["c", "d"], "cached": True, "n": 2}) == []
    assert differences(shown, {"items": ["a"], "cached": False, "m": 1}) == [
        "/m: in one only",
        "/n: in one only",
        "/cached: False, shown is True",
        "/items: 1 entries, shown are 2",
    ]
    assert differences({"n": 1}, {"n": "1"}) == ["/n: '1', shown is 1"]
