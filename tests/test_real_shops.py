"""The walk-throughs of the page on importing, command by command, on the files that they speak of."""

import re
import shutil
from pathlib import Path

import pytest

from tests.importers.test_real_data import needs
from tests.rules import ROOT
from tests.served import run
from tests.test_first_minutes import steps

PAGE = (ROOT / "docs" / "importing.md").read_text(encoding="utf-8")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["online-retail-ii", "deskdrop", "movielens-100k"])
def test_every_command_of_a_walk_through_works_and_a_model_serves(name: str, tmp_path: Path) -> None:
    data = needs(name)
    for path in (*data.glob("*.parquet"), *data.glob("*.zip")):
        shutil.copy(path, tmp_path)
    (tmp_path / name).symlink_to(data)
    (block,) = re.findall(rf"<!-- run: {name} -->\n(```console\n.*?^```)", PAGE, re.MULTILINE | re.DOTALL)
    commands = [step.command for step in steps(block)]
    assert len(commands) >= 4
    for command in commands:
        run(command, tmp_path)
    shown = run("honeyguide models show champion", tmp_path)
    assert "because" in shown
    assert "against" in shown
