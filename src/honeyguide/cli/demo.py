"""`honeyguide demo`: the synthetic shop, from nothing to live traffic."""

from pathlib import Path
from typing import Annotated

import typer

from honeyguide.cli import logs
from honeyguide.cli.opening import invocation
from honeyguide.cli.output import Json, Out
from honeyguide.simulate.cluster import run_cluster
from honeyguide.simulate.demo import DemoOptions, run_demo
from honeyguide.simulate.drill import Times

app = typer.Typer(add_completion=False)

Users = Annotated[int | None, typer.Option("--users", metavar="N", help="How many there are; 5,000.", show_default=False)]
Items = Annotated[int | None, typer.Option("--items", metavar="N", help="How many the shop has; 2,000.", show_default=False)]
Port = Annotated[int | None, typer.Option("--port", "-p", metavar="PORT", help="8000, or a free one; 0 is any.")]
Keep = Annotated[Path | None, typer.Option("--keep", metavar="DIR", help="Keep the shop here, or go on with it.")]
NoTraffic = Annotated[bool, typer.Option("--no-traffic", help="Serve it without shoppers.")]
Seconds = Annotated[float | None, typer.Option("--seconds", metavar="N", min=0.0, help="Stop after so much traffic.")]
Pace = Annotated[float, typer.Option("--pace", metavar="N", min=0.0, help="Lists per second; 0 is as many as can be.")]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", help="Another shop of the same kind.")]

InCluster = Annotated[
    bool, typer.Option("--cluster", help="Two nodes and a worker on PostgreSQL and Redis servers of their own.")
]
InDrill = Annotated[
    bool, typer.Option("--drill", help="With --cluster: freeze Redis, kill PostgreSQL, kill a node, and count.")
]


@app.command()
def demo(
    context: typer.Context,
    users: Users = None,
    items: Items = None,
    port: Port = None,
    keep: Keep = None,
    no_traffic: NoTraffic = False,
    seconds: Seconds = None,
    pace: Pace = 50.0,
    seed: Seed = None,
    cluster: InCluster = False,
    drill: InDrill = False,
    json: Json = False,
) -> None:
    """Build a shop, play a month in it, train, serve, and let simulated shoppers use it until ctrl-C.

    Their clicks follow tastes that only the simulation knows, so the report can say how good the lists are: beside
    random lists, popular ones, and those of an oracle. With --json the report is printed as JSON at the end."""
    out = Out(json)
    logs.quiet(debug=invocation(context).debug)
    options = DemoOptions(
        users=users, items=items, seed=seed, port=port, keep=keep, traffic=not no_traffic, seconds=seconds, pace=pace
    )
    console = out.notes if json else out.data
    if cluster or drill:
        result = run_cluster(options, console, times=Times() if drill else None)
    else:
        result = run_demo(options, console)
    out.result(result)
    if result.exit_code:
        raise typer.Exit(result.exit_code)
