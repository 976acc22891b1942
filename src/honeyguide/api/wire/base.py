"""The ground of the wire types: strict requests, moments, pages."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Moment = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
"""A time as it goes out: ISO 8601 in UTC, to the millisecond."""


def iso(ms: int) -> Moment:
    """Milliseconds since 1970 as text."""
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class In(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of requests: unknown fields are errors."""


class PageParams(In):
    """Which page of a list."""

    limit: int = 100
    cursor: str | None = None
