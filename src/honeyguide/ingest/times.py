"""Moments: what callers write as a time, read as milliseconds since 1970-01-01 UTC."""

from datetime import UTC, datetime, timedelta
from typing import Final

from honeyguide.ingest.faults import Fault, shown

SMALLEST_MS: Final = 100_000_000_000
"""Numbers below this (1973-03-03 in ms) are taken for seconds: in seconds they reach the year 5138."""
LARGEST_MS: Final = 100_000_000_000_000
"""Numbers from this on (the year 5138 in ms) are taken for microseconds."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)
_WANTED: Final = "send ISO 8601 text such as 2026-03-01T12:00:00Z, or milliseconds since 1970 as a number"


def from_datetime(moment: datetime) -> int:
    """A datetime -> ms; one without a zone is UTC. Parts of a millisecond are cut off."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // _MS


def from_iso(text: str) -> int:
    """ISO 8601 text -> ms. Raises ValueError for anything else."""
    return from_datetime(datetime.fromisoformat(text))


def read_time(value: object, field: str) -> int | Fault:
    """A caller's time -> ms, or what is wrong with it. Numbers are milliseconds; the range is the caller's to check."""
    if isinstance(value, str):
        try:
            return from_iso(value)
        except ValueError:
            return Fault("bad_time", field, f"{field} {shown(value)} is not a time; {_WANTED}.")
    if isinstance(value, datetime):
        return from_datetime(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Fault("bad_time", field, f"{field} {shown(value)} is not a time; {_WANTED}.")
    return _from_number(value, field)


def _from_number(value: float, field: str) -> int | Fault:
    if value != value or value < 0:
        return Fault("bad_time", field, f"{field} {shown(value)} is not a time; {_WANTED}.")
    if value < SMALLEST_MS:
        return Fault(
            "seconds_not_ms",
            field,
            f"{field} {shown(value)} looks like seconds; multiply by 1000, or send ISO 8601 text if 1970 is meant.",
        )
    if value >= LARGEST_MS:
        return Fault(
            "not_ms",
            field,
            f"{field} {shown(value)} looks like micro- or nanoseconds; send milliseconds since 1970.",
        )
    return int(value)


def future_fault(ts: int, latest: int) -> Fault | None:
    """Events happen between 1970 and a little after now (`events.max_future` allows for clocks that run ahead)."""
    if ts < 0:
        return Fault("before_1970", "ts", "ts is before 1970, which no event can be; check the unit and the format.")
    if ts > latest:
        when = EPOCH + ts * _MS if ts < LARGEST_MS else "beyond the year 5138"
        detail = f"ts lies in the future ({when}); check the sender's clock and zone, or raise events.max_future."
        return Fault("future_time", "ts", detail)
    return None
