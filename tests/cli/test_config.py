"""`honeyguide config`: what is in effect, from where, whether it is right, and its schema."""

import tomllib
from pathlib import Path

import pytest

from honeyguide.config import load
from honeyguide.config.reference import json_schema, reference
from tests.cli.conftest import Run

FILE = """\
[server]
port = 9000
[auth]
key = "hunter2-hunter2-hunter2"
[events.types.like]
weight = 6
[events.types."Product Viewed"]
[[surfaces]]
name = "cart"
exclude = ["purchase"]
[[surfaces]]
name = "similar"
deadline = "1s"
"""


@pytest.fixture(autouse=True)
def _plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HONEYGUIDE_EXPLORATION__SHARE", raising=False)


def test_show_is_a_file_that_means_the_same(run: Run, folder: Path) -> None:
    (folder / "honeyguide.toml").write_text(FILE)
    shown = run("config", "show", "--sources", HONEYGUIDE_TRAINING__K="7")
    (folder / "copy.toml").write_text(shown.out)
    tree = tomllib.loads(shown.out)
    assert tree["server"]["port"] == 9000
    here = load(environ={"HONEYGUIDE_TRAINING__K": "7"}).settings
    copy = load(folder / "copy.toml", environ={"HONEYGUIDE_AUTH__KEY": "hunter2-hunter2-hunter2"}).settings
    assert copy.all_surfaces() == here.all_surfaces()
    assert copy.events.all_types() == here.events.all_types()
    left_out = {"surfaces", "events"}
    assert copy.model_dump(exclude=left_out) == here.model_dump(exclude=left_out)
    assert "hunter2" not in shown.out + shown.err


def test_show_says_where_each_value_comes_from(run: Run, folder: Path) -> None:
    (folder / "honeyguide.toml").write_text(FILE)
    shown = run("config", "show", "--sources", HONEYGUIDE_TRAINING__K="7").out.splitlines()
    server = shown[shown.index("[server]") : shown.index("[auth]")]
    assert any(line.startswith("port = ") and line.endswith("  # honeyguide.toml:2") for line in server)
    ends = {line.partition(" = ")[0]: line.rpartition("  # ")[2] for line in shown if " = " in line}
    training = shown[shown.index("[training]") :]
    assert next(line for line in training if line.startswith("k = ")).endswith("  # HONEYGUIDE_TRAINING__K")
    assert ends["host"] == "default"
    assert ends["types.like"] == "honeyguide.toml:6"
    assert ends["types.view"] == "built-in"
    assert "# key is set, not shown" in "\n".join(shown)
    assert "# url is not set" in "\n".join(shown)
    assert not any("  # " in line for line in run("config", "show").out.splitlines() if not line.startswith("#"))


def test_show_says_so_of_tables_inside_of_a_surface(run: Run, folder: Path) -> None:
    tables = '[[surfaces]]\nname = "a"\n[[surfaces.caps]]\nof = "price"\nbands = [1, 2.5]\n'
    more = '[surfaces.diversity]\nseen_for = "90s"\n[[surfaces.sources]]\nname = "new"\n'
    (folder / "honeyguide.toml").write_text(tables + more)
    shown = run("config", "show", "--sources").out
    (folder / "copy.toml").write_text(shown)
    assert load(folder / "copy.toml", environ={}).settings.all_surfaces()["a"] == load(environ={}).settings.surfaces[0]
    own = shown[shown.index('name = "a"') :].splitlines()
    ends = {line.partition(" = ")[0]: line.rpartition("  # ")[2] for line in own}
    assert [ends[key] for key in ("caps", "diversity", "sources", "candidates")] == [
        "honeyguide.toml:4", "honeyguide.toml:7", "honeyguide.toml:9", "default",
    ]  # fmt: skip


def test_a_source_outside_may_be_named_by_a_surface(run: Run, folder: Path) -> None:
    outside = '[[external]]\nname = "partner"\nurl = "https://partner.example/items"\n'
    (folder / "honeyguide.toml").write_text(f'{outside}[[surfaces]]\nname = "a"\n[[surfaces.sources]]\nname = "partner"\n')
    assert run("config", "check", "--json").json["ok"]


def test_show_as_json(run: Run, folder: Path) -> None:
    (folder / "honeyguide.toml").write_text(FILE)
    told = run("config", "show", "--json").json
    assert told["file"] == "honeyguide.toml"
    assert told["settings"]["auth"]["key"] == "***"
    assert told["settings"]["storage"]["url"] is None
    assert told["sources"]["surfaces.0.name"] == "honeyguide.toml:9"
    names = [surface["name"] for surface in told["settings"]["surfaces"]]
    assert names == ["home", "similar", "popular", "cart", "trending", "new", "rank"]
    assert run("config", "show", "--json", "--config", "honeyguide.toml").json == told


def test_show_without_a_file_says_so(run: Run, folder: Path) -> None:
    assert "these are the defaults" in run("config", "show").err
    assert run("config", "show", "--json").json["file"] is None


def test_check_of_a_right_configuration(run: Run, folder: Path) -> None:
    assert "fine · all defaults" in run("config", "check").out
    (folder / "honeyguide.toml").write_text(FILE)
    ran = run("config", "check", HONEYGUIDE_TRAINING__K="7")
    assert "fine · from HONEYGUIDE_TRAINING__K, honeyguide.toml" in ran.out
    assert run("config", "check", "--json").json == {
        "ok": True,
        "file": "honeyguide.toml",
        "given_by": ["honeyguide.toml"],
    }


def test_check_knows_the_models(run: Run, folder: Path) -> None:
    (folder / "honeyguide.toml").write_text(
        '[models]\ntrain = ["esae"]\nparams.zzz = {}\n[[surfaces]]\nname = "a"\nmodel = "popolar@3"\n'
    )
    ran = run("config", "check", code=2)
    assert "honeyguide.toml:2: models.train names the unknown model 'esae'; did you mean ease?" in ran.err
    assert "honeyguide.toml:3: models.params names the unknown model 'zzz'; there are " in ran.err
    assert "honeyguide.toml:6: surfaces[0] (a): model names the unknown model 'popolar'; did you mean popular?" in ran.err
    assert len(run("config", "check", "--json", code=2).json["error"]["errors"]) == 3


def test_check_of_a_wrong_configuration(run: Run, folder: Path) -> None:
    (folder / "honeyguide.toml").write_text("[server]\nport = 'x'\n[[surfaces]]\nname = 'a'\nexclude = ['purchse']")
    assert "server.port is 'x'" in run("config", "check", code=2).err
    (folder / "honeyguide.toml").write_text("[[surfaces]]\nname = 'a'\nexclude = ['purchse']")
    assert "honeyguide.toml:3: surfaces[0] (a): exclude names the unknown event type" in run("config", "check", code=2).err


def test_schema_needs_no_right_configuration(run: Run, folder: Path) -> None:
    (folder / "honeyguide.toml").write_text("nonsense")
    assert run("config", "schema").json == json_schema()
    assert run("config", "schema", "--markdown").out == reference() + "\n"


def test_the_group_alone_shows_its_help(run: Run) -> None:
    assert "schema" in run("config").out


def test_secrets_in_lists_are_not_shown(folder: Path, run: Run) -> None:
    text = '[[external]]\nname = "a"\nurl = "https://x.test/s3cret"\nkey = "s3cret"\n[outbound]\nhosts = ["x.test"]'
    (folder / "honeyguide.toml").write_text(text)
    for options in ([], ["--json"]):
        shown = run("config", "show", *options).out
        assert "s3cret" not in shown
        assert "a" in shown
