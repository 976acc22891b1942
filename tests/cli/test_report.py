"""The parts of a report's plots: escaping, round scales, names that do not lie over one another, extreme figures."""

import re
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from honeyguide.cli.report import page
from honeyguide.cli.report.charts import Curve, Mark, Point, bars, curves, decimal, dots, percent, scatter, ticks
from honeyguide.cli.report.svg import Markup, joined, tag, text
from honeyguide.train.evaluation import EvaluationReport, GroupFigures, ModelFigures


def test_everything_but_markup_is_escaped() -> None:
    assert text('<b> & "x"') == "&lt;b&gt; &amp; &quot;x&quot;"
    assert text(Markup("<b>")) == "<b>"
    assert (
        tag("p", "<", tag("i", ">"), class_='"', data_k=1.0, id=None) == '<p class="&quot;" data-k="1">&lt;<i>&gt;</i></p>'
    )
    assert joined("a\x00b\u202ec", 3) == "a b c3"


@given(st.floats(1e-9, 1e6))
def test_scales_are_round_and_reach_the_top(top: float) -> None:
    steps = ticks(top)
    assert steps[0] == 0
    assert steps[-1] >= top * (1 - 1e-6)
    assert 2 <= len(steps) <= 7
    widths = [after - before for before, after in pairwise(steps)]
    assert max(widths) == pytest.approx(min(widths), rel=1e-3)


def test_a_scale_of_nothing() -> None:
    assert ticks(0.0) == [0.0, 1.0]
    assert ticks(0.165) == [0.0, 0.05, 0.1, 0.15, 0.2]


def test_figures_have_as_many_digits_as_say_something() -> None:
    assert [decimal(x) for x in (0.0, 0.1514, 0.00313, 0.7)] == ["0.000", "0.151", "0.0031", "0.700"]
    assert [percent(x) for x in (0.0, 0.0131, 0.25, 1.0)] == ["0%", "1.3%", "25%", "100%"]


def labels(chart: str, kind: str = 'class="name"') -> list[tuple[float, float, str, str]]:
    """(x, y, anchor, text) of the names in a chart."""
    found = []
    for attributes, words in re.findall(r"<text ([^>]*)>([^<]*)</text>", chart):
        if kind in attributes:
            given_ = dict(re.findall(r'([\w-]+)="([^"]*)"', attributes))
            found.append((float(given_["x"]), float(given_["y"]), given_.get("text-anchor", "start"), words))
    return found


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.5)), min_size=1, max_size=6))
def test_names_of_a_scatter_stay_inside(points: list[tuple[float, float]]) -> None:
    made = [Point(f"model{at}", "c1", x, y, y * 0.9, y * 1.1) for at, (x, y) in enumerate(points)]
    found = labels(scatter(made, "l", "x", "y"))
    assert [words for _, _, _, words in found] == [point.name for point in made]
    assert all(0 <= x <= 460 and 0 <= y <= 330 for x, y, _, _ in found)


def test_names_of_points_that_are_together_are_apart() -> None:
    made = [Point(name, "c1", 0.1, 0.13 + at / 1000, 0.12, 0.14) for at, name in enumerate(("ease", "knn", "als"))]
    found = labels(scatter(made, "l", "x", "y"))
    places = {(anchor, round(y)) for _, y, anchor, _ in found}
    assert len(places) == 3


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_names_of_curves_are_apart(ends: list[float]) -> None:
    found = labels(curves([Curve(f"m{at}", "c1", [0.0, end]) for at, end in enumerate(ends)], "l", "x", "y"))
    heights = sorted(y for _, y, _, _ in found)
    assert all(after - before > 14 for before, after in pairwise(heights))
    assert 0 <= heights[0] <= heights[-1] <= 330


def test_charts_of_nothing_and_of_zeros() -> None:
    assert "<svg" in bars([], "l") + dots([], "l", 0.0) + scatter([], "l", "x", "y") + curves([], "l", "x", "y")
    flat = bars([Mark("a", "c0", 0.0, 0.0, 0.0, other=0.0)], "l") + dots([Mark("a", "c0", 0.0, 0.0, 0.0)], "l", 0.0)
    assert "nan" not in flat
    assert "inf" not in flat


def metrics(k: int, value: float) -> dict[str, Any]:
    names = ("recall", "ndcg", "precision", "hit_rate", "mrr", "map")
    found: dict[str, Any] = {}
    for before in ("", "served_"):
        for name in names:
            found |= {f"{before}{name}@{k}": value, f"{before}{name}@{k}_interval": [value * 0.9, value * 1.1]}
        found |= {f"{before}coverage@{k}": value, f"{before}novelty@{k}": 4.0}
    return found


def report(*models: ModelFigures, groups: tuple[GroupFigures, ...] = ()) -> EvaluationReport:
    return EvaluationReport(
        interactions=9, users=3, items=4, window=(0, 86_400_000), asked=3, held_out=3, ks=(5,), k=5, metric="ndcg",
        models=models, groups=groups, best=models[0].name, about="each user is asked for their last item", split="last",
    )  # fmt: skip


def model(name: str, value: float, **more: Any) -> ModelFigures:
    return ModelFigures(name, metrics=metrics(5, value), curve={"recall": [value / 2, value]}, **more)


MADE = datetime(2026, 1, 2, tzinfo=UTC)


def test_the_headline_says_no_more_than_is_known() -> None:
    sure = page(report(model("ease", 0.3), model("popular", 0.1, behind=[-0.2, -0.3, -0.1])), project="p", made=MADE)
    assert "<h1>ease makes the best lists of 5</h1>" in sure
    assert "beyond chance" in sure
    unsure = page(report(model("ease", 0.3), model("knn", 0.29, behind=[-0.01, -0.05, 0.03])), project="p", made=MADE)
    assert "<h1>ease leads with lists of 5, knn is as good within chance</h1>" in unsure
    alone = page(report(model("popular", 0.3)), project="p", made=MADE)
    assert "<h1>popular makes the best lists of 5</h1>" in alone


def test_names_and_reasons_are_escaped_and_failures_named() -> None:
    made = page(
        report(
            model("ease", 0.3, shown=[("<i>", "", 0.5)], params={"l2": 5.0, "parts": {"<i>": 1}}),
            ModelFigures("als", failed="needs <9> GB"),
        ),
        project="<shop>",
        made=MADE,
    )
    assert "als was left out: needs &lt;9&gt; GB" in made
    assert "<i>" not in made.replace('<i style="', "")
    assert "&lt;shop&gt;: evaluation" in made
    assert "<dt>ease</dt><dd>l2 = 5.0, parts = {" in made


def test_many_models_have_colours_of_their_own_as_far_as_they_go() -> None:
    made = page(report(*(model(f"m{at}", 0.3 - at / 100) for at in range(12))), project="p", made=MADE)
    used = set(re.findall(r'class="swatch (c\d)"', made))
    assert used == {f"c{at}" for at in range(9)}
