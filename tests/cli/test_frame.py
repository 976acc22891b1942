"""The frame: the table of commands, global options, errors as blocks, exit codes, and what --help may cost."""

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest
import typer

from honeyguide import __version__
from honeyguide.cli import COMMANDS, Commands, app
from honeyguide.cli.failure import Failure
from honeyguide.cli.frame import _global_first, flowing
from honeyguide.clock import SystemClock
from honeyguide.errors import ConfigError, DataDirectoryBusy, FieldError, GateNotMet, InvalidInput, Unavailable
from tests.cli.conftest import Run

HEAVY = ("numpy", "polars", "fastapi", "pydantic", "msgspec", "sqlalchemy", "structlog", "honeyguide.config")


def python(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A Python of its own, as from a shell that is no terminal."""
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, env=os.environ | environ, check=False)


def test_every_command_of_the_table_loads_and_says_what_the_table_says(run: Run) -> None:
    listed = run("--help").out
    for name, entry in COMMANDS.items():
        assert name in listed
        assert entry.help.split()[0] in listed
        assert run(name, "--help").out.strip()
        assert entry.help.endswith(".")


@pytest.mark.parametrize("words", [["train"], ["demo"], ["models", "promote"]])
def test_help_flows_with_the_terminal(run: Run, words: list[str]) -> None:
    command = flowing(typer.main.get_command(Commands.imported(COMMANDS[words[0]].target)))
    for word in words[1:]:
        command = command.commands[word]
    assert all("\n" not in paragraph for paragraph in command.help.split("\n\n"))


def test_help_imports_nothing_heavy() -> None:
    code = f"""if True:
        import sys
        from honeyguide.cli import app
        sys.argv = ["honeyguide", "--help"]
        try:
            app()
        except SystemExit:
            print([name for name in {HEAVY} if name in sys.modules])
    """
    assert python("-c", code).stdout.strip().endswith("[]")


def test_help_costs_little_more_than_an_empty_typer_app(tmp_path: Path) -> None:
    empty = tmp_path / "empty.py"
    empty.write_text("import typer\napp = typer.Typer()\n@app.command()\ndef main() -> None: ...\napp()\n")
    clock = SystemClock()

    def seconds(*words: str) -> float:
        started = clock.monotonic()
        assert python(*words, "--help").returncode == 0
        return clock.monotonic() - started

    pairs = [(seconds("-m", "honeyguide"), seconds(str(empty))) for _ in range(3)]
    assert median(ours / theirs for ours, theirs in pairs) <= 2.5


def test_no_command_shows_the_help_and_version_the_version(run: Run) -> None:
    assert "Usage: honeyguide" in run().out
    assert run("--version").out == f"honeyguide {__version__}\n"


def test_an_unknown_command_is_a_usage_error_that_suggests(run: Run) -> None:
    ran = run("evalute", code=2)
    assert ran.out == ""
    assert "error     No such command 'evalute'. Did you mean 'evaluate'?" in ran.err
    assert "cure      honeyguide --help" in ran.err


def test_an_unknown_option_names_the_command(run: Run) -> None:
    ran = run("recommend", "u", "--nn", "3", code=2)
    assert "No such option: --nn" in ran.err
    assert "usage     honeyguide recommend [OPTIONS] USER" in ran.err


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["train", "--debug"], ["--debug", "train"]),
        (["recommend", "u", "--data-dir", "d", "--n", "3"], ["--data-dir", "d", "recommend", "u", "--n", "3"]),
        (["status", "--config=x.toml", "--json"], ["--config=x.toml", "status", "--json"]),
        (["recommend", "--", "--debug"], ["recommend", "--", "--debug"]),
        (["status", "--config"], ["status", "--config"]),
        ([], []),
    ],
)
def test_global_options_may_stand_anywhere(given: list[str], read: list[str]) -> None:
    assert _global_first(given) == read


def test_global_options_reach_the_command(run: Run, folder: Path) -> None:
    (folder / "a.toml").write_text("[server]\nport = 7")
    before = run("--config", "a.toml", "--data-dir", "d", "config", "show", "--json").json
    behind = run("config", "show", "--json", "--config", "a.toml", "--data-dir", "d").json
    assert before == behind
    assert before["settings"]["server"]["port"] == 7
    assert before["settings"]["project"]["data_dir"] == str(folder / "d")
    assert before["sources"]["project.data_dir"] == "flag"


def test_an_error_is_one_block_and_with_json_one_document(run: Run, folder: Path) -> None:
    (folder / "honeyguide.toml").write_text("[server]\nprot = 1\nport = 'x'")
    plain = run("status", code=2)
    assert plain.out == ""
    assert plain.err == (
        "  error     2 problems in the configuration\n"
        "            - honeyguide.toml:2: unknown key 'prot' in server; did you mean port?\n"
        "            - honeyguide.toml:3: server.port is 'x'; allowed: a whole number from 0 to 65535\n"
        "  cure      'honeyguide config schema' lists every setting and what it may be.\n"
    )
    told = run("status", "--json", code=2)
    assert told.err == plain.err
    assert told.json["error"]["code"] == "invalid_config"
    assert [error["pointer"] for error in told.json["error"]["errors"]] == ["/server/prot", "/server/port"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidInput("x"), 1),
        (ConfigError("x"), 2),
        (typer.TyperException("x"), 2),
        (GateNotMet("x"), 3),
        (Unavailable("x"), 4),
        (DataDirectoryBusy("x"), 1),
        (OSError(28, "No space left on device", "f"), 1),
        (ZeroDivisionError(), 1),
    ],
)
def test_exit_codes(error: BaseException, code: int) -> None:
    assert Failure.of(error).exit_code == code


def test_a_block_says_what_where_and_cure() -> None:
    error = InvalidInput("It does not fit.", cure="Mend it.", errors=[FieldError("/n", "must be 1 to 500")])
    assert Failure.of(error).block() == [
        ("error", "It does not fit."),
        ("", "- /n: must be 1 to 500"),
        ("cure", "Mend it."),
    ]
    assert Failure.of(OSError(28, "No space left on device", "f")).detail == "No space left on device: f"


BROKEN = """if True:
    import honeyguide.cli.init
    from honeyguide.cli import main
    honeyguide.cli.init.template = lambda folder: 1 / 0
    main()
"""


def test_what_nobody_expected_is_a_block_too_and_a_traceback_only_with_debug(folder: Path) -> None:
    ran = python("-c", BROKEN, "init")
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert "  error     ZeroDivisionError: division by zero\n" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "Traceback" in python("-c", BROKEN, "init", "--debug").stderr
    assert json.loads(python("-c", BROKEN, "init", "--json").stdout)["error"]["code"] == "internal"


def test_a_closed_pipe_is_no_error(folder: Path) -> None:
    ran = subprocess.run(
        f"{sys.executable} -m honeyguide config schema | head -1", shell=True, capture_output=True, text=True, check=False
    )
    assert ran.stdout == "{\n"
    assert ran.stderr == ""


def test_a_stream_that_cannot_show_a_letter_is_no_reason_to_fail(folder: Path) -> None:
    (folder / "honeyguide.toml").write_text('[project]\nname = "café"', "utf-8")
    ran = python("-m", "honeyguide", "config", "show", PYTHONIOENCODING="ascii")
    assert ran.returncode == 0
    assert "caf\\xe9" in ran.stdout


def test_the_app_is_named_in_the_package() -> None:
    assert isinstance(app, typer.Typer)
