"""Kinds of values, and the fields that an expression may name."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Kind = Literal["truth", "number", "text", "list", "time", "duration", "any"]
"""`any`: what is only known when it is looked at. `time` is ms since 1970-01-01 UTC, `duration` is ms; `list` holds texts
and numbers."""

TOLD: Final[Mapping[Kind, str]] = {
    "truth": "true or false",
    "number": "a number",
    "text": "a text",
    "list": "a list",
    "time": "a point in time",
    "duration": "a duration",
    "any": "anything",
}


@dataclass(frozen=True, slots=True)
class Fields:
    """What may be named: `known` fields with their kinds, such as `item.price`, and `anything_in`: beginnings such as
    `context.` under which every name is a field of kind `any`."""

    known: Mapping[str, Kind] = field(default_factory=dict)
    anything_in: Collection[str] = ()

    def kind(self, path: str) -> Kind | None:
        """The kind of a field; None if there is no such field."""
        found = self.known.get(path)
        if found is None and any(path.startswith(beginning) for beginning in self.anything_in):
            return "any"
        return found
