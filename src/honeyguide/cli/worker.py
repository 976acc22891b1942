"""`honeyguide worker`: run background jobs until told to stop."""

import os
from typing import Annotated

import typer

from honeyguide.api.server import work
from honeyguide.cli import logs
from honeyguide.cli.opening import child_options, configuration, invocation, short
from honeyguide.cli.output import Json, Out

app = typer.Typer(add_completion=False)

Host = Annotated[str | None, typer.Option("--host", metavar="ADDRESS", help="Another than loopback needs auth.key.")]
Port = Annotated[int | None, typer.Option("--port", "-p", metavar="PORT", help="Of health and metrics; 0 takes a free one.")]


@app.command()
def worker(context: typer.Context, host: Host = None, port: Port = None, json: Json = False) -> None:
    """Run background jobs until ctrl-C or SIGTERM: trainings that were asked for, and what only one process may do.

    Any number of workers may run, on the data of a server or of many; they elect a leader among them."""
    loaded = configuration(context, worker__host=host, worker__port=port)
    settings = loaded.settings
    logs.of_server(settings.logging, debug=invocation(context).debug)
    out = Out(json)

    def announce(url: str) -> None:
        out.result({"url": url, "pid": os.getpid(), "data_dir": str(settings.project.data_dir)})
        out.note("working", short(settings.project.data_dir), style="bold")
        out.note("metrics", f"{url}/metrics")
        out.note("stop", "ctrl-C")

    work(settings, config_options=child_options(loaded), ready=announce)
    out.note("stopped", "what was running waits for the next worker")
