"""`monitor`: measuring by hand, the screen of targets, the page."""

from pathlib import Path
from typing import Any

import pytest

from honeyguide import Honeyguide
from honeyguide.cli.figures import change, course, name_of, told
from honeyguide.monitoring.quality.measures import MEASURES
from tests.cli.conftest import Run


@pytest.fixture
def busy(shop: Path) -> Path:
    """The shop with lists that were looked at."""
    with Honeyguide.open("honeyguide.toml") as hg:
        for number in range(12):
            slate = hg.recommend(f"<u{number}>", n=4)
            who: dict[str, Any] = {"user_id": f"<u{number}>", "request_id": slate.request_id}
            events: list[dict[str, Any]] = [{"type": "impression", "properties": {"positions": [1, 2, 3]}}]
            if number % 3 == 0:
                events += [{"type": "click", "item_id": slate.items[1].item_id}]
            if number == 0:
                events += [{"type": "purchase", "item_id": slate.items[1].item_id, "value": 12.5}]
            assert not hg.ingest([who | each for each in events], imported=False).rejected
        hg.run(hg.runtime.slates.round())
    return shop


def test_targets_with_value_and_course(run: Run, busy: Path) -> None:
    assert run("monitor", "run", "--json").json["hours"] >= 1
    found = run("monitor", "report", "--window", "1h", "--json").json
    figures = {each["name"]: each["value"] for each in found["measures"]}
    assert (figures["requests"], figures["shown"], figures["clicks"], figures["revenue"]) == (12, 36, 4, 12.5)
    shown = run("monitor", "report").out
    assert "click-through rate" in shown
    assert "≥ 5.00 %" in shown
    assert "11.1 %" in shown
    assert "positions" in shown


def test_nothing_measured_says_what_to_do(run: Run, shop: Path) -> None:
    ran = run("monitor", "report")
    assert "nothing measured yet" in ran.out
    assert "honeyguide monitor run" in ran.err


def test_measuring_all_again_changes_nothing(run: Run, busy: Path) -> None:
    run("monitor", "run")
    before = run("monitor", "report", "--json").json["measures"]
    assert run("monitor", "run", "--all", "--json").json["hours"] > 190
    assert run("monitor", "report", "--json").json["measures"] == before


def test_the_page_is_one_file_and_escapes_what_comes_from_data(run: Run, busy: Path) -> None:
    run("monitor", "run")
    ran = run("monitor", "report", "--html", "quality.html")
    page = Path("quality.html").read_text("utf-8")
    assert "quality.html" in ran.err
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert "Click-through rate 11.1 %" in page
    assert page.count("<svg") >= 6
    for words in MEASURES.values():
        assert words.means.split(" ", maxsplit=1)[0] in page
    ran = run("monitor", "report", "--html", "nowhere/quality.html", code=1)
    assert "cannot be written" in ran.err


def test_what_is_asked_for_must_be_possible(run: Run, shop: Path) -> None:
    assert "no duration" in run("monitor", "report", "--window", "long", code=1).err.replace("not a duration", "no duration")
    assert "400 days" in run("monitor", "report", "--window", "1000d", code=1).err
    assert "--surface" in run("monitor", "report", "--arm", "B", code=1).err


def test_figures_for_people() -> None:
    assert told(None, "share") == "–"
    assert [told(x, "share") for x in (0.0641, 0.5)] == ["6.41 %", "50.0 %"]
    assert [told(x, "seconds") for x in (0.0042, 0.2, 3.0, 600.0, 7200.0, 200_000.0)] == [
        "4.2 ms", "200 ms", "3.0 s", "10.0 min", "2.0 h", "2.3 d",
    ]  # fmt: skip
    assert [told(1234.5, unit) for unit in ("count", "money", "bits")] == ["1,234", "1,234.50", "1,234.50 bits"]
    assert course([0.0, None, 0.5, 1.0]) == "▁ ▅█"
    assert course([]) == ""
    assert [change(2.0, 1.0), change(None, 1.0), change(1.0, 0.0)] == ["+100%", "", ""]
    assert (name_of("ctr"), name_of("cold_items")) == ("click-through rate", "cold items")
