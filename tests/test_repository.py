"""The repository's own order: what is public, what is depended on, what may stand in a tracked file."""

import ast
import importlib.metadata
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

import honeyguide
from honeyguide.monitoring.metrics import Metrics
from tests import rules
from tests.rules import ROOT, modules, sample, tracked_files

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))

# What `import honeyguide` offers. Everything else may change in any release.
PUBLIC = {"FeatureView", "FunctionView", "Honeyguide", "HoneyguideError", "Item", "Settings", "User", "__version__"}

# Declared because another dependency loads them by name, not by an import of ours.
LOADED_BY_NAME = {"uvloop": "the server's event loop", "httptools": "the server's HTTP parser"}

# Declared for another platform than the one that the tests run on.
ELSEWHERE = {"xgboost" if sys.platform != "darwin" else "xgboost-cpu"}


def package_of(name: str) -> str:
    """`SQLAlchemy[asyncio]>=2; marker` -> `sqlalchemy`."""
    return re.split(r"[^A-Za-z0-9._-]", name, maxsplit=1)[0].lower().replace("_", "-")


def imported_packages(sources: list[rules.Module]) -> set[str]:
    """Distributions that the sources import."""
    owners = importlib.metadata.packages_distributions()
    tops = {name.split(".")[0] for module in sources for _, name in rules.imported_names(module, module.tree)}
    foreign = tops - set(sys.stdlib_module_names) - {rules.PACKAGE, "tests", "benchmarks"}
    return {package_of(owners.get(top, [top])[0]) for top in foreign}


# --- public names and the version -------------------------------------------------------------------------------------


def test_public_names_are_exactly_these() -> None:
    assert set(honeyguide.__all__) == PUBLIC
    assert all(getattr(honeyguide, name) is not None for name in PUBLIC)


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Honeyguid'"):
        honeyguide.Honeyguid  # noqa: B018


def test_the_version_stands_in_one_place() -> None:
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "src/honeyguide/__init__.py"
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", honeyguide.__version__)
    written = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "src").rglob("*.py")
        if f'"{honeyguide.__version__}"' in path.read_text(encoding="utf-8")
    ]
    assert written == ["src/honeyguide/__init__.py"]


def test_the_changelog_has_this_version_and_what_comes_next() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert len(headings) == len(set(headings))


# --- dependencies -----------------------------------------------------------------------------------------------------


def test_dependencies_are_exactly_what_is_imported() -> None:
    # `testing` runs inside its user's own pytest
    declared = {package_of(line) for line in PROJECT["project"]["dependencies"]}
    extras = {package_of(line) for group in PROJECT["project"]["optional-dependencies"].values() for line in group}
    used = imported_packages([module for module in modules() if module.room() != "testing"])
    assert {
        "declared, not imported": declared - used - set(LOADED_BY_NAME) - ELSEWHERE,
        "imported, not declared": used - declared - extras,
    } == {
        "declared, not imported": set(),
        "imported, not declared": set(),
    }
    assert set(LOADED_BY_NAME) <= declared


def test_test_dependencies_hold_what_tests_import() -> None:
    groups = PROJECT["dependency-groups"]
    extras = [line for group in PROJECT["project"]["optional-dependencies"].values() for line in group]
    lines = [*PROJECT["project"]["dependencies"], *extras, *groups["test"], *groups["docs"]]
    declared = {package_of(line) for line in lines}
    folders = [ROOT / "tests", ROOT / "benchmarks"]
    assert imported_packages([module for folder in folders for module in modules(folder)]) - declared == set()


# Packages of extras, and the one place of ours that may import each: without the extra everything else works.
EXTRAS = {"psycopg": "honeyguide.stores.postgres"}


def test_extras_are_imported_only_where_they_are_used() -> None:
    for package, place in EXTRAS.items():
        found = [module.name for module in modules() if package in imported_packages_of(module)]
        assert found
        assert [name for name in found if not name.startswith(place)] == []


def test_an_undeclared_import_is_found() -> None:
    assert imported_packages([sample("x", "import yaml, os\nfrom prometheus_client import Counter\n")]) == {
        "pyyaml",
        "prometheus-client",
    }


def unpinned(text: str) -> list[str]:
    """Requirements of a lock that are not one exact version with at least one sha256."""
    blocks = re.findall(r"^(\S.*(?:\n[ \t]+.*)*)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE), re.MULTILINE)
    pinned = r"[a-z0-9._-]+==[^ ]+( ; [^\\]+)? \\\n(\s+--hash=sha256:[0-9a-f]{64}( \\\n)?)+"
    return [block.splitlines()[0] for block in blocks if not re.fullmatch(pinned, block)]


def test_locks_hold_one_version_and_its_hashes() -> None:
    assert [path.name for path in LOCKS] == [
        "build.txt",
        "dev.txt",
        "docs.txt",
        "node.txt",
        "runtime.txt",
        "sequential.txt",
        "test.txt",
    ]
    assert {path.name: unpinned(path.read_text(encoding="utf-8")) for path in LOCKS} == {path.name: [] for path in LOCKS}


@pytest.mark.parametrize("bad", ["rich>=15 \\\n    --hash=sha256:" + "0" * 64, "rich==15.0.0\n", "-e .\n"])
def test_an_unpinned_requirement_is_found(bad: str) -> None:
    assert unpinned("# made by make lock\n" + bad)
    assert unpinned("rich==15.0.0 ; python_version > '3' \\\n    --hash=sha256:" + "0" * 64 + "\n") == []


def test_locks_agree_and_hold_every_declared_dependency() -> None:
    pins: dict[str, set[frozenset[str]]] = {}
    for path in LOCKS:
        versions: dict[str, set[str]] = {}  # several in one lock: one for each range of Python versions
        for name, version in re.findall(r"^([a-z0-9._-]+)==([^ ]+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            versions.setdefault(name, set()).add(version)
        for name, found in versions.items():
            pins.setdefault(name, set()).add(frozenset(found))
    assert {name: found for name, found in pins.items() if len(found) > 1} == {}
    groups = [PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"].values()]
    assert {package_of(line) for group in groups for line in group} - set(pins) == set()


def test_front_end_packages_are_pinned_with_checksums() -> None:
    wanted = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    locked = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    packages = {name: entry for name, entry in locked.items() if name}
    assert {f"node_modules/{name}" for name in wanted} <= set(packages)
    assert all(entry["integrity"].startswith("sha512-") and "resolved" not in entry for entry in packages.values())


def test_shipped_front_end_files_say_where_they_are_from() -> None:
    folder = rules.SOURCE / "static" / "vendor"
    manifest = json.loads((folder / "vendor.json").read_text(encoding="utf-8"))
    assert {path.name for path in folder.iterdir()} == {*manifest, "vendor.json"}
    assert {entry["license"] for entry in manifest.values()} == {"Apache-2.0", "ISC", "MIT"}


# --- tracked files ----------------------------------------------------------------------------------------------------

REGISTRY = re.compile("|".join([r"pypi\.org", r"pythonhosted", r"npmjs\.", r"deb\.debian", r"files\.python" + "hosted"]))
MACHINE_PATH = re.compile(r"(?<![\w.$}/])/(work|home|Users|tmp|opt)/\w")
SEEN_ELSEWHERE = {".gitignore"}


def foreign_places(name: str, text: str) -> list[str]:
    """Registry hosts and absolute paths of somebody's machine."""
    lines = enumerate(text.splitlines(), 1)
    return [f"{name}:{n} {line.strip()[:100]}" for n, line in lines if REGISTRY.search(line) or MACHINE_PATH.search(line)]


def texts() -> list[tuple[str, str]]:
    """(name, text) of every tracked text file but this one, which names what it looks for."""
    found = []
    for path in tracked_files():
        data = path.read_bytes()
        if path != Path(__file__).resolve() and b"\0" not in data:
            found.append((path.relative_to(ROOT).as_posix(), data.decode("utf-8")))
    return found


def test_no_file_names_a_registry_or_a_machine() -> None:
    assert [fault for name, text in texts() for fault in foreign_places(name, text)] == []


@pytest.mark.parametrize("bad", ["see https://pypi.org/x", "registry.npmjs.org", "cd /work/main", "'/home/me/x'", "=/tmp/a"])
def test_a_registry_or_a_machine_path_is_found(bad: str) -> None:
    assert foreign_places("x", bad)


def test_no_tracked_file_is_large_or_generated() -> None:
    large = {
        path.relative_to(ROOT).as_posix(): path.stat().st_size for path in tracked_files() if path.stat().st_size > 1_000_000
    }
    assert large == {}
    assert [name for name, _ in texts() if "/static/vendor/" in name or name.startswith(("node_modules/", "site/"))] == []


def test_every_text_file_ends_with_one_newline_and_has_no_trailing_spaces() -> None:
    faults = [name for name, text in texts() if text and (not text.endswith("\n") or text.endswith("\n\n"))]
    faults += [
        f"{name}:{n}" for name, text in texts() for n, line in enumerate(text.splitlines(), 1) if line != line.rstrip()
    ]
    assert faults == []


# --- metrics ----------------------------------------------------------------------------------------------------------

KINDS = {"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"}


def badly_named(names: list[str]) -> list[str]:
    return [name for name in names if not re.fullmatch(r"honeyguide_[a-z0-9]+(_[a-z0-9]+)*", name)]


def makes_metrics(module: rules.Module) -> bool:
    return any(name.rpartition(".")[2] in KINDS for _, name in rules.calls(module.tree))


def test_metrics_are_made_in_one_place() -> None:
    sources = [module for module in modules() if "prometheus_client" in imported_packages_of(module)]
    assert [module.path for module in sources if makes_metrics(module)] == ["src/honeyguide/monitoring/metrics.py"]


def imported_packages_of(module: rules.Module) -> set[str]:
    return {name.split(".")[0] for _, name in rules.imported_names(module, module.tree)}


def test_metrics_carry_our_prefix() -> None:
    names = [family.name for family in Metrics().registry.collect()]
    assert len(names) > 20
    assert badly_named(names) == []
    assert badly_named(["requests", "honeyguide_up", "honeyguide_Up", "honeyguide__up"]) == [
        "requests",
        "honeyguide_Up",
        "honeyguide__up",
    ]


def unused(names: set[str], sources: list[rules.Module]) -> set[str]:
    """Attributes that no module reads."""
    read = {node.attr for module in sources for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)}
    return names - read


def test_every_metric_is_counted_somewhere() -> None:
    names = {name for name, value in vars(Metrics()).items() if isinstance(value, MetricWrapperBase)}
    assert len(names) > 20
    assert unused(names, [module for module in modules() if module.name != "honeyguide.monitoring.metrics"]) == set()
    assert unused({"hits", "misses"}, [sample("x", "metrics.hits.inc()")]) == {"misses"}


def test_a_metric_made_elsewhere_is_found() -> None:
    assert makes_metrics(sample("x", "from prometheus_client import Counter\nA = Counter('requests', 'help')"))
