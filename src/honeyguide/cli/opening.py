"""How commands reach the configuration."""

import contextlib
import os
from pathlib import Path
from typing import Any

import typer

from honeyguide.cli import logs
from honeyguide.cli.frame import Invocation
from honeyguide.config import LoadedConfig, load
from honeyguide.errors import NotFound


def invocation(context: typer.Context) -> Invocation:
    """The global options of this call."""
    found = context.find_root().obj
    return found if isinstance(found, Invocation) else Invocation()


def configuration(context: typer.Context, **flags: Any) -> LoadedConfig:
    """The configuration of this call; `flags` are settings with `__` for the dot, None for those not given."""
    given = invocation(context)
    overrides = {name.replace("__", "."): value for name, value in flags.items() if value is not None}
    if given.data_dir is not None:
        overrides["project.data_dir"] = given.data_dir
    loaded = load(given.config, environ=os.environ, overrides=overrides)
    logs.quiet(debug=given.debug)
    return loaded


def child_options(loaded: LoadedConfig) -> list[str]:
    """The options that open the same project in a process that the server starts."""
    config = ["--config", str(loaded.path.absolute())] if loaded.path else []
    return [*config, "--data-dir", str(loaded.settings.project.data_dir)]


def require_data(loaded: LoadedConfig) -> None:
    """Raise NotFound, with the ways to begin, if nothing was ever written to the data directory."""
    settings = loaded.settings
    if settings.storage.url or (settings.project.data_dir / "honeyguide.sqlite").exists():
        return
    raise NotFound(
        f"There is no data in {short(settings.project.data_dir)} yet.",
        cure="Bring some in with 'honeyguide import events FILE', or name another folder with --data-dir.",
        code="no_data",
    )


def short(path: Path) -> str:
    """The path as a person here would write it: relative where that is inside the current folder."""
    with contextlib.suppress(ValueError):
        return f"./{inside}" if (inside := path.relative_to(Path.cwd())) != Path() else "."
    return str(path)
