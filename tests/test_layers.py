"""Imports go one way: ground <- organs <- paths and jobs <- assembly <- edges ("<-" is "is imported by")."""

import pytest

from tests.rules import Module, deferred_imports, dynamic_imports, modules, own_imports, sample

GROUND = {"types", "messages", "protocols", "config", "errors", "clock", "lists", "pseudonyms", "expressions", "outbound"}
ORGANS = {
    "stores",
    "features",
    "models",
    "retrieval",
    "ranking",
    "cache",
    "experiments",
    "offline",
    "monitoring",
}
PATHS = {"ingest", "recommend", "train", "jobs"}
ASSEMBLY = {"recipes", "bootstrap"}
EDGES = {"api", "cli", "dashboard", "simulate", "importers", "library", "__main__"}

INNER = GROUND | ORGANS | PATHS
MAY_IMPORT = (
    dict.fromkeys(GROUND, GROUND)
    | dict.fromkeys(ORGANS, GROUND)  # and themselves, never one another
    | dict.fromkeys(PATHS, GROUND | ORGANS)  # not one another either
    | dict.fromkeys(ASSEMBLY, INNER | ASSEMBLY)
    | dict.fromkeys(EDGES, INNER | ASSEMBLY | EDGES)
    | {"testing": INNER, "": set()}
)

# Tables of dotted names, resolved when first used: `--help` stays fast, clients load only where they are used.
BY_NAME = {
    "honeyguide": "its public names",
    "honeyguide.cli": "its commands",
    "honeyguide.stores.urls": "stores by the scheme of a URL",
    "honeyguide.features.custom": "feature views that the local configuration names",
    "honeyguide.models": "the modules of its own folder: a model is added by adding a file",
}


def wrong_edges(module: Module) -> list[str]:
    """Imports of this module that point outwards or sideways."""
    here = module.room()
    if here not in MAY_IMPORT:
        return [f"{module.path} is in no layer: say in tests/test_layers.py which one {here!r} belongs to"]
    allowed = MAY_IMPORT[here] | {here}
    return [f"{module.path}:{line} imports {there}" for line, there in own_imports(module) if there and there not in allowed]


def test_imports_point_inwards() -> None:
    assert [fault for module in modules() for fault in wrong_edges(module)] == []


def test_nothing_of_ours_is_imported_inside_a_function() -> None:
    assert [fault for module in modules() for fault in deferred_imports(module)] == []


def test_only_the_tables_import_by_name() -> None:
    assert [fault for module in modules() if module.name not in BY_NAME for fault in dynamic_imports(module)] == []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("types", "from honeyguide.stores import urls"),
        ("stores.sqlite", "from honeyguide.models.ease import Ease"),
        ("stores.sqlite", "from ..models import ease"),
        ("cache.tiers", "import honeyguide.recommend"),
        ("recommend.pipeline", "from honeyguide.train import train"),
        ("train.fit", "from honeyguide.bootstrap import open_runtime"),
        ("recipes", "from honeyguide import cli"),
        ("ingest.validate", "if TYPE_CHECKING:\n    from honeyguide.api.app import App"),
        ("api.app", "from honeyguide.testing.stores import StoreSuite"),
        ("helpers", "import json"),
    ],
)
def test_a_wrong_edge_is_found(name: str, line: str) -> None:
    assert wrong_edges(sample(name, line))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("stores.sqlite", "from honeyguide.stores.schema import items"),
        ("stores.sqlite", "from honeyguide.types import Item\nfrom honeyguide import __version__"),
        ("recommend.pipeline", "from honeyguide.ranking.diversity import spread"),
        ("cli.serve", "from honeyguide.bootstrap import open_runtime\nfrom honeyguide.api.app import create_app"),
    ],
)
def test_a_right_edge_is_not(name: str, line: str) -> None:
    assert wrong_edges(sample(name, line)) == []


def test_a_deferred_and_a_dynamic_import_are_found() -> None:
    bad = "import importlib\n\ndef late():\n    from honeyguide.types import Item\n    importlib.import_module('x')\n"
    assert deferred_imports(sample("recipes", bad)) == [
        "src/honeyguide/recipes.py:4 imports honeyguide.types.Item inside late()"
    ]
    assert dynamic_imports(sample("recipes", bad)) == ["src/honeyguide/recipes.py:5 calls importlib.import_module"]
