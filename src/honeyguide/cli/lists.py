"""`honeyguide lists`: what is popular, rising or new, the same for all."""

from typing import Annotated, Literal

import typer

from honeyguide.cli.output import Json, Out
from honeyguide.cli.project import project
from honeyguide.cli.recommend import Category, Explain, Filter, Number
from honeyguide.cli.slates import show_slate

app = typer.Typer(add_completion=False)

Standing = Annotated[Literal["popular", "trending", "new"], typer.Argument(metavar="LIST", help="popular, trending or new.")]
Segment = Annotated[str | None, typer.Option("--segment", metavar="NAME", help="What users of this segment like.")]


@app.command()
def lists(
    context: typer.Context,
    name: Standing,
    n: Number = 10,
    category: Category = None,
    filter: Filter = None,
    segment: Segment = None,
    explain: Explain = False,
    json: Json = False,
) -> None:
    """Show what is popular, rising or new, the same for all."""
    with project(context) as opened:
        clock = opened.runtime.clock
        started = clock.monotonic()
        filters = {"category": category} if category else None
        slate = opened.standing(name, n, filters=filters, filter=filter, segment=segment, explain=explain)
        show_slate(Out(json), opened, slate, seconds=clock.monotonic() - started, explain=explain)
