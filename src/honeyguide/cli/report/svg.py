"""Elements of HTML and SVG from names, attributes and parts. Nothing but `Markup` reaches a page unescaped."""

from html import escape
from typing import Any


class Markup(str):
    """Text that is markup already, made by `tag` alone."""

    __slots__ = ()


def text(value: object) -> Markup:
    """The value as markup: escaped, control characters made visible, unless it is `Markup`."""
    if isinstance(value, Markup):
        return value
    shown = "".join(letter if letter.isprintable() else " " for letter in str(value))
    return Markup(escape(shown, quote=True))


def tag(name: str, *parts: object, **attributes: Any) -> Markup:
    """An element. `_` in the name of an attribute is `-`, a `_` at its end is dropped (`class_`); None leaves it out."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_number(value)}"' for key, value in attributes.items() if value is not None
    )
    return Markup(f"<{name}{told}>{joined(*parts)}</{name}>")


def joined(*parts: object) -> Markup:
    """Parts one after another."""
    return Markup("".join(text(part) for part in parts))


def _number(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else text(value)
