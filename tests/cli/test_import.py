"""`honeyguide import`: real files into a real data directory."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

HEAD = "ts,user_id,item_id,type\n"
GOOD = HEAD + "".join(f"17000000000{row:02d},u{row % 3},i{row % 4},view\n" for row in range(12))


def test_events_are_in_and_count_once(run: Run, folder: Path) -> None:
    (folder / "e.csv").write_text(GOOD)
    first = run("import", "events", "e.csv")
    assert "  events    12 new\n  types     view 12\n  span      2023-11-14 to 2023-11-14" in first.out
    assert "guessed   user_id  item_id  ts  type" in first.err
    assert "100%  reading  12 of 12 rows" in first.err
    assert "next      honeyguide train" in first.err
    assert "  events    0 new · 12 duplicates\n" in run("import", "events", "e.csv").out
    assert run("status", "--json").json["position"] == 12


def test_json_is_a_list_of_reports_and_nothing_else_on_stdout(run: Run, folder: Path) -> None:
    (folder / "e.csv").write_text(GOOD)
    ran = run("import", "events", "e.csv", "--json", "--progress", "none")
    (report,) = ran.json
    assert (report["kind"], report["rows"], report["new"], report["types"]) == ("events", 12, 12, {"view": 12})
    assert ran.err == ""


def test_rows_that_do_not_fit_are_put_away_with_the_reason(run: Run, folder: Path) -> None:
    (folder / "e.csv").write_text(GOOD + "1700000000000,,i1,view\n1700000000000,u1,i1,viwe\n")
    ran = run("import", "events", "e.csv")
    assert "12 new · 2 quarantined → quarantine.jsonl (1 no user_id, 1 undeclared type)" in ran.out
    rows = [json.loads(line) for line in (folder / "quarantine.jsonl").read_text().splitlines()]
    assert [row["row"] for row in rows] == [13, 14]
    failed = run("import", "events", "e.csv", "--on-error", "fail", code=1)
    assert "Row 13 of e.csv does not fit." in failed.err


def test_the_exit_code_is_1_when_nothing_could_be_taken(run: Run, folder: Path) -> None:
    (folder / "e.csv").write_text(HEAD + "1700000000000,,i1,view\n")
    ran = run("import", "events", "e.csv", "--json", "--quarantine", "bad.jsonl", code=1)
    assert ran.json[0]["quarantined"] == {"missing_user": 1}
    assert (folder / "bad.jsonl").exists()


def test_a_dry_run_writes_nothing_at_all(run: Run, folder: Path) -> None:
    (folder / "e.csv").write_text(GOOD + "1700000000000,,i1,view\n")
    ran = run("import", "events", "e.csv", "--dry-run")
    assert "12 would be new · 1 do not fit (1 no user_id)" in ran.out
    assert [path.name for path in folder.iterdir()] == ["e.csv"]


def test_columns_may_be_told(run: Run, folder: Path) -> None:
    (folder / "e.tsv").write_text("u1\ti1\t1700000000\nu2\ti2\t1700000100\n")
    ran = run(
        "import", "events", "e.tsv", "--columns", "who, what, when", "--map", "user_id=who", "--map", "item_id=what",
        "--map", "ts=when", "--map", "type==purchase",
    )  # fmt: skip
    assert "2 new" in ran.out
    assert "types     purchase 2" in ran.out
    assert "read as seconds" in ran.out
    wrong = run("import", "events", "e.tsv", "--columns", "a,b,c", code=1)
    assert "No column looks like user_id" in wrong.err
    assert "--map" in wrong.err


def test_items_and_users(run: Run, folder: Path) -> None:
    (folder / "i.jsonl").write_text('{"sku": "i1", "name": "Lamp", "colour": "red"}\n')
    (folder / "u.csv").write_text("uid,country\nu1,AT\n")
    items = run("import", "items", "i.jsonl")
    assert "  items     1 new\n" in items.out
    assert "item_id←sku  title←name" in items.err
    assert "  users     1 new\n" in run("import", "users", "u.csv").out


def test_files_without_a_kind_are_known_by_their_columns(run: Run, folder: Path) -> None:
    (folder / "e.csv").write_text(GOOD)
    (folder / "i.csv").write_text("id,title,price\ni1,Lamp,3\n")
    (folder / "u.csv").write_text("customer_id,country\nu1,AT\n")
    reports = run("import", "e.csv", "i.csv", "u.csv", "--json").json
    assert [(report["kind"], report["new"]) for report in reports] == [("users", 1), ("items", 1), ("events", 12)]
    (folder / "x.csv").write_text("id,name2\n1,2\n")
    ran = run("import", "x.csv", code=1)
    assert "do not tell what it holds: id, name2" in ran.err
    assert "honeyguide import events FILE" in ran.err


def test_a_movielens_folder_with_and_without_its_name(run: Run, folder: Path) -> None:
    films = folder / "ml"
    films.mkdir()
    (films / "movies.csv").write_text("movieId,title,genres\n1,Toy Story (1995),Animation|Comedy\n2,Heat (1995),Crime\n")
    (films / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,1,4.0,964982703\n1,2,3.5,964982931\n")
    reports = run("import", "ml", "--json").json
    assert [(report["kind"], report["new"]) for report in reports] == [("items", 2), ("events", 2)]
    assert "0 new · 2 duplicates" in run("import", "movielens", "ml").out
    (films / "movies.csv").unlink()
    assert "cure" in run("import", "movielens", "ml", code=1).err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["events", "nowhere.csv"], "There is no file nowhere.csv."),
        (["nowhere.csv"], "There is no file nowhere.csv."),
        (["events", "note.txt"], "note.txt does not say by its name what it is."),
    ],
)
def test_wrong_files(run: Run, folder: Path, words: list[str], said: str) -> None:
    (folder / "note.txt").write_text("hello")
    assert said in run("import", *words, code=1).err
    assert "-h" not in run("import").err
    assert "movielens" in run("import").out


DATA = Path(__file__).parents[3] / "shared" / "data" / "movielens-latest-small"


@pytest.mark.skipif(not DATA.is_dir(), reason="the MovieLens data set is not beside this repository")
def test_real_films_become_lists(run: Run, folder: Path) -> None:
    reports = run("import", "movielens", DATA, "--json", "--progress", "none").json
    assert sum(report["new"] for report in reports if report["kind"] == "events") == 100_836
    report = run("train", "knn", "--json", "--progress", "none").json
    assert report["champion"] == "knn@1"
    slate = run("recommend", "1", "--json").json
    assert len(slate["items"]) == 10
    assert slate["items"][0]["reason"]["code"] == "because_of"
