"""The house rules as functions from source text to the list of what breaks them.

`test_layers`, `test_limits` and `test_repository` apply them to the tree, and to bad samples, so that a rule which has
gone blind is noticed too. Each fault is one line: where, and what is wrong.
"""

import ast
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "honeyguide"
SOURCE = ROOT / "src" / PACKAGE

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = ast.Module | ast.ClassDef | Function


@dataclass(frozen=True)
class Module:
    """One Python file: its dotted name, its path for messages, and its text."""

    name: str
    path: str
    source: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All nodes of the tree: walking it is most of the work of a rule."""
        return list(ast.walk(self.tree))

    @property
    def is_package(self) -> bool:
        return self.path.endswith("__init__.py")

    def room(self) -> str:
        """The part directly under the package: `stores` for honeyguide.stores.sqlite, "" for the package itself."""
        return room(self.name)


def sample(name: str, source: str) -> Module:
    """A module that exists only in a test."""
    return Module(f"{PACKAGE}.{name}", f"src/{PACKAGE}/{name.replace('.', '/')}.py", source)


@cache
def modules(folder: Path = SOURCE) -> tuple[Module, ...]:
    """Every Python file under a folder of the repository, read and parsed once in a run of the tests."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        relative = path.relative_to(ROOT)
        parts = relative.with_suffix("").parts[1 if relative.parts[0] == "src" else 0 :]
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append(Module(name, relative.as_posix(), path.read_text(encoding="utf-8")))
    return tuple(found)


def tracked_files() -> list[Path]:
    """The files that belong to the repository: those git knows or would add."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    return [ROOT / name for name in sorted(set(names)) if name and (ROOT / name).is_file()]


def room(name: str) -> str:
    """`honeyguide.stores.sqlite` -> `stores`; `honeyguide` -> ""."""
    return name.split(".")[1] if "." in name else ""


# --- imports -----------------------------------------------------------------------------------------------------------


def imported_names(module: Module, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything imported in `tree`; `from a import b` gives a.b, relative ones resolved."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                keep = module.name.split(".")
                keep = keep[: len(keep) - node.level + (1 if module.is_package else 0)]
                base = ".".join([*keep, base] if base else keep)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def own_imports(module: Module) -> Iterator[tuple[int, str]]:
    """(line, room) of every import of this package."""
    for line, name in imported_names(module, module.tree):
        if name.split(".")[0] == PACKAGE:
            there = room(name)
            yield line, "" if there == "__version__" else there


def deferred_imports(module: Module) -> list[str]:
    """Own-package imports inside functions: a layering that only looks like one."""
    return [
        f"{module.path}:{line} imports {name} inside {function.name}()"
        for function in functions(module)
        for line, name in imported_names(module, function)
        if name.split(".")[0] == PACKAGE
    ]


def dynamic_imports(module: Module) -> list[str]:
    """Calls that import by a name in a string."""
    return [
        f"{module.path}:{call.lineno} calls {name}"
        for call, name in calls(module.tree)
        if name in {"__import__", "importlib.import_module", "import_module"}
    ]


# --- shapes ------------------------------------------------------------------------------------------------------------


def functions(module: Module) -> list[Function]:
    """All functions and methods, nested ones too."""
    return [node for node in module.nodes if isinstance(node, Function)]


def body_without_docstring(node: Definition) -> list[ast.stmt]:
    return node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body


def function_lines(function: Function) -> int:
    """Lines from `def` to the end, less the docstring; 0 for a declaration that has no body but its docstring."""
    body = body_without_docstring(function)
    if not body:
        return 0
    docstring = function.body[0]
    hidden = 0 if body is function.body else (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return (function.end_lineno or function.lineno) - function.lineno + 1 - hidden


def code_lines(module: Module) -> int:
    """Lines that are neither empty nor comment nor docstring."""
    told: set[int] = set()
    for node in module.nodes:
        if isinstance(node, Definition) and body_without_docstring(node) is not node.body:
            told.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines = enumerate(module.source.splitlines(), 1)
    return sum(1 for number, line in lines if number not in told and line.strip() and not line.lstrip().startswith("#"))


def undocumented(module: Module) -> list[str]:
    """Public modules, classes, functions and methods without a docstring."""

    def visit(node: Definition, label: str) -> Iterator[str]:
        if ast.get_docstring(node) is None and not is_overload(node):
            yield f"{module.path}:{getattr(node, 'lineno', 1)} {label} has no docstring"
        if isinstance(node, Function):
            return
        for child in node.body:
            if isinstance(child, ast.ClassDef | Function) and not child.name.startswith("_"):
                yield from visit(child, f"{label}.{child.name}" if isinstance(node, ast.ClassDef) else child.name)

    return list(visit(module.tree, module.name)) if module.source.strip() else []


def is_overload(node: Definition) -> bool:
    return isinstance(node, Function) and any(dotted(decorator) == "overload" for decorator in node.decorator_list)


# --- calls -------------------------------------------------------------------------------------------------------------


def dotted(node: ast.expr) -> str:
    """`a.b.c` for such an expression; "" for any other."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def calls(tree: ast.AST) -> list[tuple[ast.Call, str]]:
    """Every call of something that has a dotted name."""
    return [(node, dotted(node.func)) for node in ast.walk(tree) if isinstance(node, ast.Call)]


RUNS_CODE_FROM_DATA = {"pickle", "cPickle", "_pickle", "joblib", "dill", "cloudpickle", "torch", "marshal", "shelve"}
RUNS_TEXT = {"eval", "exec", "compile", "__import__", "builtins.eval", "builtins.exec"}


def code_from_data(module: Module) -> list[str]:
    """Promise 7: nothing that turns data into running code."""
    faults = [
        f"{module.path}:{line} imports {name}"
        for line, name in imported_names(module, module.tree)
        if name.split(".")[0] in RUNS_CODE_FROM_DATA
    ]
    for call, name in calls(module.tree):
        if name in RUNS_TEXT:
            faults.append(f"{module.path}:{call.lineno} calls {name}")
        if any(word.arg == "allow_pickle" and not is_false(word.value) for word in call.keywords):
            faults.append(f"{module.path}:{call.lineno} allows pickle")
    return faults


def is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


TELLS_TIME = {"time", "time_ns", "monotonic", "monotonic_ns", "sleep", "localtime", "gmtime"}
UNSEEDED = {"numpy.random", "np.random"}


def ambient(module: Module) -> list[str]:
    """Time and chance that were not passed in."""
    faults = []
    for line, name in imported_names(module, module.tree):
        top, _, rest = name.partition(".")
        if top in {"random", "secrets"} or (top == "time" and rest in TELLS_TIME):
            faults.append(f"{module.path}:{line} imports {name}")
    for call, name in calls(module.tree):
        base, _, last = name.rpartition(".")
        wall = base == "time" and last in TELLS_TIME
        calendar = base in {"datetime", "date", "datetime.datetime", "datetime.date"} and last in {
            "now",
            "utcnow",
            "today",
        }
        chance = base in UNSEEDED and (last != "default_rng" or not call.args) and last[:1].islower()
        if wall or calendar or chance or name in {"os.urandom", "uuid.uuid1", "uuid.uuid4"}:
            faults.append(f"{module.path}:{call.lineno} calls {name}")
    return faults


def broad_handlers(module: Module) -> list[tuple[int, str, ast.ExceptHandler]]:
    """(line, enclosing function, handler) of every `except` that catches everything."""
    found = []
    owner = {child: function.name for function in functions(module) for child in ast.walk(function)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if any(kind is None or dotted(kind) in {"Exception", "BaseException"} for kind in caught):
                found.append((node.lineno, owner.get(node, "module"), node))
    return found


def is_counted(handler: ast.ExceptHandler) -> bool:
    """Whether the handler increments a metric, or lets the error go on."""
    if any(isinstance(node, ast.Raise) for node in handler.body):
        return True
    return any(isinstance(call.func, ast.Attribute) and call.func.attr == "inc" for call, _ in calls(handler))


def uncounted(module: Module, reasons: Mapping[str, str]) -> list[str]:
    """Broad handlers that no metric counts and that have no stated reason (`path:function` -> why)."""
    return [
        f"{module.path}:{line} catches everything in {function}() and counts nothing"
        for line, function, handler in broad_handlers(module)
        if not is_counted(handler) and f"{module.path}:{function}" not in reasons
    ]


def unfinished(path: str, text: str) -> list[str]:
    """Marks of work that was left for later."""
    marks = "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX", "NotImplemented" + "Error"])
    found = enumerate(text.splitlines(), 1)
    return [f"{path}:{number} {line.strip()[:80]}" for number, line in found if re.search(rf"\b({marks})\b", line)]
