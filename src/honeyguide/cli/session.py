"""`honeyguide session`: a list for what somebody without a name has just looked at."""

from typing import Annotated

import typer

from honeyguide.cli.output import Json, Out
from honeyguide.cli.project import project
from honeyguide.cli.recommend import Explain, Number, SurfaceName
from honeyguide.cli.slates import show_slate

app = typer.Typer(add_completion=False)

Items = Annotated[list[str], typer.Argument(metavar="ITEM...", help="The items of the session, oldest first.")]
Kind = Annotated[str, typer.Option("--type", metavar="TYPE", help="What was done with them.")]


@app.command()
def session(
    context: typer.Context,
    items: Items,
    n: Number = 10,
    kind: Kind = "view",
    surface: SurfaceName = "home",
    explain: Explain = False,
    json: Json = False,
) -> None:
    """Make a list for a session of which nothing is known but these items; nothing is kept of it but the slate."""
    with project(context) as opened:
        clock = opened.runtime.clock
        started = clock.monotonic()
        events = [{"item_id": item, "type": kind} for item in items]
        slate = opened.session(events, n, surface=surface, explain=explain)
        show_slate(Out(json), opened, slate, seconds=clock.monotonic() - started, explain=explain)
