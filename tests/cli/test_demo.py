"""`honeyguide demo`: one command from nothing to a served, trained shop with shoppers in it."""

from pathlib import Path

from tests.cli.conftest import Run


def test_a_small_shop_is_built_served_and_shopped_in_and_its_project_stays(run: Run, folder: Path) -> None:
    words = ["demo", "--users", 60, "--items", 90, "--seconds", 1, "--port", 0, "--keep", "shop", "--json"]
    ran = run(*words)
    report = ran.json
    assert report["url"].startswith("http://127.0.0.1:")
    assert report["failures"] == []
    assert report["first_list_seconds"] > 0
    assert report["traffic"]["ours"]["lists"] > 0
    assert {"random", "popularity", "oracle"} <= set(report["traffic"])
    assert "first list" in ran.err
    status = run("--config", "shop/honeyguide.toml", "status", "--json").json
    assert status["server"] == {"running": False}
    assert status["items"] >= 80
    assert status["aliases"]["champion"]
    assert run("--config", "shop/honeyguide.toml", "recommend", "user_1", "--json").json["items"]


def test_what_makes_no_demo(run: Run, folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "letter.txt").write_text("dear")
    ran = run("demo", "--keep", "mine", "--port", 0, code=1)
    assert ran.out == ""
    assert "mine" in ran.err
    assert [path.name for path in (folder / "mine").iterdir()] == ["letter.txt"]
    assert run("demo", "--users", 1, "--port", 0, "--json", code=1).json["error"]["cure"]
    assert "Invalid value" in run("demo", "--seconds", -1, code=2).err
