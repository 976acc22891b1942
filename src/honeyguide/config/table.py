"""The settings table as rows: read off the models in settings.py, so that nothing has to be written twice.

The environment, `config show`, error messages and the reference page all read these rows.
"""

import difflib
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, MaxLen
from pydantic import BaseModel, BeforeValidator, SecretStr
from pydantic.fields import FieldInfo

from honeyguide.config.settings import Settings
from honeyguide.config.values import format_duration, format_size, format_window, parse_duration, parse_size, parse_window

Kind = Literal["text", "secret", "number", "switch", "duration", "window", "size", "list", "table", "tables"]

ANY = "*"
"""In a row's path: a name that the user chooses, or a position in a list of tables."""


@dataclass(frozen=True, slots=True)
class Row:
    """One setting: its path, how a text for it is read, what it may be, its default, what it does."""

    path: tuple[str, ...]
    kind: Kind
    allowed: str
    default: Any
    description: str
    secret: bool = False
    required: bool = False

    @property
    def key(self) -> str:
        """`server.port`."""
        return ".".join(self.path)


@cache
def rows() -> tuple[Row, ...]:
    """Every setting, in the order of the table."""
    return tuple(_rows(Settings, ()))


def find_row(path: Iterable[str | int]) -> Row | None:
    """The row that describes `path`; positions and chosen names match `*`."""
    wanted = tuple(str(part) for part in path)
    for row in rows():
        if len(row.path) == len(wanted) and all(a in (ANY, b) for a, b in zip(row.path, wanted, strict=True)):
            return row
    return None


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the known name most like `name`, or nothing if none is like it."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def _rows(model: type[BaseModel], prefix: tuple[str, ...]) -> Iterator[Row]:
    for name, field in model.model_fields.items():
        path = (*prefix, name)
        nested = _section(field.annotation)
        if nested is not None:
            yield from _rows(nested, path)
            continue
        yield _row(path, field)
        element = _element(field.annotation)
        if element is not None:
            yield from _rows(element, (*path, ANY))


def _section(annotation: Any) -> type[BaseModel] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _element(annotation: Any) -> type[BaseModel] | None:
    """The section that a list or a table of sections consists of."""
    arguments = get_args(annotation)
    return _section(arguments[-1]) if arguments else None


def _row(path: tuple[str, ...], field: FieldInfo) -> Row:
    kind = _kind(field)
    extra = field.json_schema_extra
    hidden = isinstance(extra, dict) and bool(extra.get("writeOnly"))
    return Row(
        path=path,
        kind=kind,
        allowed=_allowed(kind, field),
        default=None if field.is_required() else _plain(field.get_default(call_default_factory=True), kind),
        description=field.description or "",
        secret=kind == "secret" or hidden,
        required=field.is_required(),
    )


def _kind(field: FieldInfo) -> Kind:
    annotation = _present(field.annotation)
    if get_origin(annotation) is dict:
        return "table"
    parsers = [entry.func for entry in (*field.metadata, *_inner(field)) if isinstance(entry, BeforeValidator)]
    if parse_duration in parsers:
        return "duration"
    if parse_window in parsers:
        return "window"
    if parse_size in parsers:
        return "size"
    if get_origin(annotation) is list:
        return "tables" if _element(annotation) else "list"
    plain: dict[Any, Kind] = {bool: "switch", int: "number", float: "number", SecretStr: "secret"}
    return plain.get(annotation, "text")


def _inner(field: FieldInfo) -> tuple[Any, ...]:
    """What is annotated inside of `Annotated[...] | None`."""
    return tuple(note for part in get_args(field.annotation) for note in getattr(part, "__metadata__", ()))


def _present(annotation: Any) -> Any:
    """`X` of `X | None`, without annotations."""
    if get_origin(annotation) in (types.UnionType, Union):
        annotation = next(part for part in get_args(annotation) if part is not type(None))
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _allowed(kind: Kind, field: FieldInfo) -> str:
    annotation = _present(field.annotation)
    if get_origin(annotation) is Literal:
        return one_of(get_args(annotation))
    if annotation is Path:
        return "a path"
    if any(getattr(entry, "pattern", None) for entry in field.metadata):
        return "a name: a-z, 0-9, _ and -, starting with a letter, at most 64 characters"
    if kind == "number":
        return ("a whole number" if annotation is int else "a number") + _bounds(field.metadata)
    if kind == "list":
        most = next((entry.max_length for entry in field.metadata if isinstance(entry, MaxLen)), None)
        numbers = _element_type(annotation) in (int, float)
        return f"a list of {'numbers' if numbers else 'texts'}" + (f", at most {most}" if most else "")
    fixed: dict[str, str] = {
        "text": "a text",
        "secret": "a text; never shown",
        "switch": "true or false",
        "duration": "a duration such as 250ms, 5m or 1d",
        "window": "a duration from 1m to 400d, or 'all'",
        "size": "a size such as 256MB",
        "table": "a table",
        "tables": "a list of tables",
    }
    return fixed[kind]


def _element_type(annotation: Any) -> Any:
    """`X` of `list[X]`, without annotations."""
    element = next(iter(get_args(annotation)), None)
    return get_args(element)[0] if get_origin(element) is Annotated else element


def one_of(values: Iterable[Any]) -> str:
    """`'a', 'b' or 'c'`."""
    names = [repr(value) for value in values]
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]


def _bounds(metadata: Iterable[Any]) -> str:
    limits = list(metadata)
    low = next((entry.ge for entry in limits if isinstance(entry, Ge)), None)
    high = next((entry.le for entry in limits if isinstance(entry, Le)), None)
    above = next((entry.gt for entry in limits if isinstance(entry, Gt)), None)
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    if low is not None:
        return f", {low:g} or more"
    return f" above {above:g}" if above is not None else ""


def _plain(value: Any, kind: Kind) -> Any:
    """A default as TOML and JSON can hold it."""
    if value is None or kind in ("tables", "table"):
        return value
    if kind == "duration":
        return format_duration(value)
    if kind == "window":
        return format_window(value)
    if kind == "size":
        return format_size(value)
    return str(value) if isinstance(value, Path) else value
