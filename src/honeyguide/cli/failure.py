"""Errors for people: what is wrong, where, and what mends it, as one block on stderr.

With `--json` the same is one JSON object on stdout, so that stdout is JSON whatever happens.
"""

import json
import os
import re
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import typer

from honeyguide.errors import HoneyguideError

USAGE = 2
_WIDTH = 10


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as it is told. `usage` is how the command is called, where that was the mistake."""

    code: str
    detail: str
    cure: str = ""
    usage: str = ""
    errors: tuple[tuple[str, str], ...] = ()
    exit_code: int = 1

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """What to tell of any exception."""
        if isinstance(error, HoneyguideError):
            errors = tuple((fault.pointer, fault.detail) for fault in error.errors)
            return cls(error.code, error.detail, error.cure, errors=errors, exit_code=error.exit_code)
        if isinstance(error, typer.TyperException):
            return _usage(error)
        if isinstance(error, typer.Abort):
            return cls("aborted", "Nothing was done.")
        if isinstance(error, OSError):
            where = f": {error.filename}" if error.filename else ""
            return cls("system", f"{error.strerror or error}{where}")
        return cls("internal", f"{type(error).__name__}: {error}", "Run it again with --debug and report what it shows.")

    def block(self) -> list[tuple[str, str]]:
        """The labelled lines of the block."""
        lines = [("error", self.detail)]
        lines += [("", f"- {pointer or '/'}: {detail}") for pointer, detail in self.errors if detail not in self.detail]
        lines += [("usage", self.usage)] if self.usage else []
        return lines + ([("cure", self.cure)] if self.cure else [])

    def json(self) -> dict[str, Any]:
        """The same as an object."""
        errors = [{"pointer": pointer, "detail": detail} for pointer, detail in self.errors]
        told = {"code": self.code, "detail": self.detail, "cure": self.cure, "errors": errors, "exit_code": self.exit_code}
        return {"error": told}


def report(failure: Failure, error: BaseException | None = None, args: Sequence[str] | None = None) -> None:
    """Tell a failure on stderr (and, for `--json`, on stdout). `error` is shown with its traceback for `--debug`."""
    words = sys.argv[1:] if args is None else args
    if error is not None and "--debug" in words:
        traceback.print_exception(error)
    colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    for label, text in failure.block():
        sys.stderr.write(_line(label, text, colour))
    sys.stderr.flush()
    if "--json" in words:
        sys.stdout.write(json.dumps(failure.json(), indent=2) + "\n")
        sys.stdout.flush()


def told_once(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A `sys.excepthook`: what nobody expected is told like any other error, without its traceback."""
    report(Failure.of(error), error)


def _line(label: str, text: str, colour: bool) -> str:
    indent = "\n" + " " * (_WIDTH + 2)
    painted = f"{label:<{_WIDTH}}"
    if colour:
        painted = f"\x1b[{'1;31' if label == 'error' else '2'}m{painted}\x1b[0m"
    return f"  {painted}{text.replace(chr(10), indent)}\n"


def _usage(error: typer.TyperException) -> Failure:
    context: Any = getattr(error, "ctx", None)
    detail = error.format_message()
    if context is None:
        return Failure("usage", detail, exit_code=USAGE)
    usage = re.sub(r"\{(\S+)\}", r"\1", " ".join(context.get_usage().removeprefix("Usage:").split()))
    return Failure("usage", detail, f"{context.command_path} --help", usage, exit_code=USAGE)
