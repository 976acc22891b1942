"""Bad days: ctrl-C in the middle, damaged files, folders that may not be written, a server beside an import."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Run
from tests.cli.test_serve import WAIT, served

__all__ = ["served"]

ROWS = 100_000


@pytest.fixture
def many(folder: Path) -> Path:
    """A file of events that takes a while."""
    path = folder / "many.csv"
    lines = (f"{1_700_000_000_000 + row},u{row % 997},i{row % 89},view\n" for row in range(ROWS))
    path.write_text("ts,user_id,item_id,type\n" + "".join(lines))
    return path


def interrupted(folder: Path, *words: str, at: float) -> tuple[int, str]:
    """Run a command until its progress has passed `at`, then press ctrl-C; its exit code and what it said."""
    command = [sys.executable, "-m", "honeyguide", *words, "--progress", "json"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in iter(process.stderr.readline, ""):
        if line.startswith("{") and json.loads(line)["progress"] > at:
            break
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=WAIT)
    return process.returncode, said


def test_an_import_that_is_stopped_loses_nothing_and_counts_nothing_twice(run: Run, folder: Path, many: Path) -> None:
    code, said = interrupted(folder, "import", "events", "many.csv", at=0.1)
    assert code == 130, said
    assert "Stopped by ctrl-C." in said
    assert "Traceback" not in said
    there = run("status", "--json").json["position"]
    assert 0 < there < ROWS
    (report,) = run("import", "events", "many.csv", "--resume", "--json", "--progress", "none").json
    assert (report["rows"], report["new"] + report["duplicates"]) == (ROWS, ROWS)
    assert run("status", "--json").json["position"] == ROWS
    (again,) = run("import", "events", "many.csv", "--json", "--progress", "none").json
    assert (again["new"], again["duplicates"]) == (0, ROWS)


def test_a_training_that_is_stopped_leaves_the_champion(run: Run, shop: Path) -> None:
    code, said = interrupted(shop, "train", "popular", "ease", "als", at=0.1)
    assert code == 130, said
    assert "Stopped by ctrl-C." in said
    assert "Traceback" not in said
    status = run("status", "--json").json
    assert status["aliases"] == {"champion": "ease@1"}
    assert len(run("recommend", "u-01", "--json").json["items"]) == 10


def test_a_server_sees_at_once_what_an_import_beside_it_wrote(
    served: tuple[subprocess.Popen[str], str],
    run: Run,
    shop: Path,
) -> None:
    _, url = served
    with httpx.Client(base_url=url, trust_env=False, timeout=WAIT) as client:
        before = client.post("/recommendations", params={"user_id": "late", "n": 40}).json()["items"]
        bought = before[0]
        (shop / "late.csv").write_text(f"ts,user_id,item_id,type\n1795400000000,late,{bought},purchase\n")
        position = run("import", "events", "late.csv", "--json").json[0]["sequence"]
        for _ in range(500):  # each request waits for an answer; the promise is 100 ms
            slate = client.post("/v1/recommendations", json={"user_id": "late", "n": 40}).json()
            if slate["as_of"] >= position and bought not in [item["item_id"] for item in slate["items"]]:
                break
        else:
            pytest.fail("the purchase was not seen")


def test_a_damaged_database_is_told(run: Run, shop: Path) -> None:
    (shop / "data" / "honeyguide.sqlite").write_bytes(b"this is no database" * 100)
    for words in (["status"], ["recommend", "u-01"], ["train"], ["doctor"]):
        ran = run(*words, code=4)
        assert "honeyguide.sqlite" in ran.err
        assert "cure" in ran.err


def test_data_of_a_newer_release_is_left_alone(run: Run, shop: Path) -> None:
    with sqlite3.connect(shop / "data" / "honeyguide.sqlite") as db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    db.close()
    ran = run("status", code=1)
    assert "newer" in ran.err


@pytest.mark.parametrize("words", [["import", "events", "many.csv"], ["status"]])
def test_a_data_directory_that_cannot_be(run: Run, folder: Path, many: Path, words: list[str]) -> None:
    (folder / "file").write_text("in the way")
    ran = run(*words, "--data-dir", "file/data", code=None)
    assert ran.code in (1, 2)
    assert "file/data" in ran.err
    assert (folder / "file").read_text() == "in the way"


def test_a_full_pipe_ends_quietly(shop: Path) -> None:
    command = f"{sys.executable} -m honeyguide models list --json | true"
    ran = subprocess.run(command, shell=True, capture_output=True, text=True, env=os.environ, check=False)
    assert ran.stderr == ""
