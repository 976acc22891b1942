"""Bytes -> messages, so that one malformed row costs that row only.

A body is decoded in one go. Only when that fails is it taken apart, and then each row that cannot be read becomes a
`Rejected` in its place, with words of ours for what the decoder says. `Ingest` takes such mixed lists as they are.
"""

import json
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any, Final, Generic, TypeVar

import msgspec

from honeyguide.errors import FieldError, InvalidInput, TooLarge
from honeyguide.ingest.faults import Fault, escaped, nearest, shown
from honeyguide.messages import EventIn, ItemIn, Rejected, UserIn
from honeyguide.types import MAX_BATCH

T = TypeVar("T")

MAX_LINE: Final = 1_000_000
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class InvalidJson(InvalidInput):
    """The text as a whole is not JSON of the expected form."""

    code = "invalid_json"


class RowDecoder(Generic[T]):
    """Decodes rows of one message type."""

    def __init__(self, row_type: type[T]) -> None:
        self._row = row_type
        self._one = msgspec.json.Decoder(row_type)
        self._many = msgspec.json.Decoder(list[row_type])  # type: ignore[valid-type]  # a type made at run time

    def one(self, body: bytes) -> T:
        """A body that is one row. Raises InvalidJson or InvalidInput with a pointer."""
        try:
            return self._one.decode(body)
        except _UNREADABLE as error:
            fault = self._explain(error, body)
        kind = InvalidJson if fault.code in _SYNTAX else InvalidInput
        raise kind(fault.detail, errors=[FieldError(fault.pointer, fault.detail)], code=fault.code)

    def array(self, body: bytes, *, limit: int | None = None) -> list[T | Rejected]:
        """A JSON array of rows. Raises InvalidJson if it is no array, TooLarge if it has more than `limit` rows."""
        try:
            rows: list[T | Rejected] = list(self._many.decode(body))
        except _UNREADABLE:
            return [self._row_of(index, text) for index, text in enumerate(_elements(body, limit))]
        if limit is not None and len(rows) > limit:
            raise _too_many(limit)
        return rows

    def ndjson(self, body: bytes, *, first: int = 0, limit: int | None = None) -> list[T | Rejected]:
        """One row per line; empty lines do not count. `first` is the index of the first row."""
        lines = [line for line in body.split(b"\n") if line and not line.isspace()]
        if limit is not None and len(lines) > limit:
            raise _too_many(limit)
        return self.lines(lines, first=first)

    def lines(self, lines: Iterable[bytes], *, first: int = 0) -> list[T | Rejected]:
        """Rows given as separate texts."""
        decode = self._one.decode
        rows: list[T | Rejected] = []
        for index, line in enumerate(lines, first):
            try:
                rows.append(decode(line))
            except _UNREADABLE as error:
                rows.append(self._explain(error, line).at(index))
        return rows

    async def stream(
        self, chunks: AsyncIterable[bytes], *, batch: int = MAX_BATCH, longest: int = MAX_LINE
    ) -> AsyncIterator[list[T | Rejected]]:
        """NDJSON that arrives in pieces -> batches of at most `batch` rows; memory holds one batch and one line.

        Raises TooLarge for a line of more than `longest` bytes. Indexes count from the start of the stream.
        """
        waiting: list[bytes] = []
        first = 0
        async for line in _lines(chunks, longest):
            waiting.append(line)
            if len(waiting) == batch:
                yield self.lines(waiting, first=first)
                first += batch
                waiting.clear()
        if waiting:
            yield self.lines(waiting, first=first)

    def convert(self, rows: Iterable[object]) -> list[T | Rejected]:
        """Rows that are Python objects (dicts, or messages already)."""
        found: list[T | Rejected] = []
        for index, row in enumerate(rows):
            try:
                found.append(row if isinstance(row, self._row) else msgspec.convert(row, self._row))
            except (msgspec.ValidationError, RecursionError) as error:
                found.append(self._explain(error, b"").at(index))
        return found

    def _row_of(self, index: int, text: bytes) -> T | Rejected:
        (row,) = self.lines([text], first=index)
        return row

    def _explain(self, error: Exception, text: bytes) -> Fault:
        return explain(error, text, self._row)


EVENTS: Final = RowDecoder(EventIn)
ITEMS: Final = RowDecoder(ItemIn)
USERS: Final = RowDecoder(UserIn)


def decode_events(body: bytes, *, limit: int | None = None) -> list[EventIn | Rejected]:
    """A JSON array of events; a malformed event is a `Rejected` in its place."""
    return EVENTS.array(body, limit=limit)


def decode_ndjson(body: bytes, *, limit: int | None = None) -> list[EventIn | Rejected]:
    """Events, one per line; a malformed line is a `Rejected` in its place."""
    return EVENTS.ndjson(body, limit=limit)


def _too_many(limit: int) -> TooLarge:
    return TooLarge(f"More than {limit} rows in one request.", cure="Send several requests, or NDJSON as a stream.")


# --- taking a damaged body apart --------------------------------------------------------------------------------------

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_scan: Final = json.JSONDecoder(parse_int=float, parse_float=float).raw_decode


def _elements(body: bytes, limit: int | None) -> Iterator[bytes]:
    """The texts of a JSON array's elements, found by a lenient reader: NaN, lone surrogates and bytes that are not UTF-8
    do not hide where an element ends. Raises InvalidJson where even that cannot tell."""
    text = body.decode("utf-8", "surrogateescape")
    start = _skip(text, 0)
    if text[start : start + 1] != "[":
        raise InvalidJson("The body is not a JSON array.", cure="Send the rows as [{...}, {...}], or as NDJSON.")
    at = _skip(text, start + 1)
    if text[at : at + 1] == "]":
        return
    count = 0
    while True:
        end = _end_of_element(text, at)
        count += 1
        if limit is not None and count > limit:
            raise _too_many(limit)
        yield text[at:end].encode("utf-8", "surrogateescape")
        at = _skip(text, end)
        mark, at = text[at : at + 1], _skip(text, at + 1)
        if mark == "]" and at == len(text):
            return
        if mark != ",":
            raise _not_json(at, "another row or the end of the array was expected")


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _end_of_element(text: str, at: int) -> int:
    try:
        return _scan(text, at)[1]
    except (ValueError, RecursionError) as error:
        what = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deep"
        raise _not_json(error.pos if isinstance(error, json.JSONDecodeError) else at, what) from None


def _not_json(at: int, what: str) -> InvalidJson:
    return InvalidJson(
        f"The body is not JSON from character {at} on: {what}.",
        cure="Send the output of a JSON library; quotes are double, the last row has no comma after it.",
    )


async def _lines(chunks: AsyncIterable[bytes], longest: int) -> AsyncIterator[bytes]:
    """The lines of a stream that are not empty."""
    tail = bytearray()
    async for chunk in chunks:
        tail += chunk
        if b"\n" in chunk:
            *lines, rest = bytes(tail).split(b"\n")
            tail = bytearray(rest)
            for line in lines:
                if line and not line.isspace():
                    yield line
        if len(tail) > longest:
            raise TooLarge(f"A line is longer than {longest} bytes.", cure="End each row with a line feed.")
    if tail and not tail.isspace():
        yield bytes(tail)


# --- the decoder's words in ours --------------------------------------------------------------------------------------

_SYNTAX: Final = frozenset({"not_json", "bad_unicode", "too_deep"})
_PLACE: Final = re.compile(r"^(?P<what>.*?)(?: - at `(?:key in )?\$(?P<path>.*)`)?$", re.DOTALL)
_FIELD: Final = re.compile(r"^Object (?P<how>missing required|contains unknown) field `(?P<name>.*)`$", re.DOTALL)
_TYPES: Final = re.compile(r"^Expected `(?P<wanted>[^`]*)`, got `(?P<got>[^`]*)`$")
_NAN: Final = re.compile(rb"[:\[,]\s*-?(NaN|Infinity)\b")
_WORDS: Final = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_CURES: Final = {
    "str": "write it in double quotes",
    "float": "write it without quotes, or leave it out",
    "object": "write it as {...}",
}


def explain(error: Exception, text: bytes, row_type: type) -> Fault:
    """What a decoder said about a row, as a fault with a place and a cure."""
    if isinstance(error, RecursionError):
        return Fault("too_deep", "", "The row is nested too deep; properties may be nested 8 deep.")
    if isinstance(error, msgspec.ValidationError):
        return _explain_value(str(error), row_type)
    message = str(error)
    if isinstance(error, UnicodeDecodeError):
        return Fault("bad_unicode", "", "The row is not UTF-8; encode it as UTF-8 before sending.")
    if "surrogate" in message or "hex escape" in message:
        return Fault("bad_unicode", "", r"The row holds half of a surrogate pair (\ud800-\udfff); send whole characters.")
    if _NAN.search(text):
        return Fault("not_json", "", "NaN and Infinity are not JSON; leave the field out or send null.")
    detail = message.removeprefix("JSON is malformed: ")
    return Fault("not_json", "", f"The row is not JSON: {detail}; send the output of a JSON library.")


def _explain_value(message: str, row_type: type) -> Fault:
    match = _PLACE.match(message)
    what, path = (match["what"], match["path"] or "") if match else (message, "")
    steps = [escaped(step) for step in re.findall(r"[^.\[\]]+", path) if step]
    field, name = "/".join(steps), steps[0] if steps else ""
    if found := _FIELD.match(what):
        return _explain_field(found["how"] == "missing required", found["name"], row_type)
    if "out of range" in what:
        return Fault(
            "not_finite", field, f"{name or 'A number'} is too large for a 64-bit number; send it as text, or leave it out."
        )
    if found := _TYPES.match(what):
        wanted, got = found["wanted"].split(" | "), found["got"]
        words = " or ".join(_WORDS.get(word, word) for word in wanted)
        cure = _CURES.get(wanted[0], "look up its type in the documentation")
        subject = name if name else "A row"
        return Fault("wrong_type", field, f"{subject} must be {words}, not {_WORDS.get(got, got)}; {cure}.")
    return Fault("wrong_type", field, f"{what}; look up the field in the documentation.")


def _explain_field(missing: bool, name: str, row_type: Any) -> Fault:
    if missing:
        return Fault("missing_field", name, f"{name} is missing; every row has it.")
    known = nearest(name, row_type.__struct_fields__)
    hint = f"did you mean {known!r}?" if known else "fields of your own go into properties."
    return Fault("unknown_field", escaped(name), f"There is no field {shown(name)}; {hint}")
