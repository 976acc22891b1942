"""`honeyguide rules`: what the shop decides about its lists; each change is kept in a history."""

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text

from honeyguide.cli.frame import HelpfulGroup
from honeyguide.cli.output import Cell, Json, Out, ago, clean, count, table
from honeyguide.cli.project import project
from honeyguide.errors import Conflict, NotFound
from honeyguide.library import Honeyguide
from honeyguide.messages import Rule
from honeyguide.ranking.rules import is_active
from honeyguide.recommend.decisions import Preview, moment_of

app = typer.Typer(add_completion=False, help="Filter, boost, bury, promote and pin items.", cls=HelpfulGroup)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The rule's name.")]
KindArgument = Annotated[str, typer.Argument(metavar="KIND", help="filter, boost, bury, promote or pin.")]
Where = Annotated[str | None, typer.Option("--where", metavar="CONDITION", help="The items it is about.")]
Surface = Annotated[str | None, typer.Option("--surface", metavar="NAME", help="Only on this one; * is all.")]
Factor = Annotated[float | None, typer.Option("--factor", metavar="NUMBER", help="What a boost or bury multiplies by.")]
ItemId = Annotated[str | None, typer.Option("--item", metavar="ID", help="The item of a pin.")]
Slot = Annotated[int | None, typer.Option("--slot", metavar="N", help="The place of a pin; 1 is the first.")]
Percent = Annotated[float | None, typer.Option("--percent", metavar="NUMBER", help="The share of a promotion.")]
Begin = Annotated[str | None, typer.Option("--from", metavar="TIME", help="When it begins: ISO 8601, UTC if no zone.")]
End = Annotated[str | None, typer.Option("--until", metavar="TIME", help="When it ends.")]
Owner = Annotated[str | None, typer.Option("--owner", metavar="NAME", help="Who answers for it; else the user here.")]
Note = Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Why it is there.")]
Enabled = Annotated[bool | None, typer.Option("--enabled/--disabled", help="Whether it may be in force.")]
Users = Annotated[list[str] | None, typer.Option("--user", metavar="ID", help="Compare this one's lists; may be repeated.")]
Number = Annotated[int, typer.Option("--n", "-n", metavar="N", help="How many items.")]
Condition = Annotated[str, typer.Argument(metavar="CONDITION", help="A condition on items, users and requests.")]

_OF_REVISIONS = ("revision", "changed_at")


@app.command("list")
def list_rules(context: typer.Context, json: Json = False) -> None:
    """All rules, and whether they are in force now."""
    out = Out(json)
    with project(context) as opened:
        rules, now = opened.runtime.store.rules.all(), opened.runtime.clock.now_ms()
        out.result([{**_plain(rule), "active": is_active(rule, now)} for rule in rules])
        rows: list[Sequence[Cell]] = [["rule", "kind", "surface", "state", "what"]]
        rows += [[rule.name, rule.kind, rule.surface, _state(rule, now), _told(rule)] for rule in rules]
        out.lines(table(rows, width=out.width) if rules else [])
        if not rules:
            out.note("none", "there are no rules yet")
            out.hint("honeyguide rules add NAME filter --where CONDITION")


@app.command()
def show(context: typer.Context, name: NameArgument, json: Json = False) -> None:
    """One rule."""
    out = Out(json)
    with project(context) as opened:
        rule = _find(opened, name)
        _show(out, opened, rule, opened.runtime.decisions.warnings(rule))


@app.command()
def add(
    context: typer.Context, name: NameArgument, kind: KindArgument, where: Where = None, surface: Surface = None,
    factor: Factor = None, item: ItemId = None, slot: Slot = None, percent: Percent = None, begin: Begin = None,
    end: End = None, owner: Owner = None, note: Note = None, enabled: Enabled = None, json: Json = False,
) -> None:  # fmt: skip
    """Make a rule; a running server has it in force within moments."""
    given = _given(
        kind=kind, where=where, surface=surface, factor=factor, item_id=item, slot=slot, percent=percent, starts_at=begin,
        ends_at=end, owner=owner or _me(), note=note, enabled=enabled,
    )  # fmt: skip
    with project(context) as opened:
        if any(rule.name == name for rule in opened.runtime.store.rules.all()):
            raise Conflict(f"The rule {name!r}: there is one already.", cure=f"Change it: honeyguide rules edit {name}")
        _save(Out(json), opened, _rule(name, given))


@app.command()
def edit(
    context: typer.Context, name: NameArgument, where: Where = None, surface: Surface = None,
    factor: Factor = None, item: ItemId = None, slot: Slot = None, percent: Percent = None, begin: Begin = None,
    end: End = None, owner: Owner = None, note: Note = None, enabled: Enabled = None, json: Json = False,
) -> None:  # fmt: skip
    """Change what is given of a rule; the rest stays. An empty time takes the boundary away."""
    given = _given(
        where=where, surface=surface, factor=factor, item_id=item, slot=slot, percent=percent, starts_at=begin, ends_at=end,
        owner=owner, note=note, enabled=enabled,
    )  # fmt: skip
    with project(context) as opened:
        _save(Out(json), opened, msgspec.structs.replace(_find(opened, name), **given))


@app.command()
def remove(context: typer.Context, name: NameArgument, json: Json = False) -> None:
    """Remove a rule; its history stays."""
    out = Out(json)
    with project(context) as opened:
        opened.run(opened.runtime.decisions.remove(name, by=_me()))
    out.result({"removed": name})
    out.show("removed", Text(name, style="bold"))


@app.command()
def history(context: typer.Context, name: NameArgument, json: Json = False) -> None:
    """What became of a rule, latest first; of one that was removed, too."""
    out = Out(json)
    with project(context) as opened:
        changes, now = opened.runtime.store.rules.history(name), opened.runtime.clock.now_ms()
    if not changes:
        raise _unknown(name)
    out.result(changes)
    rows: list[Sequence[Cell]] = [["revision", "when", "who", "what"]]
    for change, before in zip(changes, [*(each.rule for each in changes[1:]), None], strict=True):
        told = clean(_became(before, change.rule))
        rows.append([str(change.revision), ago(change.changed_at, now), change.changed_by, told])
    out.lines(table(rows, right=(0,), width=out.width))


@app.command()
def preview(
    context: typer.Context, name: NameArgument, kind: Annotated[str | None, typer.Argument(metavar="[KIND]")] = None,
    where: Where = None, surface: Surface = None, factor: Factor = None, item: ItemId = None, slot: Slot = None,
    percent: Percent = None, user: Users = None, n: Number = 10, json: Json = False,
) -> None:  # fmt: skip
    """Lists before and after a rule, kept or not, as if it were in force now; for users served last, or those named."""
    given = _given(where=where, surface=surface, factor=factor, item_id=item, slot=slot, percent=percent)
    out = Out(json)
    with project(context) as opened:
        rule = _rule(name, {"kind": kind, **given}) if kind else msgspec.structs.replace(_find(opened, name), **given)
        found = opened.run(opened.runtime.decisions.preview(rule, user or [], n=n))
    out.result(found)
    _show_preview(out, found)


@app.command()
def check(context: typer.Context, condition: Condition, json: Json = False) -> None:
    """Whether a condition can be read, and for how many items it holds."""
    out = Out(json)
    rule = Rule(name="check", kind="filter", where=condition)
    with project(context) as opened:
        opened.run(opened.runtime.decisions.check(rule))
        matches, items = opened.runtime.decisions.matches(rule), len(opened.runtime.items)
    out.result({"matches": matches, "items": items})
    out.show("holds for", f"{matches:,} of {count(items, 'item')} that there are now")


def _find(opened: Honeyguide, name: str) -> Rule:
    found = next((rule for rule in opened.runtime.store.rules.all() if rule.name == name), None)
    if found is None:
        raise _unknown(name)
    return found


def _unknown(name: str) -> NotFound:
    return NotFound(f"There is no rule {name!r}.", cure="List them with 'honeyguide rules list'.", code="rule_not_found")


def _given(**fields: Any) -> dict[str, Any]:
    """What was given of a rule, times as ms."""
    given = {name: value for name, value in fields.items() if value is not None}
    return given | {each: moment_of(given[each] or None, each) for each in ("starts_at", "ends_at") if each in given}


def _rule(name: str, fields: dict[str, Any]) -> Rule:
    try:
        return msgspec.convert({"name": name, **fields}, Rule)
    except msgspec.ValidationError as error:
        raise typer.BadParameter(f"{error}; kinds are filter, boost, bury, promote and pin") from None


def _me() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "cli"


def _save(out: Out, opened: Honeyguide, rule: Rule) -> None:
    saved = opened.run(opened.runtime.decisions.save(rule, by=_me()))
    _show(out, opened, saved.rule, saved.warnings)


def _show(out: Out, opened: Honeyguide, rule: Rule, warnings: Sequence[str]) -> None:
    now = opened.runtime.clock.now_ms()
    out.result({**_plain(rule), "active": is_active(rule, now), "warnings": warnings})
    out.show("rule", Text(f"{rule.name}, revision {rule.revision}", style="bold"))
    out.show(rule.kind, _told(rule))
    out.show("surface", "all" if rule.surface == "*" else rule.surface)
    out.show("state", _state(rule, now))
    out.show("owner", rule.owner or "nobody")
    if rule.note:
        out.show("note", rule.note)
    for warning in warnings:
        out.note("warning", warning, style="yellow")


def _state(rule: Rule, now: int) -> str:
    if not rule.enabled:
        return "disabled"
    if rule.starts_at is not None and rule.starts_at > now:
        return f"begins {ago(rule.starts_at, now)}"
    if rule.ends_at is None:
        return "in force"
    return f"in force, ends {ago(rule.ends_at, now)}" if rule.ends_at > now else f"ended {ago(rule.ends_at, now)}"


def _told(rule: Rule) -> str:
    what = {
        "filter": "only {where}",
        "boost": "x {factor:g} where {where}",
        "bury": "x {factor:g} where {where}",
        "promote": "{percent:g} % of {where}",
        "pin": "{item_id} at {slot}" + (" where {where}" if rule.where else ""),
    }[rule.kind]
    return what.format(**_all_fields(rule))


def _became(before: Rule | None, rule: Rule | None) -> str:
    """What a change made of a rule: the fields that differ, or all of it where it was not there before."""
    if rule is None:
        return "removed"
    if before is None:
        return f"{rule.kind}: {_told(rule)}"
    old, new = _all_fields(before), _all_fields(rule)
    changed = [
        f"{name} {_value(name, old[name])} -> {_value(name, new[name])}"
        for name in new
        if name not in _OF_REVISIONS and old[name] != new[name]
    ]
    return ", ".join(changed) or "nothing changed"


def _value(name: str, value: Any) -> str:
    if value is None or value == "":
        return "none"
    if name in ("starts_at", "ends_at"):
        return datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%d %H:%M")
    return f"{value:g}" if isinstance(value, float) else str(value)


def _all_fields(rule: Rule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in rule.__struct_fields__}


def _plain(rule: Rule) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(rule)
    return found


def _show_preview(out: Out, found: Preview) -> None:
    out.show("holds for", f"{found.matches:,} of {count(found.items, 'item')}")
    for warning in found.warnings:
        out.note("warning", warning, style="yellow")
    for user in found.users:
        out.show("user", Text(f"{clean(user.user_id) or 'somebody new'} on {user.surface}", style="bold"))
        if user.because:
            out.show("after", f"nothing: {user.because}", style="yellow")
            continue
        rows: list[Sequence[Cell]] = [["", "before", "after"]]
        for place in range(max(len(user.before), len(user.after))):
            old, new = (each[place] if place < len(each) else "" for each in (user.before, user.after))
            rows.append(
                [
                    str(place + 1),
                    Text(clean(old), style="red" if old in user.gone else ""),
                    Text(clean(new), style="green" if new in user.new else ""),
                ]
            )
        out.lines(table(rows, right=(0,), width=out.width))
