"""`honeyguide openapi`: the contract of the HTTP API."""

import difflib
import sys
from pathlib import Path
from typing import Annotated

import typer

from honeyguide.api.openapi import text
from honeyguide.cli.output import Json, Out
from honeyguide.errors import GateNotMet, NotFound

app = typer.Typer(add_completion=False)

_SHOWN = 20
Check = Annotated[
    Path | None, typer.Option("--check", metavar="FILE", help="Compare with this file instead; exit code 3 if it differs.")
]


@app.command()
def openapi(check: Check = None, json: Json = False) -> None:
    """Print the OpenAPI 3.1 document of the HTTP API as JSON, the same bytes each time."""
    made = text()
    if check is None:
        sys.stdout.write(made)
        return
    if not check.is_file():
        raise NotFound(f"There is no file {check}.", cure=f"honeyguide openapi > {check}")
    changes = list(difflib.unified_diff(check.read_text("utf-8").splitlines(), made.splitlines(), str(check), "now", n=1))
    if changes:
        shown = "\n".join(changes[:_SHOWN]) + (f"\n... and {len(changes) - _SHOWN} more lines" * (len(changes) > _SHOWN))
        cure = f"If the change is meant: honeyguide openapi > {check}"
        raise GateNotMet(f"{check} is not the API of this version:\n{shown}", cure=cure, code="openapi_differs")
    out = Out(json)
    out.result({"ok": True, "file": str(check)})
    out.show("openapi", f"{check} is the API of this version")
