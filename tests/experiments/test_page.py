"""Results for people: as a page, and as data frames."""

import re
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest

from honeyguide.experiments.frames import daily_frame, gates_frame, metrics_frame, segments_frame
from honeyguide.experiments.outcomes import DAY_MS
from honeyguide.experiments.page import number, page, share
from honeyguide.experiments.plan import Results
from honeyguide.experiments.results import analyse
from tests.experiments.sample import METRICS, START, plan, rows_of, units_of

AS_OF = START + 7 * DAY_MS


def results(count: int, broken: bool = False, name: str = "e") -> Results:
    chance = np.random.default_rng(1)
    arms = (chance.random(count) < (0.6 if broken else 0.5)).astype(int)
    asked = plan(name=name, guardrails={"revenue": 0.1}, watched=("clicks",))
    x = {
        "conversion": chance.random(count) < np.where(arms == 1, 0.14, 0.1),
        "conversion@0": chance.random(count) < 0.1,
        "revenue": chance.gamma(2, 10, count),
        "clicks": chance.poisson(2, count),
    }
    units = units_of(arms, segments={"country=<pt>": chance.random(count) < 0.4})
    return analyse(asked, METRICS, rows_of(units, [METRICS[each] for each in asked.metrics], x, as_of=AS_OF), as_of=AS_OF)


class Tags(HTMLParser):
    """Checks that what is opened is closed, and keeps what was seen."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    return tags


def test_a_page_needs_nothing_else_and_shows_all_of_it() -> None:
    text = page(results(4000), about="More <variety>")
    tags = read(text)
    assert not re.search(r"https?:|<script|@import|url\(", text)
    assert [tag for tag, _ in tags.seen].count("polyline") == 2  # a chart of the goal and one of the guardrail
    for said in (
        "More &lt;variety&gt;",
        "conversion",
        "Ship new",
        "country=&lt;pt&gt;",
        "sample-ratio",
        "better",
        "Fieller",
    ):
        assert said in text
    assert "<pt>" not in text


def test_a_hidden_verdict_is_not_on_the_page() -> None:
    text = page(results(4000, broken=True))
    assert "Verdict hidden" in text
    assert ">better<" not in text
    assert "Ship" not in text
    read(text)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_page_of_hardly_anybody(count: int) -> None:
    assert "Keep running" in page(results(count))
    read(page(results(count)))


def test_numbers_are_short() -> None:
    assert [number(value) for value in (None, 0.0512345, 12.3456, 12345.6)] == ["–", "0.05123", "12.35", "12,346"]
    assert [share(value) for value in (None, 0.1234, -0.5)] == ["–", "+12.3%", "-50.0%"]


def test_frames_have_a_row_for_each_and_typed_columns_without_any() -> None:
    found = results(4000)
    metrics = metrics_frame(found)
    assert metrics["metric"].to_list() == ["conversion", "revenue", "clicks"]
    assert metrics.schema["lift"] == pl.Float64
    assert metrics["lift"][0] == found.metrics[0].lift
    daily = daily_frame(found).filter(pl.col("metric") == "conversion")
    assert daily["units"].is_sorted()
    assert daily.height == 7
    assert segments_frame(found)["at"].unique().to_list() == ["country=<pt>"]
    assert gates_frame(found)["state"].to_list() == [gate.state for gate in found.gates]
    nobody = results(0)
    assert daily_frame(nobody).height == 0
    assert daily_frame(nobody).schema == daily.schema
