"""`honeyguide rank`: given items in the order for a user."""

from typing import Annotated

import typer

from honeyguide.cli.output import Json, Out
from honeyguide.cli.project import project
from honeyguide.cli.recommend import Explain, User
from honeyguide.cli.slates import show_left, show_slate

app = typer.Typer(add_completion=False)

Items = Annotated[list[str], typer.Argument(metavar="ITEM...", help="The ids of the items to put in order.")]
SurfaceName = Annotated[str, typer.Option("--surface", metavar="NAME", help="A surface with the recipe 'rank'.")]


@app.command()
def rank(
    context: typer.Context,
    user: User,
    items: Items,
    surface: SurfaceName = "rank",
    explain: Explain = False,
    json: Json = False,
) -> None:
    """Put given items into the order for a user, with a reason for each; those that cannot stand in it are named."""
    with project(context) as opened:
        clock, out = opened.runtime.clock, Out(json)
        started = clock.monotonic()
        ranked = opened.rank(user, items, surface=surface, explain=explain)
        show_slate(out, opened, ranked, seconds=clock.monotonic() - started, explain=explain)
        show_left(out, ranked)
