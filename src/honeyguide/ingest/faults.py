"""What is wrong with a row, in words that mend it."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final, NamedTuple

from honeyguide.messages import Rejected

_SHOWN: Final = 40
_COMPARED: Final = 64


class Fault(NamedTuple):
    """One fault: a stable `code`, the `field` it is in (`properties/items` for a nested one), what and how to mend it."""

    code: str
    field: str
    detail: str

    @property
    def pointer(self) -> str:
        """The JSON pointer (RFC 6901) of the field within its row."""
        return f"/{self.field}" if self.field else ""

    def at(self, index: int) -> Rejected:
        """The fault as the report's entry on row `index`."""
        return Rejected(index, self.code, self.pointer, self.detail)


def escaped(key: str) -> str:
    """A key as a segment of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def shown(value: object) -> str:
    """A value for a message: short, printable and always encodable as UTF-8."""
    if isinstance(value, str):
        return repr(value) if len(value) <= _SHOWN else f"{value[:_SHOWN]!r}..."
    if isinstance(value, int) and value.bit_length() > 128:
        return f"a number of {value.bit_length()} bits"
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    return f"a value of type {type(value).__name__}"


def spelled(name: str) -> str:
    """A name without case, spaces and punctuation: `ADD TO CART` and `add_to_cart` are spelled the same."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be: the same but for case and punctuation, else a close one."""
    words = list(known)
    plain = spelled(word[:_COMPARED])
    for candidate in words:
        if spelled(candidate) == plain:
            return candidate
    close = get_close_matches(word[:_COMPARED].casefold(), words, n=1)
    return close[0] if close else None
