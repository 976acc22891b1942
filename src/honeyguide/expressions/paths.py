"""Paths into nested tables."""

from collections.abc import Mapping
from typing import Any


def at_path(tree: Mapping[str, Any], path: str) -> Any:
    """The value at `a.b` of nested tables; None where there is none. A key that holds a dot itself goes first."""
    if path in tree:
        return tree[path]
    head, dot, rest = path.partition(".")
    inner = tree.get(head) if dot else None
    return at_path(inner, rest) if isinstance(inner, Mapping) else None
