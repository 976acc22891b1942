"""`honeyguide similar`: the items most like an item."""

from typing import Annotated

import typer

from honeyguide.cli.output import Json, Out
from honeyguide.cli.project import project
from honeyguide.cli.recommend import Explain, ModelName, Number
from honeyguide.cli.slates import show_slate
from honeyguide.config.table import nearest
from honeyguide.errors import NotFound

app = typer.Typer(add_completion=False)

ItemId = Annotated[str, typer.Argument(metavar="ITEM", help="The item's id.")]
SurfaceName = Annotated[str, typer.Option("--surface", metavar="NAME", help="A surface with the recipe 'similar'.")]

Together = Annotated[bool, typer.Option("--together", help="What is bought together with it: the surface 'cart'.")]


@app.command()
def similar(
    context: typer.Context,
    item: ItemId,
    n: Number = 10,
    surface: SurfaceName = "similar",
    together: Together = False,
    explain: Explain = False,
    model: ModelName = None,
    json: Json = False,
) -> None:
    """Show the items most like an item, as its own page would; or those that are bought together with it."""
    with project(context) as opened:
        items, clock = opened.runtime.items, opened.runtime.clock
        if items.number(item) < 0:
            raise NotFound(f"There is no item {item!r}{nearest(item, items.ids[:10_000])}", cure="Ids are case-sensitive.")
        started = clock.monotonic()
        slate = opened.similar(item, n, surface="cart" if together else surface, explain=explain, model=model)
        show_slate(Out(json), opened, slate, seconds=clock.monotonic() - started, explain=explain)
