"""Text to a tree of Python's own syntax, within bounds. Nothing is compiled and nothing is run."""

import ast
from typing import Final

from honeyguide.expressions.faults import fault

MAX_BYTES: Final = 8_192
MAX_DEPTH: Final = 32
MAX_PARTS: Final = 200
"""Operations, fields, functions and lists; what is in a list does not count."""

_SPACE: Final = str.maketrans("\r\n\t\f\v", "     ")


def read(text: str) -> tuple[str, ast.expr]:
    """The expression on one line, and its tree. Raises `FilterError`."""
    line = text.translate(_SPACE).strip()
    if not line:
        raise fault("", 0, 1, "it is empty.", "Write a condition such as item.price < 50.")
    size = len(line.encode(errors="replace"))
    if size > MAX_BYTES:
        raise fault(line, 0, 1, f"it has {size} bytes, and at most {MAX_BYTES} are read.", "Split it into several rules.")
    tree = _parsed(line)
    _measure(line, tree)
    return line, tree


def _parsed(line: str) -> ast.expr:
    try:
        return ast.parse(line, mode="eval").body
    except SyntaxError as error:
        start = max(0, (error.offset or 1) - 1)
        raise fault(line, start, start + 1, f"{_told(error.msg)}.", _cure(line)) from None
    except (RecursionError, MemoryError):
        raise _deep(line) from None
    except ValueError as error:  # a NUL character, a lone surrogate, a number of very many digits
        raise fault(line, 0, 1, f"it cannot be read: {error}.") from None


def _told(message: str) -> str:
    return "it is nested too deep" if "nested" in message else message.removesuffix(". Perhaps you forgot a comma?")


def _cure(line: str) -> str:
    if "&&" in line or "||" in line:
        return "Write 'and', 'or' and 'not'."
    if "=" in line.replace("==", "").replace("<=", "").replace(">=", "").replace("!=", ""):
        return "Write == to compare."
    return "It is written like a Python expression."


def _deep(line: str) -> Exception:
    return fault(line, 0, 1, f"it is nested more than {MAX_DEPTH} deep.", "Split it into several rules.")


def _measure(line: str, tree: ast.expr) -> None:
    """Refuse what is too deep or has too many parts, without recursion."""
    waiting: list[tuple[ast.AST, int]] = [(tree, 1)]
    parts = 0
    while waiting:
        node, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise _deep(line)
        parts += isinstance(node, ast.expr) and not isinstance(node, ast.Constant)
        waiting += [(inner, depth + 1) for inner in ast.iter_child_nodes(node)]
    if parts > MAX_PARTS:
        raise fault(
            line, 0, 1, f"it has {parts} parts, and at most {MAX_PARTS} are evaluated.", "Split it into several rules."
        )
