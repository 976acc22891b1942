"""The expression language of rules, filters and targeting: Python's syntax, checked before it is used, run on arrays.

    expression = condition('item.price < 50 and "shoes" in item.categories', fields)
    expression.holds(world)        # bool [items]

`reading` makes a tree, `checking` knows the kinds, `evaluating` works on whole columns (`values`); nothing is ever compiled.
"""

import ast
from dataclasses import dataclass

import numpy as np

from honeyguide.expressions.checking import Checker
from honeyguide.expressions.evaluating import World, evaluate
from honeyguide.expressions.faults import fault_at
from honeyguide.expressions.functions import FUNCTIONS
from honeyguide.expressions.kinds import TOLD, Fields, Kind
from honeyguide.expressions.reading import MAX_BYTES, MAX_DEPTH, MAX_PARTS, read
from honeyguide.expressions.values import Value, truths_of
from honeyguide.types import BoolArray

__all__ = [
    "FUNCTIONS",
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_PARTS",
    "Expression",
    "Fields",
    "Kind",
    "Value",
    "World",
    "condition",
]


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was checked: its text, its tree, the fields that it names."""

    text: str
    tree: ast.expr
    used: frozenset[str]

    def holds(self, world: World, size: int) -> BoolArray:
        """bool [size]: where it is true. Where something that it needs is missing, it is not."""
        found = truths_of(evaluate(self.tree, world))
        return np.array(np.broadcast_to(found.true & found.known, (size,)))

    def looks_at(self, *beginnings: str) -> bool:
        """Whether it names a field that begins with one of these."""
        return any(path.startswith(beginnings) for path in self.used)


def condition(text: str, fields: Fields) -> Expression:
    """The expression in `text`, which must be true or false. Raises `FilterError` that shows the place of the fault."""
    line, tree = read(text)
    checker = Checker(line, fields)
    kind = checker.kind(tree)
    if kind not in ("truth", "any"):
        raise fault_at(line, tree, f"this is {TOLD[kind]}, and a condition is true or false.", "Compare it with something.")
    return Expression(line, tree, frozenset(checker.used))
