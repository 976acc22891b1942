"""`users`: what is known of one, and two that turn out to be one."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture
def people(run: Run, folder: Path) -> Path:
    """A visitor and a customer."""
    rows = [
        {"type": "view", "user_id": "visitor", "item_id": "tea", "ts": 1_700_000_000_000},
        {"type": "purchase", "user_id": "ann", "item_id": "\x1b[31mpot", "ts": 1_700_000_100_000},
    ]
    (folder / "events.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "users.csv").write_text("user_id,country\nann,PT\n")
    run("import", "events", "events.jsonl")
    run("import", "users", "users.csv")
    return folder


def test_what_is_known_of_a_user(run: Run, people: Path) -> None:
    shown = run("users", "show", "ann").out
    assert 'country = "PT"' in shown
    assert "1 event that names an item" in shown
    assert "\\x1b[31mpot" in shown
    found = run("users", "show", "visitor", "--json").json
    assert (found["canonical_id"], found["events"], found["latest"][0]["item_id"]) == ("visitor", 1, "tea")
    assert "Nothing is known of 'nobody'" in run("users", "show", "nobody", code=1).err


def test_a_merge(run: Run, people: Path) -> None:
    merged = run("users", "merge", "visitor", "ann").out
    assert "merged    visitor, ann are one person" in merged
    assert "goes by   ann" in merged
    shown = run("users", "show", "visitor").out
    assert "goes by   ann" in shown
    assert "all ids   visitor, ann" in shown
    assert "2 events" in shown
    again = run("users", "merge", "visitor", "ann", "--json").json
    assert (again["accepted"], again["user_ids"]) == (0, ["visitor", "ann"])
    assert "nothing was known of new" in run("users", "merge", "ann", "new").err
    assert "merged into 'new' already" in run("users", "merge", "ann", "bob", code=1).err


def test_an_export(run: Run, people: Path) -> None:
    run("users", "merge", "visitor", "ann")
    lines = [json.loads(line) for line in run("users", "export", "visitor").out.splitlines()]
    features = lines[-1]["rows"].pop("features")
    assert (lines[0]["user_ids"], lines[-1]["rows"]) == (["visitor", "ann"], {"users": 2, "user_links": 1, "log": 4})
    assert [line["table"] for line in run("users", "export", "ann", "--json").json] == [line["table"] for line in lines]
    ran = run("users", "export", "ann", "--out", "ann.jsonl")
    assert f"{9 + features} records to ann.jsonl" in ran.err
    assert len((people / "ann.jsonl").read_text().splitlines()) == 9 + features
    assert (people / "ann.jsonl").stat().st_mode & 0o077 == 0


def test_an_export_of_nobody_leaves_no_file(run: Run, people: Path) -> None:
    assert "Nothing is held about 'nobody'" in run("users", "export", "nobody", "--out", "x.jsonl", code=1).err
    assert run("users", "export", "nobody", "--json", code=1).json["error"]["code"] == "user_not_found"
    assert not list(people.glob("*x.jsonl*"))


def test_an_erasure(run: Run, people: Path) -> None:
    run("users", "merge", "visitor", "ann")
    assert "Say --yes" in run("users", "erase", "visitor", code=1).err
    ran = run("users", "erase", "visitor", "--yes")
    assert "erased    2 ids at 20" in ran.out
    assert "removed   4 of log, 2 of users" in ran.out
    assert "Nothing is known" in run("users", "show", "ann", code=1).err
    again = run("users", "erase", "ann", "--yes", "--json").json
    assert (again["removed"], len(again["users"])) == ({}, 1)
    assert "nothing was held" in run("users", "erase", "ann", "--yes").out


def test_an_old_file_brings_nobody_back(run: Run, people: Path) -> None:
    """Neither events nor attributes, and not by way of the quarantine either."""
    run("users", "erase", "ann", "--yes")
    events = run("import", "events", "events.jsonl", "--json").json[0]
    assert (events["new"], events["duplicates"], events["erased"], events["quarantined"]) == (0, 1, 1, {})
    assert "1 of erased users, not kept" in run("import", "events", "events.jsonl", "--on-error", "fail").out
    users = run("import", "users", "users.csv", "--json").json[0]
    assert (users["new"], users["erased"], users["rows"]) == (0, 1, 1)
    assert not (people / "quarantine.jsonl").exists()
    assert "Nothing is known" in run("users", "show", "ann", code=1).err
    assert run("users", "show", "visitor", "--json").json["events"] == 1


def test_a_trained_model_is_named_in_the_receipt(run: Run, shop: Path) -> None:
    ran = run("users", "erase", "somebody", "--yes")
    assert "ease@1" in ran.out
    assert "train again by 20" in ran.out
    assert "next      honeyguide train" in ran.err
