"""What tables do to values, undone: numbers written as text, text written as numbers, empty cells, lists in one cell.

Each function takes a cell and the name of the field it is for; it returns the value, None for an empty cell, or raises
`CellFault`. Whether the value is in order is for INGEST to say, by the same rules as for any other caller.
"""

import math
import re
from collections.abc import Iterable, Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from honeyguide.ingest.faults import Fault, shown

EMPTY: Final = frozenset({"", "nan", "null", "none", "na", "n/a", "nat", "\\n"})
"""What tables write for nothing, in lower case."""
NO_ID: Final = frozenset({"", "nan", "NaN", "NULL", "null", "None", "NaT", "\\N"})
"""The same for ids, where fewer are taken for nothing: somebody may be called NA."""
_TRUE: Final = frozenset({"true", "t", "yes", "y", "1", "1.0", "in stock", "in_stock", "instock", "available"})
_FALSE: Final = frozenset({"false", "f", "no", "n", "0", "0.0", "out of stock", "out_of_stock", "outofstock", "unavailable"})
_SEPARATORS: Final = ("|", ";", ">")
_CANONICAL: Final = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,15})?")


class CellFault(Exception):
    """A cell that cannot be read; carries the fault."""

    def __init__(self, code: str, field: str, detail: str) -> None:
        super().__init__(detail)
        self.fault = Fault(code, field, detail)


def is_empty(value: Any) -> bool:
    """Whether a cell that is no id holds nothing."""
    if value is None:
        return True
    if isinstance(value, str):
        return len(value) <= 4 and value.strip().lower() in EMPTY
    return isinstance(value, float) and math.isnan(value)


def identifier(value: Any, field: str) -> str | None:
    """An id: text exactly as it is; whole numbers as their digits, also where a table made decimals of them."""
    if isinstance(value, str):
        return None if value in NO_ID else value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 256:
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    raise _refused("wrong_type", field, value, "an id (text or a whole number)")


def number(value: Any, field: str) -> float | None:
    """A number, with a point for the decimals."""
    if isinstance(value, str | int | float | Decimal) and not isinstance(value, bool):
        try:
            found = float(value)
        except (ValueError, OverflowError):
            pass
        else:
            return found if found == found else None  # not a number: how tables of numbers write nothing
    if is_empty(value):
        return None
    raise _refused("bad_number", field, value, "a number such as 12.5")


def flag(value: Any, field: str) -> bool | None:
    """True or false, in the words that feeds use."""
    if is_empty(value):
        return None
    word = str(value).strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise _refused("bad_flag", field, value, "true or false")


def words(value: Any, field: str) -> str | None:
    """Text for people."""
    return None if is_empty(value) else str(plain(value, field))


def several(value: Any, field: str, separator: str | None = None) -> list[str] | None:
    """A list of texts: a real one, a JSON one, or one with `|`, `;` or `>` between the parts (or `separator`)."""
    if is_empty(value):
        return None
    if isinstance(value, list | tuple):
        return [str(plain(entry, field)) for entry in value]
    text = str(value).strip()
    if text.startswith("["):
        return [str(plain(entry, field)) for entry in _listed(text, field)]
    mark = separator or next((mark for mark in _SEPARATORS if mark in text), None)
    return [part.strip() for part in text.split(mark)] if mark else [text]


def vector(value: Any, field: str) -> list[float] | None:
    """A list of numbers, real or as JSON text."""
    if is_empty(value):
        return None
    entries = value if isinstance(value, list | tuple) else _listed(str(value), field)
    return [entry for each in entries if (entry := number(each, field)) is not None]


def mapping(value: Any, field: str) -> dict[str, Any]:
    """A JSON object, real or as text."""
    if is_empty(value):
        return {}
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError):
            raise _refused("not_json", field, value, "a JSON object") from None
    if not isinstance(value, dict):
        raise _refused("not_json", field, value, "a JSON object")
    return {str(name): plain(entry, field) for name, entry in value.items() if not is_empty(entry)}


def plain(value: Any, field: str) -> Any:
    """A cell as JSON holds it: times as ISO 8601 text, exact decimals as numbers."""
    if isinstance(value, str | bool | int | float) or value is None:
        return value
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list | tuple):
        return [plain(entry, field) for entry in value]
    if isinstance(value, dict):
        return {str(name): plain(entry, field) for name, entry in value.items()}
    raise _refused("not_json", field, value, "text or a number")


def number_columns(rows: Sequence[dict[str, Any]], columns: Iterable[str]) -> frozenset[str]:
    """The columns of text in which every cell is a number in its shortest form, so that `01234` stays a postcode."""
    return frozenset(column for column in columns if _is_numeric([row.get(column) for row in rows]))


def _is_numeric(values: Sequence[Any]) -> bool:
    texts = [value for value in values if not is_empty(value)]
    return bool(texts) and all(isinstance(text, str) and _CANONICAL.fullmatch(text) for text in texts)


def typed(value: Any, numeric: bool) -> Any:
    """A cell of a column of numbers as a number; any other as it is."""
    if not numeric or not isinstance(value, str) or not _CANONICAL.fullmatch(value):
        return value
    return float(value) if "." in value else int(value)


def _listed(text: str, field: str) -> list[Any]:
    try:
        return msgspec.json.decode(text, type=list[Any])
    except (msgspec.DecodeError, RecursionError):
        raise _refused("not_json", field, text, "a list in JSON") from None


def _refused(code: str, field: str, value: Any, wanted: str) -> CellFault:
    return CellFault(code, field, f"{field} {shown(value)} is not {wanted}; correct the cell, or leave it empty.")
