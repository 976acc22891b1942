"""Strict JSON: what is read is what was written, or it is refused with the place and the cure.

msgspec refuses malformed text, NaN, numbers out of range, lone surrogates, wrong types and unknown fields. Added here:
keys that stand twice in an object, nesting deeper than `MAX_DEPTH`, and integers that no 64-bit reader could take.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec

from honeyguide.api.fields import nearest, takes
from honeyguide.errors import FieldError, InvalidInput
from honeyguide.ingest.decode import InvalidJson
from honeyguide.messages import Rejected

T = TypeVar("T")

MAX_DEPTH: Final = 32
_NOT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"{}[]")
_DIGITS_AS_ZERO: Final = bytes(48 if 48 <= byte <= 57 else byte for byte in range(256))
_LONG_NUMBER: Final = b"0" * 19

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_decode_lines = msgspec.json.Decoder().decode_lines
_PATH: Final = re.compile(r"^(?P<what>.*?)(?: - at `(?P<key>key in )?\$(?P<path>.*)`)?$", re.DOTALL)
_FIELD: Final = re.compile(r"^Object (?P<fault>missing required|contains unknown) field `(?P<name>.*)`$", re.DOTALL)


class Codec(Generic[T]):
    """Reads JSON of one type. Every struct in `kind` must omit defaults: that makes counting keys cheap."""

    def __init__(self, kind: Any) -> None:
        self._decode: Callable[[bytes], T] = msgspec.json.Decoder(kind).decode
        self._kind = kind

    def read(self, data: bytes) -> T:
        """The value in `data`; raises `InvalidJson`, or `InvalidInput` with a pointer."""
        value: T = decoded(self._decode, data, self._kind)
        if not _plainly_sound(data, value):
            check_exactly(data)
        return value


def check_rows(data: bytes, rows: Sequence[object], *, lines: bool) -> None:
    """The checks that decoding `rows` from `data` (an array, or one row a line) has left out; raises `InvalidJson`.

    Rows that are no JSON at all are in `rows` as rejected ones already; long numbers are left to INGEST."""
    if (
        Rejected not in map(type, rows)
        and not _may_be_deep(data)
        and _no_key_twice(data, rows, _decode_lines if lines else _decode)
    ):
        return
    for text in data.split(b"\n") if lines else (data,):
        try:
            check_exactly(text)
        except ValueError:
            continue


def decoded(decode: Any, data: bytes, kind: Any = None) -> Any:
    """`decode(data)` with its errors put into our words."""
    try:
        return decode(data)
    except msgspec.ValidationError as error:
        raise explained(str(error), kind) from None
    except UnicodeDecodeError:
        raise InvalidJson("The text is not valid UTF-8.", cure="Encode JSON as UTF-8.") from None
    except msgspec.DecodeError as error:
        raise _malformed(data, str(error)) from None
    except RecursionError:
        raise _too_deep() from None


def _malformed(data: bytes, message: str) -> InvalidJson:
    if not data.strip():
        return InvalidJson("The body is empty.", cure="Send JSON.")
    what = message.removeprefix("JSON is malformed: ").removeprefix("Input data was ")
    return InvalidJson(
        f"The text is not JSON: {what}.",
        cure="NaN, Infinity, comments, single quotes, trailing commas and lone surrogates are not JSON either.",
    )


def explained(message: str, kind: Any = None) -> InvalidInput:
    """msgspec's message as an error with a JSON Pointer and what the field takes."""
    match = _PATH.match(message)
    what, path = (match["what"], match["path"] or "") if match else (message, "")
    steps = _steps(path)
    field = _FIELD.match(what)
    if field:
        steps.append(field["name"])
        if field["fault"] == "missing required":
            detail = f"{field['name']} is missing. {takes(field['name'])}".strip()
        else:
            detail = f"There is no field {field['name']!r} here. {nearest(field['name'], _known(kind, steps[:-1]))}"
    else:
        name = next((step for step in reversed(steps) if not step.isdigit()), "")
        detail = f"{what.replace('`', '')}. {takes(name)}".strip()
    return InvalidInput("The request does not fit.", errors=[FieldError(pointer(steps), detail)])


def pointer(steps: Sequence[str]) -> str:
    """A JSON Pointer (RFC 6901) from its steps."""
    return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)


def _steps(path: str) -> list[str]:
    """`.events[0].properties[...]` -> events, 0, properties (msgspec does not name keys of free objects)."""
    return [step for step in re.findall(r"[^.\[\]]+", path) if step]


def _known(kind: Any, steps: Sequence[str]) -> list[str]:
    """The field names at `steps` in `kind`."""
    for step in steps:
        if step.isdigit():
            continue
        kind = next((f.type for f in _structs_fields(kind) if f.encode_name == step), None)
    return [field.encode_name for field in _structs_fields(kind)]


def _structs_fields(kind: Any) -> list[msgspec.structs.FieldInfo]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return list(msgspec.structs.fields(kind))
    return [field for inner in getattr(kind, "__args__", ()) for field in _structs_fields(inner)]


def _plainly_sound(data: bytes, value: Any) -> bool:
    """Whether `data` surely has no deep nesting, no key twice and no long number, by counting at the speed of C."""
    return (
        not _may_be_deep(data)
        and _no_key_twice(data, value, _decode)
        and _LONG_NUMBER not in data.translate(_DIGITS_AS_ZERO)
    )


def _no_key_twice(data: bytes, value: Any, decode: Callable[[bytes], Any]) -> bool:
    r"""Whether `data` surely has no key twice, by its colons: those of its keys and those in its texts.

    Written again, `value` has as many if no key was dropped. Explicit nulls and defaults are dropped too: then the plain
    objects of `data` are written again. A colon may not hide as an escape (`\u003a`), or the counts would not compare.
    """
    if b"\\u003" in data:
        return False
    colons = data.count(b":")
    if colons == _encode(value).count(b":"):
        return True
    try:
        return colons == _encode(decode(data)).count(b":")
    except msgspec.DecodeError:  # a number beyond what plain objects hold
        return False


def _may_be_deep(data: bytes) -> bool:
    brackets = data.translate(None, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not brackets:
            return False
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
    return bool(brackets)


class _Twice(dict[str, Any]):
    """An object in which a key stood twice."""

    key = ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    marked = _Twice(found)
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            marked.key = key
        seen.add(key)
    return marked


class _Huge:
    """Stands where an integer needs more than 64 bits."""


def _integer(text: str) -> int | _Huge:
    if len(text) <= 20 and -(2**63) <= (number := int(text)) < 2**63:
        return number
    return _Huge()


_exact = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer)


def check_exactly(data: bytes) -> None:
    """Raise `InvalidJson` if a key stands twice in an object, nesting is too deep, or an integer needs over 64 bits."""
    try:
        _walk(_exact.decode(data.decode()), ())
    except RecursionError:
        raise _too_deep() from None


def _walk(value: Any, steps: tuple[str, ...]) -> None:
    if len(steps) > MAX_DEPTH:
        raise _too_deep()
    if isinstance(value, _Twice):
        place = pointer((*steps, value.key))
        raise _flawed(
            "A key stands twice.",
            place,
            "This key is twice in its object, and readers differ in which one they take. Send one.",
        )
    if isinstance(value, _Huge):
        raise _flawed("A number is out of range.", pointer(steps), "This integer needs more than 64 bits. Send it as text.")
    if isinstance(value, dict):
        for key, inner in value.items():
            _walk(inner, (*steps, key))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            _walk(inner, (*steps, str(position)))


def _flawed(detail: str, place: str, cure: str) -> InvalidJson:
    return InvalidJson(detail, errors=[FieldError(place, cure)])


def _too_deep() -> InvalidJson:
    return InvalidJson(f"The JSON is nested more than {MAX_DEPTH} deep.", cure="Send flatter properties.")
