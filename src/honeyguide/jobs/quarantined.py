"""Takes persons out of the importers' quarantine files that lie in the data directory; others are the operator's own."""

import os
import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from honeyguide.stores.sql.erase import naming

_FIELDS: Final = frozenset(("source", "row", "code", "field", "reason", "raw"))
_read: Final = msgspec.json.Decoder(dict[str, Any]).decode


def take_out(folder: Path, ids: Collection[str]) -> dict[str, int]:
    """Remove the lines about these ids from all quarantine files under `folder`; returns how many."""
    about = _telling(ids)
    removed = sum(_clean(path, about) for path in sorted(folder.rglob("*.jsonl")) if _is_quarantine(path))
    return {"quarantine": removed} if removed else {}


def _is_quarantine(path: Path) -> bool:
    with path.open("rb") as file:
        return _entry(file.readline()).keys() >= _FIELDS


def _clean(path: Path, about: Callable[[bytes], bool]) -> int:
    """Write the file anew without the lines that are `about` somebody, if there are any."""
    with path.open("rb") as lines:
        removed = sum(map(about, lines))
    if removed:
        beside = path.with_name(f".{path.name}.new")
        with path.open("rb") as lines, os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as new:
            new.writelines(line for line in lines if not about(line))
        beside.replace(path)
    return removed


def _telling(ids: Collection[str]) -> Callable[[bytes], bool]:
    """Tells whether a line is about one of the ids: a cell is the id, or the words or the unreadable row name it."""
    cells, quoted = frozenset(ids), naming(ids)
    words = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in sorted(ids)))

    def about(line: bytes) -> bool:
        entry = _entry(line)
        raw = entry.get("raw")
        if isinstance(raw, str) and words.search(raw):
            return True
        return not cells.isdisjoint(_texts(raw)) or quoted(line.decode(errors="replace"))

    return about


def _texts(value: object) -> Iterator[str]:
    """Every value in a row as the text that it would be an id by."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
    elif isinstance(value, float) and value.is_integer():
        yield str(int(value))
    elif value is not None:
        yield str(value)


def _entry(line: bytes) -> dict[str, Any]:
    try:
        return _read(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}
