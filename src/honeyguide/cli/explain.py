"""`honeyguide explain`: a served list, made again."""

from typing import Annotated

import typer

from honeyguide.cli.accounts import account_lines
from honeyguide.cli.output import Json, Out, ago
from honeyguide.cli.project import project
from honeyguide.cli.slates import show_funnel
from honeyguide.messages import Explanation

app = typer.Typer(add_completion=False)

RequestId = Annotated[str, typer.Argument(metavar="REQUEST_ID", help="The request id that came with the list.")]


@app.command()
def explain(context: typer.Context, request_id: RequestId, json: Json = False) -> None:
    """Make a served list again from the log, and say what went in, what was removed and what moved."""
    out = Out(json)
    with project(context) as opened:
        found = opened.explain(request_id)
        out.result(found)
        slate = found.slate
        who = f"for {slate['user_id']} " if slate["user_id"] else ""
        when = ago(slate["ts"], opened.runtime.clock.now_ms())
        out.show("slate", f"{who}on {slate['surface']} · {slate['served_from']} · {slate['model'] or 'no model'} · {when}")
        out.show("replay", _verdict(found), style="" if found.matches else "yellow")
        if out.json:
            return
        out.lines(["", *account_lines(out, opened, found.items, found.trace), ""] if found.items else [])
        show_funnel(out, found.trace)


def _verdict(found: Explanation) -> str:
    if found.matches:
        return "the same list comes out again"
    if found.trace.get("configuration_changed"):
        return "another list comes out: the configuration has changed since"
    gone = [item_id for item_id in found.served if item_id not in found.replayed]
    return f"another list comes out; it lacks {', '.join(gone)}" if gone else "the same items come out in another order"
