"""Items as plain rows, seen by expressions as columns; and what an expression means for one item, said slowly."""

import ast
import math
from collections.abc import Mapping, Sequence
from typing import Any

from honeyguide.expressions import Fields, Kind, Value
from honeyguide.expressions.columns import Column
from honeyguide.expressions.values import NOTHING, constant

FIELDS: Mapping[str, Kind] = {
    "item.price": "number",
    "item.stock": "number",
    "item.new": "truth",
    "item.brand": "text",
    "item.title": "text",
    "item.tags": "list",
    "item.age": "duration",
    "item.created_at": "time",
    "item.properties.odd": "any",
    "user.country": "text",
    "user.likes": "list",
    "user.age": "number",
    "now": "time",
}
KNOWN = Fields(FIELDS, ("context.",))


class Rows:
    """`items` rows of a field -> value each, `others` the fields that are everybody's."""

    def __init__(self, items: Sequence[Mapping[str, Any]], **others: Any) -> None:
        self.items, self.others = items, {name.replace("__", "."): value for name, value in others.items()}

    def value(self, path: str) -> Value:
        """The field of all items."""
        if not path.startswith("item."):
            return constant(self.others[path]) if path in self.others else NOTHING
        column = Column()
        column.put(range(len(self.items)), [item.get(path[5:]) for item in self.items], len(self.items))
        return column.value()

    def plain(self, path: str, at: int) -> Any:
        """The same for one item."""
        return self.items[at].get(path[5:]) if path.startswith("item.") else self.others.get(path)


def meant(node: ast.expr, rows: Rows, at: int) -> Any:
    """What the language says of one item; None where something is missing."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name() | ast.Attribute():
            return rows.plain(ast.unparse(node), at)
        case ast.List(elts=parts):
            return [meant(part, rows, at) for part in parts]
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            value = meant(inner, rows, at)
            return None if not isinstance(value, bool) else not value
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            value = meant(inner, rows, at)
            return -value if _is_number(value) else None
        case ast.BinOp(left=left, op=op, right=right):
            return _calculated(op, meant(left, rows, at), meant(right, rows, at))
        case ast.BoolOp(op=op, values=parts):
            return _joined(isinstance(op, ast.And), [meant(part, rows, at) for part in parts])
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _compared(op, meant(left, rows, at), meant(right, rows, at))
    raise AssertionError(ast.dump(node))


def _calculated(op: ast.operator, left: Any, right: Any) -> float | None:
    if not _is_number(left) or not _is_number(right):
        return None
    try:
        match op:
            case ast.Add():
                value = left + right
            case ast.Sub():
                value = left - right
            case ast.Mult():
                value = left * right
            case _:
                value = left / right
    except (ZeroDivisionError, OverflowError):
        return None
    return float(value) if math.isfinite(value) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _joined(both: bool, values: list[Any]) -> bool | None:
    known = [value if isinstance(value, bool) else None for value in values]
    if both:
        return False if False in known else None if None in known else True
    return True if True in known else None if None in known else False


def _compared(op: ast.cmpop, left: Any, right: Any) -> bool | None:
    if isinstance(op, ast.Is | ast.IsNot):
        return (left is None) == isinstance(op, ast.Is)
    if left is None or right is None:
        return None
    if isinstance(op, ast.In | ast.NotIn):
        if isinstance(right, str) and isinstance(left, str):
            found = left in right
        elif isinstance(right, list):
            found = any(_equal(left, each) for each in right)
        else:
            return None
        return found == isinstance(op, ast.In)
    if isinstance(op, ast.Eq | ast.NotEq):
        return _equal(left, right) == isinstance(op, ast.Eq)
    if not _is_number(left) or not _is_number(right):
        return None
    return bool({ast.Lt: left < right, ast.LtE: left <= right, ast.Gt: left > right, ast.GtE: left >= right}[type(op)])


def _equal(left: Any, right: Any) -> bool:
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)
