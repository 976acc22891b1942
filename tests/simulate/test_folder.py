"""The folder of a demo: a project like any other, and the note that brings the same shop back."""

import tomllib
from pathlib import Path

import pytest

from honeyguide.clock import ManualClock
from honeyguide.config import load
from honeyguide.errors import Conflict, InvalidInput
from honeyguide.simulate.folder import NOTE, open_folder

CLOCK = ManualClock()


def test_a_new_folder_is_a_project(tmp_path: Path) -> None:
    folder = open_folder(tmp_path / "a" / "b", CLOCK, items=100, users=30, seed=4)
    assert not folder.note.filled
    assert (folder.note.items, folder.note.users, folder.note.seed) == (100, 30, 4)
    assert folder.note.opened_at == folder.note.simulated == CLOCK.now_ms()
    settings = load(folder.config, environ={}).settings
    assert settings.project.data_dir == folder.path / "data"
    assert settings.segments.attributes == ["country", "age_band"]
    assert tomllib.loads(folder.config.read_text())["project"]["name"] == "demo"


def test_the_same_shop_comes_back_and_time_goes_on(tmp_path: Path) -> None:
    first = open_folder(tmp_path, CLOCK, items=100, users=30)
    first.remember(first.note.simulated + 5)
    again = open_folder(tmp_path, ManualClock(9_999_999_999_999))
    assert again.note.filled
    assert again.note.opened_at == first.note.opened_at
    assert again.note.simulated == first.note.simulated + 5
    assert again.note.shop().items.titles == first.note.shop().items.titles
    assert open_folder(tmp_path, CLOCK, items=100).note == again.note
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo.json", "honeyguide.toml"]


def test_an_import_that_did_not_finish_is_begun_again_with_the_same_shop(tmp_path: Path) -> None:
    first = open_folder(tmp_path / "demo", CLOCK, items=100, users=30)
    again = open_folder(tmp_path / "demo", ManualClock(9_999_999_999_999))
    assert not again.note.filled
    assert again.note == first.note


def test_another_shop_is_not_put_over_it(tmp_path: Path) -> None:
    open_folder(tmp_path, CLOCK, items=100, users=30).remember(1)
    with pytest.raises(Conflict, match=r"holds a shop with items 100, seed 2, not items 90, seed 3\..* new folder"):
        open_folder(tmp_path, CLOCK, items=90, users=30, seed=3)


def test_what_is_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(Conflict, match="not empty and holds no demo"):
        open_folder(tmp_path, CLOCK)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Conflict, match="no folder"):
        open_folder(tmp_path / "file", CLOCK)


@pytest.mark.parametrize(("items", "users"), [(79, 100), (100, 19), (0, 100), (-5, 100)])
def test_too_small_a_shop_is_refused_before_anything_is_written(tmp_path: Path, items: int, users: int) -> None:
    with pytest.raises(InvalidInput, match="at least 80 items and 20 users"):
        open_folder(tmp_path / "new", CLOCK, items=items, users=users)
    assert not (tmp_path / "new").exists()


def test_a_note_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    for broken in ("{", "[]", '{"items": 3}'):
        (tmp_path / NOTE).write_text(broken)
        with pytest.raises(Conflict, match=f"{NOTE} cannot be read"):
            open_folder(tmp_path, CLOCK)
