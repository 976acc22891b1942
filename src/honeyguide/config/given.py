"""What was given, and by whom: values of one source laid over those of another, each with its origin."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from honeyguide.config.positions import KeyPath


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a setting: where (`origin`: file and line, variable, flag), at which path, and what."""

    path: KeyPath
    problem: str
    origin: str = ""

    def sentence(self) -> str:
        """`honeyguide.toml:4: server.port is ...`."""
        return f"{self.origin}: {self.problem}" if self.origin else self.problem


@dataclass
class Given:
    """A tree of values that were given explicitly, and the origin of each path in it."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[KeyPath, str] = field(default_factory=dict)

    def put(self, path: tuple[str, ...], value: Any, origin: str) -> None:
        """Set one value, over whatever stood at its path."""
        table = self.values
        for part in path[:-1]:
            below = table.get(part)
            if not isinstance(below, dict):  # a wrong value in a lower source gives way to the right one
                below = table[part] = {}
            table = below
        table[path[-1]] = value
        for stale in [known for known in self.origins if known[: len(path)] == path]:
            del self.origins[stale]
        self.origins[path] = origin

    def origin(self, path: KeyPath) -> str:
        """Where the value at `path` comes from: its own origin, or that of what holds it; empty for a default."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.origins:
                return self.origins[path[:end]]
        return ""

    def get(self, path: KeyPath) -> Any:
        """The value at `path`; None where nothing was given."""
        value: Any = self.values
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value


def leaves(tree: Any, prefix: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Every value in nested tables and lists of tables; a list of plain values is one value."""
    if isinstance(tree, Mapping) and (tree or not prefix):
        for key, value in tree.items():
            yield from leaves(value, (*prefix, key))
    elif isinstance(tree, list) and tree and all(isinstance(element, Mapping) for element in tree):
        for index, element in enumerate(tree):
            yield from leaves(element, (*prefix, index))
    else:
        yield prefix, tree
