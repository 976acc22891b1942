"""Settings from environment variables: `HONEYGUIDE_SECTION__KEY`, and `HONEYGUIDE_SECTION__KEY_FILE` for secrets.

Every name that starts with `HONEYGUIDE_` must be known: a misspelt variable is an error, not a setting that
silently keeps its default.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from honeyguide.config.given import Fault, Given
from honeyguide.config.table import ANY, Row, find_row, nearest, rows

PREFIX = "HONEYGUIDE_"
CONFIG_VARIABLE = "HONEYGUIDE_CONFIG"
"""Names the TOML file; the one variable that is no setting."""

_FILE = "_FILE"


def variable(path: tuple[str, ...]) -> str:
    """The variable of a setting: `HONEYGUIDE_SERVER__PORT`."""
    return PREFIX + "__".join(path).upper()


def apply_environment(given: Given, environ: Mapping[str, str]) -> list[Fault]:
    """Lay the environment over `given`: files of secrets first, then plain variables, whole tables before their keys."""
    faults: list[Fault] = []
    names = [name for name in environ if name.startswith(PREFIX) and name != CONFIG_VARIABLE]
    for name in sorted(names, key=lambda name: (not _is_secret_file(name), name.count("__"), name)):
        try:
            path, value = _read(name, environ[name])
        except ValueError as error:
            faults.append(Fault((), str(error), name))
        else:
            given.put(path, value, name)
    return faults


def _path(name: str) -> tuple[str, ...]:
    return tuple(name.removeprefix(PREFIX).lower().split("__"))


def _row(name: str) -> Row | None:
    return find_row(_path(name)) if name == name.upper() else None


def _is_secret_file(name: str) -> bool:
    row = _row(name.removesuffix(_FILE)) if name.endswith(_FILE) else None
    return row is not None and row.secret


def _read(name: str, text: str) -> tuple[tuple[str, ...], Any]:
    if _is_secret_file(name):
        return _path(name.removesuffix(_FILE)), _secret(text)
    row = _row(name)
    if row is None:
        raise ValueError(f"unknown variable{_nearest(name)}")
    holder = find_row(row.path[:1])
    if holder is not None and holder.kind == "tables" and row is not holder:
        raise ValueError(f"{holder.key} is a list: give all of it as JSON in {variable(holder.path)}")
    return _path(name), _value(row, text)


def _secret(path: str) -> str:
    try:
        return Path(path).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ValueError(f"cannot read the file {path!r} that it names: {reason}") from None


def _value(row: Row, text: str) -> Any:
    if row.kind == "list" and not text.lstrip().startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    if row.kind in ("list", "table", "tables"):
        return _json(row, text)
    return text


def _json(row: Row, text: str) -> Any:
    wanted: type = dict if row.kind == "table" else list
    example = '{"name": ...}' if row.kind == "table" else '[{"name": ...}]' if row.kind == "tables" else "a, b, c"
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, wanted):
        raise ValueError(f"its value must be {row.allowed} written as JSON, such as {example}")
    return value


def _nearest(name: str) -> str:
    """Compared without the prefix, which makes all names alike."""
    bare = {known.removeprefix(PREFIX): known for known in _known()}
    hint = nearest(name.upper().removeprefix(PREFIX), bare)
    return hint.replace("did you mean ", f"did you mean {PREFIX}")


def _known() -> Iterator[str]:
    yield CONFIG_VARIABLE
    for row in rows():
        if ANY not in row.path:
            yield variable(row.path)
            if row.secret:
                yield variable(row.path) + _FILE
