"""The unit of a column of times, found from its values: nobody writes it down, and a guess per row would mix them up."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from statistics import median
from typing import Any, Final

from honeyguide.errors import InvalidInput
from honeyguide.ingest.times import from_datetime, from_iso

PATTERNS: Final = (
    "%Y-%m-%d %H:%M:%S %Z",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y",
    "%d/%m/%y %H:%M",
    "%m/%d/%y %H:%M",
    "%d-%b-%Y",
    "%d %b %Y",
    "%b %d, %Y",
    "%a %b %d %H:%M:%S %z %Y",
)
"""Ways of writing a time that are tried when it is neither a number nor ISO 8601 (as in datetime.strptime)."""

_UNITS: Final = ((1e11, "s", 1000.0), (1e14, "ms", 1.0), (1e17, "us", 1e-3), (float("inf"), "ns", 1e-6))
_WORDS: Final = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
_SAMPLE: Final = 1_000


@dataclass(frozen=True)
class TimeUnit:
    """How a column writes its times: `name` for people, `read` from a value to ms (raises ValueError or TypeError)."""

    name: str
    read: Callable[[Any], int]


def find_unit(values: Sequence[Any], pattern: str | None = None) -> TimeUnit:
    """The unit that most of the values are in; `pattern` decides it. Raises InvalidInput if day and month are unclear."""
    if pattern is not None:
        return _written(pattern)
    given = [value for value in values if value is not None and value != ""]
    if given and all(isinstance(value, date) for value in given):
        return TimeUnit("calendar times", _calendar)
    numbers = [number for value in given if (number := _number(value)) is not None]
    if 2 * len(numbers) > len(given):
        return _compact(given) or _counted(median(map(abs, numbers)))
    texts = Counter(str(value).strip() for value in given)
    if 2 * _share(from_iso, texts) >= texts.total():
        return TimeUnit("ISO 8601", _iso)
    return _pattern_of(texts)


def _counted(typical: float) -> TimeUnit:
    short, factor = next((name, factor) for limit, name, factor in _UNITS if typical < limit)

    whole = int(factor)

    def read(value: Any) -> int:
        if type(value) is not int:
            if isinstance(value, bool):
                raise TypeError("true and false are no times")
            try:
                value = int(value) if isinstance(value, str) else value
            except ValueError:
                value = float(value)
        return value * whole if whole and isinstance(value, int) else int(value * factor)

    return TimeUnit(f"{_WORDS[short]} since 1970", read)


def _compact(values: Sequence[Any]) -> TimeUnit | None:
    """Years, and days written as 20240131: as seconds they would all lie at the beginning of 1970."""
    sample = values[:_SAMPLE]
    for length, name, read in ((8, "days as YYYYMMDD", _day), (4, "years", _year)):
        if all(len(str(value)) == length and _reads(read, value) for value in sample):
            return TimeUnit(name, read)
    return None


def _pattern_of(texts: Counter[str]) -> TimeUnit:
    read = {pattern: _share(_written(pattern).read, texts) for pattern in PATTERNS}
    most, example = max(read.values()), texts.most_common(1)[0][0]
    if 2 * most <= texts.total():
        raise InvalidInput(
            f"The times are written in no way that is known, such as {example!r}.",
            cure="Say how with --time-format, as for strptime: --time-format '%d.%m.%Y %H:%M'.",
        )
    best = [pattern for pattern, count in read.items() if count == most]
    if len(best) > 1:
        raise InvalidInput(
            f"It is unclear which is the day and which the month in {example!r}.",
            cure=f"Say it with --time-format '{best[0]}' or '{best[1]}'.",
        )
    return _written(best[0])


def _share(read: Callable[[Any], int], texts: Counter[str]) -> int:
    """How many of the texts can be read so."""
    return sum(count for text, count in texts.items() if _reads(read, text))


def _written(pattern: str) -> TimeUnit:
    return TimeUnit(pattern, lambda value: from_datetime(datetime.strptime(str(value).strip(), pattern)))  # noqa: DTZ007


def _calendar(value: Any) -> int:
    if isinstance(value, datetime):
        return from_datetime(value)
    return from_datetime(datetime(value.year, value.month, value.day, tzinfo=UTC))


def _iso(value: Any) -> int:
    return _calendar(value) if isinstance(value, date) else from_iso(str(value).strip())


def _day(value: Any) -> int:
    return from_datetime(datetime.strptime(str(value), "%Y%m%d"))  # noqa: DTZ007  from_datetime says that it is UTC


def _year(value: Any) -> int:
    return from_datetime(datetime(int(value), 1, 1, tzinfo=UTC))


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < float("inf") else None


def _reads(read: Callable[[Any], int], value: Any) -> bool:
    try:
        read(value)
    except (ValueError, TypeError, OverflowError):
        return False
    return True
