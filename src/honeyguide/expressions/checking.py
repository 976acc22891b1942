"""What kind of value each part of an expression has; whatever is not part of the language is refused, with its place."""

import ast
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from math import isfinite, isnan
from typing import Any, Final

from honeyguide.errors import FilterError
from honeyguide.expressions.faults import fault_at
from honeyguide.expressions.functions import FUNCTIONS, Function, moment
from honeyguide.expressions.kinds import TOLD, Fields, Kind
from honeyguide.expressions.values import as_float

_ROOTS: Final = ("item", "user", "context")
_SIGNS: Final[dict[type[ast.AST], str]] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Mod: "%",
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip
_RESULTS: Final[dict[tuple[str, Kind, Kind], Kind]] = {
    **{(sign, "number", "number"): "number" for sign in "+-*/%"},
    **{(sign, "duration", "duration"): "duration" for sign in "+-%"},
    ("/", "duration", "duration"): "number",
    **{(sign, "duration", "number"): "duration" for sign in "*/"},
    ("*", "number", "duration"): "duration",
    ("+", "time", "duration"): "time",
    ("+", "duration", "time"): "time",
    ("-", "time", "duration"): "time",
    ("-", "time", "time"): "duration",
}


def path_of(node: ast.expr) -> str | None:
    """`item.properties.brand` of a chain of names, `now` too; None if it is none."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = path_of(node.value)
        return None if inner is None else f"{inner}.{node.attr}"
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        inner = path_of(node.value)
        return None if inner is None else f"{inner}.{node.slice.value}"
    return None


def plain(node: ast.expr) -> str | float | bool | None:
    """The value of a text or number that is written out, with or without a minus; None for anything else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        number = plain(node.operand)
        return -number if isinstance(number, int | float) and not isinstance(number, bool) else None
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str | int | float) else None


class Checker:
    """Checks one expression against the fields that there are; `used` are those that it names."""

    def __init__(self, text: str, fields: Fields) -> None:
        self._text, self._fields = text, fields
        self.used: set[str] = set()
        self._checks: dict[type[ast.expr], Callable[[Any], Kind]] = {
            ast.Constant: self._constant,
            ast.Name: self._field,
            ast.Attribute: self._field,
            ast.Subscript: self._field,
            ast.UnaryOp: self._unary,
            ast.BinOp: self._binary,
            ast.BoolOp: self._logical,
            ast.Compare: self._compare,
            ast.IfExp: self._choice,
            ast.Call: self._call,
            ast.List: self._list,
            ast.Tuple: self._list,
            ast.Set: self._list,
        }

    def kind(self, node: ast.expr) -> Kind:
        """The kind of a part. Raises `FilterError`."""
        check = self._checks.get(type(node))
        if check is None:
            what = {"JoinedStr": "an f-string", "Lambda": "a lambda"}.get(type(node).__name__, "this")
            raise self._fault(node, f"{what} is no part of the language.", "It has fields, comparisons, arithmetic, "
                              f"and, or, not, in, if-else, lists, and {', '.join(FUNCTIONS)}.")  # fmt: skip
        return check(node)

    def _fault(self, node: ast.expr, detail: str, cure: str = "") -> FilterError:
        return fault_at(self._text, node, detail, cure)

    def _constant(self, node: ast.Constant) -> Kind:
        value = node.value
        if isinstance(value, bool):
            return "truth"
        if isinstance(value, int | float):
            if not isfinite(as_float(value)):
                raise self._fault(node, "the number is not finite.", "Write one below 1e308.")
            return "number"
        if isinstance(value, str):
            return "text"
        if value is None:
            raise self._fault(node, "None stands for nothing here.", "Ask with 'is None' or 'is not None'.")
        raise self._fault(
            node, f"{type(value).__name__} is no kind of value here.", "Write a number, a text, True or False."
        )

    def _field(self, node: ast.expr) -> Kind:
        path = path_of(node)
        if path is None:
            raise self._fault(node, "this names no field.", 'Fields are written like item.price or item.properties["size"].')
        kind = self._fields.kind(path)
        if kind is None:
            raise self._fault(node, f"there is no field {path}.", self._nearest(path))
        self.used.add(path)
        return kind

    def _nearest(self, path: str) -> str:
        known = sorted(self._fields.known)
        close = get_close_matches(path, known, n=1, cutoff=0.6)
        last = path.rpartition(".")[2]
        close = [name for name in known if name.rpartition(".")[2] == last] or close
        if close:
            return f"Did you mean {close[0]}?"
        root = path.partition(".")[0]
        here = [name for name in known if name.startswith(f"{root}.")][:12]
        return f"There are {', '.join(here)}." if here else f"Fields begin with {', '.join(_ROOTS)}, or are now."

    def _unary(self, node: ast.UnaryOp) -> Kind:
        kind = self.kind(node.operand)
        if isinstance(node.op, ast.Not):
            self._need(node.operand, kind, ("truth",), "not")
            return "truth"
        if isinstance(node.op, ast.Invert):
            raise self._fault(node, "~ is no part of the language.", "Write 'not'.")
        self._need(node.operand, kind, ("number", "duration"), "-")
        return kind

    def _need(self, node: ast.expr, kind: Kind, wanted: Sequence[Kind], what: str) -> None:
        if kind != "any" and kind not in wanted:
            told = " or ".join(TOLD[each] for each in wanted)
            raise self._fault(node, f"this is {TOLD[kind]}, but '{what}' takes {told}.")

    def _binary(self, node: ast.BinOp) -> Kind:
        sign = _SIGNS.get(type(node.op))
        if sign is None:
            raise self._fault(node, "this operation is no part of the language.", "There are + - * / %.")
        left, right = self.kind(node.left), self.kind(node.right)
        for side, kind in ((node.left, left), (node.right, right)):
            self._need(side, kind, ("number", "duration", "time"), sign)
        if "any" in (left, right):
            fits = {result for (each, *pair), result in _RESULTS.items() if each == sign and _alike((left, right), pair)}
            if fits:
                return fits.pop() if len(fits) == 1 else "any"
        found = _RESULTS.get((sign, left, right))
        if found is None:
            raise self._fault(node, f"{TOLD[left]} {sign} {TOLD[right]} has no meaning.", _unit(left, right))
        return found

    def _logical(self, node: ast.BoolOp) -> Kind:
        for part in node.values:
            self._need(part, self.kind(part), ("truth",), "and" if isinstance(node.op, ast.And) else "or")
        return "truth"

    def _compare(self, node: ast.Compare) -> Kind:
        left = node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            self._pair(node, left, op, right)
            left = right
        return "truth"

    def _pair(self, node: ast.Compare, left: ast.expr, op: ast.cmpop, right: ast.expr) -> None:
        sign = _SIGNS[type(op)]
        if isinstance(op, ast.Is | ast.IsNot):
            if not (isinstance(right, ast.Constant) and right.value is None):
                raise self._fault(right, f"'{sign}' asks for None only.", "Write == to compare.")
            self.kind(left)
            return
        kinds = self.kind(left), self.kind(right)
        if isinstance(op, ast.In | ast.NotIn):
            self._need(right, kinds[1], ("list", "text"), sign)
            self._need(left, kinds[0], ("text", "number") if kinds[1] != "text" else ("text",), sign)
            return
        if isinstance(op, ast.Eq | ast.NotEq):
            self._need(right, kinds[1], ("truth", "number", "text", "time", "duration"), sign)
            self._need(left, kinds[0], ("truth", "number", "text", "time", "duration"), sign)
        else:
            for side, kind in zip((left, right), kinds, strict=True):
                self._need(side, kind, ("number", "time", "duration"), sign)
        if "any" not in kinds and kinds[0] != kinds[1]:
            raise self._fault(node, f"{TOLD[kinds[0]]} is compared with {TOLD[kinds[1]]}.", _unit(*kinds))

    def _choice(self, node: ast.IfExp) -> Kind:
        self._need(node.test, self.kind(node.test), ("truth",), "if")
        kinds = self.kind(node.body), self.kind(node.orelse)
        for side, kind in zip((node.body, node.orelse), kinds, strict=True):
            self._need(side, kind, ("truth", "number", "text", "time", "duration"), "if-else")
        return self._same(node, kinds)

    def _same(self, node: ast.expr, kinds: Iterable[Kind]) -> Kind:
        known = {kind for kind in kinds if kind != "any"}
        if len(known) > 1:
            first, second = sorted(known)[:2]
            raise self._fault(node, f"it is {TOLD[first]} here and {TOLD[second]} there.")
        return known.pop() if known else "any"

    def _call(self, node: ast.Call) -> Kind:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        function = FUNCTIONS.get(name)
        if function is None:
            close = get_close_matches(name, FUNCTIONS, n=1, cutoff=0.6)
            cure = f"Did you mean {close[0]}?" if close else f"There are {', '.join(FUNCTIONS)}."
            raise self._fault(node.func, f"there is no function {name}." if name else "this is no function.", cure)
        if node.keywords or any(isinstance(argument, ast.Starred) for argument in node.args):
            raise self._fault(node, f"{name} takes plain arguments.")
        wanted = len(function.takes)
        if len(node.args) < wanted or (len(node.args) > wanted and not function.many):
            more = " or more" if function.many else ""
            raise self._fault(node, f"{name} takes {wanted}{more}, and {len(node.args)} are given.")
        kinds = self._arguments(name, function, node.args)
        if name == "date":
            self._check_date(node.args[0])
        return function.gives or self._same(node, kinds)

    def _arguments(self, name: str, function: Function, arguments: Sequence[ast.expr]) -> list[Kind]:
        kinds = [self.kind(argument) for argument in arguments]
        for place, (argument, kind) in enumerate(zip(arguments, kinds, strict=True)):
            self._need(argument, kind, function.takes[min(place, len(function.takes) - 1)], name)
        return kinds

    def _check_date(self, node: ast.expr) -> None:
        if isinstance(node, ast.Constant) and isnan(moment(str(node.value))):
            raise self._fault(node, "this is no date.", "Write it like 2026-11-27 or 2026-11-27T18:00+01:00.")

    def _list(self, node: ast.List | ast.Tuple | ast.Set) -> Kind:
        for part in node.elts:
            if isinstance(plain(part), bool | None):
                raise self._fault(part, "lists hold plain texts and numbers here.", 'Write them out: ["a", "b"].')
            self.kind(part)
        return "list"


def _alike(kinds: tuple[Kind, Kind], pair: Sequence[str]) -> bool:
    return all(kind in ("any", each) for kind, each in zip(kinds, pair, strict=True))


def _unit(left: Kind, right: Kind) -> str:
    pair = {left, right}
    if pair == {"duration", "number"}:
        return "Write a duration with its unit, such as days(30)."
    if "time" in pair:
        return 'Write a moment like date("2026-11-27"), and a distance to it like days(30).'
    return ""
