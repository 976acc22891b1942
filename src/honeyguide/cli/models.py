"""`honeyguide models`: list, show, compare, promote, rollback."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.text import Text

from honeyguide.cli.asking import answering
from honeyguide.cli.frame import HelpfulGroup
from honeyguide.cli.lineage import show_lineage
from honeyguide.cli.metrics import metric_names, metric_text
from honeyguide.cli.output import Cell, Json, Out, ago, table
from honeyguide.cli.searched import show_search
from honeyguide.cli.storage import storage
from honeyguide.cli.surroundings import unranked
from honeyguide.cli.there import promote_there, roll_back_there
from honeyguide.errors import InvalidInput, NotFound
from honeyguide.models.artefact import load as load_artefact
from honeyguide.protocols import Registry
from honeyguide.train import promote as promote_version
from honeyguide.train import rollback as roll_back
from honeyguide.train.items import ItemCheck
from honeyguide.train.lineage import lineage_of
from honeyguide.train.ranker import surfaces_without
from honeyguide.types import ModelVersion

app = typer.Typer(add_completion=False, help="List, compare, promote and roll back model versions.", cls=HelpfulGroup)

CHAMPION = "champion"
_ALIAS = re.compile(r"[a-z][a-z0-9_-]{0,63}")

Version = Annotated[str, typer.Argument(metavar="MODEL", help="name@version, or an alias such as champion.")]
Other = Annotated[str, typer.Argument(metavar="OTHER", help="What to compare it with.")]
To = Annotated[str, typer.Option("--to", "--alias", metavar="ALIAS", help="The alias to point at it.")]
Anyway = Annotated[
    bool, typer.Option("--anyway", help="Also if its items are few, or are not those of the catalogue any more.")
]
Url = Annotated[str | None, typer.Option("--url", metavar="URL", help="A server to do it, on this machine or another.")]
Alias = Annotated[str, typer.Option("--alias", metavar="ALIAS", help="The alias to roll back.")]
ModelName = Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only the versions of this model.")]


@app.command("list")
def list_versions(context: typer.Context, name: ModelName = None, json: Json = False) -> None:
    """All versions, newest first, with what they scored and which alias points at them."""
    out = Out(json)
    with storage(context) as stored:
        versions, aliases = stored.store.registry.versions(name), stored.store.registry.aliases()
        out.result([_plain(version, aliases) for version in versions])
        if not versions:
            out.note("empty", f"no version of {name!r} yet" if name else "no model is trained yet")
            out.hint("honeyguide train")
            return
        names = metric_names((version.metrics for version in versions), main=True)
        rows: list[list[Cell]] = [["version", "alias", *names, "log position", "trained"]]
        for version in versions:
            alias = Text(", ".join(_aliases_of(version, aliases)), style="green")
            scores = [metric_text(version.metrics.get(metric)) for metric in names]
            when = ago(version.created_at, stored.clock.now_ms())
            rows.append([Text(version.label, style="bold"), alias, *scores, f"{version.trained_through:,}", when])
        out.lines(table(rows, right=range(2, 3 + len(names)), width=out.width))


@app.command()
def show(context: typer.Context, model: Version, json: Json = False) -> None:
    """One version: its scores, what it was made of, its files, checked again; why a search chose it."""
    out = Out(json)
    with storage(context) as stored:
        registry = stored.store.registry
        version, aliases = find_version(registry, model), registry.aliases()
        load_artefact(stored.artefacts.path(version.model, version.version), whole=True)
        lineage = lineage_of(version)
        out.result(_plain(version, aliases) | {"lineage": lineage, "manifest": version.manifest})
        out.show("version", Text(version.label, style="bold"))
        out.show("aliases", ", ".join(_aliases_of(version, aliases)) or "none")
        out.show(
            "trained", f"{ago(version.created_at, stored.clock.now_ms())}, on the log up to {version.trained_through:,}"
        )
        out.show("params", ", ".join(f"{key} = {value}" for key, value in lineage.params.items()) or "none")
        show_lineage(out, lineage)
        out.show("files", "whole, as their checksums say")
        if version.manifest.get("verdict"):
            out.show("because", version.manifest["verdict"])
        for told in version.manifest.get("rankers", {}).values():
            out.show("ranker", told["reason"])
        scores: list[list[Cell]] = [[name, metric_text(version.metrics[name])] for name in metric_names([version.metrics])]
        out.lines(["", *table(scores, right=(1,), head=False)] if scores else [])
        if version.manifest.get("search"):
            out.lines([""])
            show_search(out, version.manifest["search"])


@app.command()
def compare(context: typer.Context, model: Version, other: Other = CHAMPION, json: Json = False) -> None:
    """Two versions side by side, as they were evaluated when they were trained."""
    out = Out(json)
    with storage(context) as stored:
        registry = stored.store.registry
        one, two = find_version(registry, model), find_version(registry, other)
        names = metric_names([one.metrics, two.metrics])
        changes = {name: _change(one.metrics.get(name), two.metrics.get(name)) for name in names}
        out.result({"a": _plain(one, {}), "b": _plain(two, {}), "change": changes})
        rows: list[list[Cell]] = [["metric", one.label, two.label, "change"]]
        for name in names:
            change = changes[name]
            told = Text("" if change is None else f"{change:+.1%}", style="green" if (change or 0) > 0 else "red")
            rows.append([name, metric_text(one.metrics.get(name)), metric_text(two.metrics.get(name)), told])
        out.lines(table(rows, right=(1, 2, 3)))
        if one.trained_through != two.trained_through:
            out.note("note", "they were evaluated on different data; 'honeyguide evaluate' compares all models on the same")


@app.command()
def promote(
    context: typer.Context,
    model: Version,
    to: To = CHAMPION,
    anyway: Anyway = False,
    url: Url = None,
    json: Json = False,
) -> None:
    """Point an alias at a version; it is loaded first, so a damaged one never serves, and its items are looked at.

    Works on the data directory or, with --url, through a server; running servers follow at once."""
    if not _ALIAS.fullmatch(to):
        raise InvalidInput(f"{to!r} is no name for an alias.", cure="Use a-z, 0-9, _ and -, beginning with a letter.")
    if url is not None:
        with answering(context, url) as server:
            _pointed(Out(json), to, *promote_there(server, model, to, anyway=anyway))
        return
    with storage(context) as stored:
        registry = stored.store.registry
        target, before = find_version(registry, model), registry.aliases().get(to)
        check = ItemCheck(stored.store.catalogue, stored.artefacts, registry, stored.loaded.settings.training)
        checks = None if anyway else check
        found = promote_version(registry, stored.artefacts, to, target.model, target.version, checks)
        missing = [unranked(surface, found) for surface in surfaces_without(found, stored.loaded.settings)]
        _pointed(Out(json), to, before.label if before else None, found.label, missing)


@app.command()
def rollback(context: typer.Context, alias: Alias = CHAMPION, url: Url = None, json: Json = False) -> None:
    """Point an alias at what it pointed at before; on the data directory or, with --url, through a server."""
    if url is not None:
        with answering(context, url) as server:
            _pointed(Out(json), alias, *roll_back_there(server, alias))
        return
    with storage(context) as stored:
        registry = stored.store.registry
        if alias not in registry.aliases():
            known = ", ".join(sorted(registry.aliases())) or "none yet; run 'honeyguide train'"
            raise NotFound(f"There is no alias {alias!r}.", cure=f"There are: {known}.")
        before = registry.aliases()[alias].label
        found = roll_back(registry, stored.artefacts, alias)
        missing = [unranked(surface, found) for surface in surfaces_without(found, stored.loaded.settings)]
        _pointed(Out(json), alias, before, found.label, missing)


def find_version(registry: Registry, name: str) -> ModelVersion:
    """The version that an alias, `name@version` or a model's name (its newest) means; raises NotFound with what there is."""
    aliases = registry.aliases()
    if name in aliases:
        return aliases[name]
    model, at, number = name.partition("@")
    if at and number.isdecimal() and len(number) < 10:
        return registry.version(model, int(number))
    newest = registry.versions(name)
    if newest and not at:
        return newest[0]
    known = sorted({*aliases, *(version.label for version in registry.versions()[:20])})
    raise NotFound(f"There is no model {name!r}.", cure=f"There are: {', '.join(known)}." if known else "honeyguide train")


def _pointed(out: Out, alias: str, before: str | None, target: str, missing: Sequence[str] = ()) -> None:
    out.result({"alias": alias, "version": target, "before": before, **({"warnings": missing} if missing else {})})
    was = "" if before is None else "  (as before)" if before == target else f"  (was {before})"
    out.show(alias, Text.assemble((target, "bold"), was))
    for warning in missing:
        out.note("warning", f"{warning}: honeyguide train", style="yellow")
    if before and before != target:
        out.hint(f"honeyguide models rollback{'' if alias == CHAMPION else f' --alias {alias}'}   brings {before} back")


def _aliases_of(version: ModelVersion, aliases: dict[str, ModelVersion]) -> list[str]:
    return sorted(name for name, target in aliases.items() if target.label == version.label)


def _plain(version: ModelVersion, aliases: dict[str, ModelVersion]) -> dict[str, Any]:
    return {
        "model": version.model,
        "version": version.version,
        "label": version.label,
        "aliases": _aliases_of(version, aliases),
        "created_at": version.created_at,
        "trained_through": version.trained_through,
        "metrics": version.metrics,
    }


def _change(one: Any, two: Any) -> float | None:
    """How much better the first is, relative to the second."""
    if not isinstance(one, int | float) or not isinstance(two, int | float) or not two:
        return None
    return (one - two) / abs(two)
