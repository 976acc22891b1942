"""`rules`: previewed, saved, expired; checked, edited, removed; and what doctor says of them."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture
def goods(run: Run, folder: Path) -> Path:
    """A few items with prices, and somebody who has seen one."""
    rows = [{"item_id": f"i{at}", "title": f"Item {at}", "price": 5.0 + at, "categories": "tea"} for at in range(6)]
    (folder / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    events = [{"type": "view", "user_id": "ann", "item_id": f"i{at}", "ts": 1_700_000_000_000 + at} for at in range(6)]
    (folder / "events.jsonl").write_text("".join(json.dumps(row) + "\n" for row in events))
    run("import", "items", "items.jsonl")
    run("import", "events", "events.jsonl")
    return folder


def test_a_rule_is_previewed_saved_and_expired(run: Run, goods: Path) -> None:
    assert "no rules yet" in run("rules", "list").err
    shown = run("rules", "preview", "cheap", "filter", "--where", "item.price < 7", "--user", "ann", "-n", "3").out
    assert "holds for 2 of 6 items" in shown
    assert "before" in shown
    assert run("rules", "list", "--json").json == []
    saved = run("rules", "add", "cheap", "filter", "--where", "item.price < 7", "--note", "why not", "--json").json
    assert (saved["revision"], saved["active"], saved["warnings"]) == (1, True, [])
    assert {item["item_id"] for item in run("recommend", "ann", "--json").json["items"]} <= {"i0", "i1"}
    ended = run("rules", "edit", "cheap", "--until", "2026-01-01T00:00:00Z")
    assert "ended" in ended.out
    assert "it is over already" in ended.err
    assert len(run("recommend", "ann", "--json").json["items"]) == 6
    told = run("rules", "history", "cheap").out
    assert told.index("2  ") < told.index("1  ")
    assert "cheap" in run("rules", "remove", "cheap").out
    assert "removed" in run("rules", "history", "cheap").out
    assert "There is no rule 'cheap'" in run("rules", "show", "cheap", code=1).err


def test_a_condition_is_checked_and_asked_with(run: Run, goods: Path) -> None:
    assert "holds for 1 of 6 items" in run("rules", "check", "item.price >= 10").out
    wrong = run("rules", "check", "item.prise > 5", code=1).err
    assert "Did you mean item.price?" in wrong
    assert "^^^^^^^^^^" in wrong
    found = run("recommend", "ann", "--filter", "item.id == 'i3'", "--json").json
    assert [item["item_id"] for item in found["items"]] == ["i3"]
    nothing = run("recommend", "ann", "--filter", "item.price < 0")
    assert "no item meets the filter of the request" in nothing.out + nothing.err


def test_rules_that_do_not_fit(run: Run, goods: Path) -> None:
    endless = ["boost", "--where", "item.price > 1", "--factor", "inf"]
    assert "inf is not possible" in run("rules", "add", "b", *endless, code=1).err
    assert "kinds are" in run("rules", "add", "b", "hide", code=2).err
    run("rules", "add", "first", "pin", "--item", "i1", "--slot", "1")
    assert "'first' pins 'i1' to slot 1" in run("rules", "add", "second", "pin", "--item", "i2", "--slot", "1", code=1).err
    assert "there is one already" in run("rules", "add", "first", "pin", "--item", "i2", "--slot", "2", code=1).err


def test_doctor_knows_rules_that_hide_everything_or_do_nothing(run: Run, goods: Path) -> None:
    run("rules", "add", "nothing-left", "filter", "--where", "item.price < 0")
    run("rules", "add", "gone", "pin", "--item", "unheard", "--slot", "1")
    found = {each["code"]: each for each in run("doctor", "--json", code=3).json["findings"]}
    assert "nothing-left" in found["rule_hides_everything"]["what"]
    assert found["rule_hides_everything"]["fix"] == "honeyguide rules edit nothing-left --disabled"
    assert "unheard" in found["rule"]["what"]


def test_the_history_says_what_each_revision_changed(run: Run, goods: Path) -> None:
    run("rules", "add", "dear", "boost", "--where", "item.price > 7", "--factor", "1.5")
    run("rules", "edit", "dear", "--factor", "2", "--until", "2030-03-01T12:00:00Z")
    run("rules", "edit", "dear", "--disabled")
    run("rules", "remove", "dear")
    lines = [line.split(maxsplit=1) for line in run("rules", "history", "dear", COLUMNS="200").out.splitlines()]
    told = {words[0]: words[1] for words in lines if words and words[0].isdigit()}
    assert told["1"].endswith("boost: x 1.5 where item.price > 7")
    assert told["2"].endswith("factor 1.5 -> 2, ends_at none -> 2030-03-01 12:00")
    assert told["3"].endswith("enabled True -> False")
    assert told["4"].endswith("removed")
