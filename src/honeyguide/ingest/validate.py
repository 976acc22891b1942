"""The rules for single values, as pure functions: each returns what is wrong, or None.

They take whatever callers of the library hand over, so nothing here trusts a type annotation.
"""

from collections.abc import Iterable
from math import isfinite
from typing import Final

import msgspec

from honeyguide.ingest.faults import Fault, escaped, shown
from honeyguide.types import MAX_ID_BYTES

MAX_PROPERTIES_BYTES: Final = 8_192
MAX_DEPTH: Final = 8
_LARGEST_INT: Final = 2**63 - 1
_SAFE: Final = 2**53
_SURE: Final = MAX_ID_BYTES // 4

encode_json: Final = msgspec.json.Encoder().encode


def plain_id(value: object) -> bool:
    """True for the usual id, by the cheapest tests; False says nothing yet: ask `id_fault`."""
    return type(value) is str and 0 < len(value) <= _SURE and value.isascii() and "\0" not in value


def id_fault(value: object, field: str) -> Fault | None:
    """Ids are 1-256 bytes of UTF-8 without NUL, kept exactly as given."""
    if value == "":
        return Fault("empty_id", field, f"{field} is empty; an id has 1 to {MAX_ID_BYTES} bytes.")
    if (fault := text_fault(value, field)) or not isinstance(value, str):
        return fault
    if len(value) > MAX_ID_BYTES or len(value.encode()) > MAX_ID_BYTES:
        detail = f"{field} {shown(value)} is longer than {MAX_ID_BYTES} bytes; use a shorter key, or a hash of this one."
        return Fault("id_too_long", field, detail)
    return None


def text_fault(value: object, field: str, longest: int | None = None) -> Fault | None:
    """Text is Unicode that UTF-8 can write, without NUL, of at most `longest` characters."""
    if not isinstance(value, str):
        return Fault("wrong_type", field, f"{field} must be text, not {shown(value)}; write it in quotes.")
    if "\0" in value:
        return Fault("nul", field, f"{field} {shown(value)} contains the character NUL; remove it.")
    if longest is not None and len(value) > longest:
        return Fault("too_long", field, f"{field} has {len(value)} characters; shorten it to {longest}.")
    if not value.isascii() and not _encodable(value):
        detail = f"{field} {shown(value)} contains half of a surrogate pair, which is no character; send valid UTF-8."
        return Fault("bad_unicode", field, detail)
    return None


def number_fault(value: object, field: str, least: float | None = None) -> Fault | None:
    """Numbers are finite, of at most 64 bits, and at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Fault("wrong_type", field, f"{field} must be a number, not {shown(value)}; leave it out if unknown.")
    if (isinstance(value, int) and abs(value) > _LARGEST_INT) or not isfinite(value):
        detail = f"{field} {shown(value)} is not a finite number of at most 64 bits; leave it out, or send it as text."
        return Fault("not_finite", field, detail)
    if least is not None and value < least:
        return Fault("too_small", field, f"{field} {shown(value)} is below {least:g}, the least that makes sense.")
    return None


def read_properties(value: object, field: str = "properties") -> str | Fault:
    """A small JSON object -> its JSON text, or what is wrong with it."""
    if not isinstance(value, dict):
        return Fault("wrong_type", field, f"{field} must be a JSON object, not {shown(value)}.")
    if not _flat(value) and (fault := json_fault(value, field)):
        return fault
    text = encode_json(value)
    if len(text) > MAX_PROPERTIES_BYTES:
        detail = f"{field} has {len(text)} bytes as JSON; send only what is needed, at most {MAX_PROPERTIES_BYTES}."
        return Fault("properties_too_large", field, detail)
    return text.decode()


def _flat(value: dict[object, object]) -> bool:
    """True for the usual properties, plain text and numbers side by side; False says nothing yet: ask `json_fault`."""
    for key, entry in value.items():
        kind = type(entry)
        if type(key) is not str or not key.isascii() or "\0" in key:
            return False
        if kind is str:
            if not str(entry).isascii() or "\0" in str(entry):
                return False
        elif kind is int or kind is float:
            if not -_SAFE <= entry <= _SAFE:  # type: ignore[operator]  # mypy does not narrow by an exact type
                return False
        elif kind is not bool and entry is not None:
            return False
    return True


def json_fault(value: object, field: str, depth: int = MAX_DEPTH) -> Fault | None:
    """What keeps a value from being JSON that every reader reads back the same, at most `depth` containers deep."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        return text_fault(value, field)
    if isinstance(value, int | float):
        return number_fault(value, field)
    if not isinstance(value, dict | list | tuple):
        return Fault("not_json", field, f"{field} is {shown(value)}, which JSON cannot hold; send text or a number.")
    if depth == 0:
        return Fault("properties_too_deep", field, f"{field} is nested more than {MAX_DEPTH} deep; flatten it.")
    if isinstance(value, dict):
        return _first(
            text_fault(key, field) or json_fault(entry, f"{field}/{escaped(key)}", depth - 1) for key, entry in value.items()
        )
    return _first(json_fault(entry, f"{field}/{index}", depth - 1) for index, entry in enumerate(value))


def _first(faults: Iterable[Fault | None]) -> Fault | None:
    return next((fault for fault in faults if fault), None)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
