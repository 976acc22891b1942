"""Commands run as a user runs them, in a folder of their own."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from honeyguide.cli import app


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """stdout, which must be one JSON document."""
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def run() -> Run:
    """Run a command line in this process; an exception that no command may let out fails the test."""

    def run(*words: object, code: int | None = 0, **environ: str) -> Ran:
        result = CliRunner().invoke(app, [str(word) for word in words], env=environ, prog_name="honeyguide")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert code is None or result.exit_code == code, f"{result.exit_code}\n{result.stdout}\n{result.stderr}"
        return Ran(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample of `honeyguide init`, imported and trained by the commands themselves; only to be copied."""
    home = tmp_path_factory.mktemp("built")
    options = ["--config", str(home / "honeyguide.toml")]
    for words in (
        ["init", str(home)],
        [*options, "import", "items", str(home / "items.csv")],
        [*options, "import", "events", str(home / "events.csv")],
        [*options, "train", "popular", "ease"],
    ):
        result = CliRunner().invoke(app, words, prog_name="honeyguide")
        assert result.exit_code == 0, result.stderr
    return home


@pytest.fixture
def shop(built: Path, folder: Path) -> Path:
    """The built project as the current folder."""
    shutil.copytree(built, folder, dirs_exist_ok=True)
    return folder
