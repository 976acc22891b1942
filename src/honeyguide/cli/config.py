"""`honeyguide config`: show, check, schema."""

from typing import Annotated, Any

import typer
from rich.text import Text

from honeyguide.cli.frame import HelpfulGroup
from honeyguide.cli.opening import configuration, short
from honeyguide.cli.output import Json, Out, count
from honeyguide.config import LoadedConfig, cross_check
from honeyguide.config.load import DEFAULT, located
from honeyguide.config.reference import bare, json_schema, literal, reference
from honeyguide.config.shown import shown
from honeyguide.config.table import find_row
from honeyguide.errors import ConfigError, FieldError
from honeyguide.models import REGISTRY
from honeyguide.recipes import source_names

app = typer.Typer(add_completion=False, help="Show and check the configuration.", cls=HelpfulGroup)

Sources = Annotated[bool, typer.Option("--sources", help="Say behind each setting where its value comes from.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="The reference page instead of JSON Schema.")]


@app.command()
def show(context: typer.Context, sources: Sources = False, json: Json = False) -> None:
    """Print the settings in effect as TOML, built-in event types and surfaces included."""
    out, loaded = Out(json), configuration(context)
    out.result(
        {"file": str(loaded.path) if loaded.path else None, "settings": shown(loaded.settings), "sources": loaded.sources}
    )
    out.lines(list(_toml(loaded, sources)))
    if loaded.path is None and not json:
        out.note("note", "no honeyguide.toml here; these are the defaults")


@app.command()
def check(context: typer.Context, json: Json = False) -> None:
    """Read the configuration as a server would, and look up the models that it names."""
    out, loaded = Out(json), configuration(context)
    faults = located(cross_check(loaded.settings, list(REGISTRY), source_names()), loaded.sources)
    if faults:
        errors = [FieldError("/" + "/".join(map(str, fault.path)), fault.sentence()) for fault in faults]
        detail = "\n- ".join([f"{count(len(errors), 'problem')} in the configuration", *(e.detail for e in errors)])
        raise ConfigError(detail, cure="'honeyguide config show --sources' says where each value comes from.", errors=errors)
    given = sorted({source.rpartition(":")[0] or source for source in loaded.sources.values() if source != DEFAULT})
    out.result({"ok": True, "file": str(loaded.path) if loaded.path else None, "given_by": given})
    out.show("config", f"fine · {'from ' + ', '.join(given) if given else 'all defaults'}")
    out.show("data", short(loaded.settings.project.data_dir))


@app.command()
def schema(markdown: Markdown = False, json: Json = True) -> None:
    """Print the JSON Schema of honeyguide.toml, for editors; or the reference page."""
    if markdown:
        Out().lines(reference().split("\n"))
    else:
        Out(json=True).result(json_schema())


def _toml(loaded: LoadedConfig, sources: bool) -> list[Text]:
    """A TOML document of the settings; with `sources`, each line ends with where the value comes from."""
    tree = shown(loaded.settings)
    lists = {name: tree.pop(name) for name in ("surfaces", "features", "metrics", "external")}
    lines: list[tuple[str, str]] = []
    for section, members in tree.items():
        lines.append((f"[{section}]", ""))
        for key, value in members.items():
            lines += _setting(loaded, (section, key), value)
        lines.append(("", ""))
    for name, members in lists.items():
        for member in members:
            lines += _member(loaded, name, member)
    return _painted(lines[:-1], sources)


def _member(loaded: LoadedConfig, name: str, member: dict[str, Any]) -> list[tuple[str, str]]:
    """One table of a list of tables as lines. TOML has no null: what is not set is left out."""
    declared = getattr(loaded.settings, name)
    at = next((n for n, own in enumerate(declared) if own.name == member["name"]), None)
    lines = [(f"[[{name}]]", "")]
    for key, value in member.items():
        source = "built-in" if at is None else _source_of_member(loaded, f"{name}.{at}.{key}")
        row = find_row((name, str(at), key))
        text = f"# {key} is set, not shown" if row is not None and row.secret else f"{key} = {literal(value)}"
        lines += [] if value is None else [(text, source)]
    return [*lines, ("", "")]


def _source_of_member(loaded: LoadedConfig, dotted: str) -> str:
    """The source of a key; of a table or a list of tables, where the first of its own keys comes from."""
    under = (source for key, source in loaded.sources.items() if key.startswith(f"{dotted}.") and source != DEFAULT)
    return loaded.sources.get(dotted) or next(under, DEFAULT)


def _setting(loaded: LoadedConfig, path: tuple[str, str], value: Any) -> list[tuple[str, str]]:
    """One setting as lines: a plain one is one line, a table of tables one line for each."""
    key, dotted = path[1], ".".join(path)
    row = find_row(path)
    if row is not None and row.secret:
        return [(f"# {key} is {'set, not shown' if value else 'not set'}", loaded.sources.get(dotted, DEFAULT))]
    if isinstance(value, dict) and value:
        return [
            (f"{key}.{bare(name)} = {literal(held)}", _source_of_table(loaded, f"{dotted}.{name}"))
            for name, held in value.items()
        ]
    return [(f"{key} = {literal(value)}", loaded.sources.get(dotted, DEFAULT))]


def _source_of_table(loaded: LoadedConfig, dotted: str) -> str:
    """The sources of a table's own keys, each once."""
    found = {source for key, source in loaded.sources.items() if key.startswith(f"{dotted}.") and source != DEFAULT}
    return ", ".join(sorted(found)) or "built-in"


def _painted(lines: list[tuple[str, str]], sources: bool) -> list[Text]:
    width = min(48, max(len(text) for text, _ in lines))
    painted = []
    for text, source in lines:
        line = Text(text, style="bold" if text.startswith("[") else "dim" if source in (DEFAULT, "built-in") else "")
        if sources and source:
            line.append(
                f"{' ' * (width - len(text))}  # {source}", style="dim" if source in (DEFAULT, "built-in") else "cyan"
            )
        painted.append(line)
    return painted
