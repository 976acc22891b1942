"""`recommend`, `similar`, `explain`, `status`: what the built project answers."""

from pathlib import Path

from tests.cli.conftest import Run


def test_a_list_with_reasons(run: Run, shop: Path) -> None:
    ran = run("recommend", "u-01", "-n", "4")
    lines = ran.out.splitlines()
    assert len(lines) == 4
    assert [line.split()[0] for line in lines] == ["1", "2", "3", "4"]
    assert "because you" in ran.out
    assert "served    computed in " in ran.err
    assert "· ease@1 · surface home · personal" in ran.err
    assert "next      honeyguide explain " in ran.err


def test_a_list_as_json_is_the_slate(run: Run, shop: Path) -> None:
    ran = run("recommend", "u-01", "--n", "3", "--json")
    slate = ran.json
    assert (slate["user_id"], slate["surface"], slate["model"], len(slate["items"])) == ("u-01", "home", "ease@1", 3)
    assert ran.err == ""
    assert [item["rank"] for item in slate["items"]] == [1, 2, 3]


def test_a_shorter_list_is_the_beginning_and_a_new_user_gets_one_too(run: Run, shop: Path) -> None:
    long = [item["item_id"] for item in run("recommend", "u-01", "-n", "20", "--json").json["items"]]
    short = [item["item_id"] for item in run("recommend", "u-01", "-n", "5", "--json").json["items"]]
    assert short == long[:5]
    new = run("recommend", "nobody knows them", "--json").json
    assert len(new["items"]) == 10
    assert new["rung"] == "popular"


def test_model_category_and_explanation(run: Run, shop: Path) -> None:
    popular = run("recommend", "u-01", "--model", "popular@1", "--json").json
    assert popular["model"] == "popular@1"
    ran = run("recommend", "u-01", "--category", "light", "--category", "tents", "--explain", "-n", "16")
    assert all("i-00" in line or "i-01" in line for line in ran.out.splitlines()[:10])
    for label in ("history", "found", "removed", "time"):
        assert f"  {label}" in ran.out
    assert "model" in ran.out.partition("found")[2].splitlines()[0]


def test_wrong_requests_say_what_would_be_right(run: Run, shop: Path) -> None:
    assert "home" in run("recommend", "u-01", "--surface", "hoem", code=1).err
    assert "501" in run("recommend", "u-01", "-n", "501", code=1).err
    assert "ease@1" in run("recommend", "u-01", "--model", "ease@9", code=1).err
    assert run("recommend", "u-01", "-n", "0", "--json", code=1).json["error"]["errors"]
    ran = run("recommend", "u-01", "-n", "ten", code=2)
    assert "Invalid value for '--n' / '-n'" in ran.err


def test_similar_items(run: Run, shop: Path) -> None:
    ran = run("similar", "i-001", "-n", "3")
    assert "similar to Ridge tent" in ran.out
    assert "i-001" not in ran.out
    assert len(run("similar", "i-001", "--json").json["items"]) == 10
    assert "There is no item 'i-1'; did you mean i-0" in run("similar", "i-1", code=1).err


def test_a_list_is_explained_by_a_later_command(run: Run, shop: Path) -> None:
    slate = run("recommend", "u-02", "-n", "5", "--json").json
    told = run("explain", slate["request_id"], "--json").json
    assert told["matches"] is True
    assert told["served"] == [item["item_id"] for item in slate["items"]]
    ran = run("explain", slate["request_id"])
    assert "  slate     for u-02 on home · computed · ease@1 · " in ran.out
    assert "  replay    the same list comes out again\n" in ran.out
    assert "found" in ran.out


def test_an_explanation_says_that_the_configuration_has_changed(run: Run, shop: Path) -> None:
    slate = run("recommend", "u-02", "-n", "5", "--json").json
    with (shop / "honeyguide.toml").open("a") as file:
        file.write('\n[[surfaces]]\nname = "home"\nexclude = ["seen"]\nmax_per_category = 1\n')
    ran = run("explain", slate["request_id"])
    assert "another list comes out: the configuration has changed since" in ran.out


def test_an_unknown_request_id(run: Run, shop: Path) -> None:
    ran = run("explain", "01ARZ3NDEKTSV4RRFFQ69G5FAV", code=1)
    assert "There is no slate '01ARZ3NDEKTSV4RRFFQ69G5FAV'" in ran.err


def test_status_of_a_project_without_a_server(run: Run, shop: Path) -> None:
    run("recommend", "u-01")
    told = run("status", "--json").json
    assert told["server"] == {"running": False}
    assert told["aliases"] == {"champion": "ease@1"}
    assert (told["items"], told["slates"], told["versions"], told["jobs"]) == (40, 1, 2, [])
    ran = run("status")
    assert "server    not running" in ran.out
    assert "· 40 items · 1 slate served" in ran.out
    assert "models    champion = ease@1 · 2 versions kept" in ran.out
    assert "next      honeyguide serve" in ran.err


def test_reading_makes_no_folders(run: Run, folder: Path) -> None:
    for words in (
        ["recommend", "u"],
        ["similar", "i"],
        ["explain", "x"],
        ["status"],
        ["train"],
        ["evaluate"],
        ["models", "list"],
    ):
        ran = run(*words, code=1)
        assert "There is no data in ./data yet." in ran.err
        assert "honeyguide import events FILE" in ran.err
    assert list(folder.iterdir()) == []
    assert run("status", "--json", "--data-dir", "elsewhere", code=1).json["error"]["code"] == "no_data"


def test_an_empty_catalogue_gives_an_empty_list_and_says_why(run: Run, folder: Path) -> None:
    (folder / "u.csv").write_text("user_id,country\nu1,AT\n")
    run("import", "users", "u.csv")
    ran = run("recommend", "u1")
    assert ran.out == ""
    assert "empty     there are no items yet" in ran.err
    assert run("recommend", "u1", "--json").json["items"] == []


def test_an_explanation_shows_the_figures_under_each_item(run: Run, shop: Path) -> None:
    slate = run("recommend", "u-02", "-n", "3", "--json").json
    shown = run("explain", slate["request_id"]).out
    assert shown.count("\n      sources   ") == 3
    assert "model 1st → 1.000" in shown
    assert shown.count("\n      history   ") == 3
    assert "  drawn" not in shown


def test_an_explanation_says_where_chance_had_a_part(run: Run, shop: Path) -> None:
    with (shop / "honeyguide.toml").open("a") as file:
        file.write('\n[[surfaces]]\nname = "home"\n[surfaces.explore]\nslots = [2]\nby = "softmax"\n')
    slate = run("recommend", "u-02", "-n", "3", "--json").json
    shown = run("explain", slate["request_id"]).out
    assert "  replay    the same list comes out again\n" in shown
    assert "  drawn     position 2 by score and chance · seed " in shown
    assert shown.count("\n      drawn     with probability 0.") == 1
