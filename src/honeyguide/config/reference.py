"""The settings table for people (the reference page) and for editors (JSON Schema)."""

import json
from collections.abc import Iterator
from typing import Any

from honeyguide.config.environment import variable
from honeyguide.config.settings import DEFAULT_EVENT_TYPES, DEFAULT_SURFACES, Settings
from honeyguide.config.table import ANY, Row, rows

BEGIN = "<!-- settings: made by 'honeyguide config schema --markdown'; do not edit -->"
END = "<!-- end of settings -->"

_TITLES = {
    ("events", "types", ANY): "[events.types.NAME]",
    ("surfaces", ANY): "[[surfaces]]",
    ("surfaces", ANY, "sources", ANY): "[[surfaces.sources]]",
    ("surfaces", ANY, "caps", ANY): "[[surfaces.caps]]",
    ("surfaces", ANY, "diversity"): "[surfaces.diversity]",
    ("surfaces", ANY, "explore"): "[surfaces.explore]",
    ("features", ANY): "[[features]]",
    ("metrics", ANY): "[[metrics]]",
    ("external", ANY): "[[external]]",
}


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of honeyguide.toml."""
    schema = Settings.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "honeyguide.toml",
        "description": "Settings of honeyguide. An unknown key is an error.",
    }


def reference() -> str:
    """The reference as Markdown: one table per section, then the built-in event types and surfaces."""
    blocks = [_section(title, members) for title, members in _sections()]
    return "\n".join([BEGIN, "", *blocks, _event_types(), _surfaces(), END])


def literal(value: Any) -> str:
    """A value as TOML writes it on one line. TOML has no null: what is not set is left out."""
    if isinstance(value, dict):
        inside = ", ".join(f"{bare(name)} = {literal(held)}" for name, held in value.items() if held is not None)
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(literal(element) for element in value)}]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def bare(name: str) -> str:
    """A key as TOML writes it: quoted only where it must be."""
    plain = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if plain else literal(name)


def _sections() -> Iterator[tuple[str, list[Row]]]:
    """Rows by the table of the file that they stand in, in the order of the settings table."""
    tables: dict[tuple[str, ...], list[Row]] = {}
    for row in rows():
        tables.setdefault(row.path[:-1], []).append(row)
    for path, members in tables.items():
        if path:
            yield _TITLES.get(path, f"[{'.'.join(path)}]"), [row for row in members if not _is_holder(row)]


def _is_holder(row: Row) -> bool:
    """Whether the row's own content has a table of its own below."""
    return (*row.path, ANY) in _TITLES


def _section(title: str, members: list[Row]) -> str:
    lines = [f"### `{title}`", "", "| key | default | allowed | what it does |", "|---|---|---|---|"]
    for row in members:
        default = "required" if row.required else "not set" if row.default is None or row.secret else ""
        lines.append(f"| `{row.path[-1]}` | {default or f'`{literal(row.default)}`'} | {row.allowed} | {_what(row)} |")
    return "\n".join([*lines, ""])


def _what(row: Row) -> str:
    if not row.secret:
        return row.description
    return f"{row.description} From a file: `{variable(row.path)}_FILE`."


def _event_types() -> str:
    lines = [
        "### Built-in event types",
        "",
        "| type | weight | by value | negative | needs an item |",
        "|---|---|---|---|---|",
    ]
    for name, kind in DEFAULT_EVENT_TYPES.items():
        flags = " | ".join("yes" if flag else "" for flag in (kind.by_value, kind.negative, kind.needs_item))
        lines.append(f"| `{name}` | {kind.weight:g} | {flags} |")
    return "\n".join([*lines, ""])


def _surfaces() -> str:
    lines = ["### Built-in surfaces", "", "| surface | what differs from the defaults above |", "|---|---|"]
    for surface in DEFAULT_SURFACES:
        given = surface.model_dump(mode="json", exclude_unset=True, exclude={"name"})
        differs = ", ".join(f"`{key} = {literal(value)}`" for key, value in given.items())
        lines.append(f"| `{surface.name}` | {differs or 'nothing'} |")
    return "\n".join([*lines, ""])
