"""The page of the command line names every command, subcommand and option that there is, and none that there is not."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.core import TyperArgument, TyperGroup

from honeyguide.cli import COMMANDS, Commands

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^### `honeyguide (\w+)`\n(.*?)(?=^##|\Z)", PAGE, re.M | re.S))
EVERYWHERE = {"--json", "--help", "--progress"}


def commands(name: str) -> Iterator[tuple[str, Any]]:
    """(path, command) of a command and those below it, hidden ones left out."""
    found: Any = typer.main.get_command(Commands.imported(COMMANDS[name].target))
    if isinstance(found, TyperGroup):
        for below, command in found.commands.items():
            if not command.hidden:
                yield f"{name} {below}", command
    else:
        yield name, found


def options(command: Any) -> set[str]:
    return {opt for param in command.params if not isinstance(param, TyperArgument) for opt in param.opts}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_on_the_page_and_every_one_on_the_page_is_there(name: str) -> None:
    section = SECTIONS[name]
    there: set[str] = set()
    for path, command in commands(name):
        assert path == name or f"honeyguide {path}" in section, path
        assert "--json" in options(command), path
        assert command.help.endswith(".") or command.help.endswith(";"), path
        there |= options(command)
    if "with the same options" in section:
        section += SECTIONS["recommend"]
    told = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", section))
    assert {option for option in there - EVERYWHERE if option not in told} == set()
    assert told - there - EVERYWHERE == set() or name == "similar"


def test_the_page_has_a_section_for_each_command_and_no_other() -> None:
    assert list(SECTIONS) == list(COMMANDS) or set(SECTIONS) == set(COMMANDS)


def test_the_exit_codes_are_those_of_the_errors() -> None:
    rows = re.findall(r"^\| (\d+) \| ", PAGE, re.MULTILINE)
    assert rows == ["0", "1", "2", "3", "4", "130"]
