"""`honeyguide users`: show what is known of a user, merge two that are one, tell or erase all that is held."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text

from honeyguide.cli.frame import HelpfulGroup
from honeyguide.cli.output import Cell, Json, Out, ago, clean, count, table
from honeyguide.cli.project import project
from honeyguide.cli.recommend import Number
from honeyguide.cli.storage import storage
from honeyguide.errors import InvalidInput, NotFound
from honeyguide.types import Json as JsonObject
from honeyguide.types import User, UserState

app = typer.Typer(add_completion=False, help="Show, merge, export and erase users.", cls=HelpfulGroup)

_LATEST = 10
_REMEMBERED = 20_000

UserId = Annotated[str, typer.Argument(metavar="USER", help="The user's id.")]
Target = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write to this file instead of stdout.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
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


@app.command()
def similar(context: typer.Context, user: UserId, n: Number = 10, json: Json = False) -> None:
    """The users whose latest doings are most like theirs."""
    out = Out(json)
    with project(context) as opened:
        found = opened.similar_users(user, n)
        out.result(found)
        rows: list[list[Cell]] = [["user", "likeness", "items in common"]]
        rows += [[Text(each.user_id, style="bold"), f"{each.score:.3f}", f"{each.shared}"] for each in found.users]
        out.lines(table(rows, right=(1, 2), width=out.width) if found.users else [])
        if not found.users:
            out.note("empty", f"nobody did lately what {clean(user)} did")


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


@app.command()
def export(context: typer.Context, user: UserId, out: Target = None, json: Json = False) -> None:
    """Everything that is held about a user and the ids merged with it, one JSON object per line.

    With --json it is one array. The file is readable by its owner only, and whole or not there."""
    with project(context) as opened:
        records = opened.export_user(user)
        if out is None:
            _write_all(sys.stdout.buffer.write, records, array=json)
            sys.stdout.buffer.flush()
            return
        with _whole_file(out) as write:
            written = _write_all(write, records, array=json)
    Out().note("written", f"{count(written, 'record')} to {out}")


@app.command()
def erase(context: typer.Context, user: UserId, yes: Yes = False, json: Json = False) -> None:
    """Erase a user and the ids merged with it, everywhere; prints the receipt once nothing is left.

    A running server or worker does it, else this command. Broken off, it goes on with the next of them."""
    out = Out(json)
    with project(context) as opened:
        store = opened.runtime.store
        ids = [each.user_id for each in opened.run(store.catalogue.person(user))] or [user]
        if not yes and not _agreed(ids):
            raise typer.Exit(1)
        receipt = opened.erase_user(user)
        out.result(receipt)
        out.show("erased", f"{count(len(receipt['users']), 'id')} at {receipt['erased_at']}")
        removed = ", ".join(f"{number:,} of {table}" for table, number in sorted(receipt["removed"].items()))
        out.show("removed", removed or "nothing: nothing was held")
        if receipt["models"]:
            out.show("models", f"{', '.join(receipt['models'])} were trained before; train again by {receipt['models_by']}")
            out.hint("honeyguide train")


def _agreed(ids: Sequence[str]) -> bool:
    if not sys.stdin.isatty():
        raise InvalidInput("An erasure cannot be undone, and nobody is there to ask.", cure="Say --yes.")
    return typer.confirm(f"Erase everything that is held about {', '.join(map(clean, ids))}?", err=True)


def _write_all(write: Callable[[bytes], object], records: Iterable[JsonObject], *, array: bool) -> int:
    """Write records as lines, or as one array with a record per line; returns how many."""
    written = 0
    for written, record in enumerate(records, 1):
        lead = b"" if not array else b"[" if written == 1 else b",\n"
        write(lead + msgspec.json.encode(record) + (b"" if array else b"\n"))
    if array:
        write(b"]\n")
    return written


@contextlib.contextmanager
def _whole_file(path: Path) -> Iterator[Callable[[bytes], object]]:
    """A file that appears under its name only if the block ends without an error."""
    beside = path.with_name(f".{path.name}.part")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            yield file.write
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
