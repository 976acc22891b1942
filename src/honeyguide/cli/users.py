"""`honeyguide users`: show what is known of a user, and merge two that turned out to be one."""

import asyncio
from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text

from honeyguide.cli.frame import HelpfulGroup
from honeyguide.cli.output import Cell, Json, Out, ago, count, table
from honeyguide.cli.project import project
from honeyguide.cli.storage import storage
from honeyguide.errors import NotFound
from honeyguide.types import User, UserState

app = typer.Typer(add_completion=False, help="Show and merge users.", cls=HelpfulGroup)

_LATEST = 10
_REMEMBERED = 20_000

UserId = Annotated[str, typer.Argument(metavar="USER", help="The user's id.")]
Into = Annotated[str, typer.Argument(metavar="INTO", help="The user that this one turned out to be.")]


@app.command()
def show(context: typer.Context, user: UserId, json: Json = False) -> None:
    """What is known of a user: the ids that are one person, attributes, and the latest events."""
    out = Out(json)
    with storage(context) as stored:
        person = asyncio.run(stored.store.catalogue.person(user))
        state = asyncio.run(stored.store.log.user_state(user, limit=_REMEMBERED))
        if not state.known:
            raise NotFound(f"Nothing is known of {user!r}.", cure="Ids are case-sensitive.", code="user_not_found")
        out.result(_plain(user, person, state))
        out.show("user", Text(user, style="bold"))
        if len(person) > 1:
            out.show("goes by", person[-1].user_id)
            out.show("all ids", ", ".join(each.user_id for each in person))
        told = ", ".join(f"{name} = {msgspec.json.encode(value).decode()}" for name, value in state.properties.items())
        out.show("attributes", told or "none")
        out.show("events", count(len(state.events), "event that names an item", "events that name an item"))
        rows: list[list[Cell]] = [["type", "item", "when"]]
        rows += [
            [event.type, event.item_id, ago(event.ts, stored.clock.now_ms())] for event in reversed(state.events[-_LATEST:])
        ]
        out.lines(["", *table(rows, width=out.width)] if state.events else [])


def _plain(user_id: str, person: list[User], state: UserState) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "canonical_id": person[-1].user_id if person else user_id,
        "user_ids": [each.user_id for each in person] or [user_id],
        "properties": state.properties,
        "events": len(state.events),
        "latest": state.events[-_LATEST:],
    }


@app.command()
def merge(context: typer.Context, user: UserId, into: Into, json: Json = False) -> None:
    """Make USER (a visitor before the login) one person with INTO; lists of both then know the history of both."""
    out = Out(json)
    with project(context) as opened:
        merged = opened.merge_users(user, into)
    out.result(merged)
    out.show("merged" if merged.accepted else "as before", f"{', '.join(merged.user_ids)} are one person")
    out.show("goes by", Text(merged.canonical_id, style="bold"))
    for name in merged.unknown:
        out.note("note", f"nothing was known of {name} so far")
