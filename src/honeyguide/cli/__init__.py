"""The command line: one table of commands, each in a file of its own that is imported when it is called.

`honeyguide --help` reads only this table, so it costs little more than an empty program.
"""

import importlib
import sys
from pathlib import Path
from typing import Annotated

import typer
import typer.main

from honeyguide import __version__
from honeyguide.cli.failure import told_once
from honeyguide.cli.frame import Entry, Invocation, LazyGroup

START, DATA, MODELS, LISTS, RUN, SETTINGS = "Start here", "Data", "Models", "Lists", "Run", "Settings"

COMMANDS = {
    "demo": Entry(START, "honeyguide.cli.demo:app", "Build a small shop with simulated shoppers and serve it."),
    "init": Entry(START, "honeyguide.cli.init:app", "Write a commented configuration and a small sample of data."),
    "doctor": Entry(START, "honeyguide.cli.doctor:app", "Look for faults in configuration, data and models."),
    "import": Entry(DATA, "honeyguide.cli.importing:app", "Bring in events, items or users from files."),
    "users": Entry(DATA, "honeyguide.cli.users:app", "Show, merge, export and erase users."),
    "features": Entry(DATA, "honeyguide.cli.features:app", "List feature views, read their values, fold them."),
    "train": Entry(MODELS, "honeyguide.cli.train:app", "Fit the models, compare them and serve the best one."),
    "evaluate": Entry(MODELS, "honeyguide.cli.evaluate:app", "Compare all models on the latest part of every history."),
    "models": Entry(MODELS, "honeyguide.cli.models:app", "List, compare, promote and roll back model versions."),
    "recommend": Entry(LISTS, "honeyguide.cli.recommend:app", "Make a list for a user, with its reasons."),
    "similar": Entry(LISTS, "honeyguide.cli.similar:app", "Show the items most like an item."),
    "rank": Entry(LISTS, "honeyguide.cli.rank:app", "Put given items into the order for a user."),
    "session": Entry(LISTS, "honeyguide.cli.session:app", "Make a list for a session that has no name."),
    "lists": Entry(LISTS, "honeyguide.cli.lists:app", "Show what is popular, rising or new."),
    "rules": Entry(LISTS, "honeyguide.cli.rules:app", "Filter, boost, bury, promote and pin items, for a time."),
    "experiments": Entry(LISTS, "honeyguide.cli.experiments:app", "Find out which of several lists is better."),
    "explain": Entry(LISTS, "honeyguide.cli.explain:app", "Make a served list again and say how it came about."),
    "serve": Entry(RUN, "honeyguide.cli.serve:app", "Answer over HTTP."),
    "worker": Entry(RUN, "honeyguide.cli.worker:app", "Run background jobs: trainings, and what only one process may do."),
    "status": Entry(RUN, "honeyguide.cli.status:app", "Show the server, the log, the models and the jobs."),
    "monitor": Entry(RUN, "honeyguide.cli.monitor:app", "Measure how good the lists are; show it beside the targets."),
    "cache": Entry(RUN, "honeyguide.cli.cache:app", "See how the cache does, and why; warm and clear it."),
    "deploy": Entry(SETTINGS, "honeyguide.cli.deploy:app", "Write files for Prometheus, containers and systemd."),
    "db": Entry(SETTINGS, "honeyguide.cli.db:app", "Migrate the database, or move the project to another one."),
    "config": Entry(SETTINGS, "honeyguide.cli.config:app", "Show and check the configuration."),
    "openapi": Entry(SETTINGS, "honeyguide.cli.openapi:app", "Print the OpenAPI document of the HTTP API."),
}


class Commands(LazyGroup):
    """The commands of the table."""

    table = COMMANDS

    @staticmethod
    def imported(target: str) -> typer.Typer:
        """The app behind `package.module:name`."""
        module, _, name = target.partition(":")
        found: typer.Typer = getattr(importlib.import_module(module), name)
        return found


app = typer.Typer(cls=Commands, pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]})


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"honeyguide {__version__}")
        raise typer.Exit


@app.callback(
    epilog="Exit codes: 0 done · 1 failed · 2 usage · 3 gate not met · 4 not reachable",
)
def root(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="The TOML file; else the honeyguide.toml here.")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", metavar="DIR", help="The data directory; else that of the settings.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Log what happens; show tracebacks.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """A recommendation system: events in, personal and explained lists out.

    The options below may also stand behind the command."""
    context.obj = Invocation(config=config, data_dir=data_dir, debug=debug)


def main() -> None:
    """The entry point `honeyguide`."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a letter is no reason to fail
    sys.excepthook = told_once
    typer.main.get_command(app)(prog_name="honeyguide")
