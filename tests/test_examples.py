"""The examples, command by command, in a copy of their folder, on the data that they speak of."""

import re
import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.importers.test_real_data import needs
from tests.rules import ROOT
from tests.served import run
from tests.test_first_minutes import steps

EXAMPLES = ROOT / "examples"
REAL = ("online-retail-ii", "deskdrop", "movielens-100k")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [*REAL, "database"])
def test_every_command_of_an_example_works_and_a_model_serves(name: str, tmp_path: Path) -> None:
    shop = tmp_path / name
    shutil.copytree(EXAMPLES / name, shop)
    if name in REAL:
        data = needs(name)
        for path in data.glob("*.zip"):
            shutil.copy(path, shop)
        for path in data.glob("*.parquet"):  # some of all its times, customers and faults: what is long takes long
            pl.read_parquet(path).gather_every(5).write_parquet(shop / path.name)
        (shop / name).symlink_to(data)
    *commands, last = [step.command for step in steps((shop / "README.md").read_text(encoding="utf-8"))]
    assert len(commands) >= 3
    for command in commands:
        run(command, shop)
    shown = run(last, shop)
    assert "because" in shown
    assert "against" in shown


def test_every_example_is_on_the_page_of_examples() -> None:
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[([a-z0-9-]+)\]", page, re.MULTILINE)
    assert sorted(listed) == sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())
