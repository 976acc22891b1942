"""What is wrong with an expression, shown under the culprit."""

import ast
from typing import Final

from honeyguide.errors import FieldError, FilterError

_SHOWN: Final = 72
_LEAD: Final = 40


def fault(text: str, start: int, end: int, detail: str, cure: str = "") -> FilterError:
    """An error about the characters from `start` to `end` of an expression."""
    told = f"{detail} {cure}".strip()
    return FilterError(f"The expression does not fit: {told}\n{caret(text, start, end)}", errors=[FieldError("", told)])


def fault_at(text: str, node: ast.expr, detail: str, cure: str = "") -> FilterError:
    """An error about a part of an expression."""
    start = _characters(text, node.col_offset)
    end = _characters(text, node.end_col_offset) if node.end_col_offset is not None else start + 1
    return fault(text, start, end, detail, cure)


def _characters(text: str, offset: int) -> int:
    """The place of a character whose place in UTF-8 is `offset`."""
    return offset if text.isascii() else len(text.encode()[:offset].decode(errors="ignore"))


def caret(text: str, start: int, end: int) -> str:
    """The expression, or the part of a long one around `start`, with the culprit underlined."""
    begin = max(0, start - _LEAD) if len(text) > _SHOWN else 0
    shown = text[begin : begin + _SHOWN]
    lead, trail = "…" if begin else "", "…" if begin + _SHOWN < len(text) else ""
    marks = max(1, min(end, begin + len(shown)) - start)
    return f"  {lead}{shown}{trail}\n  {' ' * (len(lead) + start - begin)}{'^' * marks}"
