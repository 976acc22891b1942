"""`honeyguide init`: files that work as they are, the same each time, and never over somebody's own."""

import csv
import re
from collections import Counter
from pathlib import Path

from honeyguide.cli.init import template
from honeyguide.cli.sample import events_csv, items_csv
from honeyguide.config import Settings, load
from tests.cli.conftest import Run

NOW = 1_700_000_000_000


def test_it_writes_three_files_and_says_what_to_do(run: Run, folder: Path) -> None:
    ran = run("init", "my shop")
    assert sorted(path.name for path in (folder / "my shop").iterdir()) == ["events.csv", "honeyguide.toml", "items.csv"]
    assert "./my shop/honeyguide.toml" in ran.out
    assert "cd ./my shop" in ran.err
    assert "honeyguide train" in ran.err
    loaded = load(folder / "my shop" / "honeyguide.toml", environ={})
    assert loaded.settings.project.name == "my-shop"
    assert loaded.settings.project.data_dir == folder / "my shop" / "data"


def test_without_a_sample_and_as_json(run: Run, folder: Path) -> None:
    assert run("init", "--no-sample", "--json").json == {"folder": ".", "files": ["honeyguide.toml"]}
    assert [path.name for path in folder.iterdir()] == ["honeyguide.toml"]


def test_nothing_is_written_over_unless_forced(run: Run, folder: Path) -> None:
    (folder / "events.csv").write_text("mine")
    ran = run("init", code=1)
    assert "./events.csv is there already." in ran.err
    assert "--force" in ran.err
    assert [path.name for path in folder.iterdir()] == ["events.csv"]
    run("init", "--force")
    assert (folder / "events.csv").read_text().startswith("ts,user_id,item_id,type\n")


def test_every_commented_setting_of_the_template_is_a_default_or_an_example_that_loads(folder: Path) -> None:
    text = template(folder)
    (folder / "plain.toml").write_text(text)
    plain = load(folder / "plain.toml", environ={}).settings
    expected = Settings()
    assert plain.model_dump(exclude={"project"}) == expected.model_dump(exclude={"project"})
    taken = re.sub(r"^# (?=\[|[a-z_]+ = )", "", text, flags=re.MULTILINE)
    assert taken != text
    (folder / "taken.toml").write_text(taken)
    settings = load(folder / "taken.toml", environ={}).settings
    assert settings.events.types["like"].weight == 6
    assert settings.all_surfaces()["cart"].exclude == ["purchase"]
    home = settings.all_surfaces()["home"]
    assert (home.recipe, home.goals["purchase"], home.explore.slots) == ("ranked", 8, [4, 8])
    (named,) = re.findall(r"Built in: (home, .*)\.$", text, flags=re.MULTILINE)
    assert named.split(", ") == list(expected.all_surfaces())
    same = ("server", "models", "training", "cache", "recommend", "logging")
    assert settings.model_dump(include=set(same)) == expected.model_dump(include=set(same))


def test_the_sample_is_the_same_each_time_and_of_every_taste() -> None:
    assert events_csv(NOW) == events_csv(NOW) != events_csv(NOW, seed=1)
    events = list(csv.DictReader(events_csv(NOW).splitlines()))
    items = {row["item_id"]: row for row in csv.DictReader(items_csv().splitlines())}
    assert len(items) == 40
    assert {event["item_id"] for event in events} <= set(items)
    assert all(NOW - 31 * 86_400_000 < int(event["ts"]) <= NOW for event in events)
    kinds = Counter(event["type"] for event in events)
    assert kinds["view"] > kinds["click"] > kinds["add_to_cart"] > kinds["purchase"] > 50
    assert all(row["title"] and row["categories"] and float(row["price"]) > 0 for row in items.values())


def test_the_sample_has_something_to_learn() -> None:
    """Most users prefer one shelf clearly, so a model can beat popularity on it."""
    shelf = {row["item_id"]: row["categories"] for row in csv.DictReader(items_csv().splitlines())}
    by_user: dict[str, Counter[str]] = {}
    for event in csv.DictReader(events_csv(NOW).splitlines()):
        by_user.setdefault(event["user_id"], Counter())[shelf[event["item_id"]]] += 1
    focused = [counts.most_common(1)[0][1] / counts.total() for counts in by_user.values()]
    assert len(focused) == 80
    assert sorted(focused)[len(focused) // 2] > 0.5
