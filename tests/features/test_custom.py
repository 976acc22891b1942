"""Views made in Python: named in the configuration, imported at the start, refused with what is wrong."""

import sys
from pathlib import Path

import pytest

from honeyguide import FeatureView, FunctionView
from honeyguide.config import Settings
from honeyguide.errors import ConfigError
from honeyguide.features.custom import plans_of, python_views
from honeyguide.features.plan import Plan
from honeyguide.features.read import read
from honeyguide.features.state import state_of
from honeyguide.monitoring.metrics import Metrics
from honeyguide.types import LogRow

MODULE = """
from honeyguide import FeatureView, FunctionView

def half(row):
    return None if row.value is None else row.value / 2

one = FunctionView(name="half_spent", entity="user", kind="sum", events=["purchase"], function=half)
many = [one, FeatureView(name="returns", entity="item", kind="count", events=["hide"])]
again = FunctionView(name="half_spent", entity="user", kind="sum", events=["purchase"], function=half, version=2)
taken = FeatureView(name="clicks_1h", entity="item", kind="count", events=["click"])
wrong = FeatureView(name="wrong", entity="item", kind="count", events=["clcik"])
of_nothing = FunctionView(name="of_nothing", entity="item", kind="count", events=["click"], function=half)
twice = FunctionView(name="twice", entity="user", kind="sum", of="value", events=["purchase"], function=half)
text = "honey"
"""


@pytest.fixture(autouse=True)
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop_views_under_test.py").write_text(MODULE)
    (tmp_path / "broken_views_under_test.py").write_text("import nothing_of_that_name\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])


def settings(*names: str) -> Settings:
    return Settings.model_validate({"feature_store": {"python": list(names)}})


def test_views_are_imported_by_name() -> None:
    assert [view.name for view in python_views(settings("shop_views_under_test:one"))] == ["half_spent"]
    plans = plans_of(settings("shop_views_under_test:many"))
    assert "half_spent" in plans["user"].bound
    assert "returns" in plans["item"].bound


def test_another_version_of_a_function_is_folded_anew() -> None:
    groups = [plans_of(settings(f"shop_views_under_test:{name}"))["user"].group for name in ("one", "again")]
    assert groups[0] != groups[1] != plans_of(Settings())["user"].group


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("shop_views_under_test", "is no module:name, such as shop_views:weekend"),
        ("os.system('x'):y", "is no module:name"),
        ("no_such_module_here:x", "No module named 'no_such_module_here'; it is looked for in the current folder"),
        ("broken_views_under_test:x", "No module named 'nothing_of_that_name'"),
        ("shop_views_under_test:oen", "has no 'oen'; did you mean one?"),
        ("shop_views_under_test:text", "is str; it must be a FeatureView, a FunctionView or a list of them"),
        ("shop_views_under_test:taken", "a view named 'clicks_1h' is there already; choose another name"),
        ("shop_views_under_test:wrong", "wrong: events names the unknown event type 'clcik'; did you mean click?"),
        ("shop_views_under_test:of_nothing", "kind is 'count'; a function can be the source of last_n, mean, sum, top_k"),
        ("shop_views_under_test:twice", "of is 'value', but a function is given as well; take one of them away"),
    ],
)
def test_what_is_wrong_is_said(name: str, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        python_views(settings(name))
    assert problem in refused.value.detail
    assert refused.value.errors[0].pointer == "/feature_store/python"


def test_a_name_may_be_there_only_once() -> None:
    with pytest.raises(ConfigError, match="'half_spent' is there already"):
        python_views(settings("shop_views_under_test:one", "shop_views_under_test:again"))


def test_the_classes_are_public() -> None:
    assert issubclass(FunctionView, FeatureView)


def test_a_function_that_fails_leaves_the_event_out_and_is_counted() -> None:
    def picky(row: LogRow) -> float:
        return 1 / (row.value or 0)

    declared = FunctionView(name="picky", entity="user", kind="sum", events=["view"], function=picky)
    metrics = Metrics()
    plan = Plan("user", [declared], metrics.feature_function_errors)
    rows = [
        LogRow(event_id=str(value), ts=1, received_at=1, user_id="u", item_id="i", type="view", value=value)
        for value in (0.0, 2.0, None)
    ]
    assert read(plan, state_of(plan, rows), 1)["picky"].value == 0.5
    labels = {"feature_view": "picky"}
    assert metrics.registry.get_sample_value("honeyguide_feature_function_errors_total", labels) == 2
