"""The functions of the language: what each takes, what it gives, and how."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial, reduce
from typing import Final

import numpy as np

from honeyguide.expressions.kinds import Kind
from honeyguide.expressions.values import (
    Doubles,
    Numbers,
    Value,
    finite,
    lists_of,
    numbers_of,
    overlapping,
    per_pair,
    texts_of,
    truths,
)

_DAY: Final = 86_400_000.0
_UNITS: Final = {"minutes": 60_000.0, "hours": 3_600_000.0, "days": _DAY}


@dataclass(frozen=True, slots=True)
class Function:
    """`takes`: the kinds that each argument may have, the last one repeated where `many`; `gives` None: what it took."""

    takes: tuple[tuple[Kind, ...], ...]
    gives: Kind | None
    run: Callable[[Sequence[Value]], Value]
    told: str
    many: bool = False


def _times(unit: float, values: Sequence[Value]) -> Value:
    return finite(numbers_of(values[0]).values * unit)


def _all(pick: Callable[[Doubles, Doubles], Doubles], values: Sequence[Value]) -> Value:
    return Numbers(reduce(pick, [numbers_of(value).values for value in values]))


def _length(values: Sequence[Value]) -> Value:
    texts, lists = texts_of(values[0]), lists_of(values[0])
    counted = np.where(lists.known, (lists.codes >= 0).sum(axis=1), np.nan)
    return Numbers(np.where(texts.known, texts.per_word(len, np.nan, np.float64), counted))


def _begins(values: Sequence[Value]) -> Value:
    texts, beginning = texts_of(values[0]), texts_of(values[1])
    return per_pair(beginning, texts, lambda start, text: text.startswith(start))


def _overlaps(values: Sequence[Value]) -> Value:
    left, right = lists_of(values[0]), lists_of(values[1])
    return truths(overlapping(left, right), left.known & right.known)


def _date(values: Sequence[Value]) -> Value:
    return Numbers(texts_of(values[0]).per_word(moment, np.nan, np.float64))


def moment(text: str) -> float:
    """ISO 8601 (no zone means UTC) -> ms; NaN for what is none."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000
    except (ValueError, OverflowError):
        return float("nan")


def _hour(values: Sequence[Value]) -> Value:
    return Numbers(np.floor(numbers_of(values[0]).values % _DAY / _UNITS["hours"]))


def _weekday(values: Sequence[Value]) -> Value:
    return Numbers((np.floor(numbers_of(values[0]).values / _DAY) + 3) % 7)  # 1970-01-01 was a Thursday


_AMOUNT: Final[tuple[Kind, ...]] = ("number", "duration", "time")

FUNCTIONS: Final[Mapping[str, Function]] = {
    "min": Function((_AMOUNT, _AMOUNT), None, partial(_all, np.minimum), "the smallest of two or more", many=True),
    "max": Function((_AMOUNT, _AMOUNT), None, partial(_all, np.maximum), "the largest of two or more", many=True),
    "abs": Function(
        (("number", "duration"),), None, lambda values: Numbers(np.abs(numbers_of(values[0]).values)), "without its sign"
    ),
    "len": Function((("text", "list"),), "number", _length, "letters of a text, entries of a list"),
    "lower": Function((("text",),), "text", lambda values: texts_of(values[0]).mapped(str.lower), "in small letters"),
    "startswith": Function((("text",), ("text",)), "truth", _begins, "whether a text begins with another"),
    "overlaps": Function((("list",), ("list",)), "truth", _overlaps, "whether two lists share an entry"),
    "minutes": Function((("number",),), "duration", partial(_times, _UNITS["minutes"]), "so many minutes"),
    "hours": Function((("number",),), "duration", partial(_times, _UNITS["hours"]), "so many hours"),
    "days": Function((("number",),), "duration", partial(_times, _UNITS["days"]), "so many days"),
    "date": Function((("text",),), "time", _date, "a moment written like 2026-11-27 or 2026-11-27T18:00+01:00"),
    "hour": Function((("time",),), "number", _hour, "0 to 23 in UTC"),
    "weekday": Function((("time",),), "number", _weekday, "0 (Monday) to 6 in UTC"),
}
