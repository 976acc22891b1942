"""What pydantic found wrong, said in words that name the setting, its problem and what is allowed instead."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from honeyguide.config.given import Fault, Given, leaves
from honeyguide.config.positions import KeyPath
from honeyguide.config.table import ANY, Row, find_row, nearest, rows


def dotted(path: KeyPath) -> str:
    """`surfaces[0].name`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def validation_faults(error: ValidationError, given: Given) -> list[Fault]:
    """One fault per error of pydantic, with its origin."""
    return [_fault(dict(entry), given) for entry in error.errors(include_url=False)]


def switch_faults(given: Given) -> list[Fault]:
    """Numbers given as true or false: pydantic would take them for 1 and 0."""
    found = []
    for path, value in leaves(given.values):
        row = find_row(path)
        if row is not None and row.kind in ("number", "duration", "window", "size") and isinstance(value, bool):
            problem = f"{dotted(path)} is {_show(value, row)}; allowed: {row.allowed}"
            found.append(Fault(path, problem, given.origin(path)))
    return found


def _fault(entry: Mapping[str, Any], given: Given) -> Fault:
    path = _real(tuple(entry["loc"]), given)
    origin = given.origin(path)
    kind = entry["type"]
    if kind == "extra_forbidden":
        return Fault(path, _unknown(path), origin)
    if kind == "missing":
        return Fault(path, f"{dotted(path[:-1])} lacks the key '{path[-1]}'", origin)
    row = find_row(path)
    if row is None:
        return Fault(path, _of_another_shape(path, entry["input"]), origin)
    if kind == "value_error" and row.kind in ("duration", "window", "size"):
        return Fault(path, f"{dotted(path)}: {entry['ctx']['error']}", origin)
    if row.secret and kind == "too_short":
        return Fault(path, f"{dotted(path)} is empty; give it a value, or take it away", origin)
    return Fault(path, f"{dotted(path)} is {_show(entry['input'], row)}; allowed: {row.allowed}", origin)


def _real(path: KeyPath, given: Given) -> KeyPath:
    """Without the steps that pydantic adds for its own branches (`[key]`, names of validators)."""
    real: KeyPath = ()
    for part in path:
        longer = (*real, part)
        holder = given.get(real) if real else given.values
        if find_row(longer) or isinstance(holder, dict | list) or _is_section(longer):
            real = longer
    return real


def _is_section(path: KeyPath) -> bool:
    return any(row.path[: len(path)] == path for row in rows())


def _unknown(path: KeyPath) -> str:
    *holder, name = path
    above = tuple(ANY if isinstance(part, int) else part for part in holder)
    siblings = {row.path[len(above)] for row in rows() if _under(row, above)} - {ANY}
    hint = nearest(str(name), siblings)
    elsewhere = [row.key for row in rows() if row.path[-1] == name and ANY not in row.path]
    if not hint and elsewhere:
        hint = f"; it belongs to {elsewhere[0].rpartition('.')[0]}: {elsewhere[0]}"
    if not holder:
        return f"unknown section or key '{name}'{hint or f'; there are {_listing(siblings)}'}"
    return f"unknown key '{name}' in {dotted(tuple(holder))}{hint or f'; there are {_listing(siblings)}'}"


def _under(row: Row, above: tuple[str, ...]) -> bool:
    return len(row.path) > len(above) and all(a in (ANY, b) for a, b in zip(row.path, above, strict=False))


def _listing(names: set[str]) -> str:
    return ", ".join(sorted(names))


def _of_another_shape(path: KeyPath, value: Any) -> str:
    """What is wrong with something that is no setting: a section, a member of a list or of a table."""
    holder = find_row(path[:-1])
    if holder is not None and holder.kind == "list":
        return f"{dotted(path)} is {value!r}; allowed: a {'number' if 'numbers' in holder.allowed else 'text'}"
    header = f"[[{dotted(path[:-1])}]]" if isinstance(path[-1], int) else f"[{dotted(path)}]"
    return f"{dotted(path)} must be a table, written as {header} with its keys below"


def _show(value: Any, row: Row) -> str:
    """The value, cut short; never that of a secret."""
    if row.secret:
        return "not a text" if not isinstance(value, str) else "not fit"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
