"""Addresses, read strictly: the path in segments, the query string into a typed struct.

Standard parsers turn bytes that are not UTF-8 into U+FFFD and drop what they do not understand; here that is refused,
since an id must arrive exactly as it was sent.
"""

import math
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints
from urllib.parse import unquote_to_bytes

import msgspec

from honeyguide.api.fields import nearest, takes
from honeyguide.errors import FieldError, InvalidInput

T = TypeVar("T", bound=msgspec.Struct)

_NOTHING: Final[Mapping[str, str]] = {}
_HEX: Final = frozenset(b"0123456789abcdefABCDEF")


class InvalidAddress(InvalidInput):
    """The path or the query string is not one."""

    code = "invalid_address"


def unquoted(raw: bytes, where: str) -> str:
    """Text from percent-encoded bytes; refuses broken escapes and bytes that are not UTF-8."""
    if b"%" in raw:
        _check_escapes(raw, where)
        raw = unquote_to_bytes(raw)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise InvalidAddress(f"{where} is not UTF-8.", cure="Percent-encode the bytes of its UTF-8 form.") from None


def _check_escapes(raw: bytes, where: str) -> None:
    for part in raw.split(b"%")[1:]:
        if len(part) < 2 or part[0] not in _HEX or part[1] not in _HEX:
            raise InvalidAddress(
                f"{where} holds a % that two hexadecimal digits do not follow.", cure="Write % itself as %25."
            )


def routing_path(raw: bytes) -> str:
    """The path with every escape decoded but those of `/` and `%`, so that a slash in an id does not divide it."""
    if b"%" not in raw:
        return unquoted(raw, "The path")
    segments = (unquoted(segment, "The path") for segment in raw.split(b"/"))
    return "/".join(segment.replace("%", "%25").replace("/", "%2F") for segment in segments)


def segment_text(segment: str) -> str:
    """What a segment of `routing_path` stands for."""
    return segment.replace("%2F", "/").replace("%25", "%") if "%" in segment else segment


def pairs(query_string: bytes) -> list[tuple[str, str]]:
    """Names and values of a query string, in order; `+` is a space."""
    if b"%" in query_string or b"+" in query_string:
        parts = [part.replace(b"+", b" ").partition(b"=") for part in query_string.split(b"&") if part]
        where = "The query string"
        return [(unquoted(name, where), unquoted(value, where)) for name, _, value in parts]
    split = [part.partition("=") for part in unquoted(query_string, "The query string").split("&") if part]
    return [(name, value) for name, _, value in split]


Reader = Callable[[str], Any]


def _whole(text: str) -> int:
    digits = text[1:] if text[:1] == "-" else text
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        raise ValueError(f"{_shown(text)} is not a whole number")
    return int(text)


def _number(text: str) -> float:
    try:
        number = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{_shown(text)} is not a number")
    return number


def _flag(text: str) -> bool:
    if text not in ("true", "false", "1", "0"):
        raise ValueError(f"{_shown(text)} is neither true nor false")
    return text in ("true", "1")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")


_READERS: Final[dict[Any, Reader]] = {str: str, int: _whole, float: _number, bool: _flag}


class QueryReader:
    """Reads query strings into one struct type: names and types are those of its fields, lists may be repeated."""

    def __init__(self, kind: type[msgspec.Struct]) -> None:
        self._kind = kind
        self._one: dict[str, Reader] = {}
        self._many: dict[str, Reader] = {}
        for name, hint in get_type_hints(kind).items():
            hint = _without_none(hint)
            if get_origin(hint) is list:
                self._many[name] = _READERS[get_args(hint)[0]]
            else:
                self._one[name] = _READERS.get(hint, str)

    def read(self, query_string: bytes, path: Mapping[str, str] = _NOTHING) -> Any:
        """The struct; `path` holds the fields that are in the path, which are no parameters then."""
        values: dict[str, Any] = {name: _read(name, text, self._one[name]) for name, text in path.items()} if path else {}
        for name, text in pairs(query_string) if query_string else ():
            reader = self._one.get(name)
            if reader is not None and name not in values:
                values[name] = text if reader is str else _read(name, text, reader)
            elif name in self._many:
                values.setdefault(name, []).append(_read(name, text, self._many[name]))
            else:
                raise self._surplus(name, path, values)
        try:
            return self._kind(**values)
        except TypeError:  # a required field was not given
            raise self._missing(values) from None

    def _surplus(self, name: str, path: Mapping[str, str], values: Mapping[str, Any]) -> InvalidInput:
        if name in values and name not in path:
            return refused(name, f"The parameter {name} stands twice. Send it once.")
        known = [known for known in (*self._one, *self._many) if known not in path]
        return refused(name, f"There is no parameter {_shown(name)} here. {nearest(name, known)}")

    def _missing(self, values: Mapping[str, Any]) -> InvalidInput:
        name = next(
            field.name for field in msgspec.structs.fields(self._kind) if field.required and field.name not in values
        )
        return refused(name, f"{name} is missing. {takes(name)}".strip())


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, UnionType):
        kinds = [kind for kind in get_args(hint) if kind not in (type(None), msgspec.UnsetType)]
        return kinds[0] if len(kinds) == 1 else str
    return hint


def _read(name: str, text: str, reader: Reader) -> Any:
    try:
        return reader(text)
    except ValueError as error:
        raise refused(name, f"{error}. {takes(name)}".strip()) from None


def refused(name: str, detail: str) -> InvalidInput:
    """A fault in the parameter or field `name` at the top of a request."""
    step = name.replace("~", "~0").replace("/", "~1")
    return InvalidInput("The request does not fit.", errors=[FieldError(f"/{step}", detail)])
