"""`train`, `evaluate`, `models`: versions come, serve, go back; a damaged or worse one never serves."""

import json
import sys
from pathlib import Path

import pytest

from honeyguide import __version__
from honeyguide.cli.lineage import show_lineage
from honeyguide.cli.output import Out
from honeyguide.train.lineage import Lineage
from tests.cli.conftest import Run


def champion(run: Run) -> str:
    label: str = run("status", "--json").json["aliases"]["champion"]
    return label


def test_training_publishes_and_says_how_good(run: Run, shop: Path) -> None:
    ran = run("train", "popular", "ease", "--json", "--progress", "json")
    report = ran.json
    assert report["champion"] == "ease@2" == champion(run)
    by_name = {model["name"]: model["metrics"] for model in report["models"]}
    assert by_name["ease"]["ndcg@20"] > by_name["popular"]["ndcg@20"] > 0
    steps = [json.loads(line) for line in ran.err.splitlines()]
    assert steps[0]["stage"] == "read the log"
    assert steps[-1]["progress"] == 1.0
    assert [step["progress"] for step in steps] == sorted(step["progress"] for step in steps)


def test_training_for_people(run: Run, shop: Path) -> None:
    ran = run("train", "ease")
    table = [line for line in ran.out.splitlines() if "ease@2" in line or "popular@2" in line]
    assert "→  ease@2" in table[0]
    assert "popular@2" in table[1]
    assert "champion  ease@2\n" in ran.out
    assert "gain      +0." in ran.out
    assert "   0%  read the log" in ran.err
    assert "next      honeyguide recommend USER" in ran.err


def test_what_cannot_be_trained(run: Run, shop: Path) -> None:
    ran = run("train", "esae", code=2)
    assert "There is no model 'esae'." in ran.err
    assert "ease" in ran.err
    (shop / "users.csv").write_text("user_id,country\nu1,AT\n")
    run("import", "users", "users.csv", "--data-dir", "other")
    ran = run("train", "--data-dir", "other", code=1)
    assert "there is nothing to learn from" in ran.err


def test_a_gate_that_is_not_met_ends_with_3_and_the_old_version_serves(run: Run, shop: Path) -> None:
    ran = run("train", "ease", code=3, HONEYGUIDE_TRAINING__GATE="50")
    assert "No model is good enough" in ran.err
    assert champion(run) == "ease@1"
    assert run("train", "ease", "--json", code=3, HONEYGUIDE_TRAINING__GATE="50").json["error"]["code"] == "gate_not_met"


def test_ctrl_c_leaves_the_old_version_serving(run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["honeyguide.train.publish"], "save", interrupted)
    ran = run("train", "ease", code=130)
    assert "Stopped by ctrl-C." in ran.err
    assert champion(run) == "ease@1"
    assert run("models", "list", "--json").json[0]["label"] in ("ease@1", "popular@1")


def test_searching_inside_a_budget(run: Run, shop: Path) -> None:
    ran = run("train", "popular", "ease", "--budget", "10m", "--json", HONEYGUIDE_TRAINING__K="5")
    assert ran.json["search"]["chosen"]["model"] == "ease"
    assert ran.json["search"]["budget"] == 600.0
    trials = ran.json["search"]["trials"]
    ran = run("train", "popular", "ease", "--budget", "10m", HONEYGUIDE_TRAINING__K="5")  # the same again: known already
    assert f"search    {trials} trials in " in ran.out
    assert "chosen    ease has ndcg@5 " in ran.out
    assert "→  ease" in ran.out
    shown = run("models", "show", "champion")
    assert "chosen    ease has ndcg@5 " in shown.out
    assert run("models", "show", "champion", "--json").json["manifest"]["search"]["trials"] == trials
    assert len(list((shop / "data" / "searches").iterdir())) == 2


@pytest.mark.parametrize("budget", ["-1m", "nan", "soon", "30", "inf", "9d"])
def test_a_budget_that_is_none(run: Run, shop: Path, budget: str) -> None:
    ran = run("train", f"--budget={budget}", code=2)
    assert "training.budget" in ran.err


def test_evaluating_publishes_nothing(run: Run, shop: Path) -> None:
    before = run("models", "list", "--json").json
    report = run("evaluate", "popular", "ease", "--k", "5", "--json").json
    by_name = {model["name"]: model["metrics"] for model in report["models"]}
    assert set(by_name) == {"popular", "ease"}
    for metrics in by_name.values():
        low, high = metrics["ndcg@5_interval"]
        assert 0 < low < metrics["ndcg@5"] < high < 1
    assert run("models", "list", "--json").json == before


def test_versions_are_listed_and_shown(run: Run, shop: Path) -> None:
    listed = run("models", "list").out.splitlines()
    assert listed[0].split() == [
        "version", "alias", "served_ndcg@20", "ndcg@20", "recall@20", "coverage", "log", "position", "trained",
    ]  # fmt: skip
    assert {line.split()[0] for line in listed[1:]} == {"ease@1", "popular@1"}
    assert [version["label"] for version in run("models", "list", "ease", "--json").json] == ["ease@1"]
    ran = run("models", "show", "champion")
    assert "version   ease@1\n" in ran.out
    assert "l2 = " in ran.out
    assert "because   ease is the best: served ndcg@20" in ran.out
    assert f"made by   honeyguide {__version__}, configuration " in ran.out
    assert "gain      +0." in ran.out
    assert "with      popular@1\n" in ran.out
    told = run("models", "show", "ease", "--json").json
    assert told["aliases"] == ["champion"]
    assert told["manifest"]["model"] == "ease"
    assert told["lineage"]["interactions"] == told["manifest"]["interactions"]
    low, high = told["lineage"]["gain"][1:]
    assert low < told["lineage"]["gain"][0] < high


def test_a_gain_that_may_be_chance_is_shown_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    show_lineage(Out(), Lineage(through=1, parent="ease@3", warm_start=True, gain=(0.01, -0.01, 0.03), gain_metric="m"))
    told = capsys.readouterr().out
    assert "gain      +0.0100 m per user over popularity (95 %: -0.0100 to +0.0300); it may be chance\n" in told
    assert "after     ease@3 served then, hyper-parameters from the search before\n" in told


def test_where_the_rows_of_a_ranker_came_from_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    window = [1_600_000_000_000, 1_600_086_400_000]
    served = {"from": "slates", "lists": 812, "drawn": 45, "window": window}
    history = {"from": "history", "lists": 90, "no_slates": "12 served lists are too few"}
    show_lineage(Out(), Lineage(through=1, rankers={"home": served, "cart": history}))
    told = capsys.readouterr().out
    assert "the ranker of home learned from 812 lists that were served, 45 of them drawn by chance, 2020-09-13" in told
    assert "the ranker of cart learned from 90 lists made again from history, since 12 served lists are too few" in told


def test_versions_are_compared(run: Run, shop: Path) -> None:
    told = run("models", "compare", "popular@1", "--json").json
    assert (told["a"]["label"], told["b"]["label"]) == ("popular@1", "ease@1")
    assert told["change"]["ndcg@20"] < 0
    assert "ndcg@20" in run("models", "compare", "ease@1", "popular@1").out


def test_promote_and_roll_back(run: Run, shop: Path) -> None:
    ran = run("models", "promote", "popular@1")
    assert "champion  popular@1  (was ease@1)\n" in ran.out
    assert "models rollback" in ran.err
    assert champion(run) == "popular@1"
    assert "champion  popular@1  (as before)\n" in run("models", "promote", "champion").out
    assert run("models", "rollback", "--json").json == {"alias": "champion", "version": "ease@1", "before": "popular@1"}
    assert champion(run) == "ease@1"
    run("models", "promote", "popular", "--to", "shadow")
    assert run("status", "--json").json["aliases"] == {"champion": "ease@1", "shadow": "popular@1"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["promote", "ease@9"], "ease@1"),
        (["promote", "als@1"], "als"),
        (["promote", "ease@1", "--to", "No Name"], "is no name for an alias"),
        (["rollback", "--alias", "shadow"], "There are: champion."),
        (["rollback"], "models list"),
        (["show", "zzz"], "There are: champion, ease@1, popular@1."),
    ],
)
def test_what_cannot_be_pointed_at(run: Run, shop: Path, words: list[str], said: str) -> None:
    assert said in run("models", *words, code=1).err
    assert champion(run) == "ease@1"


def test_a_damaged_version_is_refused(run: Run, shop: Path) -> None:
    run("models", "promote", "popular@1")
    (arrays,) = (shop / "data" / "models").glob("ease*/**/arrays.safetensors")
    arrays.chmod(0o644)
    content = bytearray(arrays.read_bytes())
    content[-1] ^= 1
    arrays.write_bytes(content)
    ran = run("models", "promote", "ease@1", code=1)
    assert "altered or cut short" in ran.err
    assert champion(run) == "popular@1"
    assert "altered" in run("models", "show", "ease@1", code=1).err


def test_what_became_of_a_ranker_is_said(run: Run, shop: Path) -> None:
    path = shop / "honeyguide.toml"
    before = path.read_text() if path.exists() else ""
    path.write_text(before + '\n[[surfaces]]\nname = "home"\nrecipe = "ranked"\n')
    ran = run("train", "ease", HONEYGUIDE_TRAINING__RANKER_LISTS="30")
    said = ran.err.replace("\n", " ")
    assert "the ranker of home" in said or "no ranker for home" in said
    shown = run("models", "show", champion(run))
    assert "ranker    " in shown.out
    told = run("models", "show", champion(run), "--json").json
    assert told["manifest"]["rankers"]["home"]["reason"].split(":")[0] in said


def test_a_version_without_a_ranker_says_nothing_of_one(run: Run, shop: Path) -> None:
    assert "ranker" not in run("models", "show", champion(run)).out


def test_a_version_without_the_ranker_that_a_surface_asks_for_is_warned_of(run: Run, shop: Path) -> None:
    assert "warning" not in run("models", "promote", "ease@1").err
    assert "warnings" not in run("models", "promote", "ease@1", "--json").json
    path = shop / "honeyguide.toml"
    path.write_text(path.read_text() + '\n[[surfaces]]\nname = "home"\nrecipe = "ranked"\n')
    (found,) = run("doctor", "--json").json["findings"]
    assert (found["level"], found["code"], found["fix"]) == ("warning", "no_ranker", "honeyguide train")
    assert "home asks for a ranker and ease@1 has none" in found["what"]
    said = " ".join(run("models", "promote", "popular@1").err.split())
    assert "home asks for a ranker and popular@1 has none, so it is served as 'personal' is: honeyguide train" in said
    assert "ease@1 has none" in run("models", "rollback", "--json").json["warnings"][0]
