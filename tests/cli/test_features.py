"""`features`: views, values, folding by hand."""

import json
from pathlib import Path

from tests.cli.conftest import Run


def test_views_are_listed_with_what_they_are_made_of(run: Run, shop: Path) -> None:
    told = run("features", "list", "--json").json
    views = {view["name"]: view for view in told["views"]}
    assert (views["clicks_1h"]["window"], views["clicks_1h"]["compared"]) == ("1h", 0)
    ran = run("features", "list")
    (line,) = [line for line in ran.out.splitlines() if line.strip().startswith("click_rate_1d")]
    assert line.split() == ["click_rate_1d", "item", "rate", "1d", "click", "per", "impression"]


def test_folding_by_hand(run: Run, shop: Path) -> None:
    position = run("status", "--json").json["position"]
    assert run("features", "backfill", "--json").json["folded"] == {"user": position, "item": position}
    assert run("features", "refresh", "--json").json["folded"] == {"user": position, "item": position}
    assert f"folded up to {position:,}" in run("features", "list").out


def test_folding_by_hand_tells_how_far_it_is(run: Run, shop: Path) -> None:
    lines = run("features", "backfill", "--progress", "json").err.splitlines()
    told = [json.loads(line) for line in lines if line.startswith("{")]
    assert told[-1]["progress"] == 1.0
    assert {each["stage"] for each in told} == {"fold features of users", "fold features of items"}


def test_a_value_and_what_it_is_worth(run: Run, shop: Path) -> None:
    run("features", "refresh")
    found = run("features", "get", "total_purchases", "nobody/🍯", "--json").json
    assert (found["entity"], found["entity_id"], found["value"], found["status"]) == ("user", "nobody/🍯", 0.0, "missing")
    ran = run("features", "get", "click_rate_1d", "nothing")
    assert "value     0.05\n" in ran.out
    assert "missing" in ran.out


def test_an_unknown_view_is_named(run: Run, shop: Path) -> None:
    ran = run("features", "get", "clicks_2h", "i1", code=1)
    assert "There is no feature view 'clicks_2h'." in ran.err
    assert "clicks_1h" in ran.err
