"""Artefacts: whole or not there."""

import os
from pathlib import Path

import pytest

from honeyguide.errors import Conflict, DamagedArtefact, InvalidInput, Unavailable
from honeyguide.stores.files import FileArtefacts, FileSearches
from tests.stores.processes import Child


@pytest.fixture
def artefacts(tmp_path: Path) -> FileArtefacts:
    return FileArtefacts(tmp_path / "models")


def write(artefacts: FileArtefacts, model: str, version: int, text: str = "w") -> None:
    with artefacts.create(model, version) as folder:
        (folder / "weights.safetensors").write_text(text)
        (folder / "inner").mkdir()
        (folder / "inner" / "ids.txt").write_text("a\nb")


def left(tmp_path: Path) -> list[str]:
    return sorted(path.relative_to(tmp_path).as_posix() for path in (tmp_path / "models").glob("*/*"))


def test_a_version_appears_when_it_is_whole(artefacts: FileArtefacts, tmp_path: Path) -> None:
    with artefacts.create("ease", 3) as folder:
        (folder / "weights").write_text("w")
        with pytest.raises(DamagedArtefact):
            artefacts.path("ease", 3)
        assert artefacts.folders() == []
    path = artefacts.path("ease", 3)
    assert path == tmp_path / "models" / "ease" / "3"
    assert [(entry.name, entry.read_text()) for entry in path.iterdir()] == [("weights", "w")]
    assert left(tmp_path) == ["models/ease/3"]


def test_files_are_read_only_and_everybody_may_read_them(artefacts: FileArtefacts) -> None:
    write(artefacts, "ease", 1)
    path = artefacts.path("ease", 1)
    assert {entry.stat().st_mode & 0o777 for entry in path.rglob("*") if entry.is_file()} == {0o444}
    assert path.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("fault", [LookupError, KeyboardInterrupt])
def test_an_error_in_the_block_leaves_nothing(artefacts: FileArtefacts, tmp_path: Path, fault: type[BaseException]) -> None:
    def fail() -> None:
        with artefacts.create("ease", 1) as folder:
            (folder / "weights").write_text("w")
            raise fault

    with pytest.raises(fault):
        fail()
    assert left(tmp_path) == []
    write(artefacts, "ease", 1)


def test_a_version_never_changes(artefacts: FileArtefacts, tmp_path: Path) -> None:
    write(artefacts, "ease", 1, "first")
    with pytest.raises(Conflict):
        write(artefacts, "ease", 1, "second")
    assert (artefacts.path("ease", 1) / "weights.safetensors").read_text() == "first"
    assert left(tmp_path) == ["models/ease/1"]


def test_of_two_writers_of_a_number_one_wins(artefacts: FileArtefacts, tmp_path: Path) -> None:
    def overtaken() -> None:
        with artefacts.create("ease", 1) as folder:
            (folder / "weights.safetensors").write_text("slow")
            write(artefacts, "ease", 1, "fast")

    with pytest.raises(Conflict):
        overtaken()
    assert (artefacts.path("ease", 1) / "weights.safetensors").read_text() == "fast"
    assert left(tmp_path) == ["models/ease/1"]


def test_what_a_kill_left_is_swept_and_what_is_under_way_stays(artefacts: FileArtefacts, tmp_path: Path) -> None:
    with Child("half_an_artefact", tmp_path / "models"):
        (half,) = left(tmp_path)
        write(artefacts, "ease", 2)
        assert left(tmp_path) == [half, "models/ease/2"], "its writer is alive"
        assert artefacts.folders() == [("ease", 2)]
    assert half in left(tmp_path), "its writer was killed"
    write(artefacts, "ease", 3)
    assert left(tmp_path) == ["models/ease/2", "models/ease/3"]
    with pytest.raises(DamagedArtefact):
        artefacts.path("ease", 1)


def test_removing_takes_all_of_a_version(artefacts: FileArtefacts, tmp_path: Path) -> None:
    write(artefacts, "ease", 1)
    write(artefacts, "ease", 2)
    write(artefacts, "als", 10)
    with (artefacts.path("ease", 1) / "weights.safetensors").open() as mapped:
        artefacts.remove("ease", 1)
        assert mapped.read() == "w", "who has it open keeps reading"
    artefacts.remove("ease", 1)
    artefacts.remove("never", 1)
    assert artefacts.folders() == [("als", 10), ("ease", 2)]
    assert left(tmp_path) == ["models/als/10", "models/ease/2"]
    with pytest.raises(DamagedArtefact, match="ease@1") as told:
        artefacts.path("ease", 1)
    assert told.value.code == "artefact_missing"


@pytest.mark.parametrize("name", ["", "../up", "a/b", "Upper", ".hidden", "a" * 65, "a\n", "a b"])
def test_a_name_cannot_lead_elsewhere(artefacts: FileArtefacts, name: str) -> None:
    for use in (artefacts.path, artefacts.remove):
        with pytest.raises(InvalidInput, match="name"):
            use(name, 1)
    with pytest.raises(InvalidInput), artefacts.create(name, 1):
        pytest.fail("made a folder elsewhere")


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be written"):
        write(FileArtefacts(tmp_path / "file"), "ease", 1)


def test_strange_folders_are_passed_over(artefacts: FileArtefacts, tmp_path: Path) -> None:
    write(artefacts, "ease", 1)
    (tmp_path / "models" / "ease" / "notes").mkdir()
    (tmp_path / "models" / "last-popular.json").write_text("{}")
    os.symlink("nowhere", tmp_path / "models" / "ease" / "7")
    assert artefacts.folders() == [("ease", 1)]


def test_records_of_a_search_are_kept_in_their_order(tmp_path: Path) -> None:
    searches = FileSearches(tmp_path / "searches")
    assert searches("a").read() == []
    assert not (tmp_path / "searches").exists()
    searches("a").append({"x": 1.5})
    searches("a").append({"y": "\u00e4"})
    searches("b").append({"z": None})
    assert FileSearches(tmp_path / "searches")("a").read() == [{"x": 1.5}, {"y": "\u00e4"}]


def test_a_record_that_a_kill_cut_short_costs_no_other(tmp_path: Path) -> None:
    log = FileSearches(tmp_path)("a")
    log.append({"x": 1})
    with (tmp_path / "a.jsonl").open("ab") as file:
        file.write(b'\n{"x": 2')
    log.append({"x": 3})
    (tmp_path / "b.jsonl").write_bytes(b'[1]\nnull\n\xff\n{"x": 4}')
    assert log.read() == [{"x": 1}, {"x": 3}]
    assert FileSearches(tmp_path)("b").read() == [{"x": 4}]


def test_old_searches_make_room_for_new_ones(tmp_path: Path) -> None:
    for number in range(6):
        FileSearches(tmp_path, keep=3)(f"{number}").append({})
        os.utime(tmp_path / f"{number}.jsonl", (number, number))
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["2", "3", "4", "5"]


def test_a_search_that_cannot_be_kept_says_so(tmp_path: Path) -> None:
    (tmp_path / "searches").write_text("a file")
    with pytest.raises(Unavailable):
        FileSearches(tmp_path / "searches")("a").append({})
