"""`honeyguide evaluate`: the table, groups, splits, and the page with plots, which escapes all and fetches nothing."""

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.cli.conftest import Run

EVIL = '<script>alert("x")</script>\u202e & Sons'


class Seen(HTMLParser):
    """Names of elements, values of attributes and the text of a page; checks that elements close as they opened."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.values: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.values += [value or "" for name, value in attrs]
        if tag != "meta":
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_table_for_people(run: Run, shop: Path) -> None:
    ran = run("evaluate", "popular", "ease")
    lines = ran.out.splitlines()
    head = next(line for line in lines if "model" in line)
    assert re.split(r"  +", head.strip()) == [
        "model", "served ndcg@20", "recall@5", "recall@10", "recall@20", "coverage", "lift", "fit", "to the best",
    ]  # fmt: skip
    assert any(line.startswith("  →  ease ") for line in lines)
    assert "asked     80 users for " in ran.out
    assert "split     time: each user is asked for their latest 20% of items" in ran.out
    assert re.search(
        r"best      ease has ndcg@20 0\.\d{4}, 0\.\d{4} more than popular \(a difference beyond chance", ran.out
    )
    assert "new users" not in ran.out


def test_groups_on_demand_and_several_lengths(run: Run, shop: Path) -> None:
    ran = run("evaluate", "ease", "--segments", "--k", "3, 7")
    assert "recall@3  recall@7" in ran.out
    assert "regular users" in ran.out
    assert "tail items" in ran.out


@pytest.mark.parametrize("split", ["time", "moment", "last", "random", "cold-users", "cold-items"])
def test_every_split(run: Run, shop: Path, split: str) -> None:
    report = run("evaluate", "ease", "--split", split, "--k", "5", "--json").json
    assert report["split"] == split
    assert report["asked"] > 0
    assert report["held_out"] >= report["asked"]
    assert len(report["models"]) == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--k", "0"], "--k 0 is no length of lists. cure Give numbers from 1 to 500"),
        (["--k", "5,,10"], "--k 5,,10 is no length of lists"),
        (["--k", "501"], "from 1 to 500"),
        (["--k", "ten"], "--k ten is no length of lists"),
        (["--split", "coin"], "coin"),
        (["--report", "nowhere/at/all.html", "--k", "5", "popular"], "cannot be written to nowhere/at/all.html"),
    ],
)
def test_what_cannot_be_done_is_said(run: Run, shop: Path, words: list[str], said: str) -> None:
    ran = run("evaluate", *words, code=None)
    assert ran.code != 0
    assert said in " ".join(ran.err.split())


class TestReport:
    @pytest.fixture
    def page(self, run: Run, shop: Path) -> str:
        with (shop / "items.csv").open() as file:
            ids = [row["item_id"] for row in csv.DictReader(file)]
        catalogue = [{"item_id": item_id, "title": EVIL, "categories": [f"<{at % 4}>"]} for at, item_id in enumerate(ids)]
        (shop / "evil.jsonl").write_text("".join(json.dumps(item) + "\n" for item in catalogue))
        run("import", "items", "evil.jsonl")
        ran = run("evaluate", "popular", "ease", "--report", "report.html")
        assert "report    ./report.html (" in ran.err
        return (shop / "report.html").read_text()

    def test_it_is_one_file_that_fetches_and_runs_nothing(self, page: str) -> None:
        seen = Seen(page)
        assert not {"script", "link", "img", "iframe", "object", "form"} & set(seen.names)
        assert not re.search(r"https?:|url\(|@import|javascript:|\son\w+=", page)
        assert "default-src 'none'" in page
        assert "prefers-color-scheme: dark" in page

    def test_titles_are_text(self, page: str) -> None:
        assert "<script>" not in page
        assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;" in page
        assert "\u202e" not in page

    def test_it_tells_the_whole_story(self, page: str) -> None:
        seen = Seen(page)
        assert seen.names.count("svg") >= 4 + 2 + 3
        for words in (
            "lists of 20",
            "NDCG@20",
            "Accuracy and coverage",
            "Recall over the length of lists",
            "Heavy users",
            "Tail items",
        ):
            assert words in seen.text, words
        for words in ("Popularity lift", "The share of a list that the user chose next.", "95 % interval", "Lists of 5"):
            assert words in seen.text, words
        assert "NaN" not in page
        assert "nan" not in [value.lower() for value in seen.values]
