"""The frame around all commands: loading one, global options anywhere, and errors told as one block.

Only light modules are imported here: this runs for `honeyguide --help` too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

from honeyguide.cli.failure import Failure, report
from honeyguide.errors import HoneyguideError

INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table of commands: its group in the help, where it is (`module:app`), what it does."""

    panel: str
    target: str
    help: str


@dataclass(frozen=True, slots=True)
class Invocation:
    """The global options of this call."""

    config: Path | None = None
    data_dir: Path | None = None
    debug: bool = False


class HelpfulGroup(TyperGroup):
    """A group that shows its help when it is called alone."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Nothing asked is help wanted."""
        return super().parse_args(ctx, args or ["--help"])


class LazyGroup(HelpfulGroup):
    """A group whose commands are known by name and help, and imported when one is called."""

    table: ClassVar[Mapping[str, Entry]] = {}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name, entry in self.table.items():
            self.commands[name] = TyperCommand(name, help=entry.help, rich_help_panel=entry.panel)

    @staticmethod
    def imported(target: str) -> typer.Typer:
        """The app at `module:name`; the table's owner imports it."""
        raise LookupError(target)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The real command in place of the line in the table."""
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None and name in self.table:
            command = flowing(typer.main.get_command(self.imported(self.table[name].target)))
            command.name = name
        return name, command, rest

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Global options may stand behind the command as well: they are read as if they stood before it."""
        return super().parse_args(ctx, _global_first(args))

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command; an error becomes one block on stderr and an exit code."""
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except (HoneyguideError, OSError, typer.TyperException, typer.Abort) as error:
            if not standalone_mode:
                raise
            _leave(error, args)
        if not standalone_mode:
            return code
        if code == INTERRUPTED:
            report(
                Failure("interrupted", "Stopped by ctrl-C. What was done before stays, nothing was half done."), args=args
            )
        raise SystemExit(code if isinstance(code, int) else 0)


def flowing(command: Any) -> Any:
    """The command, and those below it, with the lines of each paragraph of the help joined: terminals differ in width."""
    command.help = "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n"))
    for each in getattr(command, "commands", {}).values():
        flowing(each)
    return command


def _leave(error: BaseException, args: Sequence[str] | None) -> NoReturn:
    failure = Failure.of(error)
    report(failure, error, args)
    raise SystemExit(failure.exit_code) from None


_WITH_VALUE = ("--config", "--data-dir")
_FLAGS = ("--debug",)


def _global_first(args: Sequence[str]) -> list[str]:
    """The arguments with global options moved to the front; what follows `--` is left alone."""
    front: list[str] = []
    rest: list[str] = []
    waiting = list(args)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            return [*front, *rest, word, *waiting]
        if word in _FLAGS or word.startswith(tuple(f"{name}=" for name in _WITH_VALUE)):
            front.append(word)
        elif word in _WITH_VALUE and waiting:
            front += [word, waiting.pop(0)]
        else:
            rest.append(word)
    return [*front, *rest]
