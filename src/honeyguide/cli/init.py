"""`honeyguide init`: a configuration file with comments, and a small sample of data."""

import re
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from honeyguide.cli.opening import short
from honeyguide.cli.output import Json, Out, count
from honeyguide.cli.sample import events_csv, items_csv
from honeyguide.clock import SystemClock
from honeyguide.config import CONFIG_FILE
from honeyguide.errors import Conflict

app = typer.Typer(add_completion=False)

Folder = Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to; made if it is not there.", show_default=False)]
Force = Annotated[bool, typer.Option("--force", help="Write over files that are there.")]
Bare = Annotated[bool, typer.Option("--no-sample", help="Only the configuration file.")]


@app.command()
def init(folder: Folder = Path(), force: Force = False, no_sample: Bare = False, json: Json = False) -> None:
    """Write honeyguide.toml with comments, and a sample of events and items to try it with."""
    out = Out(json)
    files = {CONFIG_FILE: template(folder)}
    if not no_sample:
        files |= {"items.csv": items_csv(), "events.csv": events_csv(SystemClock().now_ms())}
    there = [name for name in files if (folder / name).exists()]
    if there and not force:
        named = ", ".join(short((folder / name).absolute()) for name in there)
        verb = "is" if len(there) == 1 else "are"
        raise Conflict(f"{named} {verb} there already.", cure="Choose another folder, or add --force to write over.")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    out.result({"folder": str(folder), "files": list(files)})
    for name, text in files.items():
        rows = text.count("\n") - 1
        what = "settings, with comments" if name == CONFIG_FILE else f"a sample of {count(rows, name.removesuffix('s.csv'))}"
        out.show("wrote", f"{short((folder / name).absolute()):<22}  {what}")
    _next_steps(out, folder, sample=not no_sample)


def template(folder: Path) -> str:
    """The text of honeyguide.toml for a project in `folder`."""
    text = resources.files("honeyguide.cli").joinpath("template.toml").read_text("utf-8")
    name = re.sub(r"[^a-zA-Z0-9_-]+", "-", folder.absolute().name).strip("-") or "shop"
    return text.replace("{name}", name)


def _next_steps(out: Out, folder: Path, *, sample: bool) -> None:
    if folder.absolute() != Path.cwd():
        out.hint(f"cd {short(folder.absolute())}")
    if sample:
        out.hint("honeyguide import items items.csv && honeyguide import events events.csv")
        out.hint("honeyguide train && honeyguide recommend u-01")
    else:
        out.hint("honeyguide import events YOUR.csv")
    out.hint("honeyguide serve")
