"""`honeyguide recommend`: a list for a user."""

from typing import Annotated

import typer

from honeyguide.cli.output import Json, Out
from honeyguide.cli.project import project
from honeyguide.cli.slates import show_slate

app = typer.Typer(add_completion=False)

User = Annotated[str, typer.Argument(metavar="USER", help="The user's id; one that is new gets a list as well.")]
Number = Annotated[int, typer.Option("--n", "-n", metavar="N", help="How many items.")]
SurfaceName = Annotated[str, typer.Option("--surface", metavar="NAME", help="The placement that the list is for.")]
Explain = Annotated[bool, typer.Option("--explain", help="Show where the items came from and what was removed.")]
ModelName = Annotated[str | None, typer.Option("--model", metavar="MODEL", help="An alias, or name@version.")]
Category = Annotated[list[str] | None, typer.Option("--category", metavar="NAME", help="Only this one; may be repeated.")]

Filter = Annotated[str | None, typer.Option("--filter", metavar="CONDITION", help="Only items that meet it.")]


@app.command()
def recommend(
    context: typer.Context,
    user: User,
    n: Number = 10,
    surface: SurfaceName = "home",
    explain: Explain = False,
    model: ModelName = None,
    category: Category = None,
    filter: Filter = None,
    json: Json = False,
) -> None:
    """Make a list for a user as the server would, with a reason for each item; it is logged like any other."""
    filters = {"category": category} if category else None
    with project(context) as opened:
        clock = opened.runtime.clock
        started = clock.monotonic()
        slate = opened.recommend(user, n, surface=surface, explain=explain, model=model, filters=filters, filter=filter)
        show_slate(Out(json), opened, slate, seconds=clock.monotonic() - started, explain=explain)
