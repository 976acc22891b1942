"""`honeyguide serve`: answer over HTTP until told to stop."""

import os
from typing import Annotated

import typer

from honeyguide.api.server import serve as serve_http
from honeyguide.api.supervisor import supervise
from honeyguide.cli import logs
from honeyguide.cli.opening import child_options, configuration, invocation, short
from honeyguide.cli.output import Json, Out
from honeyguide.config import LoadedConfig

app = typer.Typer(add_completion=False)

Host = Annotated[str | None, typer.Option("--host", metavar="ADDRESS", help="Another than loopback needs auth.key.")]
Port = Annotated[int | None, typer.Option("--port", "-p", metavar="PORT", help="0 takes a free one.")]

Workers = Annotated[int | None, typer.Option("--workers", "-w", metavar="N", help="Processes; several need redis.url.")]


@app.command()
def serve(context: typer.Context, host: Host = None, port: Port = None, workers: Workers = None, json: Json = False) -> None:
    """Answer over HTTP until ctrl-C or SIGTERM; requests under way are finished first.

    With --json one line says where, as soon as requests are answered."""
    loaded = configuration(context, server__host=host, server__port=port, server__workers=workers)
    settings, debug = loaded.settings, invocation(context).debug
    logs.of_server(settings.logging, debug=debug)
    out = Out(json)

    def ready(url: str) -> None:
        _announce(out, loaded, url)

    if settings.server.workers > 1:
        supervise(settings, config_options=child_options(loaded), ready=ready, debug=debug, sources=loaded.sources)
    else:
        serve_http(settings, config_options=child_options(loaded), ready=ready, sources=loaded.sources)
    out.note("stopped", "all requests under way were finished")


def _announce(out: Out, loaded: LoadedConfig, url: str) -> None:
    settings = loaded.settings
    out.result({"url": url, "pid": os.getpid(), "data_dir": str(settings.project.data_dir)})
    out.note("serving", url, style="bold")
    out.note("docs", f"{url}/docs")
    out.note("data", short(settings.project.data_dir))
    key = " -H 'Authorization: Bearer KEY'" if settings.auth.key else ""
    out.note("try", f"curl -X POST{key} '{url}/recommendations?user_id=user_123&n=10'")
    out.note("stop", "ctrl-C")
