"""Many rows in one body: a JSON array or lines, with what cannot be read marked in its place."""

from typing import Final, TypeVar

from honeyguide.api.bodies import JSON_TYPES, NDJSON_TYPES, media_type
from honeyguide.api.codecs import check_rows
from honeyguide.api.endpoint import RequestHeaders
from honeyguide.errors import FieldError, InvalidInput
from honeyguide.ingest.decode import RowDecoder
from honeyguide.messages import IngestReport, Rejected
from honeyguide.types import MAX_BATCH

T = TypeVar("T")

_TYPES: Final = JSON_TYPES | NDJSON_TYPES


def check_rows_type(headers: RequestHeaders) -> None:
    """Refuse a media type that rows are not sent in."""
    media_type(headers, _TYPES)


def read_rows(decoder: RowDecoder[T], body: bytes, headers: RequestHeaders) -> list[T | Rejected]:
    """The rows of a body, at most 1,000; raises `InvalidJson` or `TooLarge` where the body as a whole is at fault."""
    lines = media_type(headers, _TYPES) in NDJSON_TYPES
    if not lines and body.lstrip()[:1] == b"{":
        raise InvalidInput("The body is one object.", cure="Send an array of them, or one to the route for one.")
    rows = decoder.ndjson(body, limit=MAX_BATCH) if lines else decoder.array(body, limit=MAX_BATCH)
    check_rows(body, rows, lines=lines)
    return rows


def taken(report: IngestReport, what: str) -> IngestReport:
    """The report on a single row; raises its fault if it was not taken."""
    if report.rejected:
        fault = report.rejected[0]
        raise InvalidInput(f"The {what} was not taken.", errors=[FieldError(fault.pointer, fault.detail)], code=fault.code)
    return report
