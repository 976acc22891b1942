"""Evaluates a checked tree for all items at once. Nothing raises: what cannot be said is missing.

And, or and not follow Kleene: `missing and False` is False, `missing or True` is True, all else with a missing part is
missing.
"""

import ast
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import numpy as np

from honeyguide.expressions.checking import path_of, plain
from honeyguide.expressions.functions import FUNCTIONS
from honeyguide.expressions.values import (
    NO_TRUTHS,
    Doubles,
    Lists,
    Mixed,
    Numbers,
    Texts,
    Truths,
    Value,
    constant,
    finite,
    inside,
    known_of,
    lists_of,
    numbers_of,
    per_pair,
    same_texts,
    texts_of,
    truths,
    truths_of,
)
from honeyguide.types import BoolArray


class World(Protocol):
    """What an expression is evaluated on."""

    def value(self, path: str) -> Value:
        """What a field such as `item.price` or `now` holds, for all items or for everybody; `NOTHING` if nothing."""


_ARITHMETIC: Final[Mapping[type[ast.operator], Callable[[Doubles, Doubles], Doubles]]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Mod: np.mod,
}
_ORDER: Final[Mapping[type[ast.cmpop], Callable[[Doubles, Doubles], BoolArray]]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
}


def evaluate(node: ast.expr, world: World) -> Value:
    """The value of a tree that `Checker` has accepted."""
    return _EVALUATE[type(node)](node, world)


def _constant(node: ast.Constant, world: World) -> Value:
    return constant(node.value)


def _field(node: ast.expr, world: World) -> Value:
    return world.value(path_of(node) or "")


def _list(node: ast.List | ast.Tuple | ast.Set, world: World) -> Value:
    return constant([plain(part) for part in node.elts])


def _unary(node: ast.UnaryOp, world: World) -> Value:
    value = evaluate(node.operand, world)
    if isinstance(node.op, ast.Not):
        asked = truths_of(value)
        return truths(~asked.true, asked.known)
    numbers = numbers_of(value).values
    return Numbers(-numbers if isinstance(node.op, ast.USub) else numbers)


def _binary(node: ast.BinOp, world: World) -> Value:
    left, right = numbers_of(evaluate(node.left, world)), numbers_of(evaluate(node.right, world))
    with np.errstate(all="ignore"):  # a division by zero is not finite, so it is missing
        return finite(_ARITHMETIC[type(node.op)](left.values, right.values))


def _logical(node: ast.BoolOp, world: World) -> Value:
    result = truths_of(evaluate(node.values[0], world))
    for part in node.values[1:]:
        other = truths_of(evaluate(part, world))
        if isinstance(node.op, ast.And):
            either = (result.known & ~result.true) | (other.known & ~other.true)
            result = truths(result.true & other.true, (result.known & other.known) | either)
        else:
            true = result.true | other.true
            result = truths(true, (result.known & other.known) | true)
    return result


def _compare(node: ast.Compare, world: World) -> Value:
    """Every comparison of a chain must hold."""
    found: Truths | None = None
    left = node.left
    for op, right in zip(node.ops, node.comparators, strict=True):
        asked = _pair(left, op, right, world)
        if found is not None:
            false = (found.known & ~found.true) | (asked.known & ~asked.true)
            asked = truths(found.true & asked.true, (found.known & asked.known) | false)
        found, left = asked, right
    return found or NO_TRUTHS


def _pair(left: ast.expr, op: ast.cmpop, right: ast.expr, world: World) -> Truths:
    first = evaluate(left, world)
    if isinstance(op, ast.Is | ast.IsNot):
        known = known_of(first)
        return truths(known if isinstance(op, ast.IsNot) else ~known, np.ones(1, np.bool_))
    second = evaluate(right, world)
    if isinstance(op, ast.In | ast.NotIn):
        asked = _within(first, second)
        return asked if isinstance(op, ast.In) else truths(~asked.true, asked.known)
    if isinstance(op, ast.Eq | ast.NotEq):
        asked = _equal(first, second)
        return asked if isinstance(op, ast.Eq) else truths(~asked.true, asked.known)
    numbers, others = numbers_of(first).values, numbers_of(second).values
    return truths(_ORDER[type(op)](numbers, others), ~np.isnan(numbers) & ~np.isnan(others))


def _equal(left: Value, right: Value) -> Truths:
    """Values of two kinds are different."""
    if isinstance(left, Numbers) and isinstance(right, Numbers):
        return truths(left.values == right.values, left.known & right.known)
    if isinstance(left, Texts) and isinstance(right, Texts):
        return truths(same_texts(left, right), left.known & right.known)
    numbers = numbers_of(left).values == numbers_of(right).values
    one, other = truths_of(left), truths_of(right)
    both = (one.true == other.true) & one.known & other.known
    same = numbers | both | same_texts(texts_of(left), texts_of(right))
    return truths(same, known_of(left) & known_of(right))


def _within(value: Value, container: Value) -> Truths:
    """A part of a text, or an entry of a list."""
    lists = lists_of(container)
    known = known_of(value)
    found = truths(inside(value, lists), known & lists.known)
    if isinstance(container, Lists):
        return found
    return _either(found, per_pair(texts_of(value), texts_of(container), lambda part, whole: part in whole))


def _either(first: Truths, second: Truths) -> Truths:
    """Of each item what is known: never both are."""
    return truths(first.true | second.true, first.known | second.known)


def _choice(node: ast.IfExp, world: World) -> Value:
    test = truths_of(evaluate(node.test, world))
    yes, no = evaluate(node.body, world), evaluate(node.orelse, world)
    take_yes, take_no = test.known & test.true, test.known & ~test.true
    numbers = np.where(take_yes, numbers_of(yes).values, np.where(take_no, numbers_of(no).values, np.nan))
    one, other = truths_of(yes), truths_of(no)
    known = (take_yes & one.known) | (take_no & other.known)
    true = np.where(take_yes, one.true, other.true)
    return Mixed(Numbers(numbers), truths(true, known), _chosen(take_yes, take_no, texts_of(yes), texts_of(no)), _NO_LIST)


def _chosen(take_yes: BoolArray, take_no: BoolArray, yes: Texts, no: Texts) -> Texts:
    number_of = dict(yes.number_of)
    moved = [number_of.setdefault(word, len(number_of)) for word in no.words] + [-1]
    codes = np.where(take_yes, yes.codes, np.where(take_no, np.array(moved, np.int32)[no.codes], -1))
    return Texts(codes.astype(np.int32), [*yes.words, *list(number_of)[len(yes.words) :]], number_of)


def _call(node: ast.Call, world: World) -> Value:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    return FUNCTIONS[name].run([evaluate(argument, world) for argument in node.args])


_NO_LIST: Final = lists_of(NO_TRUTHS)
_EVALUATE: Final[Mapping[type[ast.expr], Callable[[Any, World], Value]]] = {
    ast.Constant: _constant,
    ast.Name: _field,
    ast.Attribute: _field,
    ast.Subscript: _field,
    ast.UnaryOp: _unary,
    ast.BinOp: _binary,
    ast.BoolOp: _logical,
    ast.Compare: _compare,
    ast.IfExp: _choice,
    ast.Call: _call,
    ast.List: _list,
    ast.Tuple: _list,
    ast.Set: _list,
}
