"""`honeyguide cache`: stats, why, warm, clear. They ask the running server, in whose memory the lists are."""

import re
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text

from honeyguide.cli.asking import Answering, answering
from honeyguide.cli.frame import HelpfulGroup
from honeyguide.cli.output import Cell, Json, Out, clean, count, table
from honeyguide.cli.progress import ProgressMode, progress
from honeyguide.clock import SystemClock
from honeyguide.errors import HoneyguideError, InvalidInput

app = typer.Typer(add_completion=False, help="See how the cache does, and why; warm and clear it.", cls=HelpfulGroup)

_REQUEST_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_STYLES = {"l1": "green", "l2": "green", "stale": "yellow", "computed": "cyan"}

Url = Annotated[str | None, typer.Option("--url", metavar="URL", help="A server; else the one on the project's data.")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="A user's id, or the id of a request that was served.")]
SurfaceName = Annotated[str, typer.Option("--surface", metavar="NAME", help="The placement that the list is for.")]
Number = Annotated[int, typer.Option("--n", "-n", metavar="N", help="How many items are asked for.")]
Users = Annotated[
    int | None, typer.Option("--users", metavar="N", help="So many of those asked for most often; else cache.warm_users.")
]
UserIds = Annotated[list[str] | None, typer.Argument(metavar="[USER]...", help="The lists of these users.")]
User = Annotated[str | None, typer.Option("--user", metavar="USER", help="Only the lists of this user.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command()
def stats(context: typer.Context, url: Url = None, json: Json = False) -> None:
    """What the cache holds, what it was asked and what it made; of all processes on the server's port together."""
    out = Out(json)
    with answering(context, url) as server:
        found = server.ask("GET", "/v1/cache")
    out.result(found)
    those = count(found["processes"], "process", "processes")
    out.show("server", f"{server.url} · {those} on {found['host']}, counted since they started")
    rows: list[list[Cell]] = [["tier", "values", "bytes", "bound", "asked", "hits", "stale", "unverified", "dropped"]]
    rows += [_tier(tier) for tier in found["tiers"]]
    out.lines(["", *table(rows, right=range(1, 9)), ""])
    made = found["made"]
    out.show(
        "made", f"{made['computed']:,} computed · {made['coalesced']:,} waited for another's · {_warmed(made['warmed'])}"
    )
    dropped = f", {made['refreshes_dropped']:,} left out" if made["refreshes_dropped"] else ""
    out.show("refreshed", f"{made['refreshed']:,} behind a stale answer{dropped} · {made['refused']:,} outdated while made")
    bad = f"{made['failed']:,} failed · {made['old_served']:,} old lists served instead"
    out.show("failed", bad, style="yellow" if made["failed"] else "")
    told = " · ".join(f"{number:,} {cause.replace('_', ' ')}" for cause, number in sorted(made["invalidated"].items()))
    out.show("replaced", told or "no token yet")
    if found["shared"] is not None:
        out.show("redis", _shared(found["shared"]))


def _tier(tier: Mapping[str, Any]) -> list[Cell]:
    asked = tier["hits"] + tier["stale"] + tier["misses"]
    dropped = sum(tier["evictions"].values())
    return [
        Text(tier["tier"], style="bold"),
        "" if tier["entries"] is None else f"{tier['entries']:,}",
        "" if tier["bytes"] is None else _size(tier["bytes"]),
        _size(tier["bound"]) if tier["bound"] else "none",
        f"{asked:,}",
        _share(tier["hit_rate"]),
        _share(tier["stale_rate"]),
        f"{tier['unverified']:,}",
        f"{dropped:,}" if tier["tier"] == "l1" else "",
    ]


def _share(rate: float | None) -> str:
    return "" if rate is None else f"{rate:.1%}"


def _size(size: int) -> str:
    for limit, unit in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")):
        if size >= limit:
            return f"{size / limit:.1f} {unit}"
    return f"{size} B"


def _warmed(warmed: Mapping[str, int]) -> str:
    told = ", ".join(f"{number:,} {_OCCASIONS[occasion]}" for occasion, number in sorted(warmed.items()))
    return f"{told or 'none'} in advance"


_OCCASIONS = {"start": "at the start", "switch": "before a switch", "request": "on request"}


def _shared(shared: Mapping[str, Any]) -> Text:
    answers = Text("answers", style="green") if shared["answers"] else Text("does not answer", style="bold red")
    if shared["breakers_open"]:
        answers.append(f", left alone for {' and '.join(shared['breakers_open'])}", style="red")
    silent = "never heard" if shared["silent_seconds"] is None else f"heard {shared['silent_seconds']:.1f} s ago"
    lag = f"{shared['invalidation_lag_seconds']:.1f} s behind the log"
    return Text.assemble(answers, f" · {silent} · {lag} · {shared['untold']:,} tokens told late")


@app.command()
def why(
    context: typer.Context, key: Key, surface: SurfaceName = "home", n: Number = 10, url: Url = None, json: Json = False
) -> None:
    """Where a list would be served from now, and why; of a user, or of a request that was served."""
    out = Out(json)
    with answering(context, url) as server:
        found = _standing(server, key, surface, n)
    out.result(found)
    out.show("because", found["reason"], style="bold")
    out.show("from", Text(found["verdict"], style=_STYLES[found["verdict"]]))
    out.show("list", f"{found['user_id'] or 'anybody'} on {found['surface']}, {count(found['n'], 'item')}")
    if (then := found["request"]) is not None:
        old = f", made {then['made_before_seconds']:.1f} s before" if then["made_before_seconds"] else ""
        missing = f" · lacked {', '.join(then['degraded'])}" if then["degraded"] else ""
        out.show(
            "then",
            f"{then['served_from']} by {then['model'] or 'no model'} at log position {then['as_of']}{old}{missing}",
        )
    if found["shared_name"]:
        out.show("in redis", found["shared_name"])
    out.show("tokens", _tokens(found))
    rows: list[list[Cell]] = [
        ["tier", "is", "age", "fresh for", "served for", "hard", "soft", "epoch", "made by", "at", "bytes"]
    ]
    rows += [_copy(copy) for copy in found["copies"]]
    out.lines(["", *table(rows)] if found["copies"] else [])


def _standing(server: Answering, key: str, surface: str, n: int) -> Any:
    if _REQUEST_ID.fullmatch(key):
        try:
            return server.ask("GET", "/v1/cache/why", {"request_id": key})
        except HoneyguideError as error:
            if error.code != "not_found":
                raise
    return server.ask("GET", "/v1/cache/why", {"user_id": key, "surface": surface, "n": n})


def _tokens(found: Mapping[str, Any]) -> str:
    hard, soft = (_set_by(found[name]) for name in ("hard_set_by", "soft_set_by"))
    return f"hard {hard} · soft {soft}" + ("" if found["trusted"] else " · not trusted now: the next look asks for them")


def _set_by(position: int | None) -> str:
    return "set by no event" if position is None else f"set at log position {position}"


def _copy(copy: Mapping[str, Any]) -> list[Cell]:
    same = ["same" if copy[f"same_{what}"] else "other" for what in ("hard", "soft", "epoch")]
    left = [_left(copy[f"{what}_for_seconds"]) for what in ("fresh", "usable")]
    age = f"{copy['age_seconds']:.0f} s"
    return [
        Text(copy["tier"], style="bold"),
        copy["state"],
        age,
        *left,
        *same,
        copy["model"],
        str(copy["as_of"]),
        f"{copy['bytes']:,}",
    ]


def _left(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds > 0 else "over"


@app.command()
def warm(
    context: typer.Context,
    ids: UserIds = None,
    users: Users = None,
    surface: SurfaceName = "home",
    url: Url = None,
    mode: ProgressMode = "auto",
    json: Json = False,
) -> None:
    """Make lists now, before anybody asks: those asked for most often, or those of the users that are named.

    --surface is for named users; those asked for most often have the lists that they asked for."""
    out, clock = Out(json), SystemClock()
    if ids and users is not None:
        raise InvalidInput("--users is for when no user is named.", cure="Leave one of them out.")
    body: dict[str, Any] = {"user_ids": ids, "surface": surface} if ids else {} if users is None else {"users": users}
    started, found = clock.monotonic(), {"done": 0, "of": 0, "made": 0}
    with answering(context, url) as server, progress(mode, clock) as tell:
        for line in server.lines("POST", "/v1/cache:warm", body=body):
            found = msgspec.json.decode(line)
            tell("make lists", found["done"] / found["of"] if found["of"] else 1.0, f"{found['done']:,} of {found['of']:,}")
    seconds = clock.monotonic() - started
    out.result(found | {"seconds": round(seconds, 3)})
    missed = found["of"] - found["made"]
    left = f" · {missed:,} could not be made; the server's log says why" if missed else ""
    out.show(
        "warm",
        f"{count(found['made'], 'list')} of {found['of']:,} in {seconds:.1f} s{left}",
        style="yellow" if missed else "",
    )
    if not found["of"]:
        out.note("note", "no list was served lately that could be made again; name users, or wait for requests")


@app.command()
def clear(context: typer.Context, user: User = None, yes: Yes = False, url: Url = None, json: Json = False) -> None:
    """Make the lists of a user, or all, unservable; they are made anew when they are asked for.

    Tokens are replaced, nothing is searched. With Redis it holds for all servers, within half a second. Asks before it
    clears all, unless --yes."""
    out = Out(json)
    with answering(context, url) as server:
        if user is None and not yes and not _agreed(server):
            raise typer.Exit(1)
        found = server.ask("POST", "/v1/cache:clear", body={} if user is None else {"user_id": user})
    out.result(found)
    whose = "all lists" if user is None else f"the lists of {', '.join(found['user_ids'])}"
    where = "on all servers that share the cache, within half a second" if found["reach"] == "all" else f"at {server.url}"
    out.show("cleared", f"{whose}, {where}")
    if user is None:
        out.hint("honeyguide cache warm   makes those asked for most often at once")


def _agreed(server: Answering) -> bool:
    if not sys.stdin.isatty():
        raise InvalidInput(
            "All lists will have to be made anew, and nobody is there to ask.", cure="Say --yes, or --user USER."
        )
    return typer.confirm(f"Make all lists of {clean(server.url)} unservable?", err=True)
