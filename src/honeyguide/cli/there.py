"""Pointing aliases through a server, which may be on another machine."""

from honeyguide.cli.asking import Answering
from honeyguide.errors import NotFound


def promote_there(server: Answering, model: str, alias: str, *, anyway: bool) -> tuple[str | None, str]:
    """Let a server point an alias at a version (`name@version`, an alias, or a name for its newest): before, now."""
    aliases = _aliases(server)
    name, _, number = aliases.get(model, model).partition("@")
    if not number.isdecimal():
        number = str(_newest(server, name))
    body = {"model": name, "version": int(number), "anyway": anyway}
    found = server.ask("PUT", f"/v1/aliases/{alias}", body=body)
    return aliases.get(alias), f"{found['model']}@{found['version']}"


def roll_back_there(server: Answering, alias: str) -> tuple[str | None, str]:
    """Let a server point an alias at what it pointed at before: before, now."""
    before = _aliases(server).get(alias)
    found = server.ask("POST", f"/v1/aliases/{alias}:rollback")
    return before, f"{found['model']}@{found['version']}"


def _aliases(server: Answering) -> dict[str, str]:
    return {each["alias"]: f"{each['model']}@{each['version']}" for each in server.ask("GET", "/v1/aliases")["items"]}


def _newest(server: Answering, model: str) -> int:
    cursor = None
    while True:
        page = server.ask("GET", "/v1/models", {"limit": 1000, "cursor": cursor})
        for each in page["items"]:
            if each["model"] == model:
                return int(each["version"])
        cursor = page["next_cursor"]
        if cursor is None:
            raise NotFound(f"There is no model {model!r} at {server.url}.", cure="See 'honeyguide models list' there.")
