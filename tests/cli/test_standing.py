"""`rank`, `session` and `lists` on a trained sample."""

from pathlib import Path

import pytest

from tests.cli.conftest import Run


def test_ranking_given_items(run: Run, shop: Path) -> None:
    told = run("rank", "u-01", "i-003", "nowhere", "i-001", "i-002", "--json").json
    assert sorted(item["item_id"] for item in told["items"]) == ["i-001", "i-002", "i-003"]
    assert told["unknown"] == ["nowhere"]
    ran = run("rank", "u-01", "i-003", "nowhere", "i-001")
    assert len(ran.out.splitlines()) == 2
    assert "unknown   nowhere\n" in ran.err


def test_a_session(run: Run, shop: Path) -> None:
    told = run("session", "i-003", "i-001", "-n", 3, "--json").json
    assert (told["rung"], told["user_id"], len(told["items"])) == ("session", "", 3)
    assert "type 'nope' is not declared" in run("session", "i-003", "--type", "nope", code=1).err


@pytest.mark.parametrize("name", ["popular", "trending", "new"])
def test_lists_that_are_the_same_for_all(run: Run, shop: Path, name: str) -> None:
    told = run("lists", name, "-n", 4, "--json").json
    assert (told["surface"], len(told["items"])) == (name, 4)
    assert all(
        item["item_id"] in ("i-001", "i-002")
        for item in run("lists", name, "--filter", "item.id in ['i-001', 'i-002']", "--json").json["items"]
    )
    run("lists", "best", code=2)


def test_users_like_a_user(run: Run, shop: Path) -> None:
    told = run("users", "similar", "u-01", "-n", 3, "--json").json
    assert len(told["users"]) == 3
    ran = run("users", "similar", "u-01", "-n", 3)
    assert told["users"][0]["user_id"] in ran.out
    assert "nobody did lately what stranger did" in run("users", "similar", "stranger").err
